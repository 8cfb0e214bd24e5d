// Headlight as vscode.dev runs it: in the web worker of the browser, without Node. A server of its own has it installed without the
// entry for a server's host, so what shows here came from dist/web/extension.js.
import { cpSync, existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type Locator, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, onTestFailed, test } from 'vitest';
import { connectToChromium, openWindow } from '../harness/chromium.mjs';
import { ROOT, throwAwayFolder } from '../harness/places.mjs';
import { SAMPLES } from '../harness/samples.mjs';
import { type RunningServer, startServer, workbenchUrl } from '../harness/serverLauncher.mjs';
import { ensureServer } from '../harness/vscodeServers.mjs';
import { LoopbackHub } from '../unit/hub/support/loopbackHub';
import { thorough } from '../unit/depth';
import { extensionFolder } from './extension';
import { QuickPick } from './pageObjects/quickPick';
import { untilPageSays } from './pageObjects/resultPage';

interface Manifest {
  main?: string;
  extensionKind?: readonly string[];
}

/** The extension without what a web host ignores. */
function webExtension(): string {
  const folder = throwAwayFolder('web-extension');
  const manifest = JSON.parse(readFileSync(join(extensionFolder(), 'package.json'), 'utf8')) as Manifest;
  delete manifest.main;
  delete manifest.extensionKind;
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  for (const part of ['dist', 'media', 'docs', 'l10n'])
    if (existsSync(join(extensionFolder(), part)))
      symlinkSync(join(extensionFolder(), part), join(folder, part), 'junction');
  if (existsSync(join(extensionFolder(), 'package.nls.json')))
    cpSync(join(extensionFolder(), 'package.nls.json'), join(folder, 'package.nls.json'));
  return folder;
}

/** The window's address, with a file that opens at once. */
function address(serverUrl: string, folder: string, file: string): string {
  const url = new URL(workbenchUrl(serverUrl, { folder }));
  const opened = ['openFile', `vscode-remote://${url.host}${join(folder, file)}`];
  url.searchParams.set('payload', JSON.stringify([opened]));
  return url.href;
}

const SAMPLE = join(ROOT, 'media', 'samples', 'gqa');
const TOKEN = 'hf_typed';

function startHub(): Promise<LoopbackHub> {
  const files = readdirSync(SAMPLE).map((name) => {
    const content = new Uint8Array(readFileSync(join(SAMPLE, name)));
    return [name, name.endsWith('.safetensors') ? { content, large: true } : content] as const;
  });
  const model = { files: Object.fromEntries(files) };
  // With a slip of the pen, too.
  const text = readFileSync(join(SAMPLES, 'deepseek-v3', 'config.json'), 'utf8')
    .replace('"yarn"', '"yarm"')
    .replace('"kv_lora_rank": 512', '"kv_lora_rank": 256');
  return LoopbackHub.start({
    'org/elsewhere': { files: { 'config.json': text } },
    'org/gated': { ...model, gatedTo: [TOKEN] },
  });
}

