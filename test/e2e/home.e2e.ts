// What the mouse finds in VS Code's own places: context menus, buttons of views, welcomes, the walkthrough; and what questions remember.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type Locator, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, onTestFailed, test } from 'vitest';
import { connectToChromium, openWindow } from '../harness/chromium.mjs';
import { ROOT, throwAwayFolder } from '../harness/places.mjs';
import { workbenchUrl } from '../harness/serverLauncher.mjs';
import { thorough } from '../unit/depth';
import { underDevelopment } from './extension';
import { Panel } from './pageObjects/panel';
import { QuickPick } from './pageObjects/quickPick';
import { pictureTexts, untilPageSays } from './pageObjects/resultPage';
import { useWorkbench } from './window';

const LLAMA = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 1024,
  num_hidden_layers: 4,
  num_attention_heads: 16,
};

describe.skipIf(!thorough)('the explorer', () => {
  const workbench = useWorkbench();

  test('has Headlight: Describe Weight File in the context menu of weight files, and not of others', async () => {
    const { page } = workbench();
    cpSync(join(ROOT, 'media', 'samples', 'mla'), join(inject('folder'), 'mla'), { recursive: true });
    await workbench().host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('workbench.files.action.refreshFilesExplorer')),
      null,
    );
    const row = (name: string): Locator => page.locator('.explorer-folders-view .monaco-list-row', { hasText: name });
    await row('mla').click();
    await row('tokenizer_config.json').click({ button: 'right' });
    await page
      .locator('.monaco-menu .action-item', { hasText: 'Open With' })
      .or(page.locator('.monaco-menu .action-item', { hasText: 'Copy Path' }))
      .first()
      .waitFor();
    await expect.poll(() => page.locator('.monaco-menu .action-item', { hasText: 'Headlight' }).count()).toBe(0);
    await page.keyboard.press('Escape');
    const estimate = await workbench().contextMenu(row('model.safetensors'), 'Headlight: Describe Weight File');
    await workbench().screenshot('home-estimate-menu');
    await estimate.click();
    await untilPageSays(page, /query heads share one latent/);
  });
});

describe.skipIf(!thorough)('the view of configs', () => {
  const workbench = useWorkbench();
  const rows = (): Locator => workbench().page.locator('.pane-body .monaco-list-row', { hasText: 'token' });
  const names = async (): Promise<string[]> => (await rows().allInnerTexts()).map((text) => text.split('\n')[0] ?? '');
  const header = (): Locator => workbench().page.locator('.pane-header', { hasText: 'Model Configs' });

  beforeAll(async () => {
    await workbench().host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('headlight.configs.focus')),
      null,
    );
    await rows().filter({ hasText: 'llama-3-8b' }).waitFor();
  });

  test('is sorted from its menu, and looks again at its button', async () => {
    const sortBy = (entry: string): Promise<void> => workbench().chooseFromViewMenu(header(), entry);
    await sortBy('Sort by Cache Size');
    await expect.poll(async () => (await names())[0]).toMatch(/^qwen3-8b/);
    await sortBy('Sort by Name');
    await expect.poll(async () => (await names())[0]).toMatch(/^deepseek-v3/);
    await header().hover();
    await header().getByRole('button', { name: 'Find Model Configs' }).click();
    await expect.poll(async () => (await names())[0]).toMatch(/^deepseek-v3/);
  });

  test('compares what is selected, from the context menu', async () => {
    await rows().filter({ hasText: 'deepseek-v3' }).click();
    await rows()
      .filter({ hasText: 'gpt2' })
      .click({ modifiers: ['Control'] });
    await workbench().chooseFromContextMenu(rows().filter({ hasText: 'gpt2' }), 'Compare Selected');
    await untilPageSays(workbench().page, /gpt2 vs\. other models/);
    await untilPageSays(workbench().page, /deepseek-v3/);
  });

  test('compares one with what is asked for, at its own button', async () => {
    const row = rows().filter({ hasText: 'llama-3-8b' });
    await row.click();
    await row.hover();
    await row.getByRole('button', { name: 'Compare Selected' }).click();
    const quickPick = new QuickPick(workbench().page);
    await quickPick.question('Compare with Another Config · llama-3-8b');
    await quickPick.leave();
  });
});

