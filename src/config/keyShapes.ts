/** What schema (tools/schema) and completion know of keys beyond their meaning. Apart, so that the hover does not load it. */

import { type KeyInfo, KEYS, type KnownKey } from './keys';

/** What a key holds. Where none is named: a whole number, or null for "not given". */
export type KeyType = 'flag' | 'number' | 'text' | 'list' | 'object' | 'any';

export interface KeyShape {
  readonly type?: KeyType;
  /** Words that it (or an entry of its list) holds, as far as they are known; another is no error. */
  readonly values?: readonly string[];
  /** What is written instead today. */
  readonly deprecated?: string;
}

const DTYPES = ['bfloat16', 'float16', 'float32', 'float8_e4m3fn'];
const STATE_DTYPES = ['float32', 'bfloat16'];
const LAYER_TYPES = ['full_attention', 'sliding_attention', 'chunked_attention', 'linear_attention', 'mamba', 'conv'];

/** Keys that shape the attention and no cache: the hover has no number for them. */
const OTHER_KEYS = {
  rope_theta: { text: 'Base of the RoPE frequencies.' },
  rope_scaling: { text: 'How RoPE is scaled beyond the trained length.' },
  rope_parameters: { text: 'RoPE type, base and scaling.' },
  partial_rotary_factor: {
    text: 'Share of a head that is rotated, 0 to 1.',
    families: 'GPT-NeoX, Phi, StableLM, GLM, Nemotron',
  },
  rotary_pct: { text: 'Share of a head that is rotated, 0 to 1.', families: 'GPT-NeoX' },
  rotary_dim: {
    text: 'Number of dimensions of a head that are rotated; must be even.',
    families: 'GPT-J, CodeGen, MiniMax',
  },
  qk_head_dim: { text: 'Width of a key: qk_nope_head_dim + qk_rope_head_dim.', families: 'MLA' },
  attention_bias: { text: 'Whether the attention’s projections have a bias.' },
  attn_logit_softcapping: { text: 'Cap on the attention scores (by tanh).', families: 'Gemma 2, Grok' },
  query_pre_attn_scalar: {
    text: 'Scores are divided by the square root of this instead of the head width.',
    families: 'Gemma',
  },
  attention_multiplier: { text: 'Scale of the attention scores, instead of 1 ÷ √head width.', families: 'Granite' },
  use_cache: { text: 'Whether transformers keeps a KV cache while generating.' },
} satisfies Readonly<Record<string, KeyInfo>>;

/** Every key that is described. */
export const DESCRIBED_KEYS: Readonly<Record<string, KeyInfo>> = { ...KEYS, ...OTHER_KEYS };

const KEY_SHAPES: Readonly<Partial<Record<KnownKey | keyof typeof OTHER_KEYS, KeyShape>>> = {
  num_query_heads: { type: 'any' },
  num_kv_heads: { type: 'any' },
  n_head_kv: { deprecated: 'num_kv_heads' },
  multi_query: { type: 'flag' },
  new_decoder_architecture: { type: 'flag' },
  multi_query_attention: { type: 'flag' },
  attn_config: { type: 'object' },
  indexer_types: { type: 'list', values: ['full', 'shared'] },
  compress_ratios: { type: 'list' },
  sliding_window: { type: 'any' },
  use_sliding_window: { type: 'flag' },
  no_rope_layers: { type: 'any' },
  layer_types: { type: 'list', values: LAYER_TYPES },
  layers_block_type: { type: 'list', values: LAYER_TYPES },
  hybrid_override_pattern: { type: 'text' },
  hybrid_layer_pattern: { type: 'list' },
  attn_layer_indices: { type: 'list' },
  attn_type_list: { type: 'list' },
  block_types: { type: 'list' },
  _block_types: { type: 'list', deprecated: 'block_types' },
  block_configs: { type: 'list' },
  num_key_value_heads_per_layer: { type: 'list' },
  linear_attn_config: { type: 'object' },
  cross_attention_layers: { type: 'list' },
  use_cla: { type: 'flag' },
  sparse_attention_config: { type: 'object' },
  mamba_ssm_dtype: { type: 'text', values: STATE_DTYPES },
  mamba_ssm_cache_dtype: { type: 'text', values: STATE_DTYPES },
  mamba_expand: { type: 'number' },
  torch_dtype: { type: 'text', deprecated: 'dtype', values: DTYPES },
  dtype: { type: 'text', values: DTYPES },
  kv_cache_scheme: { type: 'object' },
  kv_cache_quant_algo: { type: 'text', values: ['FP8', 'NVFP4'] },
  rope_theta: { type: 'number' },
  rope_scaling: { type: 'object', deprecated: 'rope_parameters' },
  rope_parameters: { type: 'object' },
  partial_rotary_factor: { type: 'number' },
  rotary_pct: { type: 'number' },
  attention_bias: { type: 'flag' },
  attn_logit_softcapping: { type: 'number' },
  query_pre_attn_scalar: { type: 'number' },
  attention_multiplier: { type: 'number' },
  use_cache: { type: 'flag' },
};

export function shapeOf(key: string): KeyShape {
  const shapes: Readonly<Partial<Record<string, KeyShape>>> = KEY_SHAPES;
  return (Object.hasOwn(shapes, key) ? shapes[key] : undefined) ?? {};
}
