// The whole window: opening files, commands, themes, pictures.
import { existsSync, mkdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Browser, type Locator, type Page } from 'playwright-core';
import { expect, inject } from 'vitest';
import { connectToChromium, findWindow, openWindow } from '../../harness/chromium.mjs';
import { ROOT } from '../../harness/places.mjs';
import { restoreSamples } from '../../harness/samples.mjs';
import { workbenchUrl } from '../../harness/serverLauncher.mjs';
import { underDevelopment } from '../extension';
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

/** Width of the side bar in a new window, in pixels. */
const SIDE_BAR = 300;

export class Workbench {
  /** What the settings that a spec changed were before. */
  private readonly settingsBefore = new Map<string, unknown>();

  private constructor(
    readonly page: Page,
    readonly host: Host,
    private readonly browser: Browser,
  ) {}

  /**
   * The window that all specs share, as if nothing had been done in it: no editors, panels or messages, the samples as they
   * are, default settings. Opened by the first who asks.
   */
  static async open(size = { width: 1280, height: 800 }): Promise<Workbench> {
    const browser = await connectToChromium(inject('browserEndpoint'));
    const [serverUrl, host] = [inject('serverUrl'), new Host(inject('bridgeSocket'))];
    const found = findWindow(browser, serverUrl);
    const page = found ?? (await openWindow(browser));
    await page.setViewportSize(size);
    const workbench = new Workbench(page, host, browser);
    if (found) await workbench.tidy();
    else await page.goto(workbenchUrl(serverUrl, { folder: inject('folder'), ...underDevelopment() }));
    await workbench.untilFolderIsShown();
    return workbench;
  }

  /** Leaves the window to the next spec, with the settings as they were. */
  async close(): Promise<void> {
    for (const [key, value] of this.settingsBefore) await this.updateSetting(key, value);
    await this.browser.close();
  }

  /** Loads the window anew. By the editor's command, which waits until its state is stored: the browser's own reload does not. */
  async reload(): Promise<void> {
    const loaded = this.page.waitForEvent('load');
    // Not awaited: the host that is asked ends with its window.
    await this.host.evaluate((vscode) => void vscode.commands.executeCommand('workbench.action.reloadWindow'), null);
    this.host.forget();
    await loaded;
    await this.untilFolderIsShown();
  }

  /** As if nothing had been done in the window, but for settings. */
  async tidy(): Promise<void> {
    await this.host.evaluate(async (vscode) => {
      const close = async (command: string): Promise<void> => void (await vscode.commands.executeCommand(command));
      // Closing what is changed would ask, and nobody is there to answer.
      for (const document of vscode.workspace.textDocuments.filter(({ isDirty }) => isDirty)) {
        await vscode.window.showTextDocument(document);
        await close('workbench.action.revertAndCloseActiveEditor');
      }
      await close('workbench.action.closeAllEditors');
      await close('workbench.action.closePanel');
      await close('workbench.action.closeAuxiliaryBar');
      await close('notifications.clearAll');
      await close('workbench.view.explorer');
    }, null);
    restoreSamples(inject('folder'));
    await this.widenSideBar();
    // The pointer that a spec before left somewhere must not bring up anything.
    await this.page.mouse.move(0, 0);
  }

  /** Many editors beside each other leave it narrow, and it stays so. */
  private async widenSideBar(): Promise<void> {
    const bar = await this.page.locator('.part.sidebar').boundingBox();
    if (!bar || bar.width >= SIDE_BAR) return;
    const edge = { x: bar.x + bar.width, y: bar.y + bar.height / 2 };
    await this.page.mouse.move(edge.x, edge.y);
    await this.page.mouse.down();
    await this.page.mouse.move(bar.x + SIDE_BAR, edge.y, { steps: 3 });
    await this.page.mouse.up();
  }

  private async untilFolderIsShown(): Promise<void> {
    await this.page.locator('.monaco-workbench .explorer-folders-view .monaco-list-row').first().waitFor();
  }

