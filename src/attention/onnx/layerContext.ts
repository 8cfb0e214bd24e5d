/** What the parts of a layer's graph share while it is built. */

import type { Dimension, TensorType } from './graph';
import type { GraphBuilder, Value } from './graphBuilder';
import type { GraphWeights } from './graphWeights';
import type { AttentionLayerSpec } from '../spec/layerSpec';
import { type CacheTensor, type CaptureName, keptTokens, type LatentForm, type ProgramOptions } from './program';
import { rotateGraph } from './rotaryGraph';

/** Names of dimensions known at run time only. */
export const BATCH = 'batch';
export const TOKENS = 'tokens';
export const KEYS = 'keys';
export const PAST = 'past';

export interface LayerContext {
  readonly g: GraphBuilder;
  readonly weights: GraphWeights;
  readonly spec: AttentionLayerSpec;
  readonly options: ProgramOptions;
  readonly form: LatentForm | null;
  readonly fused: boolean;
}

export interface NamedValue {
  readonly value: Value;
  readonly shape: readonly Dimension[];
}

/** A cache tensor of the graph under construction. */
export interface GraphCache {
  readonly tensor: CacheTensor;
  readonly presentValue: Value | null;
}

export interface LayerEnd {
  /** [B,T,H·valueDim]: what the output projection receives. */
  readonly rows: Value;
  /** [B,T,hidden] */
  readonly output: Value;
}

export interface LayerResult extends LayerEnd {
  /** Made on demand: what is not asked for adds no nodes. */
  readonly captures: Captures;
  readonly cache: readonly GraphCache[];
}

export type Captures = Readonly<Partial<Record<CaptureName, () => NamedValue>>>;

/** An input that depends on positions; made at first use. */
export function stepInput(
  c: LayerContext,
  name: string,
  shape: readonly Dimension[],
  type: TensorType = 'float32',
): Value {
  return c.g.hasInput(name) ? name : c.g.input(name, shape, type);
}

/** x [B,N,T,headDim] after the layer's RoPE, or x itself. */
export function rotated(c: LayerContext, x: Value, headDim: number, label: string): Value {
  const { rotary } = c.spec;
  if (!rotary) return x;
  const shape = ['position_batch', 1, TOKENS, rotary.dim / 2];
  return rotateGraph(c.g, x, headDim, rotary, stepInput(c, 'cos', shape), stepInput(c, 'sin', shape), label);
}

/** Queries [B,H,T,·] times their position's factor, where the layer has a temperature. */
export function withTemperature(c: LayerContext, q: Value): Value {
  if (!c.spec.temperature) return q;
  return c.g.mul(q, stepInput(c, 'query_factor', ['position_batch', 1, TOKENS, 1]), 'q/temperature');
}

/** [B,T,heads·dim] → [B,heads,T,dim] */
export function splitHeads(g: GraphBuilder, x: Value, heads: number, dim: number, label: string): Value {
  return g.transpose(g.reshape(x, [0, 0, heads, dim], `${label}/heads`), [0, 2, 1, 3], label);
}

/** Rows of a cached tensor along its token axis: those of the past and those of this step. */
export interface CacheRows {
  readonly past: Value | null;
  readonly fresh: Value;
  /** Past and new in one tensor; made when first needed. */
  readonly all: () => Value;
  /** Pieces to work on: all in one, or past and new where the past must not be copied. */
  readonly segments: readonly Value[];
  readonly cache: GraphCache;
}

/**
 * Joins the new rows to the past of the program. `prefix` is the shape before the token axis. `fusedPast` is the past
 * input where a fused operator has joined them already: `fresh` is both then.
 */
export function cacheRows(
  c: LayerContext,
  role: CacheTensor['role'],
  fresh: Value,
  prefix: readonly Dimension[],
  dim: number,
  fusedPast?: Value,
): CacheRows {
  const { g } = c;
  const axis = prefix.length;
  const mode = c.options.cache ?? 'present';
  const decode = c.options.mode === 'decode';
  if (mode === 'inPlace') return rowsInPlace(c, role, fresh, prefix, dim, fusedPast);
  const past = decode ? (fusedPast ?? g.input(`past_${role}`, [...prefix, PAST, dim])) : null;
  // Written by the runner, or joined by a fused operator: nothing is left to join.
  let joined: Value | null = mode === 'written' ? past : fusedPast === undefined ? null : fresh;
  const all = (): Value => (joined ??= past ? g.concat([past, fresh], axis, `${role}/joined`) : fresh);
  const limit = keptTokens(c.spec.attention, c.options.cacheRule);
  const kept = (): Value => (limit === null ? all() : g.slice(all(), axis, -limit, undefined, `${role}/kept`));
  const append = mode === 'append';
  const shown = mode === 'present' || append;
  return {
    past,
    fresh,
    all,
    segments: past && append ? [past, fresh] : [all()],
    cache: {
      tensor: {
        role,
        past,
        present: shown ? `${append ? 'new' : 'present'}_${role}` : null,
        shape: [...prefix, append ? TOKENS : 'kept', dim],
        tokenAxis: axis,
      },
      presentValue: shown ? (append ? fresh : kept()) : null,
    },
  };
}

/**
 * The rows of this step go into their slots of the buffer that holds the past. Slots lie along one axis, so that each has an index of its own:
 * onnxruntime's WebGPU kernel writes rows one after the other where parts of indices repeat (`scatter_nd.cc`, hasDuplicates; 1.30).
 */
function rowsInPlace(
  c: LayerContext,
  role: CacheTensor['role'],
  fresh: Value,
  prefix: readonly Dimension[],
  dim: number,
  fusedPast?: Value,
): CacheRows {
  const { g } = c;
  const { room, mode } = c.options;
  if (!room || mode !== 'decode') throw new Error('A cache is written in place in decode, and has a size.');
  const heads = prefix.slice(1).map(Number);
  const slots = heads.reduce((product, size) => product * size, room.batch * room.tokens);
  const whole = [room.batch, ...heads, room.tokens, dim];
  const shape = fusedPast === undefined ? [slots, dim] : whole;
  const past = fusedPast ?? g.input(`past_${role}`, shape);
  const written =
    fusedPast === undefined
      ? g.op(
          'ScatterND',
          [past, stepInput(c, 'cache_slots', ['rows', 1], 'int64'), g.reshape(fresh, [-1, dim], `${role}/rows`)],
          {},
          `${role}/written`,
        )
      : fresh;
  let joined: Value | null = fusedPast === undefined ? null : written;
  const all = (): Value => (joined ??= g.reshape(written, whole, `${role}/all`));
  return {
    past,
    fresh,
    all,
    segments: [all()],
    cache: {
      tensor: { role, past, present: `present_${role}`, shape, tokenAxis: shape.length - 2 },
      presentValue: written,
    },
  };
}
