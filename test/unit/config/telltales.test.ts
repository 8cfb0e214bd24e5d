// Families that are not known, or were changed: never a confident number.
import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import type { ModelSpec } from '../../../src/model/spec';

type Config = Readonly<Record<string, unknown>>;

function read(config: Config): ModelSpec {
  const reading = readModelConfig(JSON.stringify(config));
  if (!reading) throw new Error('not read as a model config');
  return reading.spec;
}

const LLAMA = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  num_hidden_layers: 4,
  hidden_size: 512,
  num_attention_heads: 8,
  num_key_value_heads: 2,
};

describe('a known family with keys of another mechanism', () => {
  const foreign: readonly (readonly [string, unknown])[] = [
    ['kv_lora_rank', 512],
    ['qk_rope_head_dim', 64],
    ['v_head_dim', 32],
    ['linear_attn_config', { kda_layers: [1, 2], full_attn_layers: [3, 4], num_heads: 8, head_dim: 64 }],
    ['sparse_attention_config', { use_sparse_attention: true }],
    ['num_kv_shared_layers', 2],
    ['cross_layer_kv_sharing', true],
    ['kv_sharing_group_size', 2],
    ['share_kv_layers', [2, 3]],
    ['use_cla', true],
    ['sliding_window', 1024],
    ['attention_chunk_size', 8192],
    ['attn_window_size', 512],
    ['layer_types', ['full_attention', 'linear_attention', 'full_attention', 'linear_attention']],
    ['layers_block_type', ['attention', 'mamba', 'attention', 'mamba']],
    ['hybrid_override_pattern', 'M*M*'],
    ['full_attention_interval', 2],
    ['attn_layer_period', 2],
    ['mamba_d_state', 16],
    ['ssm_cfg', { layer: 'Mamba2' }],
    ['index_head_dim', 128],
    ['compress_ratios', [0, 4, 4, 0]],
    ['kv_compression_ratio', 4],
    ['latent_dim', 128],
    ['block_configs', [{ attention: { no_op: true } }]],
    ['num_key_value_heads_per_layer', [2, 2, 1, 1]],
    ['global_head_dim', 128],
    ['num_global_key_value_heads', 1],
    ['cross_attention_layers', [1]],
    ['lightning_attention', true],
    ['retention_heads', 8],
    ['conv_L_cache', 3],
    ['swa_num_key_value_heads', 4],
    ['yoco_layers', 2],
    ['total_ut_steps', 4],
    ['n_recurrent_loops', 2],
    ['loop_num', 2],
    ['num_loops', 2],
    ['layer_group_size', 4],
    ['num_kv_reuse_layers', 2],
    ['kv_source_layer_ids', [0, 2]],
    ['index_source_layer_ids', [0, 2]],
    ['index_kpool', 4],
    ['indexer_compress_ratio', 4],
    ['sliding_windows', [128, null, 128, null]],
    ['mixer_types', ['minicpm4', 'lightning', 'lightning', 'minicpm4']],
    ['expand_k', 0.5],
    ['feature_map', 'relu'],
    ['gate_fn', 'swish'],
  ];
  it.each(foreign)('llama with %s', (key, value) => {
    const spec = read({ ...LLAMA, [key]: value });
    expect(spec.exact).toBe(false);
    expect(spec.unknownLayers).toBe(spec.layers.length);
    expect(spec.notes.some((note) => note.inexact && note.key === key)).toBe(true);
  });

  it.each([
    ['kv_lora_rank', null],
    ['sliding_window', null],
    ['use_cla', false],
    ['num_kv_shared_layers', 0],
    ['layer_types', ['full_attention', 'full_attention', 'full_attention', 'full_attention']],
    ['attention_bias', false],
    ['attention_dropout', 0.1],
    ['head_dim', 64],
  ] as const)('llama with an idle %s stays exact', (key, value) => {
    expect(read({ ...LLAMA, [key]: value }).exact).toBe(true);
  });

  it('a KV-head key that the family does not read', () => {
    expect(
      read({
        model_type: 'gpt_neox',
        num_hidden_layers: 4,
        hidden_size: 512,
        num_attention_heads: 8,
        num_key_value_heads: 2,
      }).exact,
    ).toBe(false);
  });
  it('heads that cannot share', () => {
    expect(read({ ...LLAMA, num_key_value_heads: 3 }).exact).toBe(false);
    expect(read({ ...LLAMA, num_key_value_heads: 16 }).exact).toBe(false);
  });
  it('a hidden size that the heads do not divide', () => {
    expect(read({ ...LLAMA, num_attention_heads: 6, num_key_value_heads: 2 }).exact).toBe(false);
  });
  it('a list of the wrong length', () => {
    const spec = read({
      ...LLAMA,
      model_type: 'gemma3_text',
      head_dim: 64,
      sliding_window: 8,
      layer_types: ['full_attention'],
    });
    expect(spec.exact).toBe(false);
    expect(spec.unknownLayers).toBe(3);
  });
  it('words that are not known are counted and named', () => {
    const spec = read({
      ...LLAMA,
      model_type: 'gemma3_text',
      head_dim: 64,
      sliding_window: 8,
      layer_types: ['full_attention', 'quantum_attention', 'quantum_attention', 'sliding_attention'],
    });
    expect(spec.exact).toBe(false);
    expect(spec.unknownLayers).toBe(2);
    expect(spec.notes.map((note) => note.text)).toContain('2 of 4 layers are not understood: quantum_attention');
  });
  it('a sliding layer without a window', () => {
    const spec = read({
      ...LLAMA,
      model_type: 'gemma3_text',
      head_dim: 64,
      sliding_window: null,
      layer_types: new Array(4).fill('sliding_attention'),
    });
    expect(spec.exact).toBe(false);
  });
});

describe('a family that is not known', () => {
  const unknown = { ...LLAMA, model_type: 'frobnicator', architectures: ['FrobnicatorForCausalLM'] };
  it('is read by common key names, and marked', () => {
    const spec = read(unknown);
    expect(spec.exact).toBe(false);
    expect(spec.family).toBeNull();
    expect(spec.unknownLayers).toBe(4);
    expect(spec.layers.every((layer) => layer.assumed === true)).toBe(true);
  });
  it('counts nothing where its keys say that layers differ', () => {
    for (const key of [
      'hybrid_override_pattern',
      'block_configs',
      'compress_ratios',
      'num_kv_shared_layers',
      'kv_sharing_map',
      'ssm_cfg',
      'cross_layer_sharing',
    ]) {
      const spec = read({ ...unknown, [key]: ['x'] });
      expect(spec.exact, key).toBe(false);
      expect(
        spec.layers.every((layer) => layer.attention.kind === 'unknown'),
        key,
      ).toBe(true);
    }
  });
  it('of unknown layer words counts those it knows', () => {
    const spec = read({ ...unknown, layer_types: ['full_attention', 'zigzag', 'full_attention', 'zigzag'] });
    expect(spec.layers.filter((layer) => layer.attention.kind === 'unknown')).toHaveLength(2);
    expect(spec.exact).toBe(false);
  });
});
