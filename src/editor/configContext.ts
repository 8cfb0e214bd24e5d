/** The context key by which the palette offers what needs a config: set only when it changes. */

import { commands, window, workspace } from 'vscode';
import { configInSight } from './activeReading';
import { CONTEXTS } from './ids';
import { Owner } from './lifecycle';
import type { Readings } from './readings';

const DEBOUNCE_MS = 150;

export class ConfigContext extends Owner {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private shown = false;

  constructor(private readonly readings: Readings) {
    super();
    this.own(window.onDidChangeActiveTextEditor(() => this.schedule(0)));
    this.own(window.onDidChangeVisibleTextEditors(() => this.schedule(0)));
    this.own(readings.onDidChangeFront(() => this.schedule(0)));
    // A file becomes a config (or stops being one) while it is typed.
    this.own(
      workspace.onDidChangeTextDocument(({ document }) => {
        if (document === window.activeTextEditor?.document) this.schedule(DEBOUNCE_MS);
      }),
    );
    this.own({ dispose: () => clearTimeout(this.timer) });
    // Not now: activation only registers.
    this.schedule(0);
  }

  private schedule(delayMs: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.update(), delayMs);
  }

  private update(): void {
    const has = configInSight(this.readings) !== null;
    if (has === this.shown) return;
    this.shown = has;
    void commands.executeCommand('setContext', CONTEXTS.hasConfig, has);
  }
}
