// The pictures of docs/editor.md, from the real VS Code: see tour.pictures.ts.
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { CONVERSION_PROMPT } from '../../src/present/conversionText';
import { ROOT } from '../harness/places.mjs';
import { QuickPick } from './pageObjects/quickPick';
import { pictureTexts, untilPageSays } from './pageObjects/resultPage';
import { useWorkbench } from './window';

/** All of one size: they stand beside each other. */
const [WIDTH, HEIGHT] = [760, 400];

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  max_position_embeddings: 131072,
  dtype: 'bfloat16',
};

const PYTHON = `from transformers import LlamaConfig, LlamaForCausalLM

config = LlamaConfig(
    hidden_size=4096,
    num_hidden_layers=32,
    num_attention_heads=32,
    num_key_value_heads=8,
    max_position_embeddings=131072,
    torch_dtype="bfloat16",
)
model = LlamaForCausalLM(config)
`;

describe('pictures', () => {
  const workbench = useWorkbench({ width: WIDTH, height: 560 });
  let quickPick: QuickPick;

  const command = (id: string, ...args: unknown[]): Promise<void> =>
    workbench().host.evaluate(
      async (vscode, [name, ...rest]) =>
        void (await vscode.commands.executeCommand(name as string, ...(rest as unknown[]))),
      [id, ...args],
    );
  const write = (path: string, text: string): void => {
    mkdirSync(join(inject('folder'), path, '..'), { recursive: true });
    writeFileSync(join(inject('folder'), path), text);
  };
  const config = (changes: object = {}): string => `${JSON.stringify({ ...CONFIG, ...changes }, null, 2)}\n`;
  /** A strip of the window, below its title or, with a number, from there. */
  const take = (name: string, top = 36, height = HEIGHT): Promise<void> =>
    workbench().picture(`picture-${name}`, { x: 0, y: top, width: WIDTH, height });
  const shown = (text: string | RegExp): Promise<void> => untilPageSays(workbench().page, new RegExp(text));

  beforeAll(async () => {
    quickPick = new QuickPick(workbench().page);
    await workbench().setTheme('dark');
    await workbench().setSetting('editor.minimap.enabled', false);
    await workbench().setSetting('breadcrumbs.enabled', false);
    await workbench().setSetting('workbench.layoutControl.enabled', false);
    await workbench().setSetting('workbench.activityBar.location', 'hidden');
    await workbench().setSetting('markdown.preview.fontSize', 12);
  });
  beforeEach(async () => {
    await workbench().tidy();
    await workbench()
      .untilHeadlightIsActive()
      .catch(() => undefined);
  });

  const openAlone = async (path: string): Promise<Awaited<ReturnType<ReturnType<typeof workbench>['openFile']>>> => {
    await command('workbench.action.closeSidebar');
    const editor = await workbench().openFile(path);
    // It would come back where it was left.
    await workbench().page.keyboard.press('Control+Home');
    return editor;
  };

  test('lens, hints and a problem; its fixes; values that come out even', async () => {
    const { page } = workbench();
    write('my-model/config.json', config({ num_key_value_heads: 7 }));
    const editor = await openAlone('my-model/config.json');
    await page.locator('.squiggly-error').first().waitFor();
    await page.locator('.codelens-decoration', { hasText: 'sequences fit' }).waitFor();
    await page
      .locator('.view-line', { hasText: /does.not.divide.32/ })
      .first()
      .waitFor();
    await take('problem');
    await editor.moveCursorTo('7,');
    await page.keyboard.press('Control+Period');
    await page.locator('.action-widget .monaco-list-row', { hasText: 'Set num_key_value_heads to 4' }).waitFor();
    await take('fixes', 120);
    await page.keyboard.press('Escape');
    await page.locator('.action-widget').first().waitFor({ state: 'hidden' });
    await page.keyboard.press('Control+Space');
    await page.locator('.suggest-widget.visible .monaco-list-row', { hasText: 'groups of 8' }).waitFor();
    await take('completion');
    await page.keyboard.press('Escape');
  });

  test('questions with their answers in sight, and a result', async () => {
    const { page } = workbench();
    write('my-model/config.json', config());
    await openAlone('my-model/config.json');
    await page.locator('.codelens-decoration', { hasText: 'GQA' }).waitFor();
    await quickPick.run('Headlight: Compare Attention Variants');
    await quickPick.question('Compare Attention Variants');
    await take('palette', 0);
    await quickPick.press('Enter');
    await quickPick.question('Cache at');
    await quickPick.press('Enter');
    await quickPick.untilClosed();
    await shown('Attention variants of');
    await command('markdown.showPreview');
    await command('workbench.action.closeEditorsInOtherGroups');
    const preview = page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame');
    await preview.getByText('MLA 512 + 64').waitFor();
    await take('result');
    await workbench().tidy();
    await openAlone('llama-3-8b/config.json');
    await quickPick.run('Headlight: Fit This Config to a GPU');
    await quickPick.question('Fit to GPU');
    await take('fit', 0);
    await quickPick.leave();
  });

  test('a change in a diff', async () => {
    write('my-model/config.json', config({ num_key_value_heads: 2 }));
    write('before/config.json', config());
    await openAlone('my-model/config.json');
    await workbench().setSetting('diffEditor.renderSideBySide', false);
    await workbench().host.evaluate(
      async (vscode, [before, after]) => {
        const text = (await vscode.workspace.openTextDocument(vscode.Uri.file(before as string))).getText();
        vscode.workspace.registerTextDocumentContentProvider('revision', { provideTextDocumentContent: () => text });
        const uri = vscode.Uri.file(after as string);
        await vscode.commands.executeCommand(
          'vscode.diff',
          uri.with({ scheme: 'revision' }),
          uri,
          'config.json (HEAD ↔ Working Tree)',
        );
      },
      [join(inject('folder'), 'before/config.json'), join(inject('folder'), 'my-model/config.json')],
    );
    await shown(/÷ 4/);
    await take('diff');
    await workbench().setSetting('diffEditor.renderSideBySide', null);
  });

  test('the workspace', async () => {
    const { page } = workbench();
    await workbench().openFile('qwen3-8b/config.json');
    await command('headlight.configs.focus');
    const rows = page.locator('.pane-body .monaco-list-row', { hasText: 'token' });
    await rows.filter({ hasText: 'qwen3-8b' }).waitFor();
    const attention = page.locator('.pane-header', { hasText: 'Attention' });
    if ((await attention.getAttribute('aria-expanded')) === 'true') await attention.click();
    // Wide enough for the numbers.
    const { x = 0, width = 0 } = (await page.locator('.part.sidebar').boundingBox()) ?? {};
    await page.mouse.move(x + width, 300);
    await page.mouse.down();
    await page.mouse.move(330, 300, { steps: 4 });
    await page.mouse.up();
    await rows.filter({ hasText: 'deepseek-v3' }).click();
    await rows.filter({ hasText: 'qwen3-8b' }).click({ modifiers: ['Control'] });
    await (await workbench().contextMenu(rows.filter({ hasText: 'qwen3-8b' }), 'Compare Selected')).hover();
    await take('workspace');
    await page.keyboard.press('Escape');
    if ((await attention.getAttribute('aria-expanded')) !== 'true') await attention.click();
  });

  test('Python', async () => {
    write('train/model.py', PYTHON);
    const editor = await openAlone('train/model.py');
    await (await editor.hoverWithMouse('num_key_value_heads')).textWith('131,072');
    await take('python');
  });

  test('a weight file', async () => {
    cpSync(join(ROOT, 'media', 'samples', 'mla'), join(inject('folder'), 'mla'), { recursive: true });
    await openAlone('mla/config.json');
    await workbench().host.evaluate(
      async (vscode, path) =>
        void (await vscode.commands.executeCommand('headlight.estimateWeights', vscode.Uri.file(path as string))),
      join(inject('folder'), 'mla', 'model.safetensors'),
    );
    await shown('query heads share one latent');
    await command('markdown.showPreview');
    const preview = workbench().page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame');
    await preview.getByText('Element types').waitFor();
    await take('weights');
  });

  test('what a conversion loses', async () => {
    cpSync(join(ROOT, 'media', 'samples', 'mha'), join(inject('folder'), 'mha'), { recursive: true });
    await openAlone('mha/config.json');
    await workbench().host.evaluate(
      async (vscode, prompt) =>
        void (await vscode.commands.executeCommand('headlight.measureConversion', undefined, {
          layer: 1,
          prompt,
        })),
      CONVERSION_PROMPT,
    );
    await shown('loses as another design');
    await command('workbench.action.closeEditorsInOtherGroups');
    await expect.poll(() => pictureTexts(workbench().page)).toContain('MLA, joint-svd');
    // From the picture on: what stands above it is in the text.
    const preview = workbench().page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame');
    await preview.locator('figure').scrollIntoViewIfNeeded();
    await take('conversion', 36, 524);
  });

  test('the status of the language', async () => {
    const { page } = workbench();
    await openAlone('deepseek-v3/config.json');
    await page.locator('.codelens-decoration', { hasText: 'MLA' }).waitFor();
    await page.locator('[id="status.languageStatus"]').first().hover();
    await page.locator('.hover-language-status', { hasText: 'deepseek' }).first().waitFor();
    await take('status', 160);
  });
});
