// Results as rendered pages in a real VS Code: what a person sees, the buttons of the title bar, a reload of the window.
import { beforeAll, describe, expect, test } from 'vitest';
import type { Locator } from 'playwright-core';
import { thorough } from '../unit/depth';
import { useWorkbench } from './window';

const LLAMA = 'llama-3-8b/config.json';

describe.skipIf(!thorough)('a result', () => {
  const workbench = useWorkbench({ width: 1280, height: 860 });

  const page = (text: string): Locator =>
    workbench()
      .page.frameLocator('iframe.webview.ready')
      .frameLocator('#active-frame')
      .locator('.markdown-body')
      .filter({ hasText: text });
  const tabs = (): Promise<readonly string[]> =>
    workbench().host.evaluate(
      (vscode) =>
        vscode.window.tabGroups.all.flatMap((group) =>
          group.tabs
            .filter(({ label }) => /^(?:Fit|Comparison) – /.test(label))
            .map(({ label, isDirty }) => `${label} ${isDirty}`),
        ),
      null,
    );
  const fit = (tokens: number): Promise<unknown> =>
    workbench().host.evaluate(
      async (vscode, asked) => {
        const uri = vscode.window.activeTextEditor?.document.uri ?? asked.uri;
        await vscode.commands.executeCommand('headlight.fitToGpu', uri, { gpu: 'h100-sxm', tokens: asked.tokens });
      },
      { tokens, uri: undefined },
    );

  const button = (title: string): Locator =>
    workbench().page.locator(`.editor-actions [aria-label^="${title}"]`).first();

  beforeAll(async () => {
    await workbench().openFile(LLAMA);
    await workbench().untilHeadlightIsActive();
  });

  test('is rendered beside the config, with its buttons, and never dirty', async () => {
    await fit(32_768);
    await page('H100').locator('table').first().waitFor();
    await expect.poll(tabs).toEqual(['Fit – llama-3-8b.md false']);
    await button('Export Result…').waitFor();
    for (const theme of ['dark', 'light'] as const) {
      await workbench().setTheme(theme);
      await workbench().screenshot(`page-fit-${theme}`);
    }
  });

  test('is copied, exported and read as text by the buttons of its title bar', async () => {
    const { page: window, host } = workbench();
    await window.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await button('Copy Result as Markdown').click();
    await expect.poll(() => window.evaluate(() => navigator.clipboard.readText())).toMatch(/^# llama-3-8b on H100/);
    await button('Export Result…').click();
    const dialog = window.locator('.quick-input-widget', { hasText: 'Export Result' });
    await dialog.waitFor();
    await window.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    await button("Open Result's Source").click();
    await window.locator('.editor-instance .view-line', { hasText: '# llama-3-8b' }).first().waitFor();
    await host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('workbench.action.closeActiveEditor')),
      null,
    );
  });

  test('comes back after a reload, with what it said', async () => {
    await workbench().reload();
    await page('H100').locator('table').first().waitFor({ timeout: 60_000 });
    await expect.poll(tabs).toEqual(['Fit – llama-3-8b.md false']);
  }, 120_000);
});
