// The architecture of a model: what the page draws and answers, without an editor, and how page and editor point at each other in a real
// VS Code.
import { readFileSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { type Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { connectToChromium } from '../harness/chromium.mjs';
import { ROOT } from '../harness/places.mjs';
import { UNSHARDED } from '../../src/model/scenario';
import { LARGEST_KINDS, LARGEST_LAYERS, largestConfig } from '../unit/drawing/support/largest';
import { buildPage, type Look, type PanelPage, PanelPages } from '../webview/panelPage';
import { findConfig, ScriptedHost } from '../webview/scriptedHost';
import { THEME_KINDS } from '../webview/themes';
import { Panel } from './pageObjects/panel';
import { useWorkbench } from './window';

/** From numbers to shapes. */
const DRAW_MS = 100;

/** One of each kind of block, all ours: test/unit/drawing looks at the boxes of every reference model. */
const NAMES = [
  'llama-3-8b',
  'deepseek-v3',
  'gemma-3-27b',
  'gpt-oss-120b',
  'qwen3-next-80b-a3b',
  'llama-4-scout',
  'falcon-7b',
  'gpt-3-175b',
];

describe('the architecture in the page', () => {
  let browser: Browser;
  let pages: PanelPages;

  beforeAll(async () => {
    browser = await connectToChromium(inject('browserEndpoint'));
    pages = await PanelPages.start(browser, await buildPage(ROOT));
  });
  afterAll(async () => {
    await pages.stop();
    await browser.close();
  });

  const open = async (
    name: string,
    look: Partial<Look> = {},
    beside?: string,
  ): Promise<{ shown: PanelPage; host: ScriptedHost }> => {
    const host = new ScriptedHost({
      ...(beside === undefined ? {} : { beside: findConfig(ROOT, beside) }),
      root: ROOT,
      config: findConfig(ROOT, name),
      scenario: { workload: { batch: 1, tokens: 32_768 }, engine: 'vllm', kvDtype: 'auto', sharding: UNSHARDED },
      gpu: 'h100-sxm',
      // What the page begins with.
      view: null,
    });
    const shown = await pages.open(host, { theme: 'dark', width: 320, height: 900, place: 'side', ...look });
    await shown.page.locator('headlight-figure').first().waitFor();
    await shown.settled();
    return { shown, host };
  };
  const close = async ({ shown, host }: { shown: PanelPage; host: ScriptedHost }): Promise<void> => {
    expect(shown.complaints).toEqual([]);
    await shown.close();
    host.dispose();
  };

  test('is what the panel begins with, is walked by keys in the order of the data, and leads to lines', async () => {
    const opened = await open('llama-3-8b');
    const { page } = opened.shown;
    await page.getByRole('tab', { name: 'Architecture', selected: true }).waitFor();
    const focused = (): Promise<string | null> =>
      page.evaluate(() => {
        let at: Element | null = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        return at?.getAttribute('aria-label') ?? at?.textContent ?? null;
      });
    await page.getByRole('option', { name: 'Tokens', exact: true }).focus();
    await page.keyboard.press('End');
    await expect.poll(focused).toMatch(/^Output head, 4,096 → .*128,256, .*7 % of all parameters/);
    // One stop for each drawing, and the heading that opens and closes it.
    await page.keyboard.press('Tab');
    await expect.poll(focused).toContain('A · Full attention');
    await page.keyboard.press('Tab');
    await expect.poll(focused).toMatch(/^RMSNorm/);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('ArrowRight');
    await expect.poll(focused).toMatch(/^K, 4,096 → 8 × 128.*% of all operations; num_key_value_heads, line \d+$/);
    await page.locator('.readout > div', { hasText: 'num_key_value_heads' }).waitFor();
    await page.keyboard.press('Enter');
    const text = opened.host.text ?? '';
    const offset = text.indexOf('8', text.indexOf('"num_key_value_heads"'));
    await expect.poll(() => opened.host.log.at(-1)).toContain(`"offset":${offset},"length":1}`);
    // What is closed is no stop, and drawn nowhere.
    await page.keyboard.press('Shift+Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'A · Full attention', expanded: false }).waitFor();
    await expect.poll(() => page.getByRole('option', { name: 'RMSNorm' }).count()).toBe(0);
    await close(opened);
  });

  test('is as wide as its text needs, in every theme, and without a finding of axe', async () => {
    const found: string[] = [];
    for (const [at, theme] of THEME_KINDS.entries()) {
      const opened = await open('llama-3-8b', { theme });
      const { page } = opened.shown;
      for (const [index, name] of NAMES.entries()) {
        // Each theme has its share of the models.
        if (index % THEME_KINDS.length !== at) continue;
        opened.host.type(readFileSync(findConfig(ROOT, name), 'utf8'));
        for (const width of [320, 480, 1200]) {
          await page.setViewportSize({ width, height: 900 });
          await opened.shown.settled();
          found.push(...(await badlyDrawn(opened.shown)).map((what) => `${name}, ${theme}, ${width} px: ${what}`));
        }
      }
      await page.evaluate(readFileSync(join(ROOT, 'node_modules', 'axe-core', 'axe.min.js'), 'utf8'));
      const findings = await page.evaluate(async () => {
        const { violations } = await (
          window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } }
        ).axe.run();
        return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html ?? ''}`);
      });
      found.push(...findings.map((finding) => `${theme}: ${finding}`));
      await close(opened);
    }
    expect(found.join('\n')).toBe('');
  });

  test('stands beside another one: what changed is said with both values, in every theme, and leads to lines', async () => {
    const found: string[] = [];
    const beside = ['llama-2-7b', 'gpt-oss-120b', 'deepseek-v3', 'qwen3-next-80b-a3b'];
    for (const [at, theme] of THEME_KINDS.entries()) {
      const opened = await open('llama-3-8b', { theme, place: 'editor' }, beside[at] ?? 'llama-2-7b');
      const { page } = opened.shown;
      await page.locator('headlight-difference headlight-figure').waitFor();
      for (const width of [320, 480, 1200]) {
        await page.setViewportSize({ width, height: 900 });
        await opened.shown.settled();
        found.push(...(await badlyDrawn(opened.shown)).map((what) => `${beside[at] ?? ''}, ${width} px: ${what}`));
      }
      if (at === 0) {
        await page.getByRole('option', { name: '32 → 8 KV heads, ÷ 4 cache; 16 KiB → 4 KiB per token' }).waitFor();
        // Of the other config nothing can be gone to: it is in another file.
        await page.getByRole('option', { name: /^K, 4,096 → 8 × 128.*changed/ }).click();
        const text = opened.host.text ?? '';
        const offset = text.indexOf('8', text.indexOf('"num_key_value_heads"'));
        await expect.poll(() => opened.host.log.at(-1)).toContain(`"offset":${offset},"length":1}`);
        const { length } = opened.host.log;
        await page.getByRole('option', { name: /^K, 4,096 → 32 × 128.*changed/ }).click();
        // Another edit of the text, and it is drawn anew beside the same.
        opened.host.type(text.replace('"num_key_value_heads": 8', '"num_key_value_heads": 4'));
        await page.getByRole('option', { name: /32 → 4 KV heads, ÷ 8 cache/ }).waitFor();
        expect(opened.host.log).toHaveLength(length);
        // The line of the cursor lights what it decided here, and nothing of the other file.
        opened.host.moveCursor(text.split('\n').findIndex((line) => line.includes('"num_key_value_heads"')) + 1);
        const lit = page.locator('headlight-difference .part.lit');
        await expect
          .poll(() => lit.evaluateAll((parts) => parts.map((part) => part.getAttribute('data-part'))))
          .toEqual(['after.layer.A.k', 'after.layer.A.v', 'after.layer.A.cache', 'after.layer.A.attention']);
        // What is alike opens within a moment, and not at once.
        opened.host.type(readFileSync(findConfig(ROOT, 'llama-2-7b'), 'utf8'));
        const open = page.getByRole('button', { name: 'Expand identical parts' });
        await open.waitFor();
        const movingAtClick = (): Promise<readonly unknown[]> =>
          open.evaluate(async (button) => {
            type Element = HTMLElement & { updateComplete: Promise<unknown> };
            const view = (button.getRootNode() as ShadowRoot).host as Element;
            const figure = view.shadowRoot?.querySelector('headlight-figure') as Element | null;
            const moving = (): readonly Animation[] => figure?.shadowRoot?.getAnimations() ?? [];
            // Of the click before.
            await Promise.all(moving().map((each) => each.finished));
            (button as HTMLElement).click();
            await view.updateComplete;
            await figure?.updateComplete;
            return moving().map((each) => each.effect?.getTiming().duration);
          });
        await page.emulateMedia({ reducedMotion: 'no-preference' });
        const moving = await movingAtClick();
        expect(moving.length).toBeGreaterThan(20);
        expect(new Set(moving)).toEqual(new Set([150]));
        await page.emulateMedia({ reducedMotion: 'reduce' });
        expect([await movingAtClick(), await movingAtClick()]).toEqual([[], []]);
        await page
          .getByRole('option', { name: /^K, 4,096 → 32 × 128/ })
          .first()
          .waitFor();
        await page.getByRole('button', { name: 'Draw alone' }).click();
        await page.getByRole('button', { name: 'A · Full attention' }).waitFor();
      }
      await close(opened);
    }
    expect(found.join('\n')).toBe('');
  });

  test(`is drawn within ${DRAW_MS} ms at ${LARGEST_LAYERS} layers of ${LARGEST_KINDS} kinds, and follows an edit in the frame of its numbers`, async () => {
    const opened = await open('llama-3-8b', { width: 1200, place: 'editor' });
    const { page } = opened.shown;
    const times: number[] = [];
    const text = largestConfig();
    for (let round = 0; round < 5; round++) {
      opened.host.type(text.replace('"num_attention_heads":64', `"num_attention_heads":${64 + 8 * round}`));
      await page
        .locator(`[aria-label*="${64 + 8 * round} query heads"]`)
        .first()
        .waitFor({ state: 'attached' });
      await opened.shown.settled();
      times.push(
        (await page.evaluate(() => performance.getEntriesByName('headlight:drawn').at(-1)?.duration)) ?? Infinity,
      );
    }
    const load = Math.max(1, (loadavg()[0] ?? 1) / availableParallelism());
    console.log(
      `architecture: drawn in ${times.map((ms) => ms.toFixed(0)).join(', ')} ms, load ${load.toFixed(1)} a core`,
    );
    await expect.poll(() => page.locator('headlight-drawing section').count()).toBe(LARGEST_KINDS);
    expect(Math.min(...times)).toBeLessThan(DRAW_MS * load);
    // Frames in which the design's line and a box of the drawing have changed.
    const frames = page.evaluate(async () => {
      const view = document
        .querySelector('headlight-app')
        ?.shadowRoot?.querySelector('headlight-architecture')?.shadowRoot;
      const said = (): readonly [string, string] => [
        view?.querySelector('.design')?.textContent ?? '',
        [...(view?.querySelector('headlight-drawing')?.shadowRoot?.querySelectorAll('headlight-figure') ?? [])]
          .map((figure) => figure.shadowRoot?.textContent ?? '')
          .join(),
      ];
      const [design, drawing] = said();
      const changed: (number | null)[] = [null, null];
      for (let frame = 0; changed.includes(null); frame++) {
        const [nowDesign, nowDrawing] = said();
        if (nowDesign !== design) changed[0] ??= frame;
        if (nowDrawing !== drawing) changed[1] ??= frame;
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      return changed;
    });
    opened.host.type(text.replace('"num_key_value_heads":8', '"num_key_value_heads":4'));
    const [numbers, drawing] = await frames;
    expect(drawing).toBe(numbers);
    await close(opened);
  });

  test('lights what the line of the cursor decided, also where it is closed, and draws it for a document', async () => {
    const opened = await open('deepseek-v3');
    const { page } = opened.shown;
    const lines = (opened.host.text ?? '').split('\n');
    opened.host.moveCursor(lines.findIndex((line) => line.includes('"kv_lora_rank"')) + 1);
    const lit = page.locator('headlight-drawing .fold:not([inert]) .part.lit');
    await expect
      .poll(() => lit.evaluateAll((parts) => parts.map((part) => part.getAttribute('data-part')?.split('.').at(-1))))
      .toEqual(expect.arrayContaining(['kv_a', 'kv_b']));
    await page.locator('section.lit', { hasText: 'dense' }).waitFor();
    opened.host.moveCursor(1);
    await expect.poll(() => lit.count()).toBe(0);
    await page.getByRole('button', { name: 'Copy as SVG' }).click();
    await expect.poll(() => opened.host.log.at(-1)).toMatch(/^panel\/copy \{"text":"<svg .*deepseek-v3/);
    // The same as a PNG: its first bytes, and a picture that is more than one colour.
    await page.getByRole('button', { name: 'Save as PNG…' }).click();
    await expect
      .poll(() => opened.host.log.at(-1)?.slice(0, 110))
      .toMatch(/^panel\/save \{"name":"deepseek-v3-architecture\.png","content":\{"0":137,"1":80,"2":78,"3":71,/);
    expect(opened.host.log.at(-1)?.length).toBeGreaterThan(500_000);
    await close(opened);
  });
});

/** Boxes that overlap, and text that is not within its box, as the browser sees them. */
function badlyDrawn({ page }: PanelPage): Promise<string[]> {
  return page.evaluate(() => {
    const found: string[] = [];
    if (document.documentElement.scrollWidth > document.documentElement.clientWidth) found.push('the page is too wide');
    const view = document
      .querySelector('headlight-app')
      ?.shadowRoot?.querySelector('headlight-architecture')?.shadowRoot;
    const drawing = view?.querySelector('headlight-drawing')?.shadowRoot;
    // Beside another config it is a view of its own.
    const drawn = drawing?.querySelector('headlight-difference')?.shadowRoot ?? drawing;
    const figures = drawn?.querySelectorAll('headlight-figure') ?? [];
    if (figures.length === 0) found.push('nothing is drawn');
    for (const figure of figures) {
      const boxes = [...(figure.shadowRoot?.querySelectorAll('.box') ?? [])].map((part) => ({
        name: part.getAttribute('data-of') ?? '',
        texts: [...part.querySelectorAll('text')],
        box: part.querySelector('rect')?.getBoundingClientRect() ?? new DOMRect(),
      }));
      for (const [index, { name, texts, box }] of boxes.entries()) {
        for (const text of texts) {
          const { left, right, top, bottom } = text.getBoundingClientRect();
          // The box of a text is higher than its letters.
          if (left < box.left || right > box.right + 0.5 || top < box.top - 3 || bottom > box.bottom + 3)
            found.push(`${name}: “${text.textContent}” leaves its box`);
        }
        for (const other of boxes.slice(index + 1))
          if (
            box.left < other.box.right &&
            other.box.left < box.right &&
            box.top < other.box.bottom &&
            other.box.top < box.bottom
          )
            found.push(`${name} lies on ${other.name}`);
      }
    }
    return found;
  });
}

describe('the architecture beside its config', () => {
  const workbench = useWorkbench();

  test('a box leads to its line, and a line to its boxes', async () => {
    const { page, host } = workbench();
    const editor = await workbench().openFile('llama-3-8b/config.json');
    await workbench().untilHeadlightIsActive();
    await host.evaluate(
      async (vscode) => void (await vscode.commands.executeCommand('headlight.showArchitecture')),
      null,
    );
    const panel = new Panel(page);
    await panel.takeTheSideBar();
    await panel.frame.getByRole('option', { name: /^K, / }).click();
    const line = (): Promise<string> =>
      host.evaluate((vscode) => {
        const active = vscode.window.activeTextEditor;
        return active ? active.document.lineAt(active.selection.active.line).text : '';
      }, null);
    await expect.poll(line).toContain('num_key_value_heads');
    const lit = (): Promise<string[]> =>
      panel.frame
        .locator('.part.lit')
        .evaluateAll((parts) => parts.map((part) => part.getAttribute('data-part') ?? ''));
    await expect.poll(lit).toContain('layer.A.k');
    await editor.moveCursorTo('"num_attention_heads"');
    await expect.poll(lit).toContain('layer.A.q');
    expect(await lit()).not.toContain('layer.A.k');
    await workbench().screenshot('panel-architecture');
  });
});