describe.skipIf(!thorough)('questions', () => {
  const workbench = useWorkbench();
  let quickPick: QuickPick;
  const text = (path: string): Promise<string> =>
    workbench().host.evaluate(
      (vscode, end) => vscode.workspace.textDocuments.find(({ uri }) => uri.path.endsWith(end))?.getText() ?? '',
      path,
    );
  const shown = (part: RegExp): Promise<void> => untilPageSays(workbench().page, part);

  beforeEach(async () => {
    await workbench().tidy();
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    quickPick = new QuickPick(workbench().page);
  });
  afterEach(() => quickPick.leave());

  test('remember what was chosen, and lead back', async () => {
    await quickPick.run('Headlight: Compare Attention Variants');
    await quickPick.question('Compare Attention Variants · llama-3-8b');
    const before = await quickPick.isMarked('GQA-4');
    await quickPick.choose('GQA-4');
    await quickPick.press('Enter');
    await quickPick.question('Cache at 1 × 32,768 tokens');
    await quickPick.leave();
    await quickPick.run('Headlight: Compare Attention Variants');
    await quickPick.question('Compare Attention Variants · llama-3-8b');
    await expect.poll(() => quickPick.isMarked('GQA-4')).toBe(!before);
    await expect.poll(() => quickPick.isMarked('MQA')).toBe(true);
    await quickPick.leave();

    await quickPick.run('Headlight: Fit This Config to a GPU');
    await quickPick.question('Fit to GPU · llama-3-8b');
    await quickPick.type('RTX 4090');
    await quickPick.press('Enter');
    await quickPick.entry('2 × ');
    await quickPick.back();
    await quickPick.question('Fit to GPU · llama-3-8b');
    await expect.poll(() => quickPick.focused()).toContain('RTX 4090');
  });

  test('change the scenario from the status bar, each value with its cost', async () => {
    const { page } = workbench();
    await workbench().setSetting('headlight.scenario.engine', 'intrinsic');
    const item = page.locator('.statusbar-item', { hasText: '4 GiB at 1 × 32,768 tokens' });
    await item.click();
    await quickPick.question('Change Scenario (1/2)');
    await expect.poll(() => quickPick.entry('GPU')).toContain('H100');
    await quickPick.choose('Tokens');
    await quickPick.question('Change Scenario · Tokens');
    await expect.poll(() => quickPick.focused()).toContain('32,768');
    await expect.poll(() => quickPick.entry('131,072')).toContain('16 GiB');
    await workbench().screenshot('home-scenario');
    await quickPick.back();
    await quickPick.question('Change Scenario (1/2)');
    await quickPick.choose('Tokens');
    await quickPick.question('Change Scenario · Tokens');
    await quickPick.type('100k');
    await expect.poll(() => quickPick.entry('102,400')).toContain('12.5 GiB');
    await workbench().setSetting('headlight.scenario.tokens', null);
    await quickPick.press('Enter');
    // It stays, on what was set, until Escape.
    await quickPick.question('Change Scenario (1/2)');
    await expect.poll(() => quickPick.focused()).toContain('102,400');
    await page.locator('.statusbar-item', { hasText: '12.5 GiB at 1 × 102,400 tokens' }).waitFor();
    // A number that is listed, in every way to type it; and one that is none.
    for (const text of ['131072', '128k', '131,072', '131_072']) {
      await quickPick.choose('Tokens');
      await quickPick.question('Change Scenario · Tokens');
      await quickPick.type('nonsense');
      await expect.poll(() => quickPick.focused()).toContain('cannot be used');
      await quickPick.type(text);
      await expect.poll(() => quickPick.focused()).toContain('131,072');
      await quickPick.press('Enter');
      await quickPick.question('Change Scenario (1/2)');
      await expect
        .poll(() => page.locator('.statusbar-item', { hasText: 'tokens' }).innerText(), { message: text })
        .toContain('16 GiB at 1 × 131,072 tokens');
      await workbench().setSetting('headlight.scenario.tokens', null);
    }
    await quickPick.press('Escape');
    await quickPick.untilClosed();
    await workbench().setSetting('headlight.scenario.tokens', null);
    await item.waitFor();
    await workbench().setSetting('headlight.statusBar.enabled', false);
    await item.waitFor({ state: 'hidden' });
    await workbench().setSetting('headlight.statusBar.enabled', null);
    await item.waitFor();
  });

  test('offer earlier revisions of the same file', async () => {
    // Not the folder of the integration test: git remembers the repository that was there.
    const folder = join(inject('folder'), 'history');
    mkdirSync(folder);
    const git = (...args: string[]): void =>
      void execFileSync('git', ['-c', 'user.name=x', '-c', 'user.email=x@y', ...args], { cwd: folder });
    git('init', '-q');
    for (const kvHeads of [16, 4]) {
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ ...LLAMA, num_key_value_heads: kvHeads }, null, 2));
      git('add', '.');
      git('commit', '-q', '-m', `${kvHeads} KV heads`);
    }
    await workbench().setSetting('git.enabled', true);
    await workbench().host.evaluate(async (vscode) => {
      const extension = vscode.extensions.getExtension<{ readonly enabled: boolean }>('vscode.git');
      await extension?.activate();
      while (!extension?.exports.enabled) await new Promise((resolve) => setTimeout(resolve, 20));
    }, null);
    await workbench().openFile('history/config.json');
    await quickPick.run('Headlight: Compare with Another Config');
    await quickPick.question('Compare with Another Config · history');
    // Only rows in sight are there: what the workspace holds comes before revisions.
    await quickPick.type('16 KV heads');
    await expect.poll(() => quickPick.entry('16 KV heads')).toMatch(/history @ [0-9a-f]{8}/);
    await workbench().screenshot('home-revisions');
    await quickPick.choose('16 KV heads');
    await quickPick.press('Enter');
    await quickPick.question('Cache at');
    await expect.poll(() => quickPick.entry('history @')).toContain('× 4');
    await workbench().setSetting('git.enabled', false);
  });

  test('convert the config, in one step to undo', async () => {
    const before = await text('llama-3-8b/config.json');
    await quickPick.run('Headlight: Convert Attention');
    await quickPick.question('Convert Attention · llama-3-8b');
    await quickPick.choose('MQA');
    await expect
      .poll(() => text('llama-3-8b/config.json'))
      .toBe(before.replace('"num_key_value_heads": 8', '"num_key_value_heads": 1'));
    await workbench().host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('notifications.showList')),
      null,
    );
    await workbench().page.locator('.notification-list-item', { hasText: 'Its weights were not converted' }).waitFor();
    await workbench().host.evaluate(async (vscode) => void (await vscode.commands.executeCommand('undo')), null);
    await expect.poll(() => text('llama-3-8b/config.json')).toBe(before);
  });

  test('explain the number at the cursor', async () => {
    const editor = await workbench().openFile('deepseek-v3/config.json');
    await editor.moveCursorTo('kv_lora_rank');
    await quickPick.run('Headlight: Explain This Number');
    await shown(/kv_lora_rank/);
    await shown(/70,272/);
  });

  test('are not needed for the panel beside the editor: it has a button above the config', async () => {
    const { page } = workbench();
    await page.locator('.editor-actions').getByRole('button', { name: 'Open Panel Beside the Editor' }).click();
    await new Panel(page).untilShows('128 KiB');
    await page.locator('.tab', { hasText: 'Attention' }).waitFor();
  });

  test('open a sample model', async () => {
    await quickPick.run('Headlight: Open Sample Models');
    await quickPick.question('Open Sample Models');
    await quickPick.choose('Open MLA, read-only');
    await workbench().page.locator('.codelens-decoration', { hasText: 'MLA · 1 KiB/token' }).waitFor();
  });

  test('run a layer', async () => {
    await workbench().openFile('gpt2/config.json');
    await quickPick.run('Headlight: Run Attention Layer');
    await quickPick.question('Which layer');
    await quickPick.press('Enter');
    await shown(/Measured.cache/);
    await shown(/equal/);
  });

  test('measure what a conversion would lose, before the config is changed', async () => {
    // The spec before took its change back: the document may be about to come again.
    await expect.poll(() => text('llama-3-8b/config.json')).not.toBe('');
    const before = await text('llama-3-8b/config.json');
    await quickPick.run('Headlight: Convert Attention');
    await quickPick.question('Convert Attention · llama-3-8b');
    await quickPick.choose('Measure what a conversion loses');
    // No weights lie beside it: that is asked before anything is run.
    await quickPick.question('Measure What a Conversion Loses · llama-3-8b (1/3)');
    await expect.poll(() => quickPick.entry('Measure on a sample model')).toContain('about 7 s');
    await expect.poll(() => quickPick.entry('Measure on random weights')).toContain('says nothing about this model');
    await quickPick.leave();
    mkdirSync(join(inject('folder'), 'small'), { recursive: true });
    writeFileSync(
      join(inject('folder'), 'small', 'config.json'),
      JSON.stringify({ ...LLAMA, hidden_size: 256, num_attention_heads: 8 }, null, 2),
    );
    await workbench().openFile('small/config.json');
    await quickPick.run('Headlight: Measure What a Conversion Loses');
    await quickPick.question('Measure What a Conversion Loses · small (1/3)');
    await quickPick.choose('Measure on random weights');
    await quickPick.question('Measure What a Conversion Loses · small (2/3)');
    await quickPick.press('Enter');
    await workbench().page.locator('.quick-input-widget .quick-input-title', { hasText: '(3/3)' }).waitFor();
    await workbench().screenshot('home-conversion-text');
    await quickPick.type('one two three four five six seven eight');
    await quickPick.press('Enter');
    await shown(/What.layer.0.of.small.loses/);
    await shown(/random, from the seed 42/);
    await shown(/MQA.+aligned-pool/);
    // Its picture, drawn by the preview, with the sample models above the conversions.
    await expect
      .poll(() => pictureTexts(workbench().page))
      .toEqual(expect.arrayContaining([expect.stringMatching(/^GQA-2 [\d.]+$/), 'GQA, MQA: aligned-pool']));
    await workbench().screenshot('home-conversion');
    expect(await text('llama-3-8b/config.json')).toBe(before);
  });

  test('show what an installation would run, and do nothing without a yes', async () => {
    await quickPick.run('Headlight: Install TensorFlow GPU Engine');
    await quickPick.question('Install TensorFlow Engine');
    await expect.poll(() => quickPick.entry('As published, for CPU')).toContain('downloads libtensorflow');
    await quickPick.press('Escape');
  });

  test('show the log', async () => {
    await quickPick.run('Headlight: Show Log');
    const panel = workbench().page.locator('.part.panel');
    await panel
      .locator('.output-view, .output-view-container, .monaco-editor')
      .locator('.view-line', { hasText: '[info]' })
      .first()
      .waitFor();
    await panel
      .locator('.action-item option:checked, .action-item select', { hasText: 'Headlight' })
      .first()
      .waitFor({ state: 'attached' });
  });
});

