/** Lineages with parts that no other has. T: transformers 5.18 modeling files. */

import { isHeaded } from '../../../model/attention';
import type { Facts } from '../facts';
import { EXPERT_ACTIVE_KEYS } from '../feedForward';
import type { LayerView, Lineage } from '../lineage';
import type { Tally } from '../tally';
import { afterDense, deepseekExperts, qwenShared, sharedExperts } from './experts';

/** T:deepseek_v4: low-rank queries, one K = V vector, grouped low-rank output, a compressor and (CSA) an indexer of the same build. */
function deepseekV4(facts: Facts, { attention, hidden }: LayerView): number | null {
  if (attention.kind !== 'compressed' && attention.kind !== 'sliding') return null;
  const headDim = attention.kind === 'compressed' ? attention.headDim : attention.keyDim;
  const heads = attention.queryHeads;
  const [queryRank, groups, outRank] = [
    facts.number('q_lora_rank'),
    facts.number('o_groups', 8),
    facts.number('o_lora_rank', 1024),
  ];
  const outputs = heads * headDim;
  const base =
    hidden * queryRank +
    queryRank +
    queryRank * outputs +
    hidden * headDim +
    headDim +
    outputs * outRank +
    groups * outRank * hidden +
    heads;
  if (attention.kind === 'sliding') return base;
  const { ratio, indexer } = attention;
  if (!indexer) return base + compressor(hidden, ratio, headDim, headDim);
  const index = (indexer.heads ?? Number.NaN) * indexer.headDim;
  return (
    base +
    compressor(hidden, ratio, 2 * headDim, headDim) +
    compressor(hidden, ratio, 2 * indexer.headDim, indexer.headDim) +
    queryRank * index +
    hidden * (indexer.heads ?? Number.NaN)
  );
}

/** Two projections, a bias for each position of a group, a norm. */
function compressor(hidden: number, ratio: number, width: number, headDim: number): number {
  return 2 * hidden * width + ratio * width + headDim;
}

/** T:deepseek_v4 HyperConnection: residual streams are mixed before attention and before the feed-forward, and once at the end. */
const hyperConnections =
  (mixes: (streams: number) => number, scales: number) =>
  (facts: Facts, tally: Tally, layers: readonly LayerView[]): void => {
    const streams = facts.number('hc_mult', 4);
    const width = streams * facts.hidden;
    const rows = mixes(streams);
    tally.add('other', layers.length * 2 * (rows * width + rows + scales) + streams * width + streams + 1);
  };

/** T:gemma3n, T:gemma4: one small embedding per layer and token, gated into each layer. */
function perLayerInputs(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  const width = facts.number('hidden_size_per_layer_input', facts.modelType === 'gemma4_unified_text' ? 0 : 256);
  if (width === 0) return;
  const { hidden } = facts;
  const rows = facts.number('vocab_size_per_layer_input', 262144);
  tally.add('embedding', rows * layers.length * width);
  tally.lookup += rows * layers.length * width;
  tally.add('other', hidden * layers.length * width + layers.length * 2 * hidden * width);
  tally.add('norms', width + layers.length * hidden);
}

/** T:gemma3n: AltUp (a few streams, predicted and corrected) and LAuReL (a low-rank residual). */
function gemma3n(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  perLayerInputs(facts, tally, layers);
  const { hidden } = facts;
  const [inputs, rank] = [facts.number('altup_num_inputs', 4), facts.number('laurel_rank', 64)];
  tally.add(
    'other',
    2 * (inputs - 1) * hidden * hidden +
      layers.length * (hidden + inputs * inputs + inputs ** 3 + inputs * hidden + hidden + 2 * hidden * rank + hidden),
  );
}

/** T:gemma4 Gemma4TextDecoderLayer: experts beside the feed-forward, with norms and scales of their own. */
function gemma4(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  perLayerInputs(facts, tally, layers);
  const experts = facts.optional('num_experts') ?? Number.NaN;
  if (!facts.on('enable_moe_block')) return;
  const { hidden } = facts;
  tally.addExperts(
    layers.length,
    experts,
    facts.number(['top_k_experts', ...EXPERT_ACTIVE_KEYS]),
    3 * hidden * facts.number(['moe_intermediate_size', 'expert_intermediate_size']),
  );
  tally.add('router', layers.length * (hidden * experts + hidden + experts));
  tally.add('norms', layers.length * 3 * hidden);
}

