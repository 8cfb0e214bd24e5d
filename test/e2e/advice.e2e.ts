// What a config shows while it is written: the line above it, remarks beside values, problems, fixes, completion.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import type { Locator } from 'playwright-core';
import { type Editor } from './pageObjects/editor';
import { type Theme } from './pageObjects/workbench';
import { useWorkbench } from './window';
import { thorough } from '../unit/depth';

const CONFIG = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 7,
  max_position_embeddings: 131072,
  sliding_window: null,
  dtype: 'bfloat16',
};

describe.skipIf(!thorough)('a config that does not come out even', () => {
  const workbench = useWorkbench({ width: 1100, height: 560 });

  /** Asked again where the answer was put away: a list that opens while the editor still settles closes with its next change. */
  const opened = async (keys: string, row: Locator): Promise<void> => {
    const { keyboard } = workbench().page;
    for (let left = 4; ; left--) {
      await keyboard.press(keys);
      const shown = await row.waitFor({ timeout: 5_000 }).then(
        () => true,
        (error: unknown) => {
          if (left === 0) throw error;
          return false;
        },
      );
      if (shown) return;
      await keyboard.press('Escape');
    }
  };
  let editor: Editor;

  beforeAll(async () => {
    const folder = join(inject('folder'), 'seven-groups');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'config.json'), `${JSON.stringify(CONFIG, null, 2)}\n`);
    editor = await workbench().openFile('seven-groups/config.json');
    await workbench().untilHeadlightIsActive();
  });

  test.each<Theme>(['dark', 'light'])(
    'shows lens, hints and a problem, and offers its fixes and better values, in the theme %s',
    async (theme) => {
      const { page } = workbench();
      await workbench().setTheme(theme);
      await page.locator('.codelens-decoration', { hasText: 'GQA · ≈ 112 KiB/token' }).waitFor();
      await page
        .locator('.view-line', { hasText: /does.not.divide.32/ })
        .first()
        .waitFor();
      await page.locator('.squiggly-error').first().waitFor();
      await workbench().screenshot(`advice-${theme}`);

      await editor.moveCursorTo('7,');
      const menu = page.locator('.action-widget').first();
      await opened('Control+Period', menu.locator('.monaco-list-row', { hasText: 'Set num_key_value_heads to 4' }));
      const offered = (await menu.innerText()).replaceAll('\u00a0', ' ');
      for (const title of ['What does "heads-not-divisible" mean?', 'Ignore heads-not-divisible in this file'])
        expect(offered).toContain(title);
      await workbench().screenshot(`advice-fixes-${theme}`);
      await page.keyboard.press('Escape');
      await menu.waitFor({ state: 'hidden' });

      const list = page.locator('.suggest-widget.visible .monaco-list-row');
      await opened('Control+Space', list.filter({ hasText: 'groups of 8' }).first());
      await expect.poll(() => list.filter({ hasText: 'MQA' }).first().innerText()).toContain('16 KiB/token');
      await workbench().screenshot(`advice-completion-${theme}`);
      await page.keyboard.press('Escape');
    },
  );

  test('shows family and exactness in the language status', async () => {
    const { page } = workbench();
    await page.locator('#status\\.languageStatus, [id="status.languageStatus"]').first().hover();
    await page.locator('.hover-language-status', { hasText: 'llama' }).first().waitFor();
    await workbench().screenshot('advice-language-status');
    await page.mouse.move(0, 0);
  });
});
