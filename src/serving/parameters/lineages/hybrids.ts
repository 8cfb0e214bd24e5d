/** Models whose layers mix attention with recurrent or convolutional mixers, or have no attention. */

import { isHeaded } from '../../../model/attention';
import type { Facts } from '../facts';
import { dense, EXPERT_ACTIVE_KEYS, EXPERT_COUNT_KEYS } from '../feedForward';
import type { LayerView, Lineage } from '../lineage';
import { afterDense, deepseekExperts, qwenShared } from './experts';

const keys = { count: EXPERT_COUNT_KEYS, perToken: EXPERT_ACTIVE_KEYS } as const;

/** T:lfm2 Lfm2MLP: two thirds of the given width, rounded up to a multiple, unless the config says that it is final. */
function lfm2Width(facts: Facts): number {
  const width = facts.number(['block_ff_dim', 'intermediate_size']);
  if (!facts.on('block_auto_adjust_ff_dim=true')) return width;
  const multiple = facts.number('block_multiple_of', 256);
  const scaled = Math.trunc(facts.ratio('block_ffn_dim_multiplier', 1) * Math.trunc((2 * width) / 3));
  return multiple * Math.ceil(scaled / multiple);
}

/** Letters and words of Nemotron-H: what a layer without a mixer is. */
function nemotronWords(facts: Facts): (layer: number) => string {
  const listed = facts.list('layers_block_type') ?? facts.list('layer_types');
  const letters = facts.word('hybrid_override_pattern') ?? facts.word('hybrid_layer_pattern') ?? '';
  return (layer) => {
    const word = listed
      ? listed[layer]
      : letters === ''
        ? ['mamba', 'moe', 'full_attention', 'mlp'][layer]
        : { E: 'moe', '-': 'mlp' }[letters[layer] ?? ''];
    return typeof word === 'string' ? word : '';
  };
}

/** T:nemotron_h NemotronHMoE: experts without a gate, on a latent of their own where `moe_latent_size` says so. */
const nemotronLatent: NonNullable<Lineage['extra']> = (facts, tally, layers) => {
  facts.reader.consult([...EXPERT_COUNT_KEYS, 'n_shared_experts', 'moe_latent_size']);
  const word = nemotronWords(facts);
  const sparse = layers.filter((layer) => word(layer.index) === 'moe').length;
  const latent = facts.optional('moe_latent_size');
  if (sparse === 0) return;
  const input = latent ?? facts.hidden;
  tally.addExperts(
    sparse,
    facts.number(EXPERT_COUNT_KEYS),
    facts.number(EXPERT_ACTIVE_KEYS),
    dense(input, facts.number('moe_intermediate_size'), false, false),
  );
  const bias = facts.on('mlp_bias');
  if (latent !== null) tally.add('mlp', sparse * (2 * facts.hidden * latent + (bias ? latent + facts.hidden : 0)));
  tally.add('mlp', sparse * dense(facts.hidden, facts.number('moe_shared_expert_intermediate_size', 0), false, bias));
  tally.add('router', sparse * facts.hidden * facts.number(EXPERT_COUNT_KEYS));
};

/** T:zamba, T:zamba2: one (or `num_mem_blocks`) transformer blocks shared by all hybrid layers, on twice the hidden width. */
const sharedBlocks: NonNullable<Lineage['extra']> = (facts, tally, layers) => {
  const { hidden } = facts;
  const hybrid = layers.filter((layer) => isHeaded(layer.attention));
  const first = hybrid[0]?.attention;
  if (!first || !isHeaded(first)) return;
  const second = facts.modelType === 'zamba2';
  const blocks = Math.min(second ? facts.number('num_mem_blocks', 1) : 1, hybrid.length);
  const width = facts.number('intermediate_size');
  const inner = first.keyDim * (first.queryHeads + 2 * first.kvHeads);
  tally.add('attention', blocks * (2 * hidden * inner + first.queryHeads * first.keyDim * hidden));
  tally.add('mlp', blocks * dense(hidden, width, true, second && facts.on('add_bias_linear')));
  tally.add('norms', blocks * 3 * hidden);
  tally.add('other', hybrid.length * hidden * hidden);
  if (!second) return;
  const rank = facts.number('adapter_rank', 128);
  tally.add('other', hybrid.length * rank * (hidden + 2 * width));
  if (facts.on('use_shared_attention_adapter')) tally.add('other', hybrid.length * 3 * rank * 4 * hidden);
};

/** T:zamba ZambaMambaMixer: Mamba 1 with a time step and projections of its own for each head. */
function zambaMixer(facts: Facts, { attention, hidden }: LayerView): number | null {
  if (attention.kind !== 'recurrent' || attention.state.flavour !== 'mamba') return null;
  const { state } = attention;
  const inner = state.conv?.channels ?? Number.NaN;
  const heads = facts.number('n_mamba_heads', 1);
  const perChannel = state.recurrentElements / inner;
  const given = facts.reader.value('mamba_dt_rank');
  const rank = typeof given === 'number' ? given : Math.ceil(hidden / 16);
  const bias = facts.on('mamba_proj_bias') ? 2 * inner + hidden : 0;
  const conv = inner * ((state.conv?.width ?? 0) + (facts.on('mamba_conv_bias=true') ? 1 : 0));
  const perHead = inner / heads;
  return (
    hidden * 3 * inner +
    bias +
    conv +
    heads * (rank + 2 * perChannel) * perHead +
    heads * perHead * rank +
    inner +
    inner * perChannel +
    inner
  );
}

const GEMMA_WIDTH = (facts: Facts): number => Math.floor(facts.number('intermediate_size') / 2);