/** Layers that read another's cache may have a feed-forward of twice the width. */
function gemma4Width(facts: Facts, { attention }: LayerView): number {
  return facts.number('intermediate_size') * (attention.kind === 'shared' && facts.on('use_double_wide_mlp') ? 2 : 1);
}

/** One width, or one for each layer. */
function listedWidth(facts: Facts, { index }: LayerView): number {
  const widths = facts.list('intermediate_size');
  const width = widths ? widths[index] : facts.number('intermediate_size');
  return typeof width === 'number' ? width : Number.NaN;
}

/** T:mllama: a cross-attention layer has norms of queries and keys, and two gates; the input embedding has eight rows for image tokens. */
function mllama(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  for (const { attention } of layers) if (attention.kind === 'cross') tally.add('attention', 2 * attention.keyDim + 2);
  tally.add('embedding', 8 * facts.hidden);
  tally.lookup += 8 * facts.hidden;
}

/** T:doge: a learned decay for each KV head, residual weights, and experts that are single vectors. */
function doge(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  const { hidden } = facts;
  for (const { attention } of layers) {
    if (!isHeaded(attention)) continue;
    tally.add(
      'attention',
      attention.kvHeads * (1 + attention.kvHeads * attention.keyDim) +
        (facts.on('attention_bias') ? attention.kvHeads : 0),
    );
    tally.add('other', 2 * hidden);
  }
  const experts = facts.optional('num_experts') ?? Number.NaN;
  if (!facts.on('is_moe')) return;
  tally.addExperts(layers.length, experts, facts.number('num_experts_per_tok'), 2 * hidden);
  tally.add('router', layers.length * hidden * 2 * Math.floor(Math.sqrt(experts)));
}

