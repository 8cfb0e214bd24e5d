// Figures as Chromium draws them: nothing overlaps, nothing is cut, no line crosses a box. One page for all.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import corpus from '../../fixtures/corpus.json';
import { readModelConfig } from '../../../src/reading/read';
import { anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { findChromium } from '../../harness/systemPackages.mjs';
import { depthNote, sampled } from '../depth';
import { describeAll } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';
import type { Measured } from './support/geometryPage';
import { LARGEST_KINDS, LARGEST_LAYERS, largestConfig } from './support/largest';
import { randomConfigs } from './support/randomConfigs';

const WIDTHS = [320, 480, 1200];
/** The figure of the largest model, from text to text; what the issue asks for. */
const DRAW_MS = 100;

interface Case {
  readonly name: string;
  readonly text: string;
}

const checkout = join(import.meta.dirname, '..', '..', '..');

function filesOf(folder: string, text: (content: string) => string = (content) => content): Case[] {
  return readdirSync(join(checkout, folder))
    .filter((name) => name.endsWith('.json') && name !== 'index.json')
    .map((name) => ({ name, text: text(readFileSync(join(checkout, folder, name), 'utf8')) }));
}

const references = referenceNames().map((name): Case => ({ name, text: referenceConfig(name) }));
const own = [
  ...filesOf('media/presets'),
  ...filesOf('test/fixtures/families', (content) =>
    JSON.stringify((JSON.parse(content) as { readonly config: unknown }).config),
  ),
];
const small = Object.entries(corpus).map(([name, { base }]): Case => ({ name, text: JSON.stringify(base) }));

const executablePath = findChromium();
const skipped = executablePath ? '' : ' (skipped: no Chromium; set HEADLIGHT_CHROMIUM)';

describeAll('figures in Chromium', () => {
  describe.skipIf(!executablePath)(`at ${WIDTHS.join(', ')} px${skipped}`, () => {
    let browser: Browser;
    let page: Page;

    beforeAll(async () => {
      const { outputFiles } = await build({
        entryPoints: [join(import.meta.dirname, 'support', 'geometryPage.ts')],
        bundle: true,
        write: false,
        format: 'iife',
        target: 'chrome120',
        mainFields: ['module', 'main'],
        logLevel: 'error',
      });
      browser = await chromium.launch({
        ...(executablePath ? { executablePath } : {}),
        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--font-render-hinting=none'],
      });
      page = await browser.newPage();
      await page.addScriptTag({ content: outputFiles[0]?.text ?? '' });
    });
    afterAll(() => browser.close());

    /** Of all cases and widths, in one call: what is wrong, by figure. */
    async function wrong(cases: readonly Case[], widths = WIDTHS): Promise<string[]> {
      const figures = await page.evaluate(
        ([all, sizes]) => {
          const { measure } = globalThis as unknown as {
            readonly measure: (text: string, name: string, width: number) => Measured | null;
          };
          return all.flatMap(({ name, text }) =>
            sizes.map((width) => ({ name, width, measured: measure(text, name, width) })),
          );
        },
        [cases, widths] as const,
      );
      const drawn = figures.filter(({ measured }) => measured !== null);
      expect(drawn.length).toBeGreaterThan(0.9 * figures.length);
      expect(drawn.every(({ measured }) => (measured?.parts ?? 0) >= 3)).toBe(true);
      return drawn.flatMap(({ name, width, measured }) =>
        (measured?.findings ?? []).map((finding) => `${name} at ${width}: ${finding}`),
      );
    }

    it(`of the reference models${depthNote}`, async () => {
      expect(await wrong(sampled(references, 4))).toEqual([]);
    });

    it(`of presets and small families${depthNote}`, async () => {
      expect(await wrong(sampled(own, 4))).toEqual([]);
    });

    it(`of a small config of each model type${depthNote}`, async () => {
      expect(await wrong(sampled(small, 12), [320])).toEqual([]);
    });

    it('of random configs', async () => {
      expect(await wrong(randomConfigs(20))).toEqual([]);
    });

    it('are what the measure takes for wrong where they are', async () => {
      const found = await page.evaluate(() => {
        const { measure } = globalThis as unknown as {
          readonly measure: (text: string, name: string, width: number) => Measured | null;
        };
        // Text that no table of widths reckons with.
        const style = document.createElement('style');
        style.textContent = 'text { letter-spacing: 3px }';
        document.head.append(style);
        const { findings } = measure(
          '{"model_type": "llama", "hidden_size": 4096, "num_hidden_layers": 2, "num_attention_heads": 32, "vocab_size": 32000, "intermediate_size": 11008, "rms_norm_eps": 1e-6}',
          'x',
          320,
        ) ?? { findings: [] };
        style.remove();
        return findings;
      });
      expect(found).toContainEqual(expect.stringContaining('is cut'));
    });

    it(`of the largest model, ${LARGEST_LAYERS} layers of ${LARGEST_KINDS} kinds, are drawn in less than ${DRAW_MS} ms`, async () => {
      const reading = readModelConfig(largestConfig());
      const { kinds, stack, spec } = anatomyOf(reading ?? expect.fail('no model config'), 'bf16', 1);
      expect([spec.layers.length, kinds.length]).toEqual([LARGEST_LAYERS, LARGEST_KINDS]);
      expect(kinds.every(({ description }) => description !== null)).toBe(true);
      expect(stack.flatMap(({ runs }) => runs).length).toBeGreaterThan(LARGEST_LAYERS / 3);
      expect(await wrong([{ name: 'the largest', text: largestConfig() }])).toEqual([]);
      const times = await page.evaluate((text) => {
        const { measure } = globalThis as unknown as {
          readonly measure: (text: string, name: string, width: number) => Measured | null;
        };
        return [1, 2, 3, 4].map(() => measure(text, 'x', 1200)?.drawMs ?? Number.POSITIVE_INFINITY);
      }, largestConfig());
      // The best of some: what else runs on this machine is not measured.
      console.log(`the largest figure: ${times.map((ms) => ms.toFixed(0)).join(', ')} ms`);
      expect(Math.min(...times)).toBeLessThan(DRAW_MS);
    });
  });
});
