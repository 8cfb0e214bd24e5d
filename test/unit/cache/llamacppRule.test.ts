/** llama.cpp: where its implementation differs from the model, what it refuses, and the lines of a state. */

import { describe, expect, it } from 'vitest';
import type { KnownPlan } from '../../../src/cache/plan';
import type { KvDtype } from '../../../src/model/dtype';
import { type EngineOptions, UNSHARDED } from '../../../src/model/scenario';
import { readModelConfig } from '../../../src/reading/read';
import { describeAll } from '../support/cases';
import { knownPlan } from '../support/plans';
import { preset } from '../support/presets';
import { referenceConfig } from '../support/reference';

interface Asked {
  readonly tokens?: number;
  readonly batch?: number;
  readonly kvDtype?: KvDtype;
  readonly options?: EngineOptions;
}

function plan(text: string, { tokens = 8192, batch = 1, kvDtype = 'auto', options = {} }: Asked = {}): KnownPlan {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('no model config');
  const workload = { batch, tokens };
  return knownPlan(reading.spec, { workload, engine: 'llamacpp', options, kvDtype, sharding: UNSHARDED });
}

const texts = ({ reasons }: KnownPlan): string => reasons.map(({ text }) => text).join('\n');

const MINICPM3 = JSON.stringify({
  model_type: 'minicpm3',
  num_hidden_layers: 62,
  hidden_size: 2560,
  num_attention_heads: 40,
  num_key_value_heads: 40,
  kv_lora_rank: 256,
  q_lora_rank: 768,
  qk_nope_head_dim: 64,
  qk_rope_head_dim: 32,
});

/** A decoder with windows, of which llama.cpp has no implementation that was read. */
const GPT_NEO = JSON.stringify({
  model_type: 'gpt_neo',
  num_layers: 2,
  hidden_size: 64,
  num_heads: 4,
  attention_types: [[['global', 'local'], 1]],
  window_size: 256,
});

