/** Settings of configs that change what is computed without changing any tensor: easy to overlook, never seen as an error. */

import { describe, expect } from 'vitest';
import type { BlockSpec } from '../../../src/attention/spec/blockSpec';
import { readModelConfig } from '../../../src/reading/read';
import { ConfigRefusal } from '../../../src/config/refusal';
import { runnableBlocks } from '../../../src/families/blocksOf';
import { ggufConfig } from '../../../src/weights/ggufConfig';
import { eachOrSkip, noCases, testsByConfig } from '../support/cases';

const SMALL = {
  hidden_size: 48,
  intermediate_size: 32,
  num_hidden_layers: 3,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  vocab_size: 97,
  max_position_embeddings: 256,
};

const { it, met } = testsByConfig();

function blocks(modelType: string, config: Readonly<Record<string, unknown>>): readonly BlockSpec[] {
  const whole = { model_type: modelType, ...SMALL, ...config };
  met(whole);
  const reading = readModelConfig(JSON.stringify(whole));
  if (reading === null) throw new Error('no reading');
  return runnableBlocks(reading, reading.reader()).blocks;
}
const rotaryOf = (modelType: string, config: Readonly<Record<string, unknown>>): BlockSpec['layer']['rotary'] =>
  blocks(modelType, config)[0]?.layer.rotary ?? null;

describe('rotation', () => {
  it('of part of a head only in families that have that; scaled, it is refused in the others', () => {
    expect(rotaryOf('llama', { partial_rotary_factor: 0.5 })?.dim).toBe(8);
    expect(() =>
      rotaryOf('llama', { partial_rotary_factor: 0.5, rope_scaling: { type: 'linear', factor: 2 } }),
    ).toThrow(ConfigRefusal);
    expect(rotaryOf('phi3', { partial_rotary_factor: 0.5 })?.dim).toBe(4);
    expect(rotaryOf('stablelm', {})?.dim).toBe(2);
    expect(rotaryOf('minimax_m2', { head_dim: 16, rotary_dim: 8 })?.dim).toBe(8);
  });

  const scaled = [
    ['gpt_oss', 'yarn'],
    ['apertus', 'llama3'],
    ['cwm', 'llama3'],
    ['ministral3', 'yarn'],
  ] as const;
  eachOrSkip(scaled, noCases, ([modelType, kind]) => {
    it(`of ${modelType} is scaled (${kind}) where the file says nothing`, () => {
      expect(rotaryOf(modelType, modelType === 'apertus' ? { hidden_act: 'silu' } : {})?.scaling?.kind).toBe(kind);
      expect(
        rotaryOf(modelType, {
          hidden_act: 'silu',
          rope_scaling: {
            rope_type: 'linear',
            factor: 2,
            llama_4_scaling_beta: 0.1,
            original_max_position_embeddings: 64,
          },
        })?.scaling?.kind,
      ).toBe('linear');
    });
  });

  it('has a base for each layer, or none, in Granite with windows', () => {
    const rotaries = blocks('granite_swa', { layer_rope_theta: [10_000, 0, 500] }).map(
      ({ layer }) => layer.rotary?.theta ?? null,
    );
    expect(rotaries).toEqual([10_000, null, 500]);
  });
});

describe('other settings', () => {
  it('are found under their other names', () => {
    const experts = (key: string): unknown => {
      const mlp = blocks('qwen3_moe', {
        [key]: 6,
        num_experts_per_tok: 2,
        moe_intermediate_size: 16,
        decoder_sparse_step: 1,
        mlp_only_layers: [],
      })[0]?.feedForward;
      return mlp?.kind === 'moe' ? mlp.router.experts : null;
    };
    expect([experts('num_experts'), experts('num_local_experts')]).toEqual([6, 6]);
  });

  it('Gemma says gelu and means its approximation; others mean what they say', () => {
    expect(blocks('gemma', { head_dim: 8, hidden_act: 'gelu' })[0]?.feedForward).toMatchObject({
      activation: 'gelu-tanh',
    });
    expect(blocks('llama', { hidden_act: 'gelu' })[0]?.feedForward).toMatchObject({ activation: 'gelu' });
  });

  it('BitNet is computed as trained, and refused where its weights are quantised on the way', () => {
    expect(blocks('bitnet', { hidden_act: 'relu2' })[0]?.layer.outputNorm?.kind).toBe('rms');
    expect(() => blocks('bitnet', { hidden_act: 'relu2', quantization_config: { quant_method: 'bitnet' } })).toThrow(
      /1\.58 bits is not supported/,
    );
  });
});

describe('what GGUF says only between the lines', () => {
  const base = {
    'general.architecture': 'x',
    'x.block_count': 2,
    'x.embedding_length': 32,
    'x.attention.head_count': 4,
    'x.rope.freq_base': 500_000,
  };
  const config = (
    architecture: string,
    more: Readonly<Record<string, string | number | boolean[]>>,
  ): Readonly<Record<string, unknown>> => {
    const made = ggufConfig(
      Object.fromEntries(
        [...Object.entries(base), ...Object.entries(more)].map(([key, value]) => [
          key.replace(/^x\./, `${architecture}.`),
          key === 'general.architecture' ? architecture : value,
        ]),
      ),
    );
    met(made);
    return made;
  };

  it('Qwen 3 scales the weights of its experts to a sum of 1', () => {
    expect(config('qwen3moe', { 'x.expert_count': 4 })['norm_topk_prob']).toBe(true);
    expect(config('qwen2moe', { 'x.expert_count': 4 })['norm_topk_prob']).toBeUndefined();
  });

  it('OLMo 2 with a window is OLMo 3; its sliding layers are not scaled', () => {
    const scaled = {
      'x.rope.scaling.type': 'yarn',
      'x.rope.scaling.factor': 8,
      'x.rope.scaling.original_context_length': 32,
    };
    const windowed = { 'x.attention.sliding_window': 7, 'x.attention.sliding_window_pattern': [true, false] };
    expect(config('olmo2', scaled)).toMatchObject({ model_type: 'olmo2', rope_scaling: { factor: 8 } });
    expect(config('olmo2', { ...scaled, ...windowed })).toMatchObject({
      model_type: 'olmo3',
      rope_parameters: {
        full_attention: { rope_type: 'yarn', rope_theta: 500_000 },
        sliding_attention: { rope_type: 'default', rope_theta: 500_000 },
      },
    });
    expect(config('olmo2', { ...scaled, ...windowed })['rope_scaling']).toBeUndefined();
  });

  it('a factor of the file multiplies that of YaRN', () => {
    const yarn = {
      'x.rope.scaling.type': 'yarn',
      'x.rope.scaling.factor': 4,
      'x.rope.scaling.original_context_length': 32,
    };
    const factorOf = (more: Readonly<Record<string, number>>): number | null | undefined => {
      const scaling = rotaryOf('llama', {
        rope_scaling: config('llama', { ...yarn, ...more })['rope_scaling'],
      })?.scaling;
      return scaling?.kind === 'yarn' ? scaling.attentionFactor : undefined;
    };
    const own = 0.1 * Math.log(4) + 1;
    expect(factorOf({})).toBeCloseTo(own, 12);
    expect(factorOf({ 'x.rope.scaling.attn_factor': 0.5 })).toBeCloseTo(0.5 * own, 12);
    // With mscale_all_dim, mscale is the same: the two cancel.
    expect(factorOf({ 'x.rope.scaling.yarn_log_multiplier': 0.0707 })).toBe(1);
    expect(rotaryOf('llama', { rope_scaling: config('llama', yarn)['rope_scaling'] })?.scaling?.kind).toBe('yarn');
  });
});
