// The first thing anyone does with Headlight: open a config, rest the pointer on a key, read the number.
import { beforeAll, describe, expect, test } from 'vitest';
import { sampled } from '../unit/depth';
import { type Editor } from './pageObjects/editor';
import { Panel } from './pageObjects/panel';
import { type Theme } from './pageObjects/workbench';
import { useWorkbench } from './window';

describe('the hover on a config of Llama 3', () => {
  const workbench = useWorkbench();
  let editor: Editor;

  beforeAll(async () => {
    editor = await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
  });

  test('shows with the keyboard', async () => {
    await editor.moveCursorTo('num_key_value_heads');
    const hover = await editor.hoverWithKeyboard();
    // The key's meaning is the JSON extension's answer, which comes when its server is up.
    const text = await hover.textWith('131,072', 'KV heads: each caches one K');
    expect(text).toContain('8 groups of 4');
    // What the key is stands first, in the schema's words, and nothing is cut.
    expect(text).toMatch(/^KV heads: each caches one K/);
    expect(text.indexOf('Change scenario')).toBeGreaterThan(text.indexOf('131,072'));
    expect(await hover.isCut()).toBe(false);
    await hover.dismiss();
  });

  test.each<Theme>(sampled<Theme>(['dark', 'light', 'highContrast']))(
    'shows under the pointer, in the theme %s',
    async (theme) => {
      await workbench().setTheme(theme);
      const hover = await editor.hoverWithMouse('num_key_value_heads');
      const text = await hover.textWith('131,072');
      expect(text).toContain('8 groups of 4');
      await workbench().screenshot(`hover-${theme}`);
      await hover.dismiss();
    },
  );

  // The last: it leaves the panel in front.
  test('shows the heads by one click', async () => {
    await editor.moveCursorTo('num_key_value_heads');
    const hover = await editor.hoverWithKeyboard();
    await hover.textWith('Show these heads');
    await workbench().page.locator('.monaco-hover:visible a', { hasText: 'Show these heads' }).click();
    const panel = new Panel(workbench().page);
    await panel.frame.getByRole('tab', { name: 'Heads', selected: true }).waitFor();
  });
});