describeAll('llama.cpp', () => {
  it('has no windows for Mistral, and says where heads differ', () => {
    const short = plan(referenceConfig('mistral-7b-v0.1'), { tokens: 4096 });
    const long = plan(referenceConfig('mistral-7b-v0.1'), { tokens: 131_072 });
    expect([short.cacheBytes, long.cacheBytes]).toEqual([4096 * 131_072, 131_072 * 131_072]);
    expect(long.exact).toBe(true);
    expect(texts(long)).toContain("beyond 4096 tokens its attention differs from the model's own");
    expect(texts(short)).not.toContain('beyond');
  });

  it('is not exact where its windows were not read', () => {
    const made = plan(GPT_NEO, { tokens: 1024 });
    expect(made.cacheBytes).toBe(2 * 1024 * 2 * 64 * 2);
    expect(made.exact).toBe(false);
    expect(made.notes.map(({ text }) => text).join()).toContain(
      'Headlight does not know whether llama.cpp uses windows for gpt_neo',
    );
  });

  it('caches K and V of every head of MiniCPM3', () => {
    const made = plan(MINICPM3, { tokens: 1024 });
    expect(made.cacheBytes).toBe(62 * 1024 * 40 * (96 + 64) * 2);
    expect(made.exact).toBe(true);
  });

  it.each<[string, string, Asked, string]>([
    ['a block that does not divide the head', 'phi-2', { kvDtype: 'q8_0' }, 'blocks of 32 do not divide heads of 80'],
    ['a cache type that it has not', 'llama-3-8b', { kvDtype: 'fp8' }, 'the cache type fp8'],
    [
      'quantised values without flash attention',
      'llama-3-8b',
      { options: { 'flash-attn': 'off', 'cache-type-v': 'q8_0' } },
      'values in q8_0 without flash attention',
    ],
    [
      'two types for one latent',
      'deepseek-v2-lite',
      { options: { 'cache-type-k': 'q8_0' } },
      'keys in q8_0 with values in f16',
    ],
  ])('refuses %s', (_, model, asked, why) => {
    const made = plan(referenceConfig(model), asked);
    expect(made.refused).toContain(why);
    expect(made.notes.map(({ text }) => text).join('\n')).toContain(`llama.cpp refuses ${made.refused}`);
    expect(made.exact).toBe(false);
  });

  it('takes its own default where a config prescribes a cache type that it has not', () => {
    const config = JSON.parse(referenceConfig('llama-3-8b')) as object;
    const scheme = { quant_method: 'modelopt', kv_cache_scheme: { num_bits: 8, type: 'float' } };
    const made = plan(JSON.stringify({ ...config, quantization_config: scheme }));
    expect([made.kvDtype, made.refused]).toEqual(['f16', null]);
  });

  it('makes slots, in one buffer or in one each', () => {
    const text = referenceConfig('llama-3-8b');
    const row = 131_072;
    const bytes = (options: EngineOptions, batch = 1): number => plan(text, { options, batch }).cacheBytes;
    expect(bytes({ parallel: 4 })).toBe(4 * 8192 * row);
    expect(bytes({ parallel: 4, 'kv-unified': true })).toBe(8192 * row);
    expect(bytes({ parallel: 4, 'kv-unified': true }, 4)).toBe(4 * 8192 * row);
  });

  describe('over several devices', () => {
    const layersOf = (layers: number, devices: number, options: EngineOptions = {}): readonly number[] => {
      const reading = readModelConfig(
        JSON.stringify({
          model_type: 'llama',
          num_hidden_layers: layers,
          hidden_size: 512,
          num_attention_heads: 8,
          num_key_value_heads: 2,
        }),
      );
      if (!reading) throw new Error('no model config');
      const workload = { batch: 1, tokens: 1024 };
      const sharding = { ...UNSHARDED, tp: devices };
      const made = knownPlan(reading.spec, { workload, engine: 'llamacpp', options, kvDtype: 'auto', sharding });
      expect(made.totalBytes).toBe(Math.max(...made.stages.map(({ reservedBytes }) => reservedBytes)));
      expect(made.sharding.duplication).toBe(1);
      return made.stages.map(({ layers: [start, end] }) => end - start);
    };

    // By hand: layer i of n is on the first device d with (d + 1) / devices > i / (n + 1), as `load_tensors` compares them.
    it.each([
      [64, 2, [33, 31]],
      [80, 2, [41, 39]],
      [32, 2, [17, 15]],
      [31, 2, [16, 15]],
      [32, 3, [11, 11, 10]],
      [80, 4, [21, 20, 20, 19]],
      [2, 4, [1, 1, 0, 0]],
    ])('%i layers on %i are %j', (layers, devices, expected) => {
      expect(layersOf(layers, devices)).toEqual(expected);
      expect(layersOf(layers, devices, { 'split-mode': 'row' })).toEqual(expected);
    });

    it('are on one with split-mode none, and layers that draft count where the output stands behind them', () => {
      expect(layersOf(64, 2, { 'split-mode': 'none' })).toEqual([64]);
      const reading = readModelConfig(preset('deepseek-v3'));
      if (!reading) throw new Error('no model config');
      const made = knownPlan(reading.spec, {
        workload: { batch: 1, tokens: 1024 },
        engine: 'llamacpp',
        kvDtype: 'auto',
        sharding: { ...UNSHARDED, tp: 2 },
      });
      // 61 layers, one that drafts and the output: 63 units.
      expect(reading.spec.draftLayers).toBe(1);
      expect(made.stages.map(({ layers }) => layers)).toEqual([
        [0, 32],
        [32, 61],
      ]);
    });
  });

  describe('states', () => {
    it.each<[string, EngineOptions]>([
      ['qwen3.5-27b', {}],
      ['qwen3.5-27b', { 'draft-max': 6 }],
      ['granite-4.0-h-micro', {}],
      ['granite-4.0-h-micro', { 'draft-max': 6 }],
      ['lfm2.5-vl-1.6b', { 'draft-max': 2 }],
    ])('of %s with %j: the lines add up to the total', (model, options) => {
      const made = plan(referenceConfig(model), { options });
      const lines = made.derivation.filter(({ what }) => what === 'state');
      expect(lines.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(made.stateBytes);
      for (const { factors, bytes } of lines)
        expect(factors.reduce((product, { value }) => product * value, 1)).toBe(bytes);
    });

    it('of drafted tokens are kept where the model can go back to them', () => {
      const state = (model: string, drafted: number): number =>
        plan(referenceConfig(model), { options: { 'draft-max': drafted } }).stateBytes;
      expect(state('qwen3.5-27b', 6)).toBe(7 * 156_893_184);
      expect(state('granite-4.0-h-micro', 6)).toBe(state('granite-4.0-h-micro', 0));
    });
  });
});
