/** One layer's keys and values in float64, from what its projections receive: linear part, clip, norm, RoPE. */

import type { AttentionLayerSpec, RunnableAttention } from '../../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../../attention/spec/normSpec';
import { rotaryTables } from '../../attention/step/rotaryTables';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import type { LatentAttention } from '../../model/attention';
import { type Matrix, rowProductSteps, zeros } from '../matrix';
import { finish, type Steps, within } from '../steps';
import { pairDims, type RotaryPairs } from '../alignment';

/** Attention with K and V per head. */
export type HeadedSpec = AttentionLayerSpec & { readonly attention: Exclude<RunnableAttention, LatentAttention> };

/** Weights by their names in `layerWeights`: as files have them, or converted. */
export type LayerNumbers = ReadonlyMap<string, Float32Array | Float64Array>;

/** What a layer did with some tokens, and the weights by which it did it. Token 0 is the first of its sequence. */
export interface LayerSample {
  readonly spec: HeadedSpec;
  readonly tokens: number;
  /** `[tokens, hidden]`: what the projections receive. */
  readonly input: Float32Array | Float64Array;
  /** `[queryHeads, tokens, keyDim]`, after norm, RoPE and temperature. */
  readonly q: Float32Array | Float64Array;
  /** The same before RoPE and temperature. */
  readonly qRaw: Float32Array | Float64Array;
  /** `layerWeights` but for `q.weight`; linear maps `[out, in]`. */
  readonly weights: LayerNumbers;
}

/** Keys `[tokens, kvHeads · keyDim]` and values `[tokens, kvHeads · valueDim]`. */
export interface KeyValueRows {
  readonly key: Matrix;
  readonly value: Matrix;
}

/** Weights and biases of the norms on keys and values: a number for every dim of every head. */
export interface KeyValueNorms {
  readonly key: HeadNorm | null;
  readonly value: HeadNorm | null;
}

export interface HeadNorm {
  readonly spec: HeadNormSpec;
  /** `[heads · dim]`, null where the norm has none. */
  readonly weight: Float64Array | null;
  readonly bias: Float64Array | null;
}

/** X · Wᵀ + b in float64. @param weight `[out, in]` */
export function linear(
  input: ArrayLike<number>,
  rows: number,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
): Matrix {
  return finish(linearSteps(input, rows, weight, bias));
}

/** X · Wᵀ + b in steps. */
export function* linearSteps(
  input: ArrayLike<number>,
  rows: number,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
): Steps<Matrix> {
  const width = rows === 0 ? 0 : input.length / rows;
  const columns = width === 0 ? 0 : weight.length / width;
  const result = yield* rowProductSteps(
    { rows, columns: width, data: Float64Array.from(input) },
    { rows: columns, columns: width, data: Float64Array.from(weight) },
  );
  return bias === null
    ? result
    : { ...result, data: result.data.map((value, i) => value + (bias[i % columns] as number)) };
}

/** The linear part of keys and values: before clip, norm and RoPE. */
export function* projectedRowSteps({ input, tokens, weights }: LayerSample): Steps<KeyValueRows> {
  const project = (name: string): Steps<Matrix> =>
    linearSteps(input, tokens, need(weights, `${name}.weight`), weights.get(`${name}.bias`) ?? null);
  return { key: yield* within(0, 0.5, project('k')), value: yield* within(0.5, 1, project('v')) };
}

export function projectedRows(sample: LayerSample): KeyValueRows {
  return finish(projectedRowSteps(sample));
}

export function need(weights: LayerNumbers, name: string): Float32Array | Float64Array {
  const found = weights.get(name);
  if (found === undefined) throw new TypeError(`the sample has no ${name}`);
  return found;
}

export function normsOf({ spec, weights }: LayerSample): KeyValueNorms {
  const { kvHeads, keyDim, valueDim } = spec.attention;
  const read = (name: string, norm: HeadNormSpec | null, dim: number): HeadNorm | null => {
    if (norm === null) return null;
    const every = (part: string): Float64Array | null => {
      const found = weights.get(`${name}.${part}`);
      return found === undefined
        ? null
        : Float64Array.from({ length: kvHeads * dim }, (_, i) => found[i % found.length] as number);
    };
    return { spec: norm, weight: every('weight'), bias: every('bias') };
  };
  return { key: read('k_norm', spec.keyNorm, keyDim), value: read('v_norm', spec.valueNorm, valueDim) };
}

