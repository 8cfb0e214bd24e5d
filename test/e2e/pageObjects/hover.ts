// The hover of an editor, as the reader sees it.
import { type Locator } from 'playwright-core';

export class Hover {
  private readonly widget: Locator;

  /** @param again Asks once more: what is asked for before a provider is there stays empty. */
  constructor(
    private readonly editor: Locator,
    private readonly again: () => Promise<void>,
  ) {
    this.widget = editor.locator('.monaco-hover:visible');
  }

  /**
   * Waits until the hover shows every one of these texts, and returns all that it shows. Providers answer one after the other: what
   * each of them is asked for must be among the texts.
   */
  async textWith(...expected: string[]): Promise<string> {
    const hover = expected.reduce((widget, hasText) => widget.filter({ hasText }), this.widget).first();
    for (let attempt = 1; attempt <= 4; attempt++) {
      if (
        await hover.waitFor({ timeout: 5_000 }).then(
          () => true,
          () => false,
        )
      )
        return hover.innerText();
      await this.again();
    }
    const shown = await this.widget.allInnerTexts();
    throw new Error(
      `No hover with "${expected.join('" and "')}"; shown: ${shown.length > 0 ? shown.join(' | ') : 'none'}`,
    );
  }

  /** Whether it must be scrolled to read all of it. */
  isCut(): Promise<boolean> {
    return this.widget
      .first()
      .evaluate((widget) =>
        [widget, ...widget.querySelectorAll('.monaco-scrollable-element > *')].some(
          ({ scrollHeight, clientHeight }) => clientHeight > 0 && scrollHeight > clientHeight + 1,
        ),
      );
  }

  async dismiss(): Promise<void> {
    await this.editor.page().keyboard.press('Escape');
    await this.widget.first().waitFor({ state: 'hidden' });
  }
}