/** apple/OpenELM modeling_openelm.py: the feed-forward grows with depth, rounded to a multiple of `ffn_dim_divisor`. */
function openelmWidth(facts: Facts, { index, hidden }: LayerView): number {
  const factors = facts.list('ffn_multipliers');
  const factor = factors ? factors[index] : facts.ratio('ffn_multipliers', Number.NaN);
  if (typeof factor !== 'number') return Number.NaN;
  const divisor = facts.number('ffn_dim_divisor', 256);
  const value = factor * hidden;
  // make_divisible: to the nearest multiple, never more than a tenth below.
  const rounded = Math.max(divisor, Math.floor((value + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * value ? rounded + divisor : rounded;
}

type NasBlock = Readonly<Record<string, unknown>>;
const isBlock = (value: unknown): value is NasBlock => typeof value === 'object' && value !== null;

/** nvidia modeling_decilm.py: each block says how wide its feed-forward is, or that there is none. */
function nasBlock(facts: Facts, layer: number, part: string): NasBlock | null {
  const block: unknown = facts.list('block_configs')?.[layer];
  const found = isBlock(block) ? block[part] : null;
  return isBlock(found) ? found : null;
}

function nasWidth(facts: Facts, { index, hidden }: LayerView): number {
  if (!facts.list('block_configs')) return facts.number('intermediate_size');
  const ffn = nasBlock(facts, index, 'ffn');
  const given = ffn?.['intermediate_size'];
  if (typeof given === 'number') return given;
  const factor = ffn?.['ffn_mult'];
  if (typeof factor !== 'number') return Number.NaN;
  const width = Math.trunc((2 * factor * hidden) / 3);
  return Math.ceil(width / 256) * 256;
}

/** A part that was replaced by one linear layer has hidden × hidden parameters; a part that was taken out has none, nor its norm. */
const replaced = (block: NasBlock | null): boolean => block?.['replace_with_linear'] === true;
const removed = (block: NasBlock | null): boolean => block?.['no_op'] === true;

function nasLinears(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  for (const { index, hidden } of layers)
    if (replaced(nasBlock(facts, index, 'ffn'))) tally.add('mlp', hidden * hidden);
}

/** T:axk2: queries and their gate from two query latents, and norms with a low-rank gate. */
function axk2(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  const { hidden } = facts;
  const sparse = afterDense('first_k_dense_replace', 1)(facts);
  const rank = facts.number('gated_norm_rank', 16);
  for (const { attention, index } of layers) {
    if (attention.kind !== 'latent') continue;
    const queries = attention.queryHeads * (attention.nopeDim + attention.ropeDim);
    const rankIn = attention.queryLatentDim ?? Number.NaN;
    tally.add('attention', 2 * rankIn * (queries + attention.queryHeads * attention.valueDim) - rankIn * queries);
    tally.add('norms', 2 * hidden * rank * (sparse(index) ? 2 : 1));
  }
}

/** T:inkling: relative-position projections, short convolutions after keys, values, attention and feed-forward, scales. */
function inkling(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  const { hidden } = facts;
  const relative = facts.number('d_rel', 16);
  const kernel = facts.number(['conv_kernel_size', 'sconv_kernel_size'], 4);
  const sparse = afterDense('dense_mlp_idx', 0)(facts);
  for (const { attention, index } of layers) {
    if (!isHeaded(attention)) continue;
    const extent = attention.kind === 'sliding' ? attention.window : facts.number('rel_extent', 1024);
    tally.add(
      'attention',
      hidden * attention.queryHeads * relative + relative * extent + 2 * attention.kvHeads * attention.keyDim * kernel,
    );
    tally.add('other', 2 * hidden * kernel + 1);
    if (sparse(index)) tally.add('router', facts.number('n_shared_experts', 0) * hidden);
  }
}

/** T:jetmoe: query and output projections are experts too, with a router of their own. */
function jetmoe(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  const { hidden } = facts;
  const experts = facts.number('num_local_experts');
  const perToken = facts.number('num_experts_per_tok');
  const width = facts.number('kv_channels') * facts.number('num_key_value_heads');
  const count = layers.length;
  tally.addExperts(count, experts, perToken, 2 * hidden * width);
  tally.addExperts(count, experts, perToken, 3 * hidden * facts.number('intermediate_size'));
  tally.add('router', count * 2 * hidden * experts);
  tally.add('attention', count * (2 * hidden * width + hidden));
  tally.add('mlp', count * hidden);
}

/** T:zaya CCA: compressed convolutional attention, a routing MLP, scaled residuals. */
function zaya(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  const { hidden } = facts;
  const experts = facts.number('num_experts');
  const router = facts.number(['router_hidden_size', 'zaya_mlp_expansion'], 256);
  const [first, second] = [facts.number('cca_time0', 2), facts.number('cca_time1', 2)];
  for (const { attention, index } of layers) {
    if (!isHeaded(attention)) continue;
    const queries = attention.queryHeads * attention.keyDim;
    const keys = attention.kvHeads * attention.keyDim;
    const width = queries + keys;
    const bias = facts.on('attention_bias') ? queries + 2 * keys : 0;
    tally.add(
      'attention',
      hidden * (queries + 2 * keys) +
        bias +
        queries * hidden +
        width * (first + 1) +
        width * attention.keyDim * second +
        width +
        attention.kvHeads +
        (facts.on('attention_bias') ? hidden : 0),
    );
    tally.addExperts(
      1,
      experts,
      facts.number('num_experts_per_tok'),
      3 * hidden * facts.number('moe_intermediate_size'),
    );
    tally.add(
      'router',
      hidden * router +
        router +
        router +
        2 * (router * router + router) +
        router * (experts + 1) +
        (index > 0 ? router : 0),
    );
    tally.add('other', 8 * hidden);
  }
  tally.add('other', 2 * hidden);
}

/** T:qwen4_exp: four residual streams, mixed through a low rank. */
function qwen4(facts: Facts, tally: Tally, layers: readonly LayerView[]): void {
  const { hidden } = facts;
  const streams = facts.number('hc_count', 4);
  const width = streams * hidden;
  const mix = width + 2 * width * facts.number('hc_lowrank', 320);
  tally.add('other', layers.length * 2 * (mix + streams * width) + mix);
  // N-gram tables have as many rows as primes say: not computed here.
  if ((facts.list('ple_layer_ids') ?? []).length > 0) tally.add('embedding', Number.NaN);
}

export const SPECIALS: readonly Lineage[] = [
  {
    types: 'deepseek_v4 deepseek_ref',
    mixer: deepseekV4,
    mlpBias: 'mlp_bias',
    experts: { ...deepseekExperts, sparse: () => () => true },
    extra: hyperConnections((streams) => (2 + streams) * streams, 3),
  },
  {
    types: 'hy_v4',
    bias: 'attention_bias',
    gate: 'wide',
    sinks: 'all',
    experts: { ...deepseekExperts, sparse: afterDense([], 1) },
    extra: hyperConnections((streams) => 2 * streams, 2),
  },
  {
    types: 'axk2',
    bias: 'attention_bias',
    experts: { ...deepseekExperts, sparse: afterDense('first_k_dense_replace', 1) },
    extra: axk2,
  },
  {
    types: 'longcat_flash',
    note: 'experts that pass their input on hold no parameters (transformers 5.18 allocates some for them)',
    bias: 'attention_bias',
    width: ['ffn_hidden_size', 'intermediate_size'],
    experts: {
      count: ['n_routed_experts'],
      perToken: ['moe_topk', 'num_experts_per_tok'],
      perTokenDefault: 12,
      width: ['expert_ffn_hidden_size', 'moe_intermediate_size'],
      beside: true,
      sparse: () => (layer) => layer % 2 === 0,
      router: (facts) =>
        facts.number('zero_expert_num', 256) * facts.hidden +
        (facts.on('router_bias') ? facts.number('n_routed_experts') : 0),
    },
  },
  {
    types: 'gemma3n_text',
    bias: 'attention_bias',
    qkNorm: 'head',
    norms: 4,
    sharedHaveNoKeys: true,
    width: listedWidth,
    extra: gemma3n,
  },
  {
    types: 'gemma4_text gemma4_unified_text',
    bias: 'attention_bias',
    qkNorm: 'head',
    norms: 4,
    sharedHaveNoKeys: true,
    keysAreValues: 'attention_k_eq_v',
    width: gemma4Width,
    extra: gemma4,
  },
  { types: 'mllama_text_model', tied: false, extra: mllama },
  { types: 'doge', bias: 'attention_bias', qkNorm: 'head', mlpBias: 'mlp_bias', extra: doge },
  {
    types: 'openelm',
    qkNorm: 'head',
    qkNormIf: 'normalize_qk_projections',
    width: openelmWidth,
    tied: 'share_input_output_layers',
  },
  {
    types: 'nemotron-nas deci decilm',
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
    width: nasWidth,
    norms: (facts, { index }) =>
      (removed(nasBlock(facts, index, 'attention')) ? 0 : 1) + (removed(nasBlock(facts, index, 'ffn')) ? 0 : 1),
    mixer: (facts, { index, attention, hidden }) =>
      attention.kind === 'none' && replaced(nasBlock(facts, index, 'attention')) ? hidden * hidden : null,
    mlpAt: (facts, { index }) => !removed(nasBlock(facts, index, 'ffn')) && !replaced(nasBlock(facts, index, 'ffn')),
    extra: nasLinears,
  },
  {
    types: 'inkling_text',
    qkNorm: 'head',
    finalNorms: 2,
    tied: false,
    statesInside: true,
    experts: {
      ...deepseekExperts,
      shared: sharedExperts(['n_shared_experts']),
      sparse: afterDense('dense_mlp_idx', 0),
    },
    extra: inkling,
  },
  { types: 'jetmoe', mixer: () => 0, mlpAt: () => false, extra: jetmoe },
  { types: 'zaya', statesInside: true, mixer: () => 0, mlpAt: () => false, headBias: 'lm_head_bias', extra: zaya },
  {
    types: 'qwen4_exp_text',
    knows: ['attn_output_gate', 'heads_per_ngram', 'ngram_vocab_size_base', 'make_ngram_vocab_size_divisible_by'],
    bias: 'attention_bias',
    qkNorm: 'head',
    gate: 'wide',
    gateBias: true,
    norms: 0,
    finalNorms: 0,
    experts: { ...qwenShared, sparse: () => () => true },
    extra: qwen4,
  },
  {
    types: 'hrm_text',
    bias: 'attention_bias',
    mlpBias: 'mlp_bias',
    gate: 'wide',
    gateBias: true,
    built: (facts) => 2 * facts.number('num_hidden_layers'),
    norms: 0,
    finalNorms: 0,
    extra: (facts, tally) => tally.add('other', facts.hidden),
  },
];
