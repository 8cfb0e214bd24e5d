// The hover of an editor, as the reader sees it.
import { type Locator } from 'playwright-core';

export class Hover {
  private readonly widget: Locator;

  constructor(private readonly editor: Locator) {
    this.widget = editor.locator('.monaco-hover:visible');
  }

  /** Waits until the hover shows a text (providers answer one after the other), and returns all that it shows. */
  async textWith(expected: string): Promise<string> {
    const hover = this.widget.filter({ hasText: expected }).first();
    try {
      await hover.waitFor({ timeout: 15_000 });
    } catch {
      const shown = await this.widget.allInnerTexts();
      throw new Error(`No hover with "${expected}"; shown: ${shown.length > 0 ? shown.join(' | ') : 'none'}`);
    }
    return hover.innerText();
  }

  async dismiss(): Promise<void> {
    await this.editor.page().keyboard.press('Escape');
    await this.widget.first().waitFor({ state: 'hidden' });
  }
}
