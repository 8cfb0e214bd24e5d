// What a person does to reach something, counted: a click, a key, a text that is typed, an entry that is chosen.
import { type Locator, type Page } from 'playwright-core';
import { QuickPick } from './quickPick';

export class Clicks {
  readonly quickPick: QuickPick;
  private taken = 0;

  constructor(private readonly page: Page) {
    this.quickPick = new QuickPick(page);
  }

  get count(): number {
    return this.taken;
  }

  async click(target: Locator): Promise<void> {
    this.taken++;
    await target.click();
  }

  async press(key: string): Promise<void> {
    this.taken++;
    await this.page.keyboard.press(key);
  }

  /** Opens a list and chooses from it. */
  async select(list: Locator, entry: string): Promise<void> {
    this.taken += 2;
    await list.selectOption({ label: entry });
  }

  /** A place on a slider. */
  async slide(slider: Locator, value: number): Promise<void> {
    this.taken++;
    await slider.fill(String(value));
  }

  /** The key of the palette, what is typed there, and Enter. */
  async run(command: string): Promise<void> {
    this.taken += 3;
    await this.quickPick.run(command);
  }

  /** An entry of a question. */
  async choose(entry: string): Promise<void> {
    this.taken++;
    await this.quickPick.choose(entry);
  }
}
