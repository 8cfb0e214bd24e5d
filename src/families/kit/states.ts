/** State of recurrent mixers: what a sequence keeps in a layer, however long it is. Elements, not bytes. */

import { parseElementDtype } from '../../model/dtype';
import type { StateFlavour, StateSpec } from '../../model/attention';
import type { FactorSources, Source, Sourced } from '../../model/spec';
import type { LayerDraft } from '../facets';
import { HIDDEN_KEYS } from '../../config/spellings';
import { missing } from './headLayout';
import type { ConfigReader } from '../../config/reader';

export interface SourcedState {
  readonly state: StateSpec;
  readonly sources: FactorSources;
}

/** A layer whose mixer is the state. */
export function recurrentDraft(state: SourcedState | null): LayerDraft | null {
  return state && { attention: { kind: 'recurrent', state: state.state }, sources: state.sources };
}

/** Numbers that a state is made of; null (with a problem noted) when one is missing. */
function numbers<K extends string>(
  reader: ConfigReader,
  wanted: Readonly<Record<K, readonly string[]>>,
): Record<K, Sourced<number>> | null {
  const found: Partial<Record<K, Sourced<number>>> = {};
  for (const name of Object.keys(wanted) as K[]) {
    const number = reader.integer(wanted[name]);
    if (!number) {
      missing(reader, wanted[name][0] ?? name, wanted[name][0] ?? name);
      return null;
    }
    found[name] = number;
  }
  return found as Record<K, Sourced<number>>;
}

/** `source` of one key with the product that it takes part in. */
function product(source: Source, rule: string): Source {
  return { ...source, rule };
}

const STATE_DTYPE_KEYS = ['mamba_ssm_cache_dtype', 'mamba_ssm_dtype'];

/** float32 where the config asks for it (vLLM `mamba_ssm_cache_dtype`), otherwise the cache's own type. */
function stateDtype(reader: ConfigReader): 'float32' | 'cache' {
  return stateDtypeOf(reader, STATE_DTYPE_KEYS);
}

export function stateDtypeOf(
  reader: ConfigReader,
  keys: readonly string[],
  fallback: 'float32' | 'cache' = 'cache',
): 'float32' | 'cache' {
  const text = reader.string(keys)?.value;
  if (text === undefined) return fallback;
  const word = text.replace(/^torch\./, '');
  if (word !== 'auto' && parseElementDtype(word) === null)
    reader.wrong(reader.spelling(keys) ?? '', 'an element type', text);
  return word === 'float32' ? 'float32' : 'cache';
}

function make(
  flavour: StateFlavour,
  conv: StateSpec['conv'],
  recurrentElements: number,
  recurrentDtype: 'float32' | 'cache',
  heads: number | null,
  groupChannels?: StateSpec['groupChannels'],
): StateSpec {
  return { flavour, conv, recurrentElements, recurrentDtype, heads, ...(groupChannels ? { groupChannels } : {}) };
}

/** transformers keeps the convolution's whole width, vLLM and llama.cpp one position less. */
function convState(channels: number, width: number): StateSpec['conv'] {
  return { channels, width, engineWidth: width - 1 };
}

export interface MambaKeys {
  /** Width of the inner stream; where no key gives it, expand × hidden size. */
  readonly inner?: readonly string[];
  readonly expand: readonly string[];
  readonly state: readonly string[];
  readonly conv: readonly string[];
}

export const MAMBA_KEYS: MambaKeys = {
  inner: ['intermediate_size'],
  expand: ['expand'],
  state: ['state_size'],
  conv: ['conv_kernel'],
};
export const HYBRID_MAMBA_KEYS: MambaKeys = {
  expand: ['mamba_expand'],
  state: ['mamba_d_state'],
  conv: ['mamba_d_conv'],
};

/** Inner width: int(expand × hidden), as every class computes it. */
function innerWidth(reader: ConfigReader, keys: MambaKeys): Sourced<number> | null {
  const given = keys.inner && keys.inner.some((key) => reader.hasValue(key)) ? reader.integer(keys.inner) : null;
  if (given) return given;
  const hidden = reader.integer(HIDDEN_KEYS);
  // A class whose default is whole takes whole numbers.
  const whole = keys === HYBRID_MAMBA_KEYS && reader.defaults !== null;
  const expand = whole ? reader.integer(keys.expand) : reader.number(keys.expand);
  if (!hidden || !expand || expand.value <= 0) {
    missing(reader, keys.expand[0] ?? 'expand', keys.expand[0] ?? 'expand');
    return null;
  }
  const value = Math.trunc(expand.value * hidden.value);
  return { value, source: product(expand.source, `expand ${expand.value} × hidden size ${hidden.value} = ${value}`) };
}

