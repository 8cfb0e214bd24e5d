/**
 * Latent layers (MLA) with a smaller cache: fewer latent dims, found as for heads (src/insight/conversion/latent.ts) on what the up-projections
 * make of the latent, and fewer pairs of RoPE. A pair that loses its rotation is not lost: it joins what the latent stands for, as a dim without
 * position (MHA2MLA, arXiv 2502.14837, for pairs that contribute little).
 */

import { rotaryFactor } from '../../attention/step/rotaryTables';
import type { AttentionLayerSpec } from '../../attention/spec/layerSpec';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import { elementAt } from '../../model/elementAt';
import { fromLatent, type LatentMethod, latentBasis, type LatentSource } from '../conversion/latent';
import { type LayerNumbers, need } from '../conversion/layerRows';
import { ConversionRefused } from '../conversion/target';
import { matrix, type Matrix, multiply, transpose, zeros } from '../matrix';
import { finish } from '../steps';
import { downWeight, keptRotary } from './latentParts';
import type { ModelLayer, NarrowLatent } from './modelLayer';

/** What the layer made of the tokens that the method is fitted on. */
export interface LatentRows {
  /** `[tokens, latentDim]` after its norm, and `[tokens, ropeDim]` before RoPE. */
  readonly latent: Matrix;
  readonly rope: Matrix;
  /** `[queryHeads, tokens, nopeDim + ropeDim]`, before RoPE. */
  readonly q: Float64Array;
}

/** What must be known of such a layer. */
export const NARROW_NOTE =
  'no published class projects a latent once more behind its norm: this shows what is lost, and is not exported';

/** @throws ConversionRefused where this layer cannot be made so small, or so large. */
export function narrowedLayer(
  layer: ModelLayer,
  { latent, rope, q }: LatentRows,
  target: { readonly latentDim: number; readonly ropeDim: number },
  method: LatentMethod,
): ModelLayer {
  const { spec, weights } = layer;
  const { attention, rotary } = spec;
  if (attention.kind !== 'latent') throw new TypeError('no latent layer');
  const { queryHeads, latentDim, ropeDim, nopeDim, valueDim, queryLatentDim } = attention;
  if (target.ropeDim > ropeDim)
    throw new ConversionRefused(`this layer has ${ropeDim} dims with RoPE: ${target.ropeDim} cannot be made of them`);
  if (target.latentDim > latentDim + ropeDim - target.ropeDim)
    throw new ConversionRefused(
      `a latent of ${target.latentDim} would be larger than the ${latentDim + ropeDim - target.ropeDim} values that it replaces`,
    );
  if (rotary !== null && rotary.dim !== ropeDim) throw new ConversionRefused('its RoPE turns a part of its rotary key');
  if (rotary === null && target.ropeDim < ropeDim)
    throw new ConversionRefused('this layer has no RoPE: none of its dims can lose it');
  const kept = rotary === null ? [] : keptPairs(layer, rope, q, target.ropeDim / 2);
  const all = Array.from({ length: ropeDim / 2 }, (_, pair) => pair);
  const columns = (pairs: readonly number[]): readonly number[] => pairs.flatMap((pair) => pairColumns(rotary, pair));
  const still = columns(all.filter((pair) => !kept.includes(pair)));
  const turning = rotary === null ? columns(all) : columns(kept);
  const dims = nopeDim + still.length;
  const [keys, values] = ups(weights, { queryHeads, latentDim, nopeDim, valueDim }, still.length, rotary);
  const stands = besides(latent, rope, still);
  const source: LatentSource = {
    found: new Map(),
    rows: { key: multiply(stands, transpose(keys)), value: multiply(stands, transpose(values)) },
    weights: { key: keys, value: values },
  };
  const basis = finish(latentBasis(source, target.latentDim, method));
  const up = fromLatent(identity(target.latentDim), basis);
  const made = new Map(weights);
  made.set('w_uk', transpose(up.key).data);
  made.set('w_uv', transpose(up.value).data);
  const bias = weights.get('uk.bias');
  if (bias !== undefined) made.set('uk.bias', perHead(bias, queryHeads, nopeDim, dims));
  const query = queryLatentDim === null ? 'q' : 'q_b';
  for (const name of [`${query}.weight`, `${query}.bias`]) {
    const data = weights.get(name);
    if (data !== undefined)
      made.set(name, reordered(data, queryHeads, nopeDim + ropeDim, nopeDim, [...still, ...turning]));
  }
  const narrow: NarrowLatent = {
    latentDim,
    ropeDim,
    still,
    turning,
    down: downWeight(source, basis),
  };
  const own: AttentionLayerSpec = {
    ...spec,
    attention: { ...attention, latentDim: target.latentDim, ropeDim: turning.length, nopeDim: dims },
    rotary: rotary === null ? null : keptRotary(rotary, kept, latent.rows),
  };
  return { ...layer, spec: own, weights: made, narrow };
}

