// Models that lie elsewhere, in the real VS Code: a Hub on loopback, and the stores of other programs in a home of their own.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../harness/places.mjs';
import { LoopbackHub } from '../unit/hub/support/loopbackHub';
import { furnished } from '../unit/stores/support/machine';
import { thorough } from '../unit/depth';
import { Panel } from './pageObjects/panel';
import { QuickPick } from './pageObjects/quickPick';
import { useWorkbench } from './window';

const SAMPLE = join(ROOT, 'media', 'samples', 'gqa');

describe.skipIf(!thorough)('models that lie elsewhere', () => {
  const workbench = useWorkbench();
  let hub: LoopbackHub;
  let home = '';
  let before: Readonly<Record<string, string | null>> = {};

  /** Sets the environment of the extension host; null unsets. Returns what was there. */
  const environment = (
    values: Readonly<Record<string, string | null>>,
  ): Promise<Readonly<Record<string, string | null>>> =>
    workbench().host.evaluate((_vscode, wanted) => {
      const old: Record<string, string | null> = {};
      for (const [name, value] of Object.entries(wanted)) {
        old[name] = process.env[name] ?? null;
        if (value === null) Reflect.deleteProperty(process.env, name);
        else process.env[name] = value;
      }
      return old;
    }, values);
  const lens = (text: string): Promise<void> =>
    workbench().page.locator('.codelens-decoration', { hasText: text }).waitFor();
  const dialog = (): Locator => workbench().page.locator('.monaco-dialog-box');
  const header = (): Locator => workbench().page.locator('.pane-header', { hasText: 'Model Configs' });
  const fromMenu = async (entry: string): Promise<void> => {
    await workbench().host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('headlight.configs.focus')),
      null,
    );
    await workbench().chooseFromViewMenu(header(), entry);
  };

  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'headlight-elsewhere-'));
    furnished(home);
    const files = readdirSync(SAMPLE).map((name) => {
      const content = new Uint8Array(readFileSync(join(SAMPLE, name)));
      return [name, name.endsWith('.safetensors') ? { content, large: true } : content] as const;
    });
    hub = await LoopbackHub.start({ 'org/never-downloaded': { files: Object.fromEntries(files) } });
    await workbench()
      .untilHeadlightIsActive()
      .catch(() => undefined);
    before = await environment({
      HOME: home,
      HF_HOME: null,
      HF_HUB_CACHE: null,
      HUGGINGFACE_HUB_CACHE: null,
      XDG_CACHE_HOME: null,
      XDG_CONFIG_HOME: null,
      OLLAMA_MODELS: join(home, '.ollama', 'models'),
      LLAMA_CACHE: null,
      HF_HUB_OFFLINE: null,
      HF_TOKEN: null,
      HF_ENDPOINT: hub.endpoint,
    });
  });
  afterAll(async () => {
    await environment(before);
    await hub.close();
    rmSync(home, { recursive: true, force: true });
  });

  test('what other programs keep here is listed on request, and opens', async () => {
    const { page } = workbench();
    // The whole height for the list.
    await fromMenu('Look for Models on This Machine');
    await page.locator('.pane-header', { hasText: 'Attention' }).click();
    const row = (text: string): Locator => page.locator('.pane-body .monaco-list-row', { hasText: text });
    await row('llama3:8b').waitFor();
    await expect.poll(() => row('llama3:8b').innerText()).toMatch(/GQA · 128 B\/token · .* on disk/);
    await workbench().screenshot('hub-local-models');
    await row('llama3:8b').click();
    await lens('GQA · 128 B/token');
    await page.locator('.pane-header', { hasText: 'Attention' }).click();
  });

  test('a name, one question, and its config; the next time at once', async () => {
    const { page } = workbench();
    const quickPick = new QuickPick(page);
    await fromMenu('Open Model from the Hub');
    await quickPick.question('Open Model from the Hub');
    await quickPick.type('org/never-downloaded');
    await quickPick.entry('ask 127.0.0.1');
    await quickPick.choose('ask 127.0.0.1');
    await dialog().waitFor();
    await expect
      .poll(() => dialog().innerText())
      .toMatch(/Fetch .* of hf:org\/never-downloaded from 127\.0\.0\.1:\d+\?/);
    expect(hub.seen.filter(({ path }) => path.includes('/resolve/'))).toEqual([]);
    await workbench().screenshot('hub-question');
    await dialog().getByRole('button', { name: 'Fetch', exact: true }).click();
    await lens('GQA · 1 KiB/token');
    await workbench().screenshot('hub-document');
    await page.keyboard.press('Control+KeyW');
    hub.forget();
    await quickPick.run('Headlight: Open Model from the Hub');
    await quickPick.question('Open Model from the Hub');
    await quickPick.choose('org/never-downloaded');
    await lens('GQA · 1 KiB/token');
    expect(hub.seen).toEqual([]);
  });

  test('its heads are shown for the bytes that were said', async () => {
    const { page, host } = workbench();
    await host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('headlight.openPanel', undefined, 'heads')),
      null,
    );
    const panel = new Panel(page);
    await panel.untilShows('which tokens it looks at');
    await panel.frame.getByRole('button', { name: 'Run', exact: true }).click();
    await dialog().waitFor();
    await expect.poll(() => dialog().innerText()).toMatch(/Fetch up to .* of the weights of hf:org\/never-downloaded/);
    await workbench().screenshot('hub-heads-question');
    await dialog().getByRole('button', { name: 'Fetch', exact: true }).click();
    await panel.untilShows('GQA · 8 query heads in 2 groups of 4');
    await expect.poll(() => hub.seen.filter(({ port }) => port === 'store').length).toBeGreaterThan(1);
    await workbench().screenshot('hub-heads');
  });
});
