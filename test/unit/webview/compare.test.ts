/** What Compare draws: choices, bars, curves. */

import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import type { VariantRequest } from '../../../src/cache/variants';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { compareDesigns, type Comparison } from '../../../src/serving/comparison';
import { deviceOf } from '../../../src/serving/hardware';
import { barsOf } from '../../../webview/charts/bars/viewModel';
import {
  bytesY,
  contextAt,
  contextRange,
  contextX,
  curveBeside,
  curveNear,
  curveSeries,
  curveTable,
  type CurveLayout,
  layoutCurve,
  nextContext,
  readoutSentence,
} from '../../../webview/charts/curve/viewModel';
import { spread } from '../../../src/present/spread';
import { elide, shortContext } from '../../../webview/charts/curve/labels';
import { offersOf, restoreChoices, toggled } from '../../../webview/views/compare/choices';
import { detailLines } from '../../../webview/views/compare/details';
import { depthNote, sampled } from '../depth';
import { sampleConfig, scenario } from '../support';
import { preset } from '../support/presets';
import { referenceConfig, referenceNames } from '../support/reference';

function reading(text: string): Reading {
  const read = readModelConfig(text);
  if (!read) throw new Error('not a model config');
  return read;
}

const llama = reading(sampleConfig('llama-3-8b'));
const windowed = reading(
  JSON.stringify({
    ...(JSON.parse(sampleConfig('llama-3-8b')) as object),
    model_type: 'gemma2',
    sliding_window: 4096,
    head_dim: 128,
    num_hidden_layers: 26,
    query_pre_attn_scalar: 128,
  }),
);

/** A first look: nothing was chosen. */
const NO_CHOICES = restoreChoices(undefined);

function compared(model: Reading, tokens = 32_768): Comparison {
  const requests = offersOf(model.spec, NO_CHOICES)
    .filter((offer) => offer.shown)
    .map((offer) => offer.request);
  return compareDesigns([{ name: null, reading: model, requests }], scenario(1, tokens));
}

describe('choices', () => {
  it('offers every divisor and not the design that the model is', () => {
    const labels = offersOf(llama.spec, NO_CHOICES).map((offer) => offer.label);
    expect(labels).toEqual(['MHA', 'GQA-16', 'GQA-4', 'GQA-2', 'MQA', 'MLA 512 + 64']);
    const deepseek = offersOf(reading(sampleConfig('deepseek-v3')).spec, NO_CHOICES);
    expect(deepseek.map((offer) => offer.label)).toEqual([
      'MHA',
      'GQA-64',
      'GQA-32',
      'GQA-16',
      'GQA-8',
      'GQA-4',
      'GQA-2',
      'MQA',
      'MLA 512 + 64',
    ]);
    expect(deepseek.filter((offer) => offer.shown).map((offer) => offer.text)).toEqual(['mha', 'gqa:8', 'mqa']);
  });

  it('adds and takes away, and keeps the latent shown while its widths change', () => {
    const offers = offersOf(llama.spec, NO_CHOICES);
    expect(toggled(NO_CHOICES, offers, 'gqa:4').toSorted()).toEqual(['gqa:4', 'gqa:8', 'mha', 'mla:512+64', 'mqa']);
    expect(toggled(NO_CHOICES, offers, 'mqa').toSorted()).toEqual(['gqa:8', 'mha', 'mla:512+64']);
    const wider = offersOf(llama.spec, {
      ...NO_CHOICES,
      variants: ['mla:512+64'],
      latent: { latentDim: 256, ropeDim: 32 },
    });
    expect(wider.filter((offer) => offer.shown).map((offer) => offer.label)).toEqual(['MLA 256 + 32']);
  });

  it('keeps a design that one model is for the next one, which is not', () => {
    const gpt3 = reading(sampleConfig('llama-3-8b').replace('"num_key_value_heads": 8', '"num_key_value_heads": 32'));
    const offers = offersOf(gpt3.spec, NO_CHOICES);
    expect(offers.map((offer) => offer.text)).not.toContain('mha');
    const variants = toggled(NO_CHOICES, offers, 'gqa:4');
    const next = offersOf(reading(sampleConfig('deepseek-v3')).spec, { ...NO_CHOICES, variants });
    expect(next.filter((offer) => offer.shown).map((offer) => offer.text)).toEqual(
      expect.arrayContaining(['mha', 'gqa:8', 'gqa:4', 'mqa']),
    );
  });

  it.each([
    [undefined],
    [7],
    ['x'],
    [{ variants: 3, others: 'x', latent: { latentDim: -1, ropeDim: 1e99 }, cursorTokens: 0.5 }],
    [{ latent: { latentDim: 0, ropeDim: 0 } }],
  ])('restores what fits of %j', (kept) => expect(restoreChoices(kept)).toEqual(NO_CHOICES));

  it('survives a round trip', () => {
    const choices = {
      variants: ['mha'],
      latent: { latentDim: 8, ropeDim: 0 },
      others: ['a', 'b'],
      row: '0:mha',
      asTable: true,
      cursorTokens: 4096,
    };
    expect(restoreChoices(JSON.parse(JSON.stringify(choices)))).toEqual(choices);
    expect(restoreChoices({ ...choices, others: ['a', 'b', 'c', 'd', 'e'], variants: ['mha', 'evil'] })).toMatchObject({
      others: ['a', 'b', 'c', 'd'],
      variants: ['mha'],
    });
  });
});

