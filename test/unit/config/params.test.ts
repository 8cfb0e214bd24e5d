// Meta's and Mistral's params.json, DeepSeek's own inference configs.
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { scenario } from '../support';
import { layerRuns } from './layerText';

const META = {
  dim: 4096,
  n_layers: 32,
  n_heads: 32,
  n_kv_heads: 8,
  vocab_size: 128256,
  ffn_dim_multiplier: 1.3,
  multiple_of: 1024,
  norm_eps: 1e-5,
  rope_theta: 500000,
};

function runs(config: Readonly<Record<string, unknown>>): string {
  const spec = readModelConfig(JSON.stringify(config))?.spec;
  expect(spec?.dialect).toBe('params');
  expect(spec?.notes.filter((note) => note.inexact)).toEqual([]);
  return spec ? layerRuns(spec) : '';
}

describe('params.json', () => {
  it('Meta', () => {
    expect(runs(META)).toBe('32× k1024 v1024');
    const { n_kv_heads: _omitted, ...llama1 } = META;
    expect(runs(llama1)).toBe('32× k4096 v4096');
  });
  it('Mistral: one window, none, or a list that is repeated', () => {
    expect(runs({ ...META, head_dim: 128, sliding_window: 4096 })).toBe('32× k1024 v1024 w4096');
    expect(runs({ ...META, head_dim: 128, sliding_window: null })).toBe('32× k1024 v1024');
    expect(runs({ ...META, n_layers: 4, head_dim: 128, _sliding_window: [null, 64] })).toBe(
      'k1024 v1024 | k1024 v1024 w64 | k1024 v1024 | k1024 v1024 w64',
    );
    expect(runs({ ...META, head_dim: 160 })).toBe('32× k1280 v1280');
    expect(runs({ ...META, moe: { num_experts_per_tok: 2, num_experts: 8 } })).toBe('32× k1024 v1024');
  });
  it('a model_type that is no type of transformers', () => {
    expect(runs({ ...META, model_type: 'transformer' })).toBe('32× k1024 v1024');
  });
  it('DeepSeek inference', () => {
    const v3 = {
      vocab_size: 129280,
      dim: 7168,
      inter_dim: 18432,
      moe_inter_dim: 2048,
      n_layers: 61,
      n_dense_layers: 3,
      n_heads: 128,
      n_routed_experts: 256,
      q_lora_rank: 1536,
      kv_lora_rank: 512,
      qk_nope_head_dim: 128,
      qk_rope_head_dim: 64,
      v_head_dim: 128,
      dtype: 'fp8',
    };
    expect(runs(v3)).toBe('61× k512 v64');
    expect(runs({ ...v3, index_n_heads: 64, index_head_dim: 128, index_topk: 2048 })).toBe('61× k512 v64 i128');
  });
  it('Llama 4 attends to chunks, and to everything in every fourth layer', () => {
    const llama4 = {
      dim: 5120,
      n_layers: 8,
      n_heads: 40,
      n_kv_heads: 8,
      nope_layer_interval: 4,
      attention_chunk_size: 8192,
    };
    expect(runs(llama4)).toBe('3× k1024 v1024 w8192 | k1024 v1024 | 3× k1024 v1024 w8192 | k1024 v1024');
  });
  it('a state-space model of Mistral is Mamba 2 as mamba_ssm has it', () => {
    const spec = readModelConfig(
      JSON.stringify({
        dim: 4096,
        n_layers: 64,
        n_groups: 8,
        model_type: 'mamba',
        vocab_size: 32768,
        tie_embeddings: false,
      }),
    )?.spec;
    // Inner width 8,192 in heads of 64, 128 states, a kernel of 4, 8 groups: mistralai/Mamba-Codestral-7B-v0.1 in its other form.
    const state = { conv: 4 * (8192 + 2 * 8 * 128), recurrent: 8192 * 128 };
    expect(spec?.layers).toHaveLength(64);
    expect(spec?.exact).toBe(true);
    expect(spec && planCache(spec, scenario(1, 1)).stateBytes).toBe(64 * 2 * (state.conv + state.recurrent));
  });
});
