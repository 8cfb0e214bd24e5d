// A question of a flow: the list that drops down from the top of the window.
import { type Locator, type Page } from 'playwright-core';

export class QuickPick {
  private readonly widget: Locator;

  constructor(private readonly page: Page) {
    this.widget = page.locator('.quick-input-widget');
  }

  /**
   * Runs a command from the palette; what it asks comes up in the same place. The palette offers what is possible when it opens: where
   * that has not come through yet it is opened again.
   */
  async run(title: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press('F1');
      await this.input.waitFor();
      await this.input.fill(`>${title}`);
      const entry = this.widget.locator('.monaco-list-row.focused', { hasText: title }).first();
      const offered = await entry.waitFor({ timeout: attempt < 5 ? 3_000 : 30_000 }).then(
        () => true,
        (error: unknown) => {
          if (attempt >= 5) throw error;
          return false;
        },
      );
      if (offered) return this.page.keyboard.press('Enter');
      await this.page.keyboard.press('Escape');
    }
  }

  /** Waits for a question by its title, and its list. */
  async question(title: string): Promise<void> {
    await this.widget.locator('.quick-input-title', { hasText: title }).waitFor();
    await this.widget.locator('.monaco-list-row').first().waitFor();
  }

  /** Waits for an entry that shows a text. */
  async entry(text: string): Promise<string> {
    const row = this.widget.locator('.monaco-list-row', { hasText: text }).first();
    await row.waitFor();
    return row.innerText();
  }

  /** Chooses the entry that shows a text; where several may be chosen, marks it. */
  async choose(text: string): Promise<void> {
    await this.widget.locator('.monaco-list-row', { hasText: text }).first().click();
  }

  /** Whether an entry is marked, where several may be. */
  async isMarked(text: string): Promise<boolean> {
    return this.widget.locator('.monaco-list-row', { hasText: text }).first().getByRole('checkbox').isChecked();
  }

  /** The entry that Enter would take. */
  async focused(): Promise<string> {
    return this.widget.locator('.monaco-list-row.focused').first().innerText();
  }

  async type(text: string): Promise<void> {
    await this.input.fill(text);
  }

  async press(key: string): Promise<void> {
    await this.page.keyboard.press(key);
  }

  /** The key of "Go Back" in questions, on Linux. */
  async back(): Promise<void> {
    await this.press('Control+Alt+Minus');
  }

  /** Leaves the question. A tooltip of the list would take the first Escape for itself. */
  async leave(): Promise<void> {
    for (let attempt = 0; attempt < 5 && (await this.widget.isVisible()); attempt++) {
      await this.press('Escape');
      await this.widget.waitFor({ state: 'hidden', timeout: 1_000 }).catch(() => undefined);
    }
    await this.untilClosed();
  }

  async untilClosed(): Promise<void> {
    await this.widget.waitFor({ state: 'hidden' });
  }

  private get input(): Locator {
    return this.widget.locator('input[type="text"]');
  }
}
