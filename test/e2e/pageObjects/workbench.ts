// The whole window: opening files, commands, themes, pictures.
import { mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { inject } from 'vitest';
import { connectToChromium } from '../../harness/chromium.mjs';
import { ROOT } from '../../harness/places.mjs';
import { Editor } from './editor';
import { Host } from './host';

export type Theme = 'dark' | 'light' | 'highContrast' | 'highContrastLight';

/** The theme's name in the settings, and the class by which the workbench shows which kind it wears. */
const THEMES: Record<Theme, { name: string; className: string }> = {
  dark: { name: 'Default Dark Modern', className: 'vs-dark' },
  light: { name: 'Default Light Modern', className: 'vs' },
  highContrast: { name: 'Default High Contrast', className: 'hc-black' },
  highContrastLight: { name: 'Default High Contrast Light', className: 'hc-light' },
};

export class Workbench {
  private constructor(
    readonly page: Page,
    readonly host: Host,
    private readonly browser: Browser,
  ) {}

  static async open(size = { width: 1280, height: 800 }): Promise<Workbench> {
    const browser = await connectToChromium(inject('browserEndpoint'));
    const page = await browser.newPage({ viewport: size });
    const host = new Host(inject('bridgeSocket'));
    await page.goto(inject('workbenchUrl'));
    await page.locator('.monaco-workbench .explorer-folders-view .monaco-list-row').first().waitFor();
    return new Workbench(page, host, browser);
  }

  async close(): Promise<void> {
    await this.browser.close();
  }

  /** Opens a file of the sample folder through Quick Open, as people do. */
  async openFile(path: string): Promise<Editor> {
    const file = join(inject('folder'), path);
    // Until the list follows the input it shows the recent files; the folder's name tells them apart.
    await this.quickInput('Control+KeyP', file, basename(dirname(file)));
    const editor = this.page.locator(`.editor-instance .monaco-editor[data-uri$="/${path}"]`);
    await editor.locator('.view-line').first().waitFor();
    return new Editor(editor, file, (keys, input, entry) => this.quickInput(keys, input, entry));
  }

  /**
   * Waits for Headlight to come up by itself. Hovers asked for before that stay empty, as for any extension; people
   * ask again, specs should know.
   */
  async untilHeadlightIsActive(): Promise<void> {
    await this.host.evaluate(async (vscode, id) => {
      for (const deadline = Date.now() + 20_000; !vscode.extensions.getExtension(id)?.isActive; ) {
        if (Date.now() > deadline) throw new Error(`${id} is not active after 20 s`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }, 'headlight.headlight');
  }

  /** Runs a command by its title in the command palette. */
  async runCommand(title: string): Promise<void> {
    await this.quickInput('F1', `>${title}`, title);
  }

  async setTheme(theme: Theme): Promise<void> {
    const { name, className } = THEMES[theme];
    await this.setSetting('workbench.colorTheme', name);
    await this.page.locator(`.monaco-workbench.${className}`).waitFor();
  }

  /** Changes a user setting; null takes it back to its default. Settings outlive the window: the next spec sees them. */
  async setSetting(key: string, value: string | number | boolean | object | null): Promise<void> {
    await this.host.evaluate(
      async (vscode, setting) => {
        // True: for the user, not for the folder. VS Code removes what is undefined, which JSON can't say.
        await vscode.workspace.getConfiguration().update(setting.key, setting.value ?? undefined, true);
      },
      { key, value },
    );
  }

  /** Leaves a picture for people in test-results/. */
  async screenshot(name: string): Promise<void> {
    const folder = join(ROOT, 'test-results');
    mkdirSync(folder, { recursive: true });
    // Hovers fade in: the picture is of what they become. Endless animations (progress, cursor) are not waited for.
    await this.page.evaluate(async () => {
      const finite = document.getAnimations().filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
      await Promise.allSettled(finite.map((animation) => animation.finished));
    });
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  /** Fills the quick input that `keys` opens, and accepts its first entry once that has the text `entry`. */
  private async quickInput(keys: string, text: string, entry: string): Promise<void> {
    await this.page.keyboard.press(keys);
    const widget = this.page.locator('.quick-input-widget');
    const input = widget.locator('input[type="text"]');
    await input.waitFor();
    await input.fill(text);
    await widget.locator('.monaco-list-row.focused', { hasText: entry }).first().waitFor();
    await input.press('Enter');
    await widget.waitFor({ state: 'hidden' });
  }
}
