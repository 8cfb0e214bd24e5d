// What a whole model would lose, in a real VS Code: a sweep that is stopped and goes on, a point that is clicked, applied, undone, exported.
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame, type Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { ROOT } from '../harness/places.mjs';
import { thorough } from '../unit/depth';
import { besideFile } from '../unit/support/reference';
import { Panel } from './pageObjects/panel';
import { QuickPick } from './pageObjects/quickPick';
import { useWorkbench } from './window';

const TIMEOUT = 30_000;
/** Its own, and an export's of it. */
const NAME = 'whole-model';

/** stories260K where it lies beside the checkout; else the GQA sample. */
function writeModel(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const stories = besideFile('models/stories260K.gguf');
  if (stories === null) {
    cpSync(join(ROOT, 'media', 'samples', 'gqa'), folder, { recursive: true });
    return;
  }
  cpSync(stories, join(folder, 'stories260K.gguf'));
  const config = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 64,
    intermediate_size: 172,
    num_hidden_layers: 5,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    vocab_size: 512,
    max_position_embeddings: 512,
  };
  writeFileSync(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

describe.skipIf(!thorough)('what the model would lose', () => {
  const workbench = useWorkbench({ width: 1440, height: 900 });
  let root = '';
  let frame: Frame;
  let quickPick: QuickPick;

  const view = (): Locator => frame.locator('headlight-tradeoff');
  const button = (name: string): Locator => view().getByRole('button', { name, exact: true });
  const points = (): Locator => view().locator('headlight-scatter [role="option"]');
  const chosen = (): Promise<string> => view().locator('.details h2').innerText();
  const text = (): Promise<string> =>
    workbench().host.evaluate(
      async (vscode, path) => (await vscode.workspace.openTextDocument(vscode.Uri.file(path))).getText(),
      join(root, 'config.json'),
    );

  beforeAll(async () => {
    root = join(inject('folder'), NAME);
    writeModel(root);
    quickPick = new QuickPick(workbench().page);
    await workbench().openFile(`${NAME}/config.json`);
    await workbench().untilHeadlightIsActive();
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('is measured from the palette, stops with what was found, and goes on', async () => {
    await quickPick.run('Headlight: What Would I Lose? Measure');
    frame = await new Panel(workbench().page).document();
    await button('Stop').click({ timeout: TIMEOUT });
    // A short text is enough to see it go.
    await view().getByLabel('Tokens of the text, at most').selectOption('128');
    await button('Measure').click({ timeout: TIMEOUT });
    await points().first().waitFor({ timeout: TIMEOUT });
    await expect.poll(() => view().locator('.status').innerText()).toMatch(/\d+ left/);
    await button('Stop').click();
    await button('Go on').waitFor({ timeout: TIMEOUT });
    await expect
      .poll(() => view().locator('.status').innerText())
      .toMatch(/128 of \d+ tokens.*\d+ of \d+ methods left/);
    await button('Go on').click();
    await expect
      .poll(() => view().locator('.status').innerText(), { timeout: 90_000 })
      .toMatch(/\d layers .*without training$/);
    await button('Stop').waitFor({ state: 'hidden', timeout: 90_000 });
    await expect.poll(() => button('Go on').count()).toBe(0);
    await expect.poll(() => points().count()).toBeGreaterThan(20);
    await workbench().screenshot('tradeoff');
  }, 150_000);

  test('is read point by point, by mouse and by keys', async () => {
    const mqa = view().locator('headlight-scatter [role="option"][aria-label^="MQA"]').first();
    await mqa.click({ force: true });
    await expect.poll(chosen).toMatch(/^MQA/);
    await expect.poll(() => mqa.getAttribute('aria-selected')).toBe('true');
    await expect.poll(() => view().locator('.layers span').count()).toBeGreaterThan(3);
    await view().locator('headlight-scatter .plot').focus();
    await workbench().page.keyboard.press('Home');
    await expect.poll(chosen).not.toMatch(/^MQA/);
    await button('Show as a table').click();
    await view().getByRole('button', { name: /^MQA/ }).first().click();
    await expect.poll(chosen).toMatch(/^MQA/);
    await button('Show as a chart').click();
  });

  test('takes a method of one’s own, and says what it can no longer do', async () => {
    const own = view().getByLabel('Methods of your own');
    await own.fill('nonsense');
    await own.press('Enter');
    await expect.poll(() => view().getByRole('alert').innerText()).toMatch(/no cache type/);
    await own.fill('k=q5_0/v=q4_0');
    await own.press('Enter');
    await expect.poll(chosen, { timeout: TIMEOUT }).toBe('K q5_0, V q4_0');
    await expect.poll(() => view().getByRole('alert').count()).toBe(0);
    await expect
      .poll(() => view().locator('.details table').first().innerText())
      .toMatch(/induction\s+[\d.]+ %, [\d.]+\s+[\d.]+ %/);
    await view().locator('headlight-scatter [role="option"][aria-label^="MQA"]').first().click({ force: true });
    await expect.poll(chosen).toMatch(/^MQA/);
  });

  test('is applied to the config, which one undo takes back', async () => {
    const before = await text();
    await button('Apply').click();
    await expect.poll(text).toBe(before.replace(/("num_key_value_heads": )\d/, '$11'));
    await workbench().host.evaluate(
      async (vscode, path) => {
        await vscode.window.showTextDocument(vscode.Uri.file(path), { viewColumn: 1 });
        await vscode.commands.executeCommand('undo');
      },
      join(root, 'config.json'),
    );
    await expect.poll(text).toBe(before);
  });

  test('is exported into a folder of its own, whole', async () => {
    await button('Export…').click();
    await quickPick.type(`${root}/`);
    await quickPick.press('Enter');
    const folder = join(root, `${NAME}-mqa-aligned-pool`);
    await expect.poll(() => existsSync(join(folder, 'README.md')), { timeout: TIMEOUT }).toBe(true);
    expect(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))).toMatchObject({ num_key_value_heads: 1 });
    expect(readFileSync(join(folder, 'README.md'), 'utf8')).toMatch(/same likeliest token/);
  }, 60_000);
});
