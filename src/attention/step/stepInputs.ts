/** The run-time inputs of a program that depend on positions only: cos, sin, mask, ALiBi bias, query factors. */

import { alibiBias } from '../spec/alibi';
import type { Tensor } from '../onnx/graph';
import type { AttentionLayerSpec } from '../spec/layerSpec';
import { attentionMask } from './mask';
import { queryFactors } from './positionFactor';
import type { AttentionProgram } from '../onnx/program';
import { ringSlots, slotOf, slotPositions } from './ring';
import { rotaryTables } from './rotaryTables';

export interface Step {
  /** Sequences; default 1. */
  readonly batch?: number;
  /** Tokens of this run. */
  readonly newTokens: number;
  /** Tokens seen before, cached or not: the first new token has this position. */
  readonly pastTokens: number;
  /** Length of the whole sequence where it is known beforehand (dynamic NTK, LongRoPE); default past + new tokens. */
  readonly contextTokens?: number;
}

/** Positions of the entries that a cache holds after `tokens` tokens, oldest first. */
function cachedPositions(limit: number | null, tokens: number): Int32Array {
  const held = limit === null ? tokens : Math.min(tokens, limit);
  return Int32Array.from({ length: held }, (_, i) => tokens - held + i);
}

/**
 * Feeds for the inputs that `program` has, by name; the same for every sequence of a batch.
 * Layers of one kind share them: compute once per step and kind of layer.
 */
export function stepInputs(spec: AttentionLayerSpec, program: AttentionProgram, step: Step): Map<string, Tensor> {
  const { newTokens, pastTokens } = step;
  const queries = Int32Array.from({ length: newTokens }, (_, i) => pastTokens + i);
  const hasPast = program.cache.some((tensor) => tensor.past !== null);
  const past = hasPast ? cachedPositions(program.cacheLimit, pastTokens) : new Int32Array(0);
  const { room } = program;
  const seen = past.length + newTokens;
  const tokens = pastTokens + newTokens;
  if (room && room.tokens < ringSlots(spec.attention, tokens, newTokens))
    throw new Error(`A cache of ${room.tokens} slots has no room for this step.`);
  // A mask hides what a query may not see: slots of a buffer that are unused too.
  const keys = room ? slotPositions(room.tokens, tokens) : Int32Array.of(...past, ...queries);
  const names = new Set(program.inputs.map((input) => input.name));
  const feeds = new Map<string, Tensor>();
  const feed = (name: string, shape: readonly number[], values: () => Float32Array): void => {
    if (names.has(name)) feeds.set(name, { type: 'float32', shape, data: values() });
  };
  if (spec.rotary && (names.has('cos') || names.has('sin'))) {
    const tables = rotaryTables(spec.rotary, queries, step.contextTokens ?? pastTokens + newTokens);
    feed('cos', [1, 1, newTokens, tables.pairs], () => Float32Array.from(tables.cos));
    feed('sin', [1, 1, newTokens, tables.pairs], () => Float32Array.from(tables.sin));
  }
  feed('mask', [1, 1, newTokens, keys.length], () => attentionMask(spec.attention, queries, keys));
  const { alibi, temperature } = spec;
  if (alibi) {
    const newest = pastTokens + newTokens - 1;
    feed('alibi', [1, alibi.slopes.length, 1, keys.length], () => Float32Array.from(alibiBias(alibi, keys, newest)));
  }
  if (names.has('seqlens_k')) {
    if (past.length > 0 && newTokens > 1 && (step.batch ?? 1) > 1) {
      throw new Error(
        'With several sequences, the fused program (GroupQueryAttention) can only add one token at a time.',
      );
    }
    for (const [name, tensor] of fusedInputs(step.batch ?? 1, newTokens, seen))
      if (names.has(name)) feeds.set(name, tensor);
  }
  if (room && names.has('cache_slots')) {
    const heads = spec.attention.kind === 'latent' ? 1 : spec.attention.kvHeads;
    feeds.set('cache_slots', cacheSlots(room.batch * heads, room.tokens, pastTokens, newTokens));
  }
  if (temperature)
    feed('query_factor', [1, 1, newTokens, 1], () => Float32Array.from(queryFactors(temperature, queries)));
  return feeds;
}

/** What onnxruntime's fused operators want: rows of the cos/sin tables, and lengths. */
function fusedInputs(batch: number, newTokens: number, keys: number): [string, Tensor][] {
  const rows = BigInt64Array.from({ length: batch * newTokens }, (_, i) => BigInt(i % newTokens));
  return [
    ['rotary_rows', { type: 'int64', shape: [batch, newTokens], data: rows }],
    ['seqlens_k', { type: 'int32', shape: [batch], data: new Int32Array(batch).fill(keys - 1) }],
    ['total_sequence_length', { type: 'int32', shape: [], data: Int32Array.of(keys) }],
  ];
}

/** Where the new rows of each of `parts` (sequences × KV heads) go, in the order in which they are made. */
function cacheSlots(parts: number, room: number, pastTokens: number, newTokens: number): Tensor {
  const data = BigInt64Array.from({ length: parts * newTokens }, (_, i) =>
    BigInt(Math.floor(i / newTokens) * room + slotOf(pastTokens + (i % newTokens), room)),
  );
  return { type: 'int64', shape: [data.length, 1], data };
}
