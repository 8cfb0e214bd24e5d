/**
 * The config that the panels follow: the active model config; when another file becomes active, the last one stays, also through a reload
 * of the window.
 */

import { EventEmitter, type TextDocument, type TextEditor, type Uri, window, workspace } from 'vscode';
import type { PanelConfig, PanelCursor } from '../../shared/panelContract';
import { Owner } from '../lifecycle';
import type { Readings } from '../readings';
import type { FollowedMemory, LastFollowed } from './followedMemory';
import { configOf, documentOf, type Target, type Targets } from './targets';

/** A file system that does not answer must not keep the panel empty. */
const RESTORE_MS = 5_000;
/** The cursor's lines are told no more often: a key that is held passes many. */
const CURSOR_MS = 50;

const lineOf = ({ selection }: TextEditor): number => selection.active.line + 1;

/** A document, or what is left of a closed one. */
type Source = Pick<TextDocument, 'getText' | 'version'>;

export class Following extends Owner {
  private readonly emitter = this.own(new EventEmitter<PanelConfig | null>());
  /** Fires after every change, at most once a microtask. */
  readonly onDidChange = this.emitter.event;

  private readonly cursorEmitter = this.own(new EventEmitter<PanelCursor | null>());
  /** Fires when the cursor is in another line of the followed document. */
  readonly onDidMoveCursor = this.cursorEmitter.event;

  private target: Target | null = null;
  private document: Source | null = null;
  private changedAt: number | undefined;
  private scheduled = false;
  /** From 1; null where the document has had no cursor. */
  private line: number | null = null;
  private cursorTimer: ReturnType<typeof setTimeout> | undefined;
  /** True while the config of before a reload is looked for: others wait. */
  private restoring = false;
  /** The document beside which another one was followed before a reload: when it comes back, nobody has chosen it. */
  private passedOver: string | null = null;

  /** When it is known what is followed, as far as it can be known from what was followed last. */
  readonly restored: Promise<void>;

  constructor(
    private readonly readings: Readings,
    private readonly targets: Targets,
    private readonly memory: FollowedMemory,
  ) {
    super();
    this.own(window.onDidChangeActiveTextEditor((editor) => this.becameActive(editor?.document)));
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
    this.own(
      window.onDidChangeTextEditorSelection(({ textEditor }) => {
        if (textEditor.document === this.document) this.moved(textEditor);
      }),
    );
    this.own({ dispose: () => clearTimeout(this.cursorTimer) });
    this.own(readings.onDidChange(() => this.changed(undefined)));
    this.own(workspace.onDidCloseTextDocument((document) => this.closed(document)));
    const last = memory.last();
    const active = window.activeTextEditor?.document;
    // Editors may come back later than the panel.
    if (last?.active !== active?.uri.toString()) {
      this.passedOver = active ? null : (last?.active ?? null);
      this.consider(active);
    }
    this.restored = last && !this.target ? this.restore(last) : Promise.resolve(this.considerOpen());
  }

  private becameActive(document: TextDocument | undefined): void {
    const again = document !== undefined && document.uri.toString() === this.passedOver;
    if (document) this.passedOver = null;
    if (!again) this.consider(document);
    this.remember();
  }

  private async restore({ uri, name }: LastFollowed): Promise<void> {
    this.restoring = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const given = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), RESTORE_MS)));
    const target = this.targets.of(uri, name);
    // What was never saved comes back by itself, if at all: opening it would make another one.
    const document = uri.scheme === 'untitled' ? null : documentOf(target).then(undefined, () => null);
    const found = await Promise.race([document, given]);
    clearTimeout(timer);
    this.restoring = false;
    if (this.target || this.disposed) return;
    if (found) this.set(target, found);
    else this.considerOpen();
  }

  /** The active one; else one that is visible, then any that is open. */
  private considerOpen(): void {
    if (!this.target) this.consider(window.activeTextEditor?.document ?? this.readings.front ?? undefined);
    for (const editor of window.visibleTextEditors) this.considerFirst(editor.document);
    for (const document of workspace.textDocuments) this.considerFirst(document);
  }

  private remember(): void {
    if (this.target) this.memory.keep(this.target, window.activeTextEditor?.document.uri.toString() ?? null);
  }

  get current(): Target | null {
    return this.target;
  }

  get config(): PanelConfig | null {
    return this.target && this.document
      ? configOf(this.target, this.document, this.readings.quantFile(this.target.uri), this.changedAt)
      : null;
  }

  get cursor(): PanelCursor | null {
    return this.target && this.line !== null ? { id: this.target.id, line: this.line } : null;
  }

  async follow(uri: Uri, name?: string): Promise<void> {
    const target = this.targets.of(uri, name);
    const document = await documentOf(target);
    this.set(target, document);
  }

  private considerFirst(document: TextDocument): void {
    if (!this.target && !this.restoring) this.consider(document);
  }

  private consider(document: TextDocument | undefined): void {
    if (!document || document === this.document || !this.readings.of(document)) return;
    this.set(this.targets.of(document.uri), document);
  }

  private set(target: Target, document: TextDocument): void {
    this.target = target;
    this.document = document;
    const editor = window.visibleTextEditors.find((each) => each.document === document);
    this.line = editor ? lineOf(editor) : null;
    this.cursorEmitter.fire(this.cursor);
    this.remember();
    this.changed(undefined);
  }

  private moved(editor: TextEditor): void {
    const line = lineOf(editor);
    if (line === this.line) return;
    this.line = line;
    this.cursorTimer ??= setTimeout(() => {
      this.cursorTimer = undefined;
      this.cursorEmitter.fire(this.cursor);
    }, CURSOR_MS);
  }

  /** The text stays as it was at the end. */
  private closed(document: TextDocument): void {
    if (document !== this.document) return;
    const text = document.getText();
    this.document = { getText: () => text, version: document.version };
    this.line = null;
    this.cursorEmitter.fire(null);
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
