/** Decoders with routed experts. T: transformers 5.18 modeling files. */

import type { Facts } from '../facts';
import { EXPERT_ACTIVE_KEYS, EXPERT_COUNT_KEYS } from '../feedForward';
import type { ExpertRule, Lineage } from '../lineage';

type Sparse = NonNullable<ExpertRule['sparse']>;

/** `mlp_layer_types` where the config has it; else the first layers are dense, as a key or the class says. */
export const afterDense =
  (keys: string | readonly string[], fallback?: number): Sparse =>
  (facts) => {
    const words = facts.list('mlp_layer_types');
    if (words) return (layer) => words[layer] !== 'dense';
    const first = facts.number(keys, fallback);
    return (layer) => layer >= first;
  };

/** Qwen: every `decoder_sparse_step`-th layer that `mlp_only_layers` does not name. */
export const sparseSteps: Sparse = (facts) => {
  const step = facts.number('decoder_sparse_step', 1);
  const dense = new Set(facts.list('mlp_only_layers') ?? []);
  return (layer) => !dense.has(layer) && (layer + 1) % step === 0;
};

const keys = { count: EXPERT_COUNT_KEYS, perToken: EXPERT_ACTIVE_KEYS } as const;
const narrow = { ...keys, width: ['moe_intermediate_size'] } as const;
const wide = { ...keys, width: ['intermediate_size'] } as const;

/** So many shared experts, each as wide as a routed one. */
export const sharedExperts =
  (countKeys: readonly string[], width = 'moe_intermediate_size') =>
  (facts: Facts): number =>
    facts.number(countKeys, 0) * facts.number(width);

const SHARED = ['n_shared_experts', 'num_shared_experts', 'moe_num_shared_experts'];

/** The block of DeepSeek and its kin: some dense layers first, then routed and shared experts of one width. */
export const deepseekExperts: ExpertRule = {
  ...narrow,
  shared: sharedExperts(SHARED),
  sparse: afterDense('first_k_dense_replace', 0),
};

/** Qwen's shared expert has a width and a gate of its own. */
export const qwenShared: ExpertRule = {
  ...narrow,
  shared: (facts) => facts.number('shared_expert_intermediate_size', 0),
  router: (facts) => facts.hidden,
  sparse: sparseSteps,
};

/** Llama 4: experts in every `interleave_moe_layer_step`-th layer, beside a shared one; dense layers have a width of their own. */
const llama4Sparse: Sparse = (facts) => {
  const listed = facts.list('moe_layers');
  if (listed) return (layer) => listed.includes(layer);
  const step = facts.number('interleave_moe_layer_step', 1);
  return (layer) => step > 0 && (layer + 1) % step === 0;
};

/** Ernie 4.5: every `moe_layer_interval`-th layer between a first and a last one. */
const ernieSparse: Sparse = (facts) => {
  const words = facts.list('mlp_layer_types');
  if (words) return (layer) => words[layer] !== 'dense';
  const interval = facts.number('moe_layer_interval', 1);
  const first = facts.number('moe_layer_start_index', 1);
  const end = facts.reader.value('moe_layer_end_index');
  const last = typeof end === 'number' && end >= 0 ? end : Number.POSITIVE_INFINITY;
  return (layer) => (layer + 1) % interval === 0 && layer >= first && layer <= last;
};

/** Lists of 0 and 1 (`moe_layer_freq`), else the first layers dense. */
const byFrequency =
  (dense: number): Sparse =>
  (facts) => {
    const flags = facts.list('moe_layer_freq');
    if (flags && !facts.list('mlp_layer_types')) return (layer) => flags[layer] === 1;
    return afterDense('first_k_dense_replace', dense)(facts);
  };

/** Step-3: layers by number, "3,4,5,…". */
const byNumbers: Sparse = (facts) => {
  const text = facts.word('moe_layers_enum');
  const numbers = text === null ? facts.list('moe_layers_enum')?.map(Number) : text.split(',').map(Number);
  const listed = numbers && new Set(numbers);
  return listed ? (layer) => listed.has(layer) : afterDense([], 3)(facts);
};

/** One width for all shared experts of a layer: Hunyuan-A13B has one, of `intermediate_size`. */
function hunyuanShared(facts: Facts): number {
  const { reader } = facts;
  const count = reader.value('num_shared_expert');
  const shared = Array.isArray(count) ? Number(count[0]) : typeof count === 'number' ? count : 1;
  return shared * facts.number('intermediate_size');
}

