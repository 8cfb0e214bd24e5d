/** Links of hovers to lines: a hover does not say which file it is over, so the last one is remembered. */

import { type Disposable, Range, Selection, type TextDocument, TextEditorRevealType, window } from 'vscode';
import { INTERNAL_COMMANDS } from './ids';
import { registerCommand } from './sinks';

export class HoveredLines {
  private last: TextDocument | null = null;

  hovered(document: TextDocument): void {
    this.last = document;
  }

  register(): Disposable {
    return registerCommand(INTERNAL_COMMANDS.revealLine, (line: unknown) => this.reveal(line));
  }

  /** Selects nothing and opens nothing: the cursor goes to the line in the editor that shows the file, on either side of a diff. */
  private reveal(line: unknown): void {
    const { activeTextEditor, visibleTextEditors } = window;
    const editor =
      activeTextEditor?.document === this.last
        ? activeTextEditor
        : visibleTextEditors.find(({ document }) => document === this.last);
    if (!editor || typeof line !== 'number' || !Number.isSafeInteger(line)) return;
    if (line < 1 || line > editor.document.lineCount) return;
    const start = editor.document
      .lineAt(line - 1)
      .range.start.translate(0, editor.document.lineAt(line - 1).firstNonWhitespaceCharacterIndex);
    editor.selection = new Selection(start, start);
    editor.revealRange(new Range(start, start), TextEditorRevealType.InCenterIfOutsideViewport);
  }
}