/** Mamba 1: one vector of `state` numbers per inner channel. T:mamba MambaMixer, V:mamba_utils `mamba1_state_shape`. */
export function mambaState(reader: ConfigReader, keys: MambaKeys): SourcedState | null {
  const inner = innerWidth(reader, keys);
  const found = numbers(reader, { state: keys.state, conv: keys.conv });
  if (!inner || !found) return null;
  const { state, conv } = found;
  return {
    state: make('mamba', convState(inner.value, conv.value), inner.value * state.value, stateDtype(reader), null),
    sources: {
      conv: product(conv.source, `inner width ${inner.value} × kernel ${conv.value}`),
      recurrent: product(state.source, `inner width ${inner.value} × state ${state.value}`),
      state: inner.source,
    },
  };
}

export interface Mamba2Keys {
  readonly heads: readonly string[];
  readonly headDim: readonly string[];
  readonly groups: readonly string[];
  readonly state: readonly string[];
  readonly conv: readonly string[];
  /** Inner width; divided by the heads where the head width is absent or "auto". */
  readonly inner?: (reader: ConfigReader) => number | null;
}

/** Mamba 2: heads × head width × state; the convolution also runs over B and C of each group. V:mamba_utils `mamba2_state_shape`. */
export function mamba2State(reader: ConfigReader, keys: Mamba2Keys): SourcedState | null {
  const found = numbers(reader, { heads: keys.heads, groups: keys.groups, state: keys.state, conv: keys.conv });
  if (!found) return null;
  const { heads, groups, state, conv } = found;
  const headDim = stateHeadDim(reader, keys, heads.value);
  const inner = reader.defaults && headDim ? keys.inner?.(reader) : null;
  // The classes refuse other heads (validate_architecture); code that came with a model is not asked.
  if (inner && headDim && heads.value * headDim.value !== inner)
    reader.log.note(`${heads.value} × ${headDim.value} is not the inner width ${inner}`, true);
  return headDim && mamba2StateOf(reader, { heads, headDim, groups, state, conv });
}

export interface Mamba2Numbers {
  readonly heads: Sourced<number>;
  readonly headDim: Sourced<number>;
  readonly groups: Sourced<number>;
  readonly state: Sourced<number>;
  readonly conv: Sourced<number>;
}

export function mamba2StateOf(
  reader: ConfigReader,
  { heads, headDim, groups, state, conv }: Mamba2Numbers,
): SourcedState {
  const inner = heads.value * headDim.value;
  const groupChannels = 2 * groups.value * state.value;
  const elements = inner * state.value;
  return {
    state: make('mamba2', convState(inner + groupChannels, conv.value), elements, stateDtype(reader), heads.value, {
      groups: groups.value,
      channels: groupChannels,
    }),
    sources: {
      conv: product(conv.source, `(${inner} + 2 × ${groups.value} groups × ${state.value}) × kernel ${conv.value}`),
      recurrent: product(state.source, `${heads.value} heads × ${headDim.value} × state ${state.value}`),
      state: heads.source,
    },
  };
}

function stateHeadDim(reader: ConfigReader, keys: Mamba2Keys, heads: number): Sourced<number> | null {
  const key = reader.spelling(keys.headDim);
  const given = key !== null && reader.value(key) !== 'auto' ? reader.integer(keys.headDim) : null;
  if (given) return given;
  reader.consult(keys.headDim);
  const inner = keys.inner?.(reader) ?? null;
  if (inner === null || inner < heads) {
    missing(reader, keys.headDim[0] ?? 'mamba_head_dim', keys.headDim[0] ?? 'mamba_head_dim');
    return null;
  }
  const value = Math.floor(inner / heads);
  return { value, source: reader.derived(`inner width ${inner} ÷ ${heads} heads`, keys.headDim[0] ?? null) };
}

/** Gated delta net: a key × value matrix per value head. T:qwen3_next Qwen3NextGatedDeltaNet, V:mamba_utils `gated_delta_net_state_shape`. */
export function gatedDeltaNetState(reader: ConfigReader): SourcedState | null {
  const found = numbers(reader, {
    keyHeads: ['linear_num_key_heads'],
    valueHeads: ['linear_num_value_heads'],
    keyDim: ['linear_key_head_dim'],
    valueDim: ['linear_value_head_dim'],
    conv: ['linear_conv_kernel_dim'],
  });
  return found && deltaNet(reader, found);
}