const hunyuanExperts: ExpertRule = {
  ...keys,
  perTokenDefault: 1,
  width: ['moe_intermediate_size', 'intermediate_size'],
  shared: hunyuanShared,
};

/** T:laguna, T:step3p7: `gating` true or "per-head" is one gate a head, anything else one a channel. */
const gateOf = (facts: Facts): 'head' | 'wide' =>
  facts.on('gating=true') || facts.word('gating') === 'per-head' ? 'head' : 'wide';

/** Text and image tokens have experts of their own: two widths, one router each. T:ernie4_5_vl_moe. */
const ernieVision: NonNullable<Lineage['extra']> = (facts, tally, layers) => {
  const sparse = afterDense([], 1)(facts);
  const count = layers.filter((layer) => sparse(layer.index)).length;
  const experts = facts.number('moe_num_experts');
  const [text, image] = facts.list('moe_intermediate_size') ?? [1536, 512];
  if (typeof text !== 'number' || typeof image !== 'number') return tally.add('experts', Number.NaN);
  tally.addExperts(count, experts, facts.number('moe_k', 6), 3 * facts.hidden * text);
  tally.addExperts(count, experts, 0, 3 * facts.hidden * image);
  tally.add('router', count * 2 * experts * (facts.hidden + 1));
  tally.add('mlp', count * 3 * facts.hidden * text * facts.number('moe_num_shared_experts', 2));
};

