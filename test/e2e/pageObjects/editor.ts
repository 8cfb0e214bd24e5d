// A text editor: the cursor, the pointer, and what they bring up.
import { readFileSync } from 'node:fs';
import { type Locator } from 'playwright-core';
import { Hover } from './hover';

export class Editor {
  constructor(
    private readonly root: Locator,
    private readonly file: string,
    private readonly quickInput: (keys: string, input: string, entry: string) => Promise<void>,
  ) {}

  /** Puts the cursor into the first occurrence of a text (as the file is on disk). */
  async moveCursorTo(text: string): Promise<void> {
    const before = readFileSync(this.file, 'utf8').split(text, 1)[0] ?? '';
    const line = before.split('\n').length;
    const column = before.length - before.lastIndexOf('\n') + 1;
    await this.quickInput('Control+KeyG', `:${line}:${column}`, String(line));
  }

  /** Shows the hover at the cursor, by the keyboard alone. */
  async hoverWithKeyboard(): Promise<Hover> {
    const keyboard = this.root.page().keyboard;
    const ask = async (): Promise<void> => {
      await keyboard.press('Control+KeyK');
      await keyboard.press('Control+KeyI');
    };
    await ask();
    return new Hover(this.root, ask);
  }

  /** Rests the pointer on a word. */
  async hoverWithMouse(text: string): Promise<Hover> {
    const ask = async (): Promise<void> => {
      // A pointer that rests already asks nothing.
      await this.root.page().mouse.move(0, 0);
      await this.word(text).hover();
    };
    await ask();
    return new Hover(this.root, ask);
  }

  /** The coloured piece of a line that holds a text: a key or a value of a JSON file. */
  private word(text: string): Locator {
    return this.root.locator('.view-line > span > span', { hasText: text }).first();
  }
}
