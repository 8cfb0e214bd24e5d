/** Loads the advice when there is something to advise on: a model config that is shown, or a hover in a Python source that may hold one. */

import {
  type CancellationToken,
  type Hover,
  languages,
  type Position,
  type TextDocument,
  window,
  workspace,
} from 'vscode';
import { mayHoldModel } from '../python/search';
import type { Advice } from './advice/advice';
import { Owner } from './lifecycle';
import { CONFIG_LANGUAGES } from './readings';
import type { KeyTexts } from './hover';
import type { HoveredLines } from './hoveredLines';
import type { Services } from './services';

const DEBOUNCE_MS = 100;

export class AdviceLoader extends Owner {
  private loading: Promise<Advice | null> | null = null;
  private advice: Advice | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  /** What watches for the first config; gone once it came. */
  private readonly watch = this.own(new Watch());

  constructor(
    private readonly services: Services,
    private readonly lines: HoveredLines,
    private readonly create: () => Promise<Advice>,
  ) {
    super();
    this.watch.add(window.onDidChangeVisibleTextEditors(() => this.look()));
    this.watch.add(
      workspace.onDidChangeTextDocument(({ document }) => {
        if (document === window.activeTextEditor?.document && CONFIG_LANGUAGES.includes(document.languageId))
          this.schedule();
      }),
    );
    this.own({ dispose: () => clearTimeout(this.timer) });
    this.own(
      languages.registerHoverProvider(
        { language: 'python' },
        { provideHover: (document, position, token) => this.pythonHover(document, position, token) },
      ),
    );
    // Not now: activation only registers.
    this.schedule();
  }

  /** Null until it was needed. */
  get loaded(): Advice | null {
    return this.advice;
  }

  /** What keys cost beside the cache; null where that part cannot be loaded. */
  async keyTexts(): Promise<KeyTexts | null> {
    return (await this.load())?.keyTexts ?? null;
  }

  private schedule(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), DEBOUNCE_MS);
  }

  private look(): void {
    clearTimeout(this.timer);
    if (this.disposed || !window.visibleTextEditors.some(({ document }) => this.services.readings.of(document))) return;
    this.watch.dispose();
    void this.load();
  }

  private load(): Promise<Advice | null> {
    return (this.loading ??= this.tryToLoad());
  }

  private async tryToLoad(): Promise<Advice | null> {
    try {
      return (this.advice = this.own(await this.create()));
    } catch (error) {
      this.services.log.error(
        `lens, hints and problems could not be loaded: ${error instanceof Error ? error.message : String(error)}`,
      );
      return null;
    }
  }

  private async pythonHover(
    document: TextDocument,
    position: Position,
    token: CancellationToken,
  ): Promise<Hover | null> {
    if (!mayHoldModel(document.getText())) return null;
    const found = (await (await this.load())?.pythonHover(document, position, token)) ?? null;
    if (found) this.lines.hovered(document);
    return found;
  }
}

class Watch extends Owner {
  add(disposable: { dispose(): void }): void {
    this.own(disposable);
  }
}