export const EXPERTS: readonly Lineage[] = [
  // Every layer has experts, as wide as the model's feed-forward.
  { types: 'mixtral', experts: wide },
  { types: 'phimoe', bias: 'attention_bias', normBias: true, headBias: 'lm_head_bias', experts: wide },
  { types: 'granitemoe', bias: 'attention_bias', experts: wide },
  {
    types: 'granitemoeshared',
    bias: 'attention_bias',
    experts: { ...wide, shared: (facts) => facts.number('shared_intermediate_size', 0) },
  },
  {
    types: 'granitemoe_swa',
    bias: 'attention_bias',
    sinks: 'all',
    experts: { ...wide, shared: (facts) => facts.number('shared_intermediate_size', 0) },
  },
  { types: 'minimax_m2', qkNorm: 'wide', experts: wide },
  { types: 'olmoe flex_olmo', bias: 'attention_bias', qkNorm: 'wide', experts: wide },
  {
    types: 'gpt_oss',
    bias: 'attention_bias=true',
    sinks: 'all',
    experts: { ...wide, bias: true, router: (_facts, experts) => experts },
  },
  {
    types: 'aria_text',
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
    experts: { ...wide, perTokenDefault: 2, shared: sharedExperts(['moe_num_shared_experts'], 'intermediate_size') },
  },
  { types: 'grok-1 grok', norms: 4, experts: { ...keys, width: ['moe_intermediate_size', 'intermediate_size'] } },
  { types: 'hunyuan_v1_moe', bias: 'attention_bias', qkNorm: 'head', experts: hunyuanExperts },
  {
    types: 'hunyuan hunyuan_moe',
    bias: 'attention_bias',
    qkNorm: 'head',
    qkNormIf: 'use_qk_norm=true',
    sharedHaveNoKeys: true,
    experts: hunyuanExperts,
  },
  {
    types: 'dbrx',
    experts: { within: 'ffn_config', count: ['moe_num_experts'], perToken: ['moe_top_k'], width: ['ffn_hidden_size'] },
  },
  {
    types: 'cohere2_moe',
    bias: 'attention_bias',
    norms: 1,
    width: ['prefix_dense_intermediate_size', 'intermediate_size'],
    experts: {
      ...wide,
      shared: sharedExperts(['num_shared_experts'], 'intermediate_size'),
      sparse: afterDense('first_k_dense_replace', 0),
    },
  },

  // Narrow experts, many of them.
  { types: 'qwen2_moe', bias: 'qkv_bias=true', outBias: false, experts: qwenShared },
  {
    types: 'qwen3_moe qwen3_vl_moe_text qwen3_omni_moe_text',
    bias: 'attention_bias',
    qkNorm: 'head',
    experts: { ...narrow, sparse: sparseSteps },
  },
  { types: 'mellum', bias: 'attention_bias', qkNorm: 'head', experts: { ...narrow, sparse: afterDense([], 0) } },
  { types: 'deepseek_v32 glm_moe_dsa mistral4', bias: 'attention_bias', experts: deepseekExperts },
  {
    types: 'deepseek deepseek_v2 deepseek_v3 kimi_k2 pangu_ultra_moe kimi_vl_text deepseek_ocr2_text',
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
    experts: deepseekExperts,
  },
  { types: 'glm4_moe_lite', bias: 'attention_bias', experts: { ...deepseekExperts, sparse: afterDense([], 1) } },
  { types: 'minicpm3 youtu youtu_llm', bias: 'attention_bias', mlpBias: 'mlp_bias' },
  { types: 'axk1', bias: 'attention_bias', experts: { ...deepseekExperts, router: (facts) => facts.hidden } },
  { types: 'dots1', bias: 'attention_bias', qkNorm: 'head', experts: deepseekExperts },
  { types: 'exaone_moe', qkNorm: 'head', experts: deepseekExperts },
  {
    types: 'hy_v3',
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
    qkNorm: 'head',
    experts: { ...deepseekExperts, sparse: afterDense('first_k_dense_replace', 1) },
  },
  {
    types: 'glm4_moe',
    bias: 'attention_bias',
    outBias: false,
    qkNorm: 'head',
    qkNormIf: 'use_qk_norm',
    experts: deepseekExperts,
  },
  { types: 'glm4v_moe_text', bias: 'attention_bias=true', outBias: false, experts: deepseekExperts },
  {
    types: 'solar_open',
    bias: 'attention_bias',
    outBias: false,
    experts: { ...deepseekExperts, sparse: () => () => true },
  },
  { types: 'bailing_moe bailing_moe_v2', bias: 'use_qkv_bias', outBias: 'use_bias', experts: deepseekExperts },
  {
    types: 'afmoe',
    bias: 'attention_bias',
    gate: 'wide',
    qkNorm: 'head',
    norms: 4,
    experts: { ...deepseekExperts, router: (_facts, experts) => experts, sparse: afterDense('num_dense_layers', 1) },
  },
  {
    types: 'laguna',
    bias: 'attention_bias',
    qkNorm: 'head',
    gate: gateOf,
    experts: {
      ...narrow,
      shared: (facts) => facts.number('shared_expert_intermediate_size', 0),
      router: (_facts, experts) => experts,
      sparse: afterDense([], 1),
    },
  },
  {
    types: 'ernie4_5_moe',
    bias: 'use_bias',
    mlpBias: 'use_bias',
    headBias: 'use_bias',
    experts: { ...narrow, shared: sharedExperts(SHARED), router: (_facts, experts) => experts, sparse: ernieSparse },
  },
  {
    types: 'ernie4_5_vl_moe_text',
    bias: 'use_bias',
    mlpBias: 'use_bias',
    mlpAt: (facts, { index }) => !afterDense([], 1)(facts)(index),
    extra: ernieVision,
    note: 'image tokens use other experts than text tokens: those are in the total, not among the active ones',
  },
  {
    types: 'mimo_v2_flash mimo_v2',
    bias: 'attention_bias',
    outBias: false,
    sinks: 'sliding',
    experts: { ...narrow, sparse: byFrequency(1) },
  },
  {
    types: 'minimax_m3 minimax_m3_vl_text minimax_m3_text',
    qkNorm: 'head',
    width: ['dense_intermediate_size', 'intermediate_size'],
    experts: { ...wide, shared: (facts) => facts.number('shared_intermediate_size', 0), sparse: byFrequency(0) },
  },
  {
    types: 'step3p5 step3p7_text step3p5_text',
    bias: 'attention_bias',
    qkNorm: 'head',
    gate: gateOf,
    mlpBias: 'mlp_bias',
    experts: {
      count: ['moe_num_experts', 'num_experts', 'n_routed_experts'],
      perToken: ['moe_top_k', 'num_experts_per_tok'],
      width: ['moe_intermediate_size'],
      shared: (facts) => facts.number(['share_expert_dim', 'share_expert_dims'], 1280),
      sparse: byNumbers,
    },
  },
  {
    types: 'llama4_text',
    bias: 'attention_bias',
    width: ['intermediate_size_mlp'],
    experts: { ...wide, shared: (facts) => facts.number('intermediate_size'), sparse: llama4Sparse },
  },
];