describe.skipIf(!thorough)('a comparison as a picture', () => {
  const workbench = useWorkbench({ width: 1280, height: 900 });

  test('is exported through the panel, which has the fonts', async () => {
    const { page } = workbench();
    await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    const quickPick = new QuickPick(page);
    await quickPick.run('Headlight: Export Comparison');
    await quickPick.question('Export Comparison · llama-3-8b');
    await quickPick.choose('PNG');
    const panel = new Panel(page);
    await panel.frame.getByRole('tab', { name: 'Compare', selected: true }).waitFor();
    await panel.frame.getByRole('button', { name: 'Save as PNG…' }).click();
    const target = join(inject('folder'), 'comparison.png');
    await workbench().saveAs(target, /comparison\.png$/);
    await expect.poll(() => readFileSync(target).subarray(1, 4).toString()).toBe('PNG');
    const { width, height } = sizeOf(readFileSync(target));
    expect([width, height > 400]).toEqual([1800, true]);
    cpSync(target, join(ROOT, 'test-results', 'home-export.png'));
  });
});

/** Of a PNG. */
function sizeOf(png: Buffer): { readonly width: number; readonly height: number } {
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
}

describe.skipIf(!thorough)('problems', () => {
  const workbench = useWorkbench();

  test('are silenced where they stand', async () => {
    const { page } = workbench();
    mkdirSync(join(inject('folder'), 'silenced'));
    writeFileSync(
      join(inject('folder'), 'silenced', 'config.json'),
      JSON.stringify({ ...LLAMA, num_key_value_heads: 7 }, null, 2),
    );
    const editor = await workbench().openFile('silenced/config.json');
    await page.locator('.squiggly-error').first().waitFor();
    await editor.moveCursorTo('7');
    const ignore = page.locator('.action-widget .monaco-list-row', {
      hasText: 'Ignore heads-not-divisible in this file',
    });
    // The menu that opens while problems still arrive closes again.
    await expect
      .poll(
        async () => {
          await page.keyboard.press('Escape');
          await page.keyboard.press('Control+Period');
          return ignore.waitFor({ timeout: 2_000 }).then(
            () => true,
            () => false,
          );
        },
        { timeout: 20_000 },
      )
      .toBe(true);
    await workbench().chooseFromFixes(ignore);
    await page.locator('.squiggly-error').first().waitFor({ state: 'hidden' });
    const settings = JSON.parse(readFileSync(join(inject('folder'), '.vscode', 'settings.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    expect(settings['headlight.lint.ignore']).toEqual(['heads-not-divisible@silenced/config.json']);
  });
});

describe.skipIf(!thorough)('the walkthrough', () => {
  const workbench = useWorkbench({ width: 1280, height: 860 });

  test('has steps that complete themselves', async () => {
    const { page } = workbench();
    // A fresh host, in which nothing was hovered yet.
    await workbench().reload();
    const command = (id: string, ...args: unknown[]): Promise<void> =>
      workbench().host.evaluate(
        async (vscode, [name, ...rest]) =>
          void (await vscode.commands.executeCommand(name as string, ...(rest as unknown[]))),
        [id, ...args],
      );
    await command('resetGettingStartedProgress');
    const open = (): Promise<void> => command('workbench.action.openWalkthrough', 'headlight.headlight#start', false);
    const step = (id: string): Locator => page.locator(`[data-done-step-id="headlight.headlight#start#${id}"]`).first();
    const done = (id: string): Promise<string | null> => step(id).getAttribute('aria-checked');
    await open();
    for (const id of ['hover', 'scenario', 'compare', 'panel', 'heads']) {
      await step(id).waitFor();
      await expect.poll(() => done(id), { message: id }).toBe('false');
    }

    const editor = await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await (await editor.hoverWithMouse('num_key_value_heads')).textWith('131,072');
    const quickPick = new QuickPick(page);
    for (const title of ['Headlight: Change Scenario', 'Headlight: Compare Attention Variants']) {
      await quickPick.run(title);
      await quickPick.question(title.slice('Headlight: '.length));
      await quickPick.leave();
    }
    await quickPick.run('Headlight: Open Panel');
    // It opens where it was last.
    const panel = new Panel(page);
    await panel.show('Overview');
    await panel.untilShows('128 KiB');
    await quickPick.run('Headlight: Show Heads');
    await command('workbench.action.closeSidebar');
    await open();
    for (const id of ['hover', 'scenario', 'compare', 'panel', 'heads'])
      await expect.poll(() => done(id), { message: id }).toBe('true');
    await workbench().screenshot('home-walkthrough-done');
  });
});

/** Folders that other windows open: the welcome of the view depends on what is in there. */
describe.skipIf(!thorough)('the welcome of the view of configs', () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    browser = await connectToChromium(inject('browserEndpoint'));
    page = await openWindow(browser);
    await page.setViewportSize({ width: 1000, height: 700 });
  });
  afterAll(async () => {
    await page.close();
    await browser.close();
  });
  beforeEach(() => {
    onTestFailed(
      async ({ task }) => void (await page.screenshot({ path: join(ROOT, 'test-results', `failed ${task.name}.png`) })),
    );
  });

  /** Opens a window, and its view of configs. */
  async function welcomeOf(folder: string | null): Promise<Locator> {
    const address = new URL(workbenchUrl(inject('serverUrl'), { folder: folder ?? '', ...underDevelopment() }));
    if (folder === null) {
      address.searchParams.delete('folder');
      address.searchParams.set('ew', 'true');
    }
    await page.goto(address.href);
    await page.locator('.activitybar .action-label[aria-label^="Headlight"]').click();
    const header = page.locator('.pane-header', { hasText: 'Model Configs' });
    await header.waitFor();
    if ((await header.getAttribute('aria-expanded')) !== 'true') await header.click();
    return page.locator('.pane', { has: header });
  }

  test('without a folder offers to open one, or the samples', async () => {
    const view = await welcomeOf(null);
    await view.getByRole('button', { name: 'Open Folder' }).waitFor();
    await page.screenshot({ path: join(ROOT, 'test-results', 'home-welcome-no-folder.png') });
    await view.getByRole('button', { name: 'Open Sample Models' }).click();
    const quickPick = new QuickPick(page);
    await quickPick.question('Open Sample Models');
    await quickPick.choose('Open GQA, read-only');
    await page.locator('.codelens-decoration', { hasText: 'GQA · 1 KiB/token' }).waitFor();
    await view.getByRole('button', { name: 'Open Folder' }).click();
    await page.locator('.quick-input-widget .quick-input-title', { hasText: 'Open Folder' }).waitFor();
    await page.keyboard.press('Escape');
  });

  test('in a folder without configs says so, looks again, and follows what comes', async () => {
    const folder = throwAwayFolder('no-configs');
    writeFileSync(join(folder, 'package.json'), '{"name": "x"}');
    const view = await welcomeOf(folder);
    await view.getByText('No model configs were found').waitFor();
    await page.screenshot({ path: join(ROOT, 'test-results', 'home-welcome-none.png') });
    await view.getByRole('button', { name: 'Open Model from the Hub…' }).click();
    await page.locator('.quick-input-widget .quick-input-title', { hasText: 'Open Model from the Hub' }).waitFor();
    await page.keyboard.press('Escape');
    await view.getByRole('button', { name: 'Look for Models on This Machine' }).waitFor();
    await view.getByRole('button', { name: 'Look Again' }).click();
    await view.getByText('No model configs were found').waitFor();
    writeFileSync(join(folder, 'config.json'), JSON.stringify(LLAMA));
    await view.locator('.monaco-list-row', { hasText: '/token' }).waitFor();
  });

  test('in a folder with many looks only when it is asked to', async () => {
    const folder = throwAwayFolder('many-configs');
    for (let index = 0; index < 410; index++) {
      mkdirSync(join(folder, `model${index}`));
      writeFileSync(join(folder, `model${index}`, 'config.json'), JSON.stringify(LLAMA));
    }
    const view = await welcomeOf(folder);
    await view.getByText('many JSON files').waitFor();
    await page.screenshot({ path: join(ROOT, 'test-results', 'home-welcome-many.png') });
    await view.getByRole('button', { name: 'Find Model Configs' }).last().click();
    await view.locator('.monaco-list-row', { hasText: '/token' }).first().waitFor();
  });
});
