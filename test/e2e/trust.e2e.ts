// A window that does not trust its folder (Restricted Mode), whose settings would teach a family and name a library: what SECURITY.md's
// table says of untrusted workspaces, in the real editor. test/unit/editor/trust.test.ts has a test for each row.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectToChromium, openWindow } from '../harness/chromium.mjs';
import { buildHostBridge } from '../harness/hostBridge.mjs';
import { throwAwayFolder } from '../harness/places.mjs';
import { SAMPLES } from '../harness/samples.mjs';
import { startServer, workbenchUrl } from '../harness/serverLauncher.mjs';
import { ensureServer } from '../harness/vscodeServers.mjs';
import { extensionFolder } from './extension';
import { Host } from './pageObjects/host';

/** As in the file of settings. */
const SETTINGS = {
  'headlight.families': { mistral: { like: 'gpt_bigcode' } },
  'headlight.compute.tensorflowPath': '/nowhere/evil',
  'headlight.compute.memoryCeilingGiB': 64,
  'headlight.scenario.tokens': 4096,
};

interface Counted {
  readonly totalBytes: number;
}

describe('an untrusted workspace', () => {
  const folder = throwAwayFolder('untrusted');
  let server: Awaited<ReturnType<typeof startServer>>;
  let browser: Browser;
  let page: Page;
  let host: Host;

  beforeAll(async () => {
    cpSync(SAMPLES, folder, { recursive: true });
    mkdirSync(join(folder, '.vscode'), { recursive: true });
    writeFileSync(join(folder, '.vscode', 'settings.json'), JSON.stringify(SETTINGS));
    const bridge = throwAwayFolder('bridge');
    await buildHostBridge(bridge);
    const socket = join(bridge, 'socket');
    server = await startServer(await ensureServer(inject('server')), {
      restricted: true,
      extensions: [bridge, extensionFolder()],
      env: { HEADLIGHT_BRIDGE: socket, HEADLIGHT_BRIDGE_FOLDER: folder },
    });
    browser = await connectToChromium(inject('browserEndpoint'));
    page = await openWindow(browser);
    await page.goto(workbenchUrl(server.url, { folder }));
    host = new Host(socket);
    expect(await host.evaluate((vscode) => vscode.workspace.isTrusted, null)).toBe(false);
  }, 120_000);
  afterAll(async () => {
    await page.close();
    await browser.close();
    await server.stop();
  });

  test('what it teaches and which library it names does not count; its other settings do', async () => {
    const inForce = await host.evaluate((vscode, names) => {
      const settings = vscode.workspace.getConfiguration();
      return names.map((name) => settings.get<unknown>(name));
    }, Object.keys(SETTINGS));
    expect(inForce).toEqual([{}, '', null, 4096]);
  });

  test('reading and computing work', async () => {
    const hovered = await host.evaluate(
      async (vscode, path) => {
        await vscode.extensions.getExtension('headlight.headlight')?.activate();
        const document = await vscode.workspace.openTextDocument(path);
        const hovers = await vscode.commands.executeCommand<{ contents: (string | { value: string })[] }[]>(
          'vscode.executeHoverProvider',
          document.uri,
          document.positionAt(document.getText().indexOf('num_key_value_heads') + 2),
        );
        return hovers
          .flatMap(({ contents }) => contents)
          .map((content) => (typeof content === 'string' ? content : content.value))
          .join('\n');
      },
      join(folder, 'llama-3-8b', 'config.json'),
    );
    expect(hovered).toContain('131,072 B');
    // A Mistral stays one, whatever the workspace teaches: 2 × 8 heads of 128, in 32 layers and 2 bytes.
    writeFileSync(
      join(folder, 'config.json'),
      JSON.stringify({
        model_type: 'mistral',
        hidden_size: 4096,
        num_hidden_layers: 32,
        num_attention_heads: 32,
        num_key_value_heads: 8,
        sliding_window: null,
        torch_dtype: 'bfloat16',
      }),
    );
    const [counted, ran] = await host.evaluate(
      async (vscode, path) => {
        const uri = vscode.Uri.file(path);
        const run = (name: string, request: object): Thenable<unknown> =>
          vscode.commands.executeCommand<unknown>(`headlight.${name}`, uri, request);
        return [
          await run('showKvCacheAt', { tokens: 1, batch: 1 }),
          await run('runAttentionLayer', { layer: 0, tokens: 4, steps: 1 }),
        ];
      },
      join(folder, 'config.json'),
    );
    expect((counted as Counted).totalBytes).toBe(131_072);
    expect(ran).toMatchObject({ run: { cacheBytes: 2 * 8 * 128 * 4 * 5 } });
  });

  test('the TensorFlow engine is not installed, and says why', async () => {
    const answer = await host.evaluate(
      (vscode) => vscode.commands.executeCommand<boolean>('headlight.installTensorflowEngine'),
      null,
    );
    expect(answer).toBe(false);
    const why = page.locator('.notification-list-item', { hasText: 'trust this workspace first' }).first();
    // A message that nobody looked at goes into the list.
    const shown = async (): Promise<boolean> => {
      await host.evaluate((vscode) => vscode.commands.executeCommand('notifications.showList').then(() => null), null);
      return why.isVisible();
    };
    await expect.poll(shown, { timeout: 30_000, interval: 1_000 }).toBe(true);
  });
});
