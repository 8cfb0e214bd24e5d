// Numbers with their scope, in the real VS Code: several devices, windows, a value that is not understood; and one click for GB.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const LLAMA_405B = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 16_384,
  intermediate_size: 53_248,
  num_hidden_layers: 126,
  num_attention_heads: 128,
  num_key_value_heads: 8,
  vocab_size: 128_256,
  max_position_embeddings: 131_072,
  torch_dtype: 'bfloat16',
};
const SCENARIO: Readonly<Record<string, string | number>> = {
  'headlight.scenario.tokens': 131_072,
  'headlight.scenario.batch': 32,
  'headlight.scenario.tensorParallel': 8,
  'headlight.scenario.kvDtype': 'fp8',
  'headlight.scenario.engine': 'vllm',
};

describe('the scope of a number', () => {
  const workbench = useWorkbench();
  const write = (path: string, config: object): void => {
    mkdirSync(join(inject('folder'), path, '..'), { recursive: true });
    writeFileSync(join(inject('folder'), path), `${JSON.stringify(config, null, 2)}\n`);
  };

  beforeAll(async () => {
    write('llama-3.1-405b/config.json', LLAMA_405B);
    write('text-value/config.json', { ...LLAMA_405B, hidden_size: '16384' });
    for (const [key, value] of Object.entries(SCENARIO)) await workbench().setSetting(key, value);
  });
  afterAll(async () => {
    for (const key of [...Object.keys(SCENARIO), 'headlight.units']) await workbench().setSetting(key, null);
  });

  test('is in all and on each device in lens, status and hover', async () => {
    const { page } = workbench();
    const both = '1,008 GiB · 126 GiB on each of 8';
    const editor = await workbench().openFile('llama-3.1-405b/config.json');
    await page.locator('.codelens-decoration', { hasText: both }).waitFor();
    await page.locator('.statusbar-item', { hasText: both }).waitFor();
    await editor.moveCursorTo('num_key_value_heads');
    const hover = await editor.hoverWithKeyboard();
    expect(await hover.textWith('258,048')).toContain('1,008 GiB (1.08 TB) · 126 GiB on each of 8');
    await workbench().screenshot('scope-hover');
    await hover.dismiss();
  });

  test('is not known where a value is not understood', async () => {
    const { page } = workbench();
    await workbench().openFile('text-value/config.json');
    await page.locator('.codelens-decoration', { hasText: 'cache not known' }).waitFor();
    await page.locator('.statusbar-item', { hasText: 'KV cache not known' }).waitFor();
    await workbench().screenshot('scope-not-known');
  });

  test('counts in GB everywhere after one click in the panel', async () => {
    const { page, host } = workbench();
    await workbench().openFile('llama-3.1-405b/config.json');
    await host.evaluate(async (vscode) => void (await vscode.commands.executeCommand('headlight.openPanel')), null);
    const panel = new Panel(page);
    // A spec before may have left it in another view.
    await panel.show('Overview');
    await panel.untilShows('1,008 GiB');
    await panel.untilShows('126 GiB on each of 8');
    await panel.frame.getByRole('button', { name: 'GiB', exact: true }).click();
    await panel.untilShows('1.08 TB');
    await panel.untilShows('135.3 GB on each of 8');
    await page.locator('.codelens-decoration', { hasText: '1.08 TB · 135.3 GB on each of 8' }).waitFor();
    await page.locator('.statusbar-item', { hasText: '1.08 TB' }).waitFor();
    await workbench().screenshot('scope-gb');
    await panel.frame.getByRole('button', { name: 'GB', exact: true }).click();
    await panel.untilShows('1,008 GiB');
    await page.locator('.codelens-decoration', { hasText: '1,008 GiB' }).waitFor();
  });
});