describe('bars', () => {
  it('start at the same zero, and the longest is full', () => {
    const { rows } = barsOf(compared(llama));
    const lengths = rows.map((row) => row.segments.reduce((sum, segment) => sum + segment.fraction, 0));
    expect(Math.max(...lengths)).toBe(1);
    expect(lengths[0]).toBe(0.25);
    expect(rows.map((row) => row.ratio)).toEqual(['', '× 4', '÷ 8', '÷ 3.56']);
    expect(rows[1]?.size).toBe('16 GiB');
  });

  it('cut a giant beside which the others would be slivers, and say how long it would be', () => {
    const gpt3 = reading(preset('gpt-3-175b'));
    const { rows, cutText } = barsOf(compared(gpt3));
    const lengths = rows.map(({ segments }) => segments.reduce((sum, { fraction }) => sum + fraction, 0));
    expect(rows.map(({ cut }) => cut)).toEqual([true, false, false, false]);
    expect(lengths.slice(0, 3)).toEqual([1, 1, 0.125]);
    expect(cutText).toBe('cut: it would be 12 times as long');
    expect(barsOf(compared(llama)).cutText).toBe('');
    // One of two is no exception, nor are two of three.
    const some = (...requests: readonly VariantRequest[]): string =>
      barsOf(compareDesigns([{ name: null, reading: gpt3, requests }], scenario(1, 1024))).cutText;
    expect(some({ kind: 'mqa' })).toBe('');
    expect(some({ kind: 'gqa', groups: 48 }, { kind: 'mqa' })).toBe('');
    expect(some({ kind: 'gqa', groups: 8 }, { kind: 'mqa' })).toBe('cut: it would be 12 times as long');
  });

  it('tell windows and full layers apart', () => {
    const comparison = compared(windowed);
    const { rows, kinds } = barsOf(comparison);
    expect(kinds).toEqual(['sliding', 'full', 'latent']);
    const first = rows[0]?.segments ?? [];
    expect(first.map((segment) => segment.kind)).toEqual(['sliding', 'full']);
    expect(first.reduce((sum, segment) => sum + segment.bytes, 0)).toBe(comparison.rows[0]?.plan.totalBytes);
    // 13 layers that hold 4,096 of 32,768 tokens, 13 that hold all.
    expect((first[1]?.bytes ?? 0) / (first[0]?.bytes ?? 1)).toBe(8);
  });
});