const qwenAttention = {
  bias: 'attention_bias',
  qkNorm: 'head',
  gate: 'wide',
  gateBias: true,
  knows: ['attn_output_gate'],
} as const;

export const HYBRIDS: readonly Lineage[] = [
  { types: 'qwen3_next', ...qwenAttention, experts: qwenShared },
  { types: 'qwen3_5_text', ...qwenAttention },
  { types: 'qwen3_5_moe_text', ...qwenAttention, experts: { ...qwenShared, sparse: () => () => true } },
  { types: 'olmo_hybrid', bias: 'attention_bias', qkNorm: 'wide' },
  {
    types: 'kimi_linear',
    bias: 'attention_bias',
    tied: false,
    // Kimi-K3 has the same model type: experts on a latent, a gate on MLA, and residuals that attend to earlier blocks.
    gate: (facts) => (facts.on('mla_use_output_gate') ? 'wide' : null),
    leftOut: (facts) =>
      facts.optional('attn_res_block_size')
        ? 'weights of the residuals that attend to earlier blocks (attn_res_block_size)'
        : null,
    experts: {
      ...deepseekExperts,
      latent: ['routed_expert_hidden_size'],
      latentNorm: 'latent_moe_use_norm',
      sparse: afterDense('first_k_dense_replace', 1),
    },
  },
  {
    types: 'minimax minimax_text_01 minimax_m1 MiniMaxText01 MiniMaxM1',
    experts: { ...keys, width: ['intermediate_size'], shared: (facts) => facts.number('shared_intermediate_size', 0) },
  },
  { types: 'mamba falcon_mamba mamba2', norms: 1, mlpAt: () => false },
  { types: 'bamba', bias: 'attention_bias', mlpBias: 'mlp_bias' },
  { types: 'falcon_h1', bias: 'attention_bias', mlpBias: 'mlp_bias' },
  {
    types: 'granitemoehybrid',
    bias: 'attention_bias',
    width: () => 0,
    experts: { ...keys, width: ['intermediate_size'] },
    extra: (facts, tally, layers) =>
      tally.add('mlp', layers.length * dense(facts.hidden, facts.number('shared_intermediate_size'), true, false)),
  },
  { types: 'jamba', experts: { ...keys, width: ['intermediate_size'], sparse: jambaSparse } },
  {
    types: 'nemotron_h NemotronH_Nano_VL_V2 nemotron_h_puzzle_plain',
    tied: false,
    norms: 1,
    plain: true,
    mlpBias: 'mlp_bias',
    mlpAt: (facts, { attention, index }) => attention.kind === 'none' && nemotronWords(facts)(index) === 'mlp',
    extra: nemotronLatent,
  },
  {
    types: 'zamba',
    norms: 1,
    mlpAt: () => false,
    mixer: (facts, layer) => (isHeaded(layer.attention) ? 0 : zambaMixer(facts, layer)),
    extra: sharedBlocks,
  },
  {
    types: 'zamba2',
    norms: 1,
    mlpAt: () => false,
    mixer: (_facts, { attention }) => (isHeaded(attention) ? 0 : null),
    extra: sharedBlocks,
  },
  { types: 'lfm2', qkNorm: 'head', width: lfm2Width },
  {
    types: 'lfm2_moe',
    qkNorm: 'head',
    experts: { ...keys, width: ['moe_intermediate_size'], sparse: afterDense('num_dense_layers', 2) },
  },
  { types: 'recurrent_gemma', bias: 'attention_bias', outBias: true, mlpBias: true, width: GEMMA_WIDTH },
  { types: 'rwkv', norms: 2, normBias: true, mlpAt: () => false, mixer: rwkv, finalNorms: 2 },
  { types: 'xlstm', tied: false, norms: 2, mixer: xlstm, width: xlstmWidth, mlpBias: 'use_bias' },
];

/** T:jamba: experts in one layer of each period. */
function jambaSparse(facts: Facts): (layer: number) => boolean {
  const [period, offset] = [facts.number('expert_layer_period', 2), facts.number('expert_layer_offset', 1)];
  return facts.number('num_experts', 16) > 1 ? (layer): boolean => layer % period === offset : (): boolean => false;
}

/** T:rwkv RwkvSelfAttention and RwkvFeedForward: decays and mixes by channel, four projections and three. */
function rwkv(facts: Facts, { hidden }: LayerView): number {
  const attention = facts.optional('attention_hidden_size') ?? hidden;
  const width = facts.optional('intermediate_size') ?? 4 * hidden;
  return 2 * attention + 3 * hidden + 4 * hidden * attention + 2 * hidden + 2 * hidden * width + hidden * hidden;
}

const to64 = (value: number): number => Math.ceil(value / 64) * 64;

/** T:xlstm xLSTMLayer: queries and keys of half the width, an output gate, two scalar gates a head. */
function xlstm(facts: Facts, { hidden }: LayerView): number {
  const heads = facts.number('num_heads');
  const key = to64(hidden * facts.ratio('qk_dim_factor', 0.5));
  const value = to64(hidden * facts.ratio('v_dim_factor', 1));
  const bias = facts.on('use_bias') ? 2 * key + 2 * value + hidden : 0;
  return hidden * (2 * key + 2 * value) + 2 * heads * (hidden + 1) + value + value * hidden + bias;
}

function xlstmWidth(facts: Facts): number {
  const step = facts.number('ffn_round_up_to_multiple_of', 64);
  return Math.ceil((facts.hidden * facts.ratio('ffn_proj_factor', 2.667)) / step) * step;
}
