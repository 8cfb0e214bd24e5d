/** Parameters of recurrent and convolutional token mixers, from the shape of their state and a few keys. */

import type { ConfigReader } from '../../config/reader';
import type { StateSpec } from '../../model/attention';
import { type Switch, switched } from './switches';

const IN_OUT_BIAS = ['use_bias', 'mamba_proj_bias', 'add_bias_linear'];
const CONV_BIAS = ['use_conv_bias', 'mamba_conv_bias'];

/** How a recurrent mixer differs from the usual build of its flavour. */
export interface MixerParts {
  /** Keys of the biases of the projections in and out. */
  readonly biasIn?: readonly string[];
  readonly biasOut?: readonly string[];
  /** Bias of the convolution. */
  readonly convolutionBias?: Switch;
  /** Mamba 1: norms of the time step, B and C. */
  readonly stepNorms?: boolean;
  /** Mamba 2: a norm before the projection out. */
  readonly outputNorm?: Switch;
}

/** Null where the mixer's build is not known. */
export function mixerParameters(
  config: ConfigReader,
  state: StateSpec,
  hidden: number,
  parts: MixerParts = {},
): number | null {
  switch (state.flavour) {
    case 'mamba':
      return mamba(config, state, hidden, parts);
    case 'mamba2':
      return mamba2(config, state, hidden, parts);
    case 'gated-delta-net':
      return gatedDeltaNet(config, state, hidden);
    case 'kda':
      return kda(config, state, hidden);
    case 'linear':
      return lightning(config, hidden);
    case 'rg-lru':
      return rgLru(config, state, hidden);
    case 'short-conv':
      return shortConv(config, state, hidden);
    case 'rwkv':
      return null;
  }
}

/** Rank of Mamba 1's time step; "auto" and absent mean hidden ÷ 16, rounded up. */
function stepRank(config: ConfigReader, hidden: number): number {
  const key = config.spelling(['time_step_rank', 'mamba_dt_rank']);
  return key !== null && typeof config.value(key) === 'number' ? config.size(key) : Math.ceil(hidden / 16);
}

/** T:mamba MambaMixer; T:jamba JambaMambaMixer norms the time step, B and C too. */
function mamba(config: ConfigReader, state: StateSpec, hidden: number, parts: MixerParts): number {
  const inner = state.conv?.channels ?? Number.NaN;
  const perChannel = state.recurrentElements / inner;
  const rank = stepRank(config, hidden);
  const biased = config.flag(parts.biasIn ?? IN_OUT_BIAS, false) ? 2 * inner + hidden : 0;
  const norms = parts.stepNorms ? rank + 2 * perChannel : 0;
  return (
    hidden * 3 * inner +
    biased +
    convolution(config, state, parts) +
    inner * (rank + 2 * perChannel) +
    rank * inner +
    inner +
    inner * perChannel +
    inner +
    norms
  );
}

/** Depthwise, with a bias unless the config says no. */
function convolution(config: ConfigReader, { conv }: StateSpec, { convolutionBias }: MixerParts): number {
  const bias = convolutionBias === undefined ? config.flag(CONV_BIAS, true) : switched(config, convolutionBias);
  return conv ? conv.channels * (conv.width + (bias ? 1 : 0)) : 0;
}

/** T:mamba2 Mamba2Mixer. */
function mamba2(config: ConfigReader, state: StateSpec, hidden: number, parts: MixerParts): number {
  const channels = state.conv?.channels ?? Number.NaN;
  const inner = channels - (state.groupChannels?.channels ?? 0);
  const heads = state.heads ?? Number.NaN;
  const projected = inner + channels + heads;
  const biased =
    (config.flag(parts.biasIn ?? IN_OUT_BIAS, false) ? projected : 0) +
    (config.flag(parts.biasOut ?? IN_OUT_BIAS, false) ? hidden : 0);
  const norm = switched(config, parts.outputNorm ?? true) ? inner : 0;
  return hidden * projected + biased + convolution(config, state, parts) + 3 * heads + norm + inner * hidden;
}

/** T:qwen3_next Qwen3NextGatedDeltaNet; T:olmo_hybrid has the same parts under other names. */
function gatedDeltaNet(config: ConfigReader, state: StateSpec, hidden: number): number {
  const channels = state.conv?.channels ?? Number.NaN;
  const heads = state.heads ?? config.size('linear_num_value_heads');
  // Olmo's class derives absent widths: keys take 3/4 of hidden over all heads, values are twice as wide.
  const keyHeads = config.size('linear_num_key_heads', heads);
  const valueDim =
    config.sizeOr('linear_value_head_dim', null) ??
    2 * config.size('linear_key_head_dim', Math.floor((0.75 * hidden) / keyHeads));
  const values = heads * valueDim;
  return (
    hidden * (channels + values + 2 * heads) +
    channels * (state.conv?.width ?? Number.NaN) +
    2 * heads +
    valueDim +
    values * hidden
  );
}

/** T:kimi_linear KimiLinearDeltaAttention: queries, keys and values of one width, low-rank forget and output gates (Kimi-K3: an output gate of full rank). */
function kda(config: ConfigReader, state: StateSpec, hidden: number): number {
  const heads = state.heads ?? Number.NaN;
  const headDim = Math.sqrt(state.recurrentElements / heads);
  const width = heads * headDim;
  const lowRank = hidden * headDim + headDim * width;
  const gates =
    lowRank + ((config.nested('linear_attn_config') ?? config).on('use_full_rank_gate') ? hidden * width : lowRank);
  return (
    3 * hidden * width +
    3 * width * (state.conv?.width ?? Number.NaN) +
    width +
    heads +
    gates +
    hidden * heads +
    headDim +
    width * hidden
  );
}

/** T:minimax MiniMaxLightningAttention: one projection to queries, keys and values, an output gate and a norm. */
function lightning(config: ConfigReader, hidden: number): number {
  const heads = config.size('num_attention_heads');
  const width = heads * (config.sizeOr('head_dim', null) ?? Math.floor(hidden / heads));
  return hidden * 3 * width + width + 2 * width * hidden;
}

/** T:recurrent_gemma RecurrentGemmaRecurrentBlock: two input projections, a convolution, block-diagonal gates. */
function rgLru(config: ConfigReader, state: StateSpec, hidden: number): number {
  const width = state.recurrentElements;
  const heads = config.size('num_attention_heads');
  const gates = 2 * (heads * (width / heads) ** 2 + width);
  const kernel = config.size('conv1d_width', 4);
  return 2 * (hidden * width + width) + width * hidden + hidden + width * (kernel + 1) + width + gates;
}

/** T:lfm2 Lfm2ShortConv. */
function shortConv(config: ConfigReader, state: StateSpec, hidden: number): number {
  const bias = config.flag(['conv_bias'], false) ? hidden + 3 * hidden + hidden : 0;
  return hidden * (state.conv?.width ?? Number.NaN) + 4 * hidden * hidden + bias;
}
