/** Rules of routed experts that several counted lineages share. T: transformers 5.18 modeling files. */

import type { ConfigReader } from '../../config/reader';
import { HIDDEN_KEYS } from '../../config/spellings';
import type { ExpertRule } from './facet';
import { EXPERT_ACTIVE_KEYS, EXPERT_COUNT_KEYS } from './feedForward';

export type Sparse = NonNullable<ExpertRule['sparse']>;

/** `mlp_layer_types` where the config has it; otherwise the first layers are dense, their number given by a key or the class. */
export const afterDense =
  (keys: string | readonly string[], fallback?: number): Sparse =>
  (config) => {
    const words = config.list(['mlp_layer_types'])?.value;
    if (words) return (layer) => words[layer] !== 'dense';
    const first = config.size(keys, fallback);
    return (layer) => layer >= first;
  };

/** Qwen: every `decoder_sparse_step`-th layer that `mlp_only_layers` does not name. */
export const sparseSteps: Sparse = (config) => {
  const step = config.size('decoder_sparse_step', 1);
  const dense = new Set(config.list(['mlp_only_layers'])?.value);
  return (layer) => !dense.has(layer) && (layer + 1) % step === 0;
};

/** Numbers of experts, in every spelling. */
export const EXPERT_KEYS = { count: EXPERT_COUNT_KEYS, perToken: EXPERT_ACTIVE_KEYS } as const;
// No spreads or unmarked calls at the top level: bundlers would keep them, and the facet with them, in bundles that never use it.

/** Experts with their own width key. */
export const narrow = {
  count: EXPERT_COUNT_KEYS,
  perToken: EXPERT_ACTIVE_KEYS,
  width: ['moe_intermediate_size'],
} as const;
/** Experts as wide as the model's feed-forward. */
export const wide = { count: EXPERT_COUNT_KEYS, perToken: EXPERT_ACTIVE_KEYS, width: ['intermediate_size'] } as const;

/** Shared experts, each as wide as a routed one; the key gives their number. */
export const sharedExperts =
  (countKeys: readonly string[], width = 'moe_intermediate_size') =>
  (config: ConfigReader): number =>
    config.size(countKeys, 0) * config.size(width);

const SHARED_KEYS = ['n_shared_experts', 'num_shared_experts', 'moe_num_shared_experts'];

/** The block of DeepSeek and its relatives: some dense layers first, then routed and shared experts of one width. */
export const deepseekExperts: ExpertRule = {
  count: EXPERT_COUNT_KEYS,
  perToken: EXPERT_ACTIVE_KEYS,
  width: ['moe_intermediate_size'],
  shared: /* @__PURE__ */ sharedExperts(SHARED_KEYS),
  sparse: /* @__PURE__ */ afterDense('first_k_dense_replace', 0),
};

/** Qwen's shared expert has its own width and gate. */
export const qwenShared: ExpertRule = {
  count: EXPERT_COUNT_KEYS,
  perToken: EXPERT_ACTIVE_KEYS,
  width: ['moe_intermediate_size'],
  shared: (config) => config.size('shared_expert_intermediate_size', 0),
  router: (config) => config.size(HIDDEN_KEYS),
  sparse: sparseSteps,
};

/** A list of 0 and 1 (`moe_layer_freq`); without it the first layers are dense. */
export const byFrequency =
  (dense: number): Sparse =>
  (config) => {
    const flags = config.list(['moe_layer_freq'])?.value;
    if (flags && !config.list(['mlp_layer_types'])) return (layer) => flags[layer] === 1;
    return afterDense('first_k_dense_replace', dense)(config);
  };