describe('curves', () => {
  const comparison = compared(windowed);
  const range = contextRange(comparison);
  const series = curveSeries(comparison, range, (row) => row.label);

  it('are the plan at every point, and bend where the window is full', () => {
    for (const [index, one] of series.entries()) {
      const spec = comparison.rows[index]?.plan.spec;
      for (const { tokens, bytes } of one.points)
        expect(bytes).toBe(spec && planCache(spec, scenario(1, tokens)).totalBytes);
    }
    const first = series[0];
    const slope = (from: number, to: number): number =>
      Math.log2((first?.bytesAt(to) ?? 0) / (first?.bytesAt(from) ?? 1)) / Math.log2(to / from);
    expect(first?.points.some((point) => point.tokens === 4096)).toBe(true);
    expect(slope(1024, 4096)).toBeCloseTo(1, 10);
    expect(slope(4096, 8192)).toBeLessThan(0.7);
  });

  it.each([320, 480, 1200])(
    'have their place at %i px: nothing leaves the picture, labels and ticks do not touch',
    (width) => {
      const layout: CurveLayout = layoutCurve(series, range, width, 210);
      for (const { path, labelY } of layout.lines) {
        const points = [...path.matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map(
          (match) => [Number(match[1]), Number(match[2])] as const,
        );
        expect(points.length).toBeGreaterThan(10);
        for (const [x, y] of points) {
          expect(x).toBeGreaterThanOrEqual(layout.left - 0.1);
          expect(x).toBeLessThanOrEqual(layout.right + 0.1);
          expect(y).toBeGreaterThanOrEqual(layout.top - 0.1);
          expect(y).toBeLessThanOrEqual(layout.bottom + 0.1);
        }
        expect(labelY).toBeLessThanOrEqual(layout.bottom);
      }
      const labels = layout.lines.map((line) => line.labelY).sort((a, b) => a - b);
      for (let i = 1; i < labels.length; i++)
        expect((labels[i] ?? 0) - (labels[i - 1] ?? 0)).toBeGreaterThanOrEqual(13.9);
      const ticks = layout.xTicks.map((tick) => tick.at);
      for (let i = 1; i < ticks.length; i++) expect((ticks[i] ?? 0) - (ticks[i - 1] ?? 0)).toBeGreaterThanOrEqual(40);
      expect(layout.yTicks.length).toBeGreaterThanOrEqual(2);
    },
  );

  it('are read by the cursor, at the scenario too', () => {
    const layout = layoutCurve(series, range, 480, 210);
    expect(contextAt(layout, contextX(layout, 30_000), 30_000)).toBe(30_000);
    expect(contextAt(layout, contextX(layout, 8192) + 2, 32_768)).toBe(8192);
    expect(contextAt(layout, -100, 32_768)).toBe(range.least);
    expect(contextAt(layout, 10_000, 32_768)).toBe(range.most);
    expect(readoutSentence(series.slice(0, 1), 32_768)).toBe(`At 32,768 tokens: ${series[0]?.label ?? ''} 1.83 GiB`);
  });

  it('let the keyboard stop at the same contexts in both directions', () => {
    const stops = Math.log2(range.most / range.least) * 4;
    const walk = (from: number, steps: number): number[] => {
      const contexts = [from];
      for (let stop = 0; stop < stops; stop++) contexts.push(nextContext(range, contexts.at(-1) ?? from, steps));
      return contexts;
    };
    const contexts = walk(range.least, 1);
    expect(contexts.at(-1)).toBe(range.most);
    expect(new Set(contexts).size).toBe(stops + 1);
    expect(walk(range.most, -1).reverse()).toEqual(contexts);
    expect(contexts).toContain(4096);
    expect(nextContext(range, 30_000, 1)).toBe(32_768);
    expect(nextContext(range, 30_000, -1)).toBe(27_554);
  });

  it('draw nothing for what holds nothing', () => {
    const encoder = reading(
      '{"model_type": "bert", "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "vocab_size": 30522}',
    );
    const empty = compareDesigns([{ name: null, reading: encoder, requests: [] }], scenario(1, 512));
    const layout = layoutCurve(
      curveSeries(empty, contextRange(empty), (row) => row.label),
      contextRange(empty),
      320,
      210,
    );
    expect(layout.lines.map((line) => line.path)).toEqual(['']);
    expect(layout.yTicks.length).toBeGreaterThan(0);
  });

  it(`are finite for every reference config, with every design it can have${depthNote}`, () => {
    for (const name of sampled(referenceNames(), 4)) {
      const model = readModelConfig(referenceConfig(name));
      if (!model || model.spec.layers.length === 0) continue;
      const requests = offersOf(model.spec, NO_CHOICES).map((offer) => offer.request);
      const all = compareDesigns([{ name: null, reading: model, requests }], scenario(1, 4096), deviceOf('h100-sxm'));
      expect(all.leftOut, name).toEqual([]);
      const reach = { least: 1024, most: 8192 };
      const { lines, yTicks } = layoutCurve(
        curveSeries(all, reach, (row) => row.label),
        reach,
        320,
        210,
      );
      for (const { path, labelY, endY } of lines) expect(path + labelY + endY, name).not.toMatch(/NaN|Infinity/);
      expect(yTicks.length, name).toBeGreaterThan(0);
      for (const [index, row] of barsOf(all).rows.entries()) {
        const plan = all.rows[index]?.plan;
        expect(
          row.segments.reduce((sum, segment) => sum + segment.bytes, 0),
          `${name} ${row.label}`,
        ).toBe(plan?.totalBytes);
      }
    }
  });

  it('name contexts and shorten labels', () => {
    expect([512, 1024, 131_072, 2 ** 20, 5000].map(shortContext)).toEqual(['512', '1K', '128K', '1M', '5,000']);
    expect([elide('Qwen3-8B', 8), elide('Qwen3-30B-A3B-Instruct', 9)]).toEqual(['Qwen3-8B', 'Qwen…ruct']);
    expect(spread([10, 10, 10], 0, 100)).toEqual([10, 24, 38]);
    expect(spread([99, 100, 5], 0, 100)).toEqual([86, 100, 5]);
  });
});

describe('one curve among others', () => {
  const comparison = compared(reading(preset('gpt-3-175b')));
  const range = contextRange(comparison);
  const series = curveSeries(comparison, range, (row) => row.label);
  const layout = layoutCurve(series, range, 900, 280);
  const byLabel = (label: string): string => {
    const found = series.find((one) => one.label.startsWith(label));
    if (!found) throw new Error(label);
    return found.id;
  };

  it('is the nearest to a point, and none where none is near', () => {
    for (const tokens of [range.least, 5000, range.most]) {
      for (const one of series)
        expect(curveNear(layout, tokens, bytesY(layout, one.bytesAt(tokens)) + 1), one.label).toBe(one.id);
      expect(curveNear(layout, tokens, bytesY(layout, series[0]?.bytesAt(tokens) ?? 0) - 40)).toBeNull();
    }
  });

  it('is the next one above or below for the keys, and stays at the ends', () => {
    const down = (id: string | null): string | null => curveBeside(series, id, 1000, false);
    const [mha, gqa, mla, mqa] = ['gpt2', 'GQA-8', 'MLA', 'MQA'].map(byLabel);
    expect([down(null), down(mha ?? ''), down(gqa ?? ''), down(mla ?? ''), down(mqa ?? '')]).toEqual([
      mha,
      gqa,
      mla,
      mqa,
      mqa,
    ]);
    expect(curveBeside(series, mqa ?? '', 1000, true)).toBe(mla);
    expect(curveBeside([], null, 1000, true)).toBeNull();
  });
});

describe('details and tables', () => {
  const comparison = compareDesigns(
    [{ name: null, reading: llama, requests: [{ kind: 'mqa' }, { kind: 'mla', latentDim: 512, ropeDim: 64 }] }],
    scenario(1, 32_768),
    deviceOf('h100-sxm'),
  );
  const linesOf = (index: number): string[] => {
    const row = comparison.rows[index];
    if (!row) throw new Error('no row');
    return detailLines(row, comparison);
  };

  it('begin with the size, in words against the first', () => {
    expect(linesOf(0).slice(0, 3)).toEqual([
      '4 GiB (4.29 GB)',
      '32 query heads in 8 groups of 4',
      '131,072 B per token (128 KiB)',
    ]);
    expect(linesOf(1).slice(0, 2)).toEqual([
      '512 MiB (536.9 MB), 8 × smaller than the first',
      '32 query heads share one K and V',
    ]);
    expect(linesOf(1)[3]).toBe('projections: 2.21 GFLOP per token, −235 M parameters');
    expect(linesOf(2)[4]).toMatch(
      /^a decode step on H100 SXM 80GB takes at least .* ms, limited by memory bandwidth: reads .* of weights and 1\.13 GiB of cache$/,
    );
  });

  it("name the contexts of every doubling, and the scenario's", () => {
    const range = { least: 1024, most: 4096 };
    const at = (tokens: number): ReturnType<typeof curveTable> =>
      curveTable(
        curveSeries(comparison, range, (row) => row.label),
        range,
        tokens,
      );
    expect(at(2048)).toEqual([
      { tokens: '1,024', cells: ['128 MiB', '16 MiB', '36 MiB'], ofScenario: false },
      { tokens: '2,048', cells: ['256 MiB', '32 MiB', '72 MiB'], ofScenario: true },
      { tokens: '4,096', cells: ['512 MiB', '64 MiB', '144 MiB'], ofScenario: false },
    ]);
    expect(at(3000).map(({ tokens, ofScenario }) => [tokens, ofScenario])).toEqual([
      ['1,024', false],
      ['2,048', false],
      ['3,000', true],
      ['4,096', false],
    ]);
  });
});
