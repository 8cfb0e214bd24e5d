// Heads in a real VS Code: the sample's own weights, and seeded ones in a config's shapes, as pictures that prove what GQA is.
import { type Frame } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { thorough } from '../unit/depth';
import { type Editor } from './pageObjects/editor';
import { type HeadPicture, headPictures } from './pageObjects/headPictures';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

const TIMEOUT = 30_000;

describe.skipIf(!thorough)('the heads of the GQA sample', () => {
  const workbench = useWorkbench();
  let panel: Panel;
  let editor: Editor;
  let frame: Frame;

  const view = (): ReturnType<Frame['locator']> => frame.locator('headlight-heads');
  const drawn = (selector: string): Promise<HeadPicture[]> => headPictures(view().locator(selector));
  const gridHash = async (): Promise<number | undefined> => (await drawn('headlight-head-grid'))[0]?.hash;
  const readout = (): Promise<string> => view().locator('headlight-heatmap.main .readout').innerText();

  beforeAll(async () => {
    // What others left open in this window may be a page, too.
    await workbench().host.evaluate(
      (vscode) => vscode.commands.executeCommand('workbench.action.closeAllEditors').then(() => null),
      null,
    );
    editor = await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await workbench().host.evaluate(
      (vscode, command) => vscode.commands.executeCommand(command).then(() => null),
      'headlight.openPanel',
    );
    panel = new Panel(workbench().page);
    frame = await panel.document();
    await panel.show('Heads');
    const source = view().locator('select').first();
    await source.waitFor({ timeout: TIMEOUT });
    const sample = await source.locator('option', { hasText: 'GQA' }).getAttribute('value');
    await source.selectOption(sample ?? '');
    await view().getByRole('button', { name: 'Run', exact: true }).click({ timeout: TIMEOUT });
    // What was looked at last is remembered: other specs were here before.
    await view().getByRole('button', { name: 'Patterns', exact: true }).click({ timeout: TIMEOUT });
    await view().locator('headlight-head-grid').waitFor({ timeout: TIMEOUT });
    await view().getByRole('combobox', { name: 'Layer' }).selectOption('0');
    await view()
      .locator('.where', { hasText: /^\s*Layer 0/ })
      .waitFor({ timeout: TIMEOUT });
  });

  test('show their patterns, with device, precision and time', async () => {
    await expect.poll(() => view().getByRole('listbox').getAttribute('aria-label')).toContain('Heads');
    await expect
      .poll(() => view().locator('.where').innerText())
      .toMatch(/GQA · 8 query heads in 2 groups of 4[\s\S]*10 tokens · CPU.*float32 · [\d.]+ m?s/);
    // The lecture's sentence, a token for each word.
    await expect.poll(() => view().locator('textarea').inputValue()).toBe('The American flag is red, white, and');
    await expect.poll(async () => (await drawn('headlight-head-grid'))[0]?.colours).toBeGreaterThan(20);
  });

  test('are read cell by cell with the keys', async () => {
    await view().locator('headlight-heatmap.main .plot').focus();
    await frame.page().keyboard.press('ArrowUp');
    await expect.poll(readout).toMatch(/^[\d.e-]+ query (\d+) .+ → key \1 .+$/);
    const first = await readout();
    await frame.page().keyboard.press('ArrowLeft');
    await expect.poll(readout).not.toBe(first);
    const second = await readout();
    // What is said is what is shown, once the cursor rests.
    const [, query, key] = /query (\d+) .*key (\d+) /.exec(second) ?? [];
    await frame
      .locator('headlight-app [role="status"]')
      .getByText(new RegExp(`query ${query} .*to key ${key} `))
      .waitFor({ state: 'attached' });
    // The row above the diagonal's: a key behind the query.
    await frame.page().keyboard.press('Home');
    await frame.page().keyboard.press('Control+Home');
    await frame.page().keyboard.press('ArrowRight');
    await expect.poll(readout).toContain('not allowed');
    await frame
      .locator('headlight-app [role="status"]')
      .getByText('not allowed: the key comes after the query')
      .waitFor({ state: 'attached' });
    await frame.page().keyboard.press('Enter');
    await view().getByText('in every head').waitFor();
  });

  test('are drawn again in another theme, and after the browser took the canvas away', async () => {
    await workbench().setTheme('dark');
    await frame.locator('body.vscode-dark').waitFor();
    const before = await gridHash();
    await workbench().setTheme('light');
    await expect.poll(gridHash).not.toBe(before);
    const light = await gridHash();
    await view()
      .locator('headlight-head-grid canvas')
      .evaluate((canvas: HTMLCanvasElement) => {
        canvas.getContext('2d')?.clearRect(0, 0, canvas.width, canvas.height);
        canvas.dispatchEvent(new Event('contextrestored'));
      });
    await expect.poll(gridHash).toBe(light);
    await workbench().setTheme('dark');
    await expect.poll(gridHash).toBe(before);
  });

  test('say in the title that they are a sample’s, not the config’s', async () => {
    await expect.poll(() => view().locator('.whose').innerText()).toMatch(/^Sample model: GQA.* – not llama-3-8b$/);
  });

  test('of two models stand beside each other, for one prompt', async () => {
    const beside = view().getByRole('combobox', { name: 'compare with' });
    await beside.selectOption('sample:mha');
    const other = view().getByRole('region', { name: 'The other model' });
    await expect
      .poll(() => other.innerText())
      .toMatch(/Sample model: MHA.* – not llama-3-8b\s+Layer 0 of 4 · MHA.*10 tokens/);
    await expect.poll(() => view().locator('headlight-head-grid').count()).toBe(2);
    // Another layer is another layer of both.
    await view().getByRole('combobox', { name: 'Layer' }).selectOption('2');
    await expect.poll(() => other.innerText()).toContain('Layer 2 of 4');
    await workbench().screenshot('heads-two-models');
    await beside.selectOption('');
    await other.waitFor({ state: 'detached' });
    await view().getByRole('combobox', { name: 'Layer' }).selectOption('0');
    await expect.poll(() => view().locator('.where').innerText()).toMatch(/^Layer 0/);
  });

  test('of a click come into view, and a pinned token has lines to what it looks at', async () => {
    await view().locator('headlight-head-grid canvas').click();
    await expect
      .poll(() =>
        view()
          .locator('.zoom h2')
          .first()
          .evaluate((element) => element.getBoundingClientRect().top < window.innerHeight),
      )
      .toBe(true);
    await view()
      .getByRole('img', { name: /^Head \d+, \d+ “.*” looks most at \d+ “/ })
      .waitFor();
    await expect.poll(() => view().locator('svg.lines line').count()).toBeGreaterThan(0);
  });

  test('have one Q each', async () => {
    await view().getByRole('button', { name: 'Q, K and V', exact: true }).click();
    const selector = 'headlight-key-values[data-letter="Q"]';
    await expect
      .poll(async () => new Set((await drawn(selector)).map(({ hash }) => hash)).size, { timeout: TIMEOUT })
      .toBe(8);
  });

  test('have one K and V for each group: four identical pictures, and others in the other group', async () => {
    await view().getByRole('button', { name: 'Q, K and V', exact: true }).click();
    await view().locator('headlight-key-values[data-letter="V"] canvas').last().waitFor();
    for (const letter of ['K', 'V']) {
      const selector = `headlight-key-values[data-letter="${letter}"]`;
      await expect.poll(async () => (await drawn(selector)).every(({ colours }) => colours > 8)).toBe(true);
      const pictures = await drawn(selector);
      expect(pictures.map(({ group }) => group)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
      const hashes = [0, 1].map((group) => [
        ...new Set(pictures.filter((picture) => picture.group === group).map(({ hash }) => hash)),
      ]);
      expect(hashes.map(({ length }) => length)).toEqual([1, 1]);
      expect(hashes[0]).not.toEqual(hashes[1]);
      await expect
        .poll(() => view().locator(`${selector} .said`).allTextContents())
        .toEqual([0, 1].map((group) => `group ${group} · identical (max |Δ${letter}| = 0)`));
      // One stop for Tab in all; arrows go from head to head, down to the next group.
      await expect.poll(() => view().locator(`${selector} button[tabindex="0"]`).count()).toBe(1);
      await expect
        .poll(() => view().locator(`${selector} .between`).allTextContents())
        .toEqual([expect.stringMatching(/^differs from group 0 by up to \d+(\.\d+)?$/)]);
    }
    await view().locator('headlight-key-values[data-letter="K"] button[tabindex="0"]').focus();
    await frame.page().keyboard.press('ArrowRight');
    await frame.page().keyboard.press('ArrowDown');
    await view()
      .getByRole('button', { name: 'K of head 5, group 1', pressed: true })
      .and(view().locator(':focus'))
      .waitFor();
    await view().getByRole('heading', { name: 'K shared by heads 4–7 (group 1)' }).waitFor();
    await workbench().screenshot('heads-key-values');
  });

  test('stop when they are cancelled, and run again', async () => {
    const shown = await view().locator('.where').innerText();
    const box = view().locator('textarea');
    const prompt = await box.inputValue();
    await box.fill('the red fox sleeps in the park '.repeat(900));
    await view().getByRole('button', { name: 'Run', exact: true }).click();
    await view().getByRole('button', { name: 'Cancel', exact: true }).click();
    await view().getByRole('button', { name: 'Run', exact: true }).waitFor();
    // What was shown stays, and says that it is older than the prompt.
    await expect.poll(() => view().locator('.where').innerText()).toContain(shown.split('\n')[0] ?? '');
    await view().getByText('From before your change.').waitFor();
    await box.fill(prompt);
    await view().getByRole('button', { name: 'Run', exact: true }).click();
    await view().getByText('From before your change.').waitFor({ state: 'detached' });
    await view().locator('.running').waitFor({ state: 'detached', timeout: TIMEOUT });
    await expect.poll(() => view().locator('[role="alert"]').count()).toBe(0);
  });

  /** Of every row: how many heads, and how many different pictures. Rows below the fold are drawn when they are shown. */
  const rows = async (letter: string): Promise<{ heads: number; pictures: number; hash: number | undefined }[]> => {
    const pictures = await drawn(`headlight-key-values[data-letter="${letter}"]`);
    return [...new Set(pictures.map(({ group }) => group))].map((group) => {
      const hashes = pictures.filter((picture) => picture.group === group).map(({ hash }) => hash);
      return { heads: hashes.length, pictures: new Set(hashes).size, hash: hashes[0] };
    });
  };

  test('of a config without weights are seeded: Llama 3 8B has 8 rows of 4 identical pictures, each row another', async () => {
    await view().locator('select').first().selectOption('seeded');
    await view().getByRole('button', { name: 'Run', exact: true }).click();
    await expect.poll(async () => (await rows('K')).length).toBe(8);
    await view().locator('.running').waitFor({ state: 'detached', timeout: TIMEOUT });
    for (const letter of ['K', 'V']) {
      await expect
        .poll(async () =>
          (await drawn(`headlight-key-values[data-letter="${letter}"]`)).every(({ colours }) => colours > 8),
        )
        .toBe(true);
      const shown = await rows(letter);
      expect(shown.map(({ heads, pictures }) => [heads, pictures])).toEqual(Array.from({ length: 8 }, () => [4, 1]));
      expect(new Set(shown.map(({ hash }) => hash)).size).toBe(8);
      await expect
        .poll(() =>
          view().locator(`headlight-key-values[data-letter="${letter}"] .row`).first().getAttribute('aria-label'),
        )
        .toBe(`Group 0: heads 0, 1, 2, 3, identical (max |Δ${letter}| = 0)`);
    }
    await expect
      .poll(() => view().locator('.where').innerText())
      .toMatch(
        /GQA · 32 query heads in 8 groups of 4[\s\S]*float32 · [\d.]+ m?s[\s\S]*Seeded weights \(seed 42\): true shapes, random numbers, earlier layers skipped/,
      );
    await workbench().screenshot('heads-seeded');
    // Another model is chosen, and nothing of it is run: what is shown is still this one's, and says so.
    const sources = view().locator('select').first();
    await sources.selectOption('sample:mha');
    await view().getByText('From before your change.').waitFor();
    await expect
      .poll(() => view().locator('.where').innerText())
      .toMatch(/^Layer 0 of 32 · GQA · 32 query heads in 8 groups of 4/);
    await expect.poll(() => view().locator('.whose').innerText()).toMatch(/^llama-3-8b: random weights/);
    await sources.selectOption('seeded');
    await view().getByText('From before your change.').waitFor({ state: 'detached' });
  });

  test('that are seeded follow an edit of the config: 4 KV heads are 4 rows of 8', async () => {
    await editor.moveCursorTo('"num_key_value_heads"');
    const { keyboard } = workbench().page;
    await keyboard.press('End');
    await keyboard.press('ArrowLeft');
    await keyboard.press('Backspace');
    await keyboard.type('4');
    await expect.poll(async () => (await rows('K')).map(({ heads }) => heads)).toEqual([8, 8, 8, 8]);
    await expect.poll(() => view().locator('.where').innerText()).toContain('32 query heads in 4 groups of 8');
    await workbench().screenshot('heads-seeded-edited');
  });
});
