/** The config that the panels follow: the active model config; when another file becomes active, the last one stays. */

import { EventEmitter, type TextDocument, type Uri, window, workspace } from 'vscode';
import type { PanelConfig } from '../../shared/panelContract';
import { Owner } from '../lifecycle';
import type { Readings } from '../readings';
import { configOf, documentOf, type Target, type Targets } from './targets';

/** A document, or what is left of a closed one. */
type Source = Pick<TextDocument, 'getText' | 'version'>;

export class Following extends Owner {
  private readonly emitter = this.own(new EventEmitter<PanelConfig | null>());
  /** Fires after every change, at most once a microtask. */
  readonly onDidChange = this.emitter.event;

  private target: Target | null = null;
  private document: Source | null = null;
  private changedAt: number | undefined;
  private scheduled = false;

  constructor(
    private readonly readings: Readings,
    private readonly targets: Targets,
  ) {
    super();
    this.own(window.onDidChangeActiveTextEditor((editor) => this.consider(editor?.document)));
    this.own(readings.onDidChangeFront(() => this.consider(readings.front ?? undefined)));
    this.own(
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length === 0) return;
        if (document === this.document) this.changed(Date.now());
        else if (document === window.activeTextEditor?.document) this.consider(document);
      }),
    );
    // After a reload the panel may come back before the documents, or before their language is known; with the focus in the panel no
    // editor becomes active then.
    this.own(workspace.onDidOpenTextDocument((document) => this.considerFirst(document)));
    this.own(
      window.onDidChangeVisibleTextEditors((editors) => {
        for (const { document } of editors) this.considerFirst(document);
      }),
    );
    this.own(readings.onDidChange(() => this.changed(undefined)));
    this.own(workspace.onDidCloseTextDocument((document) => this.closed(document)));
    this.consider(window.activeTextEditor?.document ?? readings.front ?? undefined);
    // No config is active: one that is visible, then any that is open.
    if (!this.target) for (const editor of window.visibleTextEditors) this.considerFirst(editor.document);
    for (const document of workspace.textDocuments) this.considerFirst(document);
  }

  get current(): Target | null {
    return this.target;
  }

  get config(): PanelConfig | null {
    return this.target && this.document
      ? configOf(this.target, this.document, this.readings.quantFile(this.target.uri), this.changedAt)
      : null;
  }

  async follow(uri: Uri): Promise<void> {
    const target = this.targets.of(uri);
    const document = await documentOf(target);
    this.set(target, document);
  }

  private considerFirst(document: TextDocument): void {
    if (!this.target) this.consider(document);
  }

  private consider(document: TextDocument | undefined): void {
    if (!document || document === this.document || !this.readings.of(document)) return;
    this.set(this.targets.of(document.uri), document);
  }

  private set(target: Target, document: TextDocument): void {
    this.target = target;
    this.document = document;
    this.changed(undefined);
  }

  /** The text stays as it was at the end. */
  private closed(document: TextDocument): void {
    if (document !== this.document) return;
    const text = document.getText();
    this.document = { getText: () => text, version: document.version };
  }

  private changed(at: number | undefined): void {
    this.changedAt = at;
    if (this.scheduled) return;
    this.scheduled = true;
    queueMicrotask(() => {
      this.scheduled = false;
      if (!this.disposed) this.emitter.fire(this.config);
    });
  }
}