describe.skipIf(!thorough)('in the browser’s own extension host', () => {
  let browser: Browser;
  let page: Page;
  let hub: LoopbackHub;
  let server: RunningServer;
  const lens = (text: string): Promise<void> => page.locator('.codelens-decoration', { hasText: text }).waitFor();
  const dialog = (): Locator => page.locator('.monaco-dialog-box');
  const openFromHub = async (name: string): Promise<void> => {
    const quickPick = new QuickPick(page);
    await quickPick.run('Headlight: Open Model from the Hub');
    await page.locator('.quick-input-title', { hasText: 'Open Model from the Hub' }).waitFor();
    await quickPick.type(name);
    await quickPick.choose(name);
  };

  beforeAll(async () => {
    // A folder of its own: the test bridge and the other specs live in a window of another.
    const folder = throwAwayFolder('web-samples');
    cpSync(SAMPLES, folder, { recursive: true });
    // With a slip of the pen, for a problem to be found.
    const file = join(folder, 'deepseek-v3', 'config.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"yarn"', '"yarm"'));
    hub = await startHub();
    server = await startServer(await ensureServer(inject('server')), {
      extensions: [webExtension()],
      settings: { 'headlight.hub.endpoint': hub.endpoint },
    });
    browser = await connectToChromium(inject('browserEndpoint'));
    page = await openWindow(browser);
    await page.setViewportSize({ width: 1280, height: 800 });
    await page.goto(address(server.url, folder, 'deepseek-v3/config.json'));
  });
  afterAll(async () => {
    await page.close();
    await browser.close();
    await server.stop();
    await hub.close();
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

  test('a model of the Hub opens by its name after one question, and is a config like any other; the next time at once', async () => {
    onTestFailed(async () => void (await page.screenshot({ path: join(ROOT, 'test-results', 'failed web hub.png') })));
    const quickPick = new QuickPick(page);
    await openFromHub('org/elsewhere');
    await dialog().waitFor();
    await expect
      .poll(() => dialog().innerText())
      .toMatch(/Fetch .* of hf:org\/elsewhere from 127\.0\.0\.1:\d+\?[\s\S]*config\.json · .*[\s\S]*in this browser/);
    await page.screenshot({ path: join(ROOT, 'test-results', 'web-hub-question.png') });
    expect(hub.seen.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
    await dialog().getByRole('button', { name: 'Fetch', exact: true }).click();
    await lens('MLA · 38.13 KiB/token');
    await page
      .locator('.view-line', { hasText: /320.per.token/ })
      .first()
      .waitFor();
    await page.locator('.squiggly-warning').first().waitFor();
    await page.locator('.view-line > span > span', { hasText: 'kv_lora_rank' }).first().hover();
    await expect
      .poll(() => page.locator('.monaco-hover:visible', { hasText: 'B/token' }).first().innerText())
      .toContain('39,040 B/token');
    await page.mouse.move(0, 0);
    for (const [command, question, answer] of [
      ['Headlight: Compare Attention Variants', 'Compare Attention Variants', 'GQA'],
      ['Headlight: Fit This Config to a GPU', 'Fit', 'H100'],
      ['Headlight: Compare with Another Config', 'Compare with Another Config', 'Llama'],
    ] as const) {
      await quickPick.run(command);
      await quickPick.question(question);
      await quickPick.entry(answer);
      await quickPick.leave();
    }
    await page.screenshot({ path: join(ROOT, 'test-results', 'web-hub-document.png') });
    await page.keyboard.press('Control+KeyW');
    hub.forget();
    await openFromHub('org/elsewhere');
    await lens('MLA · 38.13 KiB/token');
    expect(hub.seen).toEqual([]);
  });

  test('a gated model opens with the token that is typed, and no other host gets it; its weights by their headers', async () => {
    onTestFailed(
      async () => void (await page.screenshot({ path: join(ROOT, 'test-results', 'failed web token.png') })),
    );
    const quickPick = new QuickPick(page);
    const fetchIt = async (): Promise<void> => {
      await openFromHub('org/gated');
      await dialog().getByRole('button', { name: 'Fetch', exact: true }).click();
    };
    await fetchIt();
    await quickPick.run('Notifications: Show Notifications');
    const told = page.locator('.notification-list-item', { hasText: 'is gated' });
    await expect.poll(() => told.innerText()).toMatch(/Ask for access at .*“Headlight: Set Hub Token…”/);
    await page.screenshot({ path: join(ROOT, 'test-results', 'web-hub-gated.png') });
    await quickPick.run('Headlight: Set Hub Token');
    await page.locator('.quick-input-title', { hasText: 'Token for 127.0.0.1' }).waitFor();
    await page.locator('.quick-input-widget input[type="password"]').fill(TOKEN);
    await quickPick.press('Enter');
    await page.locator('.notification-list-item', { hasText: 'The token is used for 127.0.0.1' }).waitFor();
    await quickPick.run('Notifications: Clear All Notifications');
    hub.forget();
    await fetchIt();
    await lens('GQA · 1 KiB/token');
    await quickPick.run('Headlight: Describe Weight File');
    await untilPageSays(page, /Safetensors, one file: \d+ tensors, .* weights in [\d.]+ MiB/);
    await page.screenshot({ path: join(ROOT, 'test-results', 'web-hub-weights.png') });
    const [ours, store] = ['hub', 'store'].map((port) => hub.seen.filter((seen) => seen.port === port));
    expect(new Set(ours?.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(new Set(store?.map(({ authorization }) => authorization))).toEqual(new Set([null]));
    expect(store?.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(64 * 1024);
  });
});
