/** Parameters of recurrent and convolutional token mixers, from the shape of their state and a few keys. */

import type { ConfigReader } from '../../config/reader';
import type { StateSpec } from '../../model/attention';
import { type Switch, switched } from './switches';
import type { Weights } from './tally';

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

/** The weights of a mixer by its parts, in the order of the data; null where its build is not known. */
export function mixerParameters(
  config: ConfigReader,
  state: StateSpec,
  hidden: number,
  parts: MixerParts = {},
): Weights | null {
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
function mamba(config: ConfigReader, state: StateSpec, hidden: number, parts: MixerParts): Weights {
  const inner = state.conv?.channels ?? Number.NaN;
  const perChannel = state.recurrentElements / inner;
  const rank = stepRank(config, hidden);
  const biased = config.flag(parts.biasIn ?? IN_OUT_BIAS, false);
  return [
    ['in', 2 * inner * (hidden + (biased ? 1 : 0))],
    ['conv', convolution(config, state, parts)],
    ['x', inner * (rank + 2 * perChannel)],
    ['step_norms', parts.stepNorms ? rank + 2 * perChannel : 0],
    ['step', rank * inner + inner],
    // A and D.
    ['scan', inner * perChannel + inner],
    ['out', hidden * (inner + (biased ? 1 : 0))],
  ];
}

/** Depthwise, with a bias unless the config says no. */
function convolution(config: ConfigReader, { conv }: StateSpec, { convolutionBias }: MixerParts): number {
  const bias = convolutionBias === undefined ? config.flag(CONV_BIAS, true) : switched(config, convolutionBias);
  return conv ? conv.channels * (conv.width + (bias ? 1 : 0)) : 0;
}

/** T:mamba2 Mamba2Mixer. */
function mamba2(config: ConfigReader, state: StateSpec, hidden: number, parts: MixerParts): Weights {
  const channels = state.conv?.channels ?? Number.NaN;
  const inner = channels - (state.groupChannels?.channels ?? 0);
  const heads = state.heads ?? Number.NaN;
  const projected = inner + channels + heads;
  const [biasIn, biasOut] = [parts.biasIn, parts.biasOut].map((keys) => config.flag(keys ?? IN_OUT_BIAS, false));
  return [
    ['in', projected * (hidden + (biasIn ? 1 : 0))],
    ['conv', convolution(config, state, parts)],
    // A, D and the bias of the time step.
    ['scan', 3 * heads],
    ['out_norm', switched(config, parts.outputNorm ?? true) ? inner : 0],
    ['out', hidden * (inner + (biasOut ? 1 : 0))],
  ];
}

/** T:qwen3_next Qwen3NextGatedDeltaNet; T:olmo_hybrid has the same parts under other names. */
function gatedDeltaNet(config: ConfigReader, state: StateSpec, hidden: number): Weights {
  const channels = state.conv?.channels ?? Number.NaN;
  const heads = state.heads ?? config.size('linear_num_value_heads');
  // Olmo's class derives absent widths: keys take 3/4 of hidden over all heads, values are twice as wide.
  const keyHeads = config.size('linear_num_key_heads', heads);
  const valueDim =
    config.sizeOr('linear_value_head_dim', null) ??
    2 * config.size('linear_key_head_dim', Math.floor((0.75 * hidden) / keyHeads));
  const values = heads * valueDim;
  return [
    ['in', hidden * channels],
    ['in_gate', hidden * values],
    ['in_rates', hidden * 2 * heads],
    ['conv', channels * (state.conv?.width ?? Number.NaN)],
    // A and the bias of the time step.
    ['scan', 2 * heads],
    ['out_norm', valueDim],
    ['out', values * hidden],
  ];
}

/** T:kimi_linear KimiLinearDeltaAttention: queries, keys and values of one width, low-rank forget and output gates (Kimi-K3: an output gate of full rank). */
function kda(config: ConfigReader, state: StateSpec, hidden: number): Weights {
  const heads = state.heads ?? Number.NaN;
  const headDim = Math.sqrt(state.recurrentElements / heads);
  const width = heads * headDim;
  const lowRank = hidden * headDim + headDim * width;
  const fullRank = (config.nested('linear_attn_config') ?? config).on('use_full_rank_gate');
  return [
    ['in', 3 * hidden * width],
    ['in_rates', lowRank + hidden * heads],
    ['in_gate', fullRank ? hidden * width : lowRank],
    ['conv', 3 * width * (state.conv?.width ?? Number.NaN)],
    // A and the bias of the time step.
    ['scan', width + heads],
    ['out_norm', headDim],
    ['out', width * hidden],
  ];
}

/** T:minimax MiniMaxLightningAttention: one projection to queries, keys and values, an output gate and a norm. */
function lightning(config: ConfigReader, hidden: number): Weights {
  const heads = config.size('num_attention_heads');
  const width = heads * (config.sizeOr('head_dim', null) ?? Math.floor(hidden / heads));
  return [
    ['in', hidden * 3 * width],
    ['in_gate', hidden * width],
    ['out_norm', width],
    ['out', width * hidden],
  ];
}

/** T:recurrent_gemma RecurrentGemmaRecurrentBlock: two input projections, a convolution, block-diagonal gates. */
function rgLru(config: ConfigReader, state: StateSpec, hidden: number): Weights {
  const width = state.recurrentElements;
  const heads = config.size('num_attention_heads');
  const gates = 2 * (heads * (width / heads) ** 2 + width);
  const kernel = config.size('conv1d_width', 4);
  return [
    ['in', hidden * width + width],
    ['in_gate', hidden * width + width],
    ['conv', width * (kernel + 1)],
    ['in_rates', gates],
    ['scan', width],
    ['out', width * hidden + hidden],
  ];
}

/** T:lfm2 Lfm2ShortConv. */
function shortConv(config: ConfigReader, state: StateSpec, hidden: number): Weights {
  const bias = config.flag(['conv_bias'], false) ? 1 : 0;
  return [
    ['in', 3 * hidden * (hidden + bias)],
    ['conv', hidden * ((state.conv?.width ?? Number.NaN) + bias)],
    ['out', hidden * (hidden + bias)],
  ];
}