/** Keys as scores take them, `[tokens, kvHeads · keyDim]`: after clip, norm and RoPE. */
export function scoreKeys(rows: Matrix, { spec }: LayerSample, norms: KeyValueNorms): Matrix {
  const { kvHeads, keyDim } = spec.attention;
  const before = clippedAndNormed(
    rows,
    spec,
    norms.key?.spec.stage === 'before-rope' ? norms.key : null,
    kvHeads,
    keyDim,
  );
  const rotated = spec.rotary === null ? before : rotatedRows(before, spec.rotary, kvHeads, keyDim);
  return norms.key?.spec.stage === 'after-rope' ? normed(rotated, norms.key, kvHeads, keyDim) : rotated;
}

/** Values as the weighted sum takes them, `[tokens, kvHeads · valueDim]`. */
export function summedValues(rows: Matrix, { spec }: LayerSample, norms: KeyValueNorms): Matrix {
  const { kvHeads, valueDim } = spec.attention;
  return clippedAndNormed(rows, spec, norms.value, kvHeads, valueDim);
}

/** Clip and norm in the layer's order. */
function clippedAndNormed(rows: Matrix, spec: HeadedSpec, norm: HeadNorm | null, heads: number, dim: number): Matrix {
  const clip = (x: Matrix): Matrix => {
    const limit = spec.clip;
    return limit === null ? x : { ...x, data: x.data.map((value) => Math.max(-limit, Math.min(limit, value))) };
  };
  const apply = (x: Matrix): Matrix => (norm === null ? x : normed(x, norm, heads, dim));
  return spec.clipAfterNorm === true ? clip(apply(rows)) : apply(clip(rows));
}

function normed(rows: Matrix, { spec, weight, bias }: HeadNorm, heads: number, dim: number): Matrix {
  const width = spec.extent === 'projection' ? heads * dim : dim;
  const result = zeros(rows.rows, rows.columns);
  for (let start = 0; start < rows.data.length; start += width) {
    normalize(rows.data, result.data, start, width, spec.norm, weight, bias, start % rows.columns);
  }
  return result;
}

/** One norm over `width` numbers from `start`; weight and bias are read from `at`. */
export function normalize(
  from: Float64Array,
  to: Float64Array,
  start: number,
  width: number,
  norm: NormSpec,
  weight: Float64Array | null,
  bias: Float64Array | null,
  at: number,
): void {
  let mean = 0;
  if (norm.kind === 'layer') {
    for (let i = 0; i < width; i++) mean += from[start + i] as number;
    mean /= width;
  }
  let squares = 0;
  for (let i = 0; i < width; i++) squares += ((from[start + i] as number) - mean) ** 2;
  const scale = 1 / Math.sqrt(squares / width + norm.epsilon);
  const one = norm.weight === 'plus-one' ? 1 : 0;
  for (let i = 0; i < width; i++) {
    const factor = norm.weight === 'none' || weight === null ? 1 : (weight[at + i] as number) + one;
    to[start + i] =
      ((from[start + i] as number) - mean) * scale * factor +
      (norm.bias && bias !== null ? (bias[at + i] as number) : 0);
  }
}

/** Which dims RoPE rotates together, as the projection gives them. */
export function pairsOf(rotary: RotarySpec): RotaryPairs {
  return { layout: rotary.layout === 'half' ? 'half' : 'interleaved', dim: rotary.dim };
}

/** Rows `[tokens, heads · dim]` with RoPE at positions 0, 1, …. */
function rotatedRows(rows: Matrix, rotary: RotarySpec, heads: number, dim: number): Matrix {
  const { cos, sin, pairs } = rotaryTables(
    rotary,
    Int32Array.from({ length: rows.rows }, (_, i) => i),
    rows.rows,
  );
  const result = { ...rows, data: Float64Array.from(rows.data) };
  const from = pairsOf(rotary);
  const to: RotaryPairs = rotary.layout === 'interleaved' ? from : { layout: 'half', dim: rotary.dim };
  for (let token = 0; token < rows.rows; token++) {
    for (let head = 0; head < heads; head++) {
      const at = token * rows.columns + head * dim;
      for (let pair = 0; pair < pairs; pair++) {
        const [a, b] = pairDims(from, pair);
        const [c, s] = [cos[token * pairs + pair] as number, sin[token * pairs + pair] as number];
        const [x, y] = [rows.data[at + a] as number, rows.data[at + b] as number];
        const [p, q] = pairDims(to, pair);
        result.data[at + p] = x * c - y * s;
        result.data[at + q] = y * c + x * s;
      }
    }
  }
  return result;
}
