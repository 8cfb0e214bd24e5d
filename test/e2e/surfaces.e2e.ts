// What the editor shows without the panel: questions by keyboard, results as Markdown, the view of configs, the walkthrough.
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, inject, test } from 'vitest';
import { QuickPick } from './pageObjects/quickPick';
import { untilPageSays } from './pageObjects/resultPage';
import { type Theme } from './pageObjects/workbench';
import { useWorkbench } from './window';
import { thorough } from '../unit/depth';

describe.skipIf(!thorough)('comparing by keyboard', () => {
  const workbench = useWorkbench();
  let quickPick: QuickPick;

  beforeAll(async () => {
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    quickPick = new QuickPick(workbench().page);
  });
  afterEach(() => quickPick.press('Escape'));

  test('designs are chosen with their numbers in sight, back leads back, and the result is a Markdown document', async () => {
    await quickPick.run('Headlight: Compare Attention Variants');
    await quickPick.question('Compare Attention Variants · llama-3-8b');
    await expect.poll(() => quickPick.entry('MQA')).toContain('16 KiB/token');
    await workbench().screenshot('palette-variants');
    await quickPick.press('Enter');
    await quickPick.question('Cache at 1 × 32,768 tokens');
    await expect.poll(() => quickPick.entry('MLA 512 + 64')).toContain('36 KiB');
    await workbench().screenshot('palette-results');
    await quickPick.back();
    await quickPick.question('Compare Attention Variants · llama-3-8b');
    await quickPick.press('Enter');
    await quickPick.question('Cache at 1 × 32,768 tokens');
    await quickPick.press('Enter');
    await quickPick.untilClosed();
    await untilPageSays(workbench().page, /Attention variants of/);
    await workbench().screenshot('palette-markdown');
  });

  test('a number that is typed is a choice', async () => {
    await quickPick.run('Headlight: Show KV Cache at');
    await quickPick.question('Show KV Cache at');
    await quickPick.type('100k');
    await expect.poll(() => quickPick.entry('102,400 tokens')).toContain('12.5 GiB');
    await workbench().screenshot('palette-cache-at');
    await quickPick.press('Enter');
    await quickPick.entry('1 at once');
    await quickPick.press('Enter');
    await quickPick.question('1 × 102,400 tokens');
    await expect.poll(() => quickPick.entry('vLLM')).toContain('12.5 GiB');
    await quickPick.press('Escape');
    await quickPick.untilClosed();
  });

  test('devices are chosen with what fits in sight', async () => {
    await quickPick.run('Headlight: Fit This Config to a GPU');
    await quickPick.question('Fit to GPU');
    // What was chosen last time may be what is in sight.
    await quickPick.type('H100 SXM');
    await expect.poll(() => quickPick.entry('H100 SXM')).toContain('fits:');
    await workbench().screenshot('palette-fit');
  });
});

describe.skipIf(!thorough)('commands of the panel', () => {
  const workbench = useWorkbench();

  test.each([
    ['Headlight: Show Heads', 'Heads'],
    ['Headlight: Step Through KV Cache and MLA', 'Step by step'],
  ])('%s opens it there', async (command, view) => {
    await workbench().openFile('deepseek-v3/config.json');
    await workbench().untilHeadlightIsActive();
    await new QuickPick(workbench().page).run(command);
    const panel = workbench().page.frameLocator('iframe.webview.ready').frameLocator('#active-frame');
    await panel.getByRole('tab', { name: view, selected: true }).waitFor();
  });
});

describe.skipIf(!thorough)('the view of the workspace', () => {
  const workbench = useWorkbench();

  test('lists configs with what they cost, sorts them, and follows the files', async () => {
    const { page, host } = workbench();
    await host.evaluate(async (vscode) => void (await vscode.commands.executeCommand('headlight.configs.focus')), null);
    const rows = page.locator('.pane-body .monaco-list-row', { hasText: 'token' });
    await rows.filter({ hasText: 'llama-3-8b' }).waitFor();
    // The files that specs before have changed are back, and the view follows them.
    await expect.poll(() => rows.filter({ hasText: 'llama-3-8b' }).innerText()).toContain('4 GiB · GQA');
    const names = async (): Promise<string[]> => (await rows.allInnerTexts()).map((text) => text.split('\n')[0] ?? '');
    await host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('headlight.sortConfigsByBytes')),
      null,
    );
    await expect.poll(async () => (await names()).findIndex((name) => name.startsWith('gpt2'))).toBeGreaterThan(2);
    // The largest: it comes first, whatever the height of the view. In a folder that is watched already.
    const large = {
      model_type: 'llama',
      architectures: ['LlamaForCausalLM'],
      hidden_size: 8192,
      num_hidden_layers: 80,
      num_attention_heads: 64,
    };
    writeFileSync(join(inject('folder'), 'gpt2', 'large.json'), JSON.stringify(large));
    await rows.filter({ hasText: 'large.json' }).waitFor();
    await workbench().screenshot('tree');
    // A folder that goes takes its configs along.
    rmSync(join(inject('folder'), 'gpt2'), { recursive: true });
    await rows.filter({ hasText: 'large.json' }).waitFor({ state: 'detached' });
    await host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('headlight.sortConfigsByName')),
      null,
    );
  });
});

describe.skipIf(!thorough)('a weight file', () => {
  const workbench = useWorkbench();

  test('becomes a page of what its header says', async () => {
    const { page, host } = workbench();
    await host.evaluate(async (vscode) => {
      const root = vscode.extensions.getExtension('headlight.headlight')?.extensionUri;
      if (root)
        await vscode.commands.executeCommand(
          'headlight.estimateWeights',
          vscode.Uri.joinPath(root, 'media', 'samples', 'mla', 'model.safetensors'),
        );
    }, null);
    const rendered = page.frameLocator('iframe.webview.ready').frameLocator('#active-frame').locator('.markdown-body');
    await rendered.filter({ hasText: 'query heads share one latent' }).waitFor();
    await workbench().screenshot('weights-summary');
  });
});

describe.skipIf(!thorough)('the walkthrough', () => {
  const workbench = useWorkbench({ width: 1280, height: 860 });

  const STEPS = ['Hover a number', 'Set your scenario', 'Compare designs', 'Open the panel', 'Watch a head'];

  test.each<[Theme, readonly string[]]>([
    ['dark', STEPS],
    ['light', STEPS],
    ['highContrast', STEPS],
  ])('has a picture for every step, in the theme %s', async (theme, steps) => {
    const { page, host } = workbench();
    await workbench().setTheme(theme);
    // Beside a side bar there is no room for pictures.
    await host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('workbench.action.closeSidebar')),
      null,
    );
    await host.evaluate(
      async (vscode) =>
        void (await vscode.commands.executeCommand(
          'workbench.action.openWalkthrough',
          'headlight.headlight#start',
          false,
        )),
      null,
    );
    await page.locator('.gettingStartedContainer', { hasText: 'Get Started with Headlight' }).waitFor();
    for (const step of steps) {
      const title = page.locator('.gettingStartedContainer .step-title', { hasText: step });
      await title.click();
      const picture = page.frameLocator('iframe.webview.ready').last().frameLocator('#active-frame').locator('svg');
      await picture.waitFor();
      await workbench().screenshot(`walkthrough-${theme}-${step.toLowerCase().replaceAll(' ', '-')}`);
    }
  });
});
