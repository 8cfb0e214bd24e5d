// Figures of all reference models: nothing overlaps, no text is cut, and the boxes sum to the numbers of the other surfaces.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerDrawing } from '../../../src/drawing/layerDrawing';
import { figureOf } from '../../../src/drawing/figure';
import type { Scene } from '../../../src/drawing/scene';
import { figureSvg } from '../../../src/drawing/svg';
import { wrapText } from '../../../src/drawing/textWidth';
import { formatInteger, formatSize } from '../../../src/model/units';
import { readModelConfig } from '../../../src/reading/read';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { decodeAttentionFlops } from '../../../src/serving/attentionWork';
import { someOf } from '../support/cases';
import { cut, overlapping } from '../support/geometry';
import { referenceConfig, referenceNames } from '../support/reference';
import { boxesOf } from './support/boxes';

const TOKENS = 32_768;
const WIDTHS = [320, 480, 1200];

function anatomy(name: string): Anatomy {
  const reading = readModelConfig(referenceConfig(name));
  if (!reading) throw new Error(name);
  return anatomyOf(reading, 'bf16', TOKENS);
}

const figure = (name: string, width: number): Scene =>
  figureOf(anatomy(name), { width, name, source: `${name}/config.json` });

describe('figures', () => {
  it.each(someOf(referenceNames()))('%s: nothing overlaps and nothing is cut at 320, 480 and 1,200 px', (name) => {
    for (const width of WIDTHS) {
      const scene = figure(name, width);
      expect(overlapping(scene.parts)).toEqual([]);
      expect(cut(scene)).toEqual([]);
      expect(
        scene.parts.filter((part) => part.x < 0 || part.x + part.width > width || part.y + part.height > scene.height),
      ).toEqual([]);
      expect(new Set(scene.parts.map(({ id }) => id)).size).toBe(scene.parts.length);
    }
  });

  it.each(someOf(referenceNames()))('%s: the boxes of its layers sum to its parameters and operations', (name) => {
    const { kinds, count, spec } = anatomy(name);
    if (!count) return;
    let flops = 0;
    for (const kind of kinds) {
      const boxes = boxesOf(layerDrawing(kind));
      if (!kind.parameters) continue;
      const total = Object.values(kind.parameters.parts).reduce((sum, part) => sum + part, 0);
      expect(boxes.reduce((sum, box) => sum + (box.parameters ?? 0), 0)).toBe(total);
      if (kind.block) expect(boxes.map(({ id }) => id)).not.toContain('other');
      const each = boxes.reduce((sum, box) => sum + (box.flops ?? 0), 0);
      expect(each).toBe(2 * (total - kind.parameters.idle) + kind.attentionFlops);
      flops += each * kind.indexes.length;
    }
    // Beside its layers, and without an encoder, which runs for the prompt alone.
    const ends = figure(name, 600).parts.filter(({ id }) => id.startsWith('model.'));
    const all = (of: 'parameters' | 'flops'): number => ends.reduce((sum, box) => sum + (box[of] ?? 0), 0);
    const layers = kinds.reduce(
      (sum, { parameters, indexes }) =>
        sum + indexes.length * Object.values(parameters?.parts ?? {}).reduce((own, part) => own + part, 0),
      0,
    );
    expect(all('parameters') + layers).toBe(count.total);
    const attention = kinds.reduce(
      (sum, { parameters, attentionFlops, indexes }) => sum + (parameters ? 0 : attentionFlops * indexes.length),
      0,
    );
    expect(all('flops') + flops + attention).toBe(
      2 * (count.activePerToken - count.lookup - count.encoder) + decodeAttentionFlops(spec, TOKENS),
    );
  });

  it.each(someOf(referenceNames()))('%s: the shares of its boxes sum to 1', (name) => {
    const { kinds, count } = anatomy(name);
    if (!count) return;
    const parts = figure(name, 600).parts.filter(({ id }) => !id.startsWith('stack.'));
    const sum = (of: 'parameters' | 'flops'): number => parts.reduce((all, { shares }) => all + (shares?.[of] ?? 0), 0);
    expect(sum('parameters')).toBeCloseTo(1, 9);
    // Where layers are not known apart, operations of attention are in no box.
    if (kinds.every(({ parameters }) => parameters)) expect(sum('flops')).toBeCloseTo(1, 9);
  });

  it.each(someOf(referenceNames()))('%s: what is marked as kept is what the plan caches', (name) => {
    const { kinds } = anatomy(name);
    const parts = figure(name, 480).parts;
    for (const [place, { attention, cacheBytes, cacheBytesPerToken, stateBytes }] of kinds.entries()) {
      if (attention.kind === 'unknown') continue;
      const own = (id: string): string[] =>
        parts.filter((part) => part.id === `layer.${String.fromCharCode(65 + place)}.${id}`).map(({ says }) => says);
      const cached = own('cache').filter((says) => says.startsWith('Cached'));
      expect(cached.map((says) => says.split(',')[0])).toEqual(
        cacheBytes === 0
          ? []
          : cacheBytesPerToken === 0
            ? [`Cached: ${formatSize(cacheBytes)} of the source`]
            : [`Cached: ${formatSize(cacheBytesPerToken)} per token`],
      );
      expect(own('state').map((says) => says.split(',')[0])).toEqual(
        stateBytes > 0 ? [`State: ${formatSize(stateBytes)} per sequence`] : [],
      );
      if (!('queryHeads' in attention)) continue;
      const [scores = ''] = own('attention');
      expect(scores).toMatch(new RegExp(`\\b${attention.queryHeads} (query )?heads?\\b`));
      if (attention.kind === 'sliding') expect(scores).toContain(formatInteger(attention.window));
    }
  });

  it('name the keys that decided a box', () => {
    const keys = (model: string, id: string): readonly string[] | undefined =>
      figure(model, 1200).parts.find((part) => part.id === id)?.keys;
    expect(keys('llama-3-8b', 'layer.A.up')).toEqual(['intermediate_size']);
    expect(keys('llama-3-8b', 'layer.A.k')).toEqual(expect.arrayContaining(['num_key_value_heads', 'hidden_size']));
    expect(keys('llama-3-8b', 'layer.A.norm')).toEqual(['rms_norm_eps']);
    expect(keys('llama-3-8b', 'layer.A.act')).toEqual(['hidden_act']);
    expect(keys('mixtral-8x7b', 'layer.A.experts')).toEqual([
      'num_local_experts',
      'num_experts_per_tok',
      'intermediate_size',
    ]);
    expect(keys('deepseek-r1', 'layer.B.shared')).toEqual(['n_shared_experts', 'moe_intermediate_size']);
    expect(keys('qwen3.5-27b', 'layer.A.up')).toEqual(['text_config.intermediate_size']);
  });

  it('are the same to the byte each time, and well-formed', () => {
    const scene = figure('llama-3-8b', 1200);
    expect(figureSvg(scene, 'light')).toBe(figureSvg(figure('llama-3-8b', 1200), 'light'));
    expect(figureSvg(scene, 'dark')).not.toBe(figureSvg(scene, 'light'));
  });

  it('say what is cached where it is', () => {
    const says = figure('llama-3-8b', 1200).parts.map((part) => part.says);
    expect(says).toContainEqual(expect.stringContaining('Cached: 4 KiB per token, K and V, 8 × 128 each'));
    expect(says).toContainEqual(expect.stringContaining('32 query heads in 8 groups of 4'));
  });

  it('say how much of a head is rotated, also where frequencies are spread over all of it', () => {
    const reading = readModelConfig(
      JSON.stringify({
        model_type: 'gemma4_text',
        hidden_size: 256,
        intermediate_size: 512,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        head_dim: 64,
        global_head_dim: 128,
        vocab_size: 1000,
        hidden_size_per_layer_input: 0,
        num_kv_shared_layers: 0,
        rms_norm_eps: 1e-6,
        hidden_activation: 'gelu_pytorch_tanh',
        sliding_window: 512,
        layer_types: ['sliding_attention', 'full_attention'],
        rope_parameters: {
          sliding_attention: { rope_type: 'default', rope_theta: 10_000 },
          full_attention: { rope_type: 'proportional', partial_rotary_factor: 0.25, rope_theta: 1_000_000 },
        },
      }),
    );
    const scene = reading && figureOf(anatomyOf(reading, 'bf16', TOKENS), { width: 1200, name: 'gemma-4', source: '' });
    const says = scene?.parts.filter(({ id }) => id.endsWith('.rope')).map((part) => part.says);
    expect(says).toEqual([
      expect.stringContaining('rotates all dims'),
      expect.stringMatching(/rotates 32 of 128 dims.*frequencies spaced as if all dims were rotated/),
    ]);
  });

  it('say of a layer that reads the cache of another what that one keeps', () => {
    const says = figure('gemma-3n-e4b', 1200).parts.filter(({ id }) => /^layer\.[CD]\.(cache|attention)$/.test(id));
    expect(says.map((part) => part.says.replace(/, 8 query.*/, ''))).toEqual(
      expect.arrayContaining([
        'K and V of layer 18, cached there, not here',
        'Attention to the last 512 tokens',
        'K and V of layer 19, cached there, not here',
        'Attention to all tokens',
      ]),
    );
  });

  it('show text of a file as text', () => {
    const scene = figureOf(anatomy('llama-3-8b'), { width: 600, name: '<script>&"', source: '<b>' });
    const svg = figureSvg(scene, 'light');
    expect(svg).not.toContain('<script');
    expect(svg).not.toContain('<b>');
  });
});

describe('numbers', () => {
  it.each(someOf(referenceNames()))('%s: are not broken at 320 px', (name) => {
    const lines = figure(name, 320).parts.flatMap(({ id, shapes }) =>
      shapes.flatMap((shape) => (shape.shape === 'text' && shape.ink === 'muted' ? [`${id}: ${shape.text}`] : [])),
    );
    const whole = /: (\d[\d.,]*(\u00a0[KMBT]|\u00a0[KMGTP]?FLOP)?(\u00a0\(\d+\u00a0%\))?( · )?)+$|: \(\d+\u00a0%\)$/;
    expect(lines.filter((line) => !whole.test(line))).toEqual([]);
  });
});

describe('text', () => {
  it('is broken so that every line fits, and nothing of it is lost', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 80 }), fc.integer({ min: 30, max: 300 }), (text, width) => {
        const lines = wrapText(text, width, 11);
        for (const line of lines) expect(wrapText(line, width, 11)).toEqual([line]);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
      }),
    );
  });
});