/** Columns of a pair in the rotary key. */
function pairColumns(rotary: RotarySpec | null, pair: number): readonly [number, number] {
  if (rotary?.layout === 'half') return [pair, pair + rotary.dim / 2];
  return [2 * pair, 2 * pair + 1];
}

/** The pairs that contribute most to scores: mean over tokens and heads of ‖q‖ · ‖k‖ (MHA2MLA's 2-norm), in rising order. */
function keptPairs({ spec }: ModelLayer, rope: Matrix, q: Float64Array, count: number): readonly number[] {
  const { attention, rotary } = spec;
  if (attention.kind !== 'latent' || rotary === null) return [];
  const { queryHeads, nopeDim, ropeDim } = attention;
  const dims = nopeDim + ropeDim;
  const tokens = rope.rows;
  const weights = Array.from({ length: ropeDim / 2 }, (_, pair) => {
    const [a, b] = pairColumns(rotary, pair);
    let [ofKeys, ofQueries] = [0, 0];
    for (let token = 0; token < tokens; token++) {
      ofKeys += Math.hypot(rope.data[token * ropeDim + a] as number, rope.data[token * ropeDim + b] as number);
      for (let head = 0; head < queryHeads; head++) {
        const at = (head * tokens + token) * dims + nopeDim;
        ofQueries += Math.hypot(q[at + a] as number, q[at + b] as number);
      }
    }
    return ofKeys * ofQueries;
  });
  const order = [...weights.keys()].sort((a, b) => elementAt(weights, b) - elementAt(weights, a) || a - b);
  return order.slice(0, count).toSorted((a, b) => a - b);
}

/** What keys and values are made of: `[queryHeads · (nope + still), latent + still]`, `[queryHeads · valueDim, latent + still]`. */
function ups(
  weights: LayerNumbers,
  { queryHeads, latentDim, nopeDim, valueDim }: Record<'queryHeads' | 'latentDim' | 'nopeDim' | 'valueDim', number>,
  still: number,
  rotary: RotarySpec | null,
): readonly [Matrix, Matrix] {
  const [up, out] = [need(weights, 'w_uk'), need(weights, 'w_uv')];
  const wide = latentDim + still;
  const dims = nopeDim + still;
  const keys = zeros(queryHeads * dims, wide);
  // What loses its rotation keeps the factor that comes with it (YaRN), of keys and of queries.
  const factor = rotary === null ? 1 : rotaryFactor(rotary.scaling) ** 2;
  for (let head = 0; head < queryHeads; head++) {
    for (let d = 0; d < nopeDim; d++) {
      const from = (head * nopeDim + d) * latentDim;
      keys.data.set(up.subarray(from, from + latentDim), (head * dims + d) * wide);
    }
    for (let i = 0; i < still; i++) keys.data[(head * dims + nopeDim + i) * wide + latentDim + i] = factor;
  }
  const values = zeros(queryHeads * valueDim, wide);
  for (let row = 0; row < values.rows; row++)
    values.data.set(out.subarray(row * latentDim, (row + 1) * latentDim), row * wide);
  return [keys, values];
}

/** Latents with some columns of the rotary key behind them. */
export function besides(latent: Matrix, rope: Matrix, still: readonly number[]): Matrix {
  const result = zeros(latent.rows, latent.columns + still.length);
  for (let row = 0; row < latent.rows; row++) {
    const at = row * result.columns;
    result.data.set(latent.data.subarray(row * latent.columns, (row + 1) * latent.columns), at);
    still.forEach((column, i) => {
      result.data[at + latent.columns + i] = rope.data[row * rope.columns + column] as number;
    });
  }
  return result;
}

/** Rows of each head: those without RoPE, then the others in the given order. */
function reordered(
  data: Float32Array | Float64Array,
  heads: number,
  dims: number,
  first: number,
  order: readonly number[],
): Float64Array {
  const columns = data.length / (heads * dims);
  const result = new Float64Array(data.length);
  for (let head = 0; head < heads; head++) {
    const at = head * dims * columns;
    result.set(data.subarray(at, at + first * columns), at);
    order.forEach((from, to) => {
      const row = at + (first + from) * columns;
      result.set(data.subarray(row, row + columns), at + (first + to) * columns);
    });
  }
  return result;
}

function perHead(data: Float32Array | Float64Array, heads: number, from: number, to: number): Float64Array {
  const result = new Float64Array(heads * to);
  for (let head = 0; head < heads; head++) result.set(data.subarray(head * from, (head + 1) * from), head * to);
  return result;
}

function identity(size: number): Matrix {
  return matrix(
    size,
    size,
    Float64Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0)),
  );
}
