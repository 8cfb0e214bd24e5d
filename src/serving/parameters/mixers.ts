/** Parameters of recurrent and convolutional token mixers, from the shape of their state and a few keys. */

import type { StateSpec } from '../../model/attention';
import type { Facts } from './facts';

const IN_OUT_BIAS = ['use_bias', 'mamba_proj_bias', 'add_bias_linear'];
const CONV_BIAS = ['use_conv_bias', 'mamba_conv_bias'];

/** Null where the mixer's build is not known. */
export function mixerParameters(facts: Facts, state: StateSpec, hidden: number): number | null {
  switch (state.flavour) {
    case 'mamba':
      return mamba(facts, state, hidden);
    case 'mamba2':
      return mamba2(facts, state, hidden);
    case 'gated-delta-net':
      return gatedDeltaNet(facts, state, hidden);
    case 'kda':
      return kda(facts, state, hidden);
    case 'linear':
      return lightning(facts, hidden);
    case 'rg-lru':
      return rgLru(facts, state, hidden);
    case 'short-conv':
      return shortConv(facts, state, hidden);
    case 'rwkv':
      return null;
  }
}

/** Rank of Mamba 1's time step; "auto" and absent mean hidden ÷ 16, rounded up. */
function stepRank(facts: Facts, hidden: number): number {
  const key = facts.reader.spelling(['time_step_rank', 'mamba_dt_rank']);
  return key !== null && typeof facts.reader.value(key) === 'number' ? facts.number(key) : Math.ceil(hidden / 16);
}

/** T:mamba MambaMixer; T:jamba JambaMambaMixer norms the time step, B and C too. */
function mamba(facts: Facts, state: StateSpec, hidden: number): number {
  const inner = state.conv?.channels ?? Number.NaN;
  const perChannel = state.recurrentElements / inner;
  const rank = stepRank(facts, hidden);
  const biased = facts.any(IN_OUT_BIAS) ? 2 * inner + hidden : 0;
  const norms = facts.modelType === 'jamba' ? rank + 2 * perChannel : 0;
  return (
    hidden * 3 * inner +
    biased +
    convolution(facts, state) +
    inner * (rank + 2 * perChannel) +
    rank * inner +
    inner +
    inner * perChannel +
    inner +
    norms
  );
}

/** Depthwise, with a bias unless the config says no. */
function convolution(facts: Facts, { conv }: StateSpec): number {
  // Zamba 2's class has the key but does not ask it.
  const bias = facts.modelType === 'zamba2' || facts.reader.flag(CONV_BIAS, true);
  return conv ? conv.channels * (conv.width + (bias ? 1 : 0)) : 0;
}

/** T:mamba2 Mamba2Mixer; T:falcon_h1 has the norm only with `mamba_rms_norm`. */
function mamba2(facts: Facts, state: StateSpec, hidden: number): number {
  const channels = state.conv?.channels ?? Number.NaN;
  const inner = channels - (state.groupChannels?.channels ?? 0);
  const heads = state.heads ?? Number.NaN;
  const projected = inner + channels + heads;
  const [into, out] =
    facts.modelType === 'falcon_h1' ? ['mamba_proj_bias', 'projectors_bias'] : [IN_OUT_BIAS, IN_OUT_BIAS];
  const biased = (facts.any(into) ? projected : 0) + (facts.any(out) ? hidden : 0);
  const norm = facts.modelType === 'falcon_h1' && !facts.on('mamba_rms_norm') ? 0 : inner;
  return hidden * projected + biased + convolution(facts, state) + 3 * heads + norm + inner * hidden;
}

/** T:qwen3_next Qwen3NextGatedDeltaNet; T:olmo_hybrid has the same parts under other names. */
function gatedDeltaNet(facts: Facts, state: StateSpec, hidden: number): number {
  const channels = state.conv?.channels ?? Number.NaN;
  const heads = state.heads ?? facts.number('linear_num_value_heads');
  // Olmo's class makes widths that are absent: keys of 3/4 of hidden over all heads, values twice as wide.
  const keyHeads = facts.number('linear_num_key_heads', heads);
  const valueDim =
    facts.optional('linear_value_head_dim') ??
    2 * facts.number('linear_key_head_dim', Math.floor((0.75 * hidden) / keyHeads));
  const values = heads * valueDim;
  return (
    hidden * (channels + values + 2 * heads) +
    channels * (state.conv?.width ?? 0) +
    2 * heads +
    valueDim +
    values * hidden
  );
}

/** T:kimi_linear KimiLinearDeltaAttention: queries, keys and values of one width, low-rank forget and output gates (Kimi-K3: an output gate of full rank). */
function kda(facts: Facts, state: StateSpec, hidden: number): number {
  const heads = state.heads ?? Number.NaN;
  const headDim = Math.sqrt(state.recurrentElements / heads);
  const width = heads * headDim;
  const lowRank = hidden * headDim + headDim * width;
  const gates = lowRank + (facts.nested('linear_attn_config').on('use_full_rank_gate') ? hidden * width : lowRank);
  return (
    3 * hidden * width +
    3 * width * (state.conv?.width ?? 0) +
    width +
    heads +
    gates +
    hidden * heads +
    headDim +
    width * hidden
  );
}

/** T:minimax MiniMaxLightningAttention: one projection to queries, keys and values, an output gate and a norm. */
function lightning(facts: Facts, hidden: number): number {
  const heads = facts.number('num_attention_heads');
  const width = heads * (facts.optional('head_dim') ?? Math.floor(hidden / heads));
  return hidden * 3 * width + width + 2 * width * hidden;
}

/** T:recurrent_gemma RecurrentGemmaRecurrentBlock: two input projections, a convolution, block-diagonal gates. */
function rgLru(facts: Facts, state: StateSpec, hidden: number): number {
  const width = state.recurrentElements;
  const heads = facts.number('num_attention_heads');
  const gates = 2 * (heads * (width / heads) ** 2 + width);
  const kernel = facts.number('conv1d_width', 4);
  return 2 * (hidden * width + width) + width * hidden + hidden + width * (kernel + 1) + width + gates;
}

/** T:lfm2 Lfm2ShortConv. */
function shortConv(facts: Facts, state: StateSpec, hidden: number): number {
  const bias = facts.on('conv_bias') ? hidden + 3 * hidden + hidden : 0;
  return hidden * (state.conv?.width ?? Number.NaN) + 4 * hidden * hidden + bias;
}