  /** Opens a file of the sample folder through Quick Open, as people do: again where the list moved under Enter, which found another. */
  async openFile(path: string): Promise<Editor> {
    const file = join(inject('folder'), path);
    const editor = this.page.locator(`.editor-instance .monaco-editor[data-uri$="/${path}"]`);
    const opened = async (timeout: number): Promise<boolean> => {
      // Until the list follows the input it shows the recent files; the folder's name tells them apart.
      await this.quickInput('Control+KeyP', file, basename(dirname(file)));
      return editor
        .locator('.view-line')
        .first()
        .waitFor({ timeout })
        .then(
          () => true,
          () => false,
        );
    };
    if (!(await opened(8_000)) && !(await opened(8_000)) && !(await opened(30_000)))
      throw new Error(`Quick Open did not open ${path}`);
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

  /** Changes a user setting; null takes it back to its default. Closing the window puts back what it was. */
  async setSetting(key: string, value: string | number | boolean | object | null): Promise<void> {
    const before = await this.updateSetting(key, value);
    if (!this.settingsBefore.has(key)) this.settingsBefore.set(key, before);
  }

  /** Returns what the user had set before. */
  private updateSetting(key: string, value: unknown): Promise<unknown> {
    return this.host.evaluate(
      async (vscode, setting) => {
        const settings = vscode.workspace.getConfiguration();
        const before = settings.inspect(setting.key)?.globalValue ?? null;
        // True: for the user, not for the folder. VS Code removes what is undefined, which JSON can't say.
        await settings.update(setting.key, setting.value ?? undefined, true);
        return before;
      },
      { key, value },
    );
  }

  /** The entry of the context menu of something, with all that the menu says. */
  async contextMenu(of: Locator, entry: string): Promise<Locator> {
    await of.click({ button: 'right' });
    const item = this.page.locator('.monaco-menu .action-item', { hasText: entry });
    await item.waitFor();
    return item;
  }

  /** Chooses from a context menu. */
  async chooseFromContextMenu(of: Locator, entry: string): Promise<void> {
    await this.contextMenu(of, entry);
    await this.chooseFromMenu(entry);
  }

  /** Chooses from the menu "…" of a view in the side bar. */
  async chooseFromViewMenu(header: Locator, entry: string): Promise<void> {
    await header.hover();
    // By its picture: in VS Code 1.100 it has no role until it was used.
    await header.locator('.codicon-toolbar-more').click();
    await this.chooseFromMenu(entry);
  }

  /** Of the menu that is open. One that has just opened under the pointer takes no click yet. */
  private async chooseFromMenu(entry: string): Promise<void> {
    const item = this.page.locator('.monaco-menu .action-item', { hasText: entry });
    await item.waitFor();
    for (let attempt = 0; attempt < 5; attempt++) {
      await item.click({ timeout: 2_000 }).catch(() => undefined);
      if (
        await item.waitFor({ state: 'hidden', timeout: 1_000 }).then(
          () => true,
          () => false,
        )
      )
        return;
    }
    throw new Error(`${entry} stays open`);
  }

  /**
   * Chooses from the menu of fixes. VS Code 1.100 lays a sheet over it until the pointer moves, so that what has just opened takes no
   * click; and Playwright moves none onto a sheet.
   */
  async chooseFromFixes(item: Locator): Promise<void> {
    const box = await item.boundingBox();
    if (!box) throw new Error('the menu of fixes is not open');
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await this.page.mouse.move(x, y - 2);
    await this.page.mouse.move(x, y);
    await item.click();
  }

  /** A part of the window as a picture for people in test-results/: what a locator shows, or a rectangle. */
  async picture(name: string, part: Locator | { x: number; y: number; width: number; height: number }): Promise<void> {
    const folder = join(ROOT, 'test-results');
    mkdirSync(folder, { recursive: true });
    await this.settled();
    const path = join(folder, `${name}.png`);
    if ('click' in part) await part.screenshot({ path });
    else await this.page.screenshot({ path, clip: part });
  }

  /** Leaves a picture for people in test-results/. */
  async screenshot(name: string): Promise<void> {
    const folder = join(ROOT, 'test-results');
    mkdirSync(folder, { recursive: true });
    await this.settled();
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }

  /** Answers the dialog that asks where to save. @param proposed The name that stands there first. */
  async saveAs(target: string, proposed: RegExp): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    const input = widget.locator('input[type="text"]');
    await expect
      .poll(() => input.inputValue({ timeout: 1_000 }).catch(() => ''), { timeout: 20_000 })
      .toMatch(proposed);
    await input.fill(target);
    // While it lists the folder, it takes no answer: a person presses again.
    await expect
      .poll(
        async () => {
          if (await widget.isVisible()) await input.press('Enter', { timeout: 1_000 }).catch(() => undefined);
          return widget.isVisible();
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(false);
    await expect.poll(() => existsSync(target), { timeout: 20_000 }).toBe(true);
  }

  /** Hovers fade in: a picture is of what they become. Endless animations (progress, cursor) are not waited for. */
  private async settled(): Promise<void> {
    await this.page.evaluate(async () => {
      const finite = document
        .getAnimations()
        .filter((animation) => animation.effect?.getComputedTiming().endTime !== Infinity);
      await Promise.allSettled(finite.map((animation) => animation.finished));
    });
  }

  /** Fills the quick input that `keys` opens, and accepts its first entry once that has the text `entry`. */
  private async quickInput(keys: string, text: string, entry: string): Promise<void> {
    const widget = this.page.locator('.quick-input-widget');
    const input = widget.locator('input[type="text"]');
    for (let attempt = 1; ; attempt++) {
      await this.page.keyboard.press(keys);
      await input.waitFor();
      try {
        await input.fill(text, { timeout: attempt < 3 ? 3_000 : 30_000 });
        break;
      } catch (error) {
        if (attempt >= 3) throw error;
        // Whoever takes the focus while it opens puts it away: a person asks again. One that stands there is only slow.
        if (!(await widget.isVisible())) continue;
        await input.fill(text, { timeout: 30_000 });
        break;
      }
    }
    await widget.locator('.monaco-list-row.focused', { hasText: entry }).first().waitFor();
    await input.press('Enter');
    await widget.waitFor({ state: 'hidden' });
  }
}