export interface DeltaNetNumbers {
  readonly keyHeads: Sourced<number>;
  readonly valueHeads: Sourced<number>;
  readonly keyDim: Sourced<number>;
  readonly valueDim: Sourced<number>;
  readonly conv: Sourced<number>;
}

export function deltaNet(
  reader: ConfigReader,
  { keyHeads, valueHeads, keyDim, valueDim, conv }: DeltaNetNumbers,
): SourcedState {
  const channels = 2 * keyHeads.value * keyDim.value + valueHeads.value * valueDim.value;
  if (valueHeads.value % keyHeads.value !== 0)
    reader.log.note(
      `${valueHeads.value} value heads cannot share ${keyHeads.value} key heads`,
      true,
      valueHeads.source.key ?? undefined,
    );
  const elements = valueHeads.value * keyDim.value * valueDim.value;
  return {
    state: make('gated-delta-net', convState(channels, conv.value), elements, stateDtype(reader), valueHeads.value),
    sources: {
      conv: product(
        conv.source,
        `(2 × ${keyHeads.value} × ${keyDim.value} + ${valueHeads.value} × ${valueDim.value}) × kernel ${conv.value}`,
      ),
      recurrent: product(valueHeads.source, `${valueHeads.value} value heads × ${keyDim.value} × ${valueDim.value}`),
      state: keyHeads.source,
    },
  };
}

/** Kimi delta attention: a square matrix per head, float32 in the family's code. V:mamba_utils `kda_state_shape` and `kda_state_dtype`. */
export function kdaState(heads: Sourced<number>, headDim: Sourced<number>, conv: Sourced<number>): SourcedState {
  const width = heads.value * headDim.value;
  return {
    state: make('kda', convState(3 * width, conv.value), width * headDim.value, 'float32', heads.value),
    sources: {
      conv: product(conv.source, `3 × ${heads.value} heads × ${headDim.value} × kernel ${conv.value}`),
      recurrent: product(headDim.source, `${heads.value} heads × ${headDim.value} × ${headDim.value}`),
      state: heads.source,
    },
  };
}

/** Lightning (linear) attention: a key × value matrix per head, no convolution. V:mamba_utils `linear_attention_state_shape`. */
export function lightningState(reader: ConfigReader, heads: Sourced<number>, headDim: Sourced<number>): SourcedState {
  return {
    state: make('linear', null, heads.value * headDim.value * headDim.value, stateDtype(reader), heads.value),
    sources: {
      recurrent: product(headDim.source, `${heads.value} heads × ${headDim.value} × ${headDim.value}`),
      state: heads.source,
    },
  };
}

/** Short convolution (LFM2): the last inputs, nothing recurrent. T:lfm2 Lfm2ShortConv. */
export function shortConvState(channels: Sourced<number>, width: Sourced<number>): SourcedState {
  return {
    state: make('short-conv', convState(channels.value, width.value), 0, 'cache', null),
    sources: { conv: product(width.source, `${channels.value} channels × kernel ${width.value}`), kind: width.source },
  };
}

/** RG-LRU: one number per channel in float32, and a convolution of which the newest input is not stored. T:recurrent_gemma. */
export function rgLruState(width: Sourced<number>, conv: Sourced<number>): SourcedState {
  const kept = conv.value - 1;
  return {
    state: make('rg-lru', { channels: width.value, width: kept, engineWidth: kept }, width.value, 'float32', null),
    sources: {
      conv: product(conv.source, `${width.value} × (kernel ${conv.value} − 1)`),
      recurrent: product(width.source, `${width.value} channels`),
      state: width.source,
    },
  };
}

/** RWKV-4: the last input of both halves of a layer, and numerator, denominator and maximum in float32. T:rwkv RwkvModel. */
export function rwkv4State(hidden: Sourced<number>, attention: Sourced<number>): SourcedState {
  return {
    state: make('rwkv', { channels: hidden.value, width: 2, engineWidth: 2 }, 3 * attention.value, 'float32', null),
    sources: {
      conv: product(hidden.source, `token shift of both halves: 2 × ${hidden.value}`),
      recurrent: product(attention.source, `numerator, denominator and maximum: 3 × ${attention.value}`),
      state: hidden.source,
    },
  };
}
