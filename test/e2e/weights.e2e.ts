// Weight files in a real VS Code: what a double-click shows, a table that is long, a tensor that is large, keys, and the panel that follows.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Frame, type Locator } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { ROOT } from '../harness/places.mjs';
import { thorough } from '../unit/depth';
import { framesWhile } from './frameTimes';
import { writeWeightFiles } from './weightFiles';
import { useWorkbench } from './window';

const TIMEOUT = 30_000;
/** No frame takes longer while a table scrolls, in processor time of everything that the window does. */
const FRAME_MS = 50;

describe.skipIf(!thorough)('the editor of weight files', () => {
  const workbench = useWorkbench({ width: 1440, height: 900 });
  let root = '';

  const shown = async (): Promise<Frame> => {
    let found: Frame | undefined;
    await expect
      .poll(
        async () => {
          for (const frame of workbench().page.frames())
            if (await frame.evaluate(() => document.querySelector('headlight-weights') !== null).catch(() => false))
              found = frame;
          return found !== undefined;
        },
        { timeout: TIMEOUT },
      )
      .toBe(true);
    if (!found) throw new Error('no weight file is shown');
    return found;
  };
  const open = async (path: string, type: string | null = null): Promise<Frame> => {
    await workbench().host.evaluate(
      async (vscode, [file, view]) => {
        await vscode.commands.executeCommand('workbench.action.closeAllEditors');
        const uri = vscode.Uri.file(String(file));
        await (view === null
          ? vscode.commands.executeCommand('vscode.open', uri)
          : vscode.commands.executeCommand('vscode.openWith', uri, view));
      },
      [join(root, path), type] as const,
    );
    const frame = await shown();
    await frame
      .locator('headlight-weights [role="grid"], headlight-weights [role="treegrid"]')
      .first()
      .waitFor({ timeout: TIMEOUT });
    return frame;
  };
  /** What the panel in the side bar shows. */
  const untilFollowed = (name: string): Promise<void> =>
    expect
      .poll(
        async () => {
          const heads = workbench()
            .page.frames()
            .map((frame) => frame.locator('headlight-app header h1').allInnerTexts());
          return (await Promise.all(heads.map((texts) => texts.catch((): string[] => [])))).flat();
        },
        { timeout: TIMEOUT },
      )
      .toEqual([name]);
  const grid = (frame: Frame): Locator => frame.locator('headlight-tensor-grid .scroll');
  const rows = (frame: Frame): Locator => frame.locator('headlight-tensor-grid .body [role="row"]');

  beforeAll(() => {
    root = join(inject('folder'), 'weight-files');
    writeWeightFiles(root);
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test('shows a safetensors file at a double-click, from its header alone, and the panel follows its config', async () => {
    const { page: window, host } = workbench();
    await host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('workbench.files.action.refreshFilesExplorer')),
      null,
    );
    const row = (name: string): Locator => window.locator('.explorer-folders-view .monaco-list-row', { hasText: name });
    await row('weight-files').click();
    await row('llama').filter({ hasNotText: 'llama-3' }).first().click();
    await row('llama.safetensors').dblclick();
    const frame = await shown();
    await frame.getByText('1.27 B').first().waitFor({ timeout: TIMEOUT });
    await expect
      .poll(() => frame.locator('main').innerText())
      .toMatch(/GQA · 32 query heads in 8 groups of 4 · 1 layer\b/);
    await expect
      .poll(() => rows(frame).filter({ hasText: 'k_proj' }).innerText())
      .toMatch(/K · 8 heads of 128, each for 4 query heads/);
    await expect.poll(() => frame.locator('main').innerText()).not.toContain('not fit the config');
    await frame.getByRole('button', { name: 'Compare' }).click();
    await untilFollowed('llama');
    await workbench().screenshot('weights-safetensors');
  }, 60_000);

  test('opens the first tile of 128256 × 4096 in less than 300 ms, and measures when asked', async () => {
    const frame = await open('llama/llama.safetensors');
    await rows(frame).filter({ hasText: 'embed_tokens' }).click();
    await frame.locator('headlight-tensor headlight-heatmap').waitFor({ timeout: TIMEOUT });
    await expect
      .poll(() => frame.evaluate(() => performance.getEntriesByName('headlight:tile').at(-1)?.duration ?? Infinity))
      .toBeLessThan(TIMEOUT);
    // Once more, with everything loaded: what a person who looks through a file waits for.
    await rows(frame).filter({ hasText: 'lm_head' }).click();
    await expect.poll(() => frame.evaluate(() => performance.getEntriesByName('headlight:tile').length)).toBe(2);
    const tiles = async (): Promise<{ ms: number; read: number }[]> =>
      frame.evaluate(() =>
        performance
          .getEntriesByName('headlight:tile')
          .map((entry) => ({ ms: entry.duration, read: (entry as PerformanceMeasure).detail.read as number })),
      );
    // On a machine that does other things too, the best of some is what it takes.
    for (let tries = 0; tries < 6 && !(await tiles()).slice(1).some(({ ms }) => ms < 300); tries++) {
      const before = (await tiles()).length;
      await rows(frame)
        .filter({ hasText: tries % 2 === 0 ? 'embed_tokens' : 'lm_head' })
        .click();
      await expect.poll(async () => (await tiles()).length).toBe(before + 1);
    }
    const found = await tiles();
    console.log(
      `first tile of 128256 × 4096: ${found.map(({ ms, read }) => `${ms.toFixed(0)} (reading ${read.toFixed(0)})`).join(', ')} ms`,
    );
    expect(Math.min(...found.map(({ ms }) => ms))).toBeLessThan(300);
    await frame.getByText(/Reduced from .* of 128,256 rows/).waitFor();
    await frame.getByRole('button', { name: 'Compute statistics of all 525,336,576 values' }).click();
    await frame.getByRole('button', { name: 'Cancel' }).click();
    await frame.getByRole('button', { name: /Compute statistics/ }).waitFor();
    await workbench().screenshot('weights-tensor');
  }, 60_000);

  test('scrolls 100,000 tensors without a frame over 50 ms', async () => {
    const frame = await open('many/many.safetensors');
    await expect.poll(() => grid(frame).getAttribute('aria-rowcount')).toBe('100001');
    const { scrolled, busy } = await framesWhile(
      workbench().page,
      {
        scrolled: { from: 'headlight:scroll-from', to: 'headlight:scroll-to' },
        busy: { from: 'headlight:scroll-to', to: 'headlight:busy-to' },
      },
      async () => {
        const top = await grid(frame).evaluate(async (scroller) => {
          const next = (): Promise<number> => new Promise((resolve) => requestAnimationFrame(resolve));
          scroller.scrollTop = 0;
          for (let step = 0; step < 66; step++) {
            await next();
            // The first frames are of the page before.
            if (step === 5) performance.mark('headlight:scroll-from');
            // Slowly, then in leaps over the whole of it.
            scroller.scrollTop += step < 33 ? 120 : 70_000;
          }
          await next();
          performance.mark('headlight:scroll-to');
          // What is too much is seen as such: a frame that computes for longer.
          await next();
          let sum = 0;
          for (let step = 0; step < 60_000_000; step++) sum += Math.sqrt(sum + step);
          await next();
          performance.mark('headlight:busy-to');
          return sum > 0 ? scroller.scrollTop : 0;
        });
        expect(top).toBeGreaterThan(2_000_000);
      },
    );
    console.log(
      `scrolling 100,000 tensors, processor time of the worst of ${scrolled.frames} frames: ${scrolled.mainMs.toFixed(1)} ms in the main thread, ${scrolled.allMs.toFixed(1)} in all (longest task ${scrolled.taskMs.toFixed(1)}, by the clock ${scrolled.wallMs.toFixed(1)})`,
    );
    expect(scrolled.frames).toBeGreaterThan(50);
    expect(busy.mainMs).toBeGreaterThan(FRAME_MS);
    expect(scrolled.allMs).toBeLessThan(FRAME_MS);
    // Only what is in sight exists.
    await expect.poll(() => rows(frame).count()).toBeLessThan(100);
  }, 60_000);

  test('is used by keys alone: from the table into a search, a tensor and back, and through modules', async () => {
    const frame = await open('many/many.safetensors');
    const { keyboard } = workbench().page;
    const active = (): Promise<string> => frame.locator('headlight-tensor-grid .active').innerText();
    await grid(frame).focus();
    await keyboard.press('End');
    await expect.poll(active).toContain('model.layers.65.mlp.experts.53.gate_proj.weight');
    await keyboard.press('Home');
    await keyboard.press('PageDown');
    await keyboard.press('ArrowUp');
    await expect.poll(() => grid(frame).getAttribute('aria-activedescendant')).toMatch(/^row-\d\d$/);
    await keyboard.type('65.mlp experts.52.up');
    await expect.poll(() => grid(frame).getAttribute('aria-rowcount')).toBe('2');
    await keyboard.press('ArrowDown');
    await keyboard.press('Enter');
    await frame.locator('headlight-tensor headlight-heatmap').waitFor({ timeout: TIMEOUT });
    await keyboard.press('Escape');
    await expect.poll(() => frame.locator('headlight-tensor').count()).toBe(0);
    await frame.getByLabel('Search tensors').fill('');
    await frame.locator('.tools select').selectOption('tree');
    await grid(frame).focus();
    await expect.poll(active).toMatch(/model\.layers[\s\S]*100,000 tensors/);
    await keyboard.press('ArrowRight');
    await keyboard.press('ArrowDown');
    await expect.poll(active).toMatch(/^▸?\s*0\.mlp\.experts/);
    await expect.poll(() => frame.locator('headlight-tensor-grid .active').getAttribute('aria-level')).toBe('2');
    await keyboard.press('ArrowLeft');
    await keyboard.press('ArrowLeft');
    await expect.poll(() => rows(frame).count()).toBe(1);
  }, 60_000);

  test('shows a GGUF file with its own config, its lists folded, hostile texts as texts, and the panel follows it', async () => {
    const frame = await open('gguf/tiny.gguf');
    await frame.getByText('GQA · 4 query heads in 2 groups of 2').waitFor();
    await frame.getByText('<img src=x onerror=alert(1)> [a](command:b)').waitFor();
    await frame.getByRole('button', { name: '300 values' }).click();
    await frame.getByText(/token98, token99/).waitFor();
    await frame.getByRole('button', { name: 'Show Heads' }).click();
    await untilFollowed('tiny.gguf');
    await rows(frame).filter({ hasText: 'attn_k' }).click();
    await frame.getByText('Every value is shown.').waitFor({ timeout: TIMEOUT });
    await expect.poll(() => frame.locator('headlight-tensor dl').innerText()).toMatch(/minimum\s+−1[\s\S]*NaN\s+0/);
    await frame.locator('headlight-tensor .tools select').first().selectOption({ label: 'K head 1' });
    await frame.locator('headlight-tensor .plot').focus();
    await workbench().page.keyboard.press('ArrowUp');
    await expect
      .poll(() => frame.locator('headlight-tensor .readout').innerText())
      .toMatch(/row \d+ \(K head 1, dim 15\)/);
    await workbench().screenshot('weights-gguf');
  }, 60_000);

  test('is offered for an index of shards, names the shard of each tensor, and reads again what changes', async () => {
    const frame = await open('sharded/model.safetensors.index.json', 'headlight.weightIndex');
    await expect.poll(() => rows(frame).allInnerTexts()).toHaveLength(2);
    await expect
      .poll(async () => (await rows(frame).allInnerTexts()).join('\n'))
      .toMatch(/lm_head[\s\S]*2 of 2[\s\S]*1 of 2/);
    await frame.getByText('There is no config.json beside it: types, shapes and sizes are known').waitFor();
    const shard = join(root, 'sharded', 'model-00002-of-00002.safetensors');
    writeFileSync(shard, readFileSync(shard).subarray(0, 4_000));
    await frame.getByText(/The file is truncated: download it again/).waitFor({ timeout: TIMEOUT });
    await workbench().screenshot('weights-damaged');
  }, 60_000);

  test('has no serious finding of axe, in any theme', async () => {
    const frame = await open('gguf/tiny.gguf');
    await rows(frame).filter({ hasText: 'attn_q' }).click();
    await frame.getByText('Every value is shown.').waitFor({ timeout: TIMEOUT });
    await frame.locator('headlight-tensor dl').waitFor();
    await frame.evaluate(readFileSync(join(ROOT, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8'));
    for (const theme of ['dark', 'light', 'highContrast', 'highContrastLight'] as const) {
      await workbench().setTheme(theme);
      await frame.locator(`body[data-vscode-theme-kind]`).waitFor();
      const found = await frame.evaluate(async () => {
        interface Violation {
          readonly id: string;
          readonly impact: string;
          readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
        }
        const { violations } = await (
          window as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
        ).axe.run();
        return violations
          .filter(({ impact }) => impact === 'serious' || impact === 'critical')
          .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)} ${nodes[0]?.failureSummary}`);
      });
      expect(found, theme).toEqual([]);
      await workbench().screenshot(`weights-${theme}`);
    }
    // Narrow: what stood beside the table stands below it.
    const { page: window } = workbench();
    await window.setViewportSize({ width: 860, height: 900 });
    await expect
      .poll(() =>
        frame.locator('.split').evaluate((element) => getComputedStyle(element).gridTemplateColumns.split(' ').length),
      )
      .toBe(1);
    await workbench().screenshot('weights-narrow');
    await window.setViewportSize({ width: 1440, height: 900 });
  }, 90_000);
});
