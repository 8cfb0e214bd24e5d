// Headlight as vscode.dev runs it: in the web worker of the browser, without Node. The same server serves the window, but the
// extension has no entry for the server's own host, so what shows here came from dist/web/extension.js.
import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, onTestFailed, test } from 'vitest';
import { connectToChromium, openWindow } from '../harness/chromium.mjs';
import { EXTENSION, ROOT, throwAwayFolder } from '../harness/places.mjs';
import { SAMPLES } from '../harness/samples.mjs';
import { workbenchUrl } from '../harness/serverLauncher.mjs';
import { QuickPick } from './pageObjects/quickPick';
import { thorough } from '../unit/depth';

interface Manifest {
  main?: string;
  extensionKind?: readonly string[];
}

/** The extension without what a web host ignores. */
function webExtension(): string {
  const folder = throwAwayFolder('web-extension');
  const manifest = JSON.parse(readFileSync(join(EXTENSION, 'package.json'), 'utf8')) as Manifest;
  delete manifest.main;
  delete manifest.extensionKind;
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  for (const part of ['dist', 'media', 'docs', 'l10n'])
    if (existsSync(join(EXTENSION, part))) symlinkSync(join(EXTENSION, part), join(folder, part), 'junction');
  if (existsSync(join(EXTENSION, 'package.nls.json')))
    cpSync(join(EXTENSION, 'package.nls.json'), join(folder, 'package.nls.json'));
  return folder;
}

/** The window's address, with a file that opens at once. */
function address(folder: string, extension: string, file: string): string {
  const url = new URL(workbenchUrl(inject('serverUrl'), { folder, extension }));
  const payload = JSON.parse(url.searchParams.get('payload') ?? '[]') as [string, string][];
  url.searchParams.set(
    'payload',
    JSON.stringify([...payload, ['openFile', `vscode-remote://${url.host}${join(folder, file)}`]]),
  );
  return url.href;
}

describe.skipIf(!thorough)('in the browser’s own extension host', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    // A folder of its own: the test bridge and the other specs live in a window of another.
    const folder = throwAwayFolder('web-samples');
    cpSync(SAMPLES, folder, { recursive: true });
    // With a slip of the pen, for a problem to be found.
    const file = join(folder, 'deepseek-v3', 'config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"yarn"', '"yarm"'));
    browser = await connectToChromium(inject('browserEndpoint'));
    page = await openWindow(browser);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(address(folder, webExtension(), 'deepseek-v3/config.json'));
  });
  afterAll(async () => {
    await page.close();
    await browser.close();
  });

  test('the lens says what DeepSeek-V3 costs, values have hints, and a problem is found', async () => {
    onTestFailed(async () => void (await page.screenshot({ path: join(ROOT, 'test-results', 'failed web lens.png') })));
    await page.locator('.codelens-decoration', { hasText: 'MLA · 68.63 KiB/token' }).waitFor();
    await page
      .locator('.view-line', { hasText: /576.per.token/ })
      .first()
      .waitFor();
    await page.locator('.squiggly-warning').first().waitFor();
    expect(page.frames().some((frame) => frame.url().includes('webWorkerExtensionHostIframe'))).toBe(true);
  });

  test('the hover derives its bytes per token', async () => {
    onTestFailed(
      async () => void (await page.screenshot({ path: join(ROOT, 'test-results', 'failed web hover.png') })),
    );
    await page.locator('.view-line > span > span', { hasText: 'kv_lora_rank' }).first().hover();
    const hover = page.locator('.monaco-hover:visible', { hasText: 'B/token' }).first();
    await hover.waitFor();
    await expect.poll(() => hover.innerText()).toContain('70,272 B/token');
    await page.screenshot({ path: join(ROOT, 'test-results', 'web-hover.png') });
    await page.mouse.move(0, 0);
  });

  test('the palette compares, and the panel opens', async () => {
    onTestFailed(
      async () => void (await page.screenshot({ path: join(ROOT, 'test-results', 'failed web palette.png') })),
    );
    const quickPick = new QuickPick(page);
    await quickPick.run('Headlight: Compare Attention Variants');
    await quickPick.question('Compare Attention Variants');
    await expect.poll(() => quickPick.entry('GQA')).toContain('/token');
    await quickPick.press('Escape');
    await quickPick.untilClosed();
    await quickPick.run('Headlight: Open Panel');
    const panel = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
    await panel.getByText('68.63 KiB').first().waitFor();
    await page.screenshot({ path: join(ROOT, 'test-results', 'web-panel.png') });
  });
});
