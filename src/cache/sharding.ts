/** How a cache is split over devices: heads by tensor parallelism, layers by pipeline stages, tokens by context parallelism. */

import type { AttentionSpec, ConvState, StateSpec } from '../model/attention';
import { isHeaded } from '../model/attention';
import type { Sharding } from '../model/scenario';
import { elementAt } from '../model/elementAt';

/**
 * KV heads on each tensor-parallel rank: an equal share, or one copied head where ranks outnumber heads.
 * vLLM: `max(1, H_kv // tp)`, and it refuses ranks that neither divide the heads nor are divided by them.
 */
function headsPerRank(kvHeads: number, tp: number): number {
  return tp >= kvHeads ? 1 : Math.ceil(kvHeads / tp);
}

/** Whether an engine accepts so many ranks for so many KV heads. */
export function divides(kvHeads: number, tp: number): boolean {
  return kvHeads % tp === 0 || tp % kvHeads === 0;
}

/** The attention of one rank: fewer heads, everything else as it is. Latent caches are the same on every rank. */
export function rankAttention(spec: AttentionSpec, tp: number): AttentionSpec {
  if (tp === 1 || !isHeaded(spec)) return spec;
  return { ...spec, kvHeads: headsPerRank(spec.kvHeads, tp), queryHeads: Math.max(1, Math.ceil(spec.queryHeads / tp)) };
}

/**
 * The state of one rank. Recurrent heads and convolution channels are split; the channels of B and C groups are copied where
 * ranks do not divide the groups (vLLM `MambaStateShapeCalculator`: the number of groups then grows to the ranks).
 */
export function rankState(state: StateSpec, tp: number): StateSpec {
  if (tp === 1) return state;
  return {
    ...state,
    conv: state.conv && { ...state.conv, channels: rankChannels(state, state.conv, tp) },
    recurrentElements: Math.ceil(state.recurrentElements / tp),
    heads: state.heads === null ? null : Math.max(1, Math.ceil(state.heads / tp)),
  };
}

function rankChannels(state: StateSpec, conv: ConvState, tp: number): number {
  const group = state.groupChannels;
  if (!group || group.groups % tp === 0) return Math.ceil(conv.channels / tp);
  const perGroup = group.channels / group.groups;
  return Math.ceil((conv.channels - group.channels) / tp) + perGroup * Math.max(1, Math.ceil(group.groups / tp));
}

/**
 * Layers of each pipeline stage. The remainder goes to the stages before the last, which also holds the output head
 * (vLLM `get_pp_indices`, which SGLang shares).
 */
function stageSizes(layers: number, stages: number): number[] {
  const base = Math.floor(layers / stages);
  const sizes = new Array<number>(stages).fill(base);
  const remainder = layers % stages;
  for (let extra = 0; extra < remainder; extra++) {
    const stage = Math.max(0, stages - 2 - extra);
    sizes[stage] = elementAt(sizes, stage) + 1;
  }
  return sizes;
}

/** First and one-past-last layer of every stage. */
export function stages(layers: number, count: number): (readonly [number, number])[] {
  let start = 0;
  return stageSizes(layers, count).map((size) => {
    const stage = [start, start + size] as const;
    start += size;
    return stage;
  });
}

/** Devices that a sharding takes. Attention data parallelism uses the tensor-parallel ranks for sequences of their own. */
export function deviceCount({ tp, pp }: Sharding): number {
  return tp * pp;
}

/** Tokens of a sequence that one context-parallel rank stores, striped position by position. */
export function tokensPerRank(tokens: number, dcp: number): number {
  return Math.ceil(tokens / dcp);
}
