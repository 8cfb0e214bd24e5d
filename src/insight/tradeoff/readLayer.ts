/** What a layer's attention makes of its input: queries, and keys and values as its cache holds them and as its heads read them. */

import { queryFactors } from '../../attention/step/positionFactor';
import { rotaryTables } from '../../attention/step/rotaryTables';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import type { NormSpec } from '../../attention/spec/normSpec';
import {
  type HeadedSpec,
  type KeyValueNorms,
  need,
  normalize,
  normsOf,
  scoreKeys,
  summedValues,
} from '../conversion/layerRows';
import { fromLatent } from '../conversion/latent';
import { ConversionRefused } from '../conversion/target';
import { type Matrix, multiply, transpose, zeros } from '../matrix';
import { cannotStore, type CacheType, stored, storedQueries, type StoredRows, withBehind } from './cacheTypes';
import { isHeaded, type ModelLayer } from './modelLayer';
import { besides } from './narrowLatent';

/** X · Wᵀ + b: here in float64, or by an engine. @param weight `[out, in]` */
export type LinearMap = (
  input: Matrix,
  weight: Float32Array | Float64Array,
  bias: Float32Array | Float64Array | null,
) => Promise<Matrix>;

/** Keys and values as the heads of a layer read them. */
export interface ReadCache {
  /** KV heads; those of a latent are as many as query heads. */
  readonly groups: number;
  readonly queryHeads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  /** `[queryHeads, tokens, keyDim]`, as they are multiplied with keys. */
  readonly q: Float64Array;
  /** `[tokens, groups · dim]`, from the cache, and as they were computed, for keys that are not rounded yet. */
  readonly key: StoredRows;
  readonly value: StoredRows;
  readonly freshKey: Matrix;
  readonly freshValue: Matrix;
}

/** Queries and what goes into the cache, before any type. */
export interface Projected {
  readonly layer: ModelLayer;
  /** `[queryHeads, tokens, keyDim]`, after norm, RoPE and temperature; and before RoPE and temperature. */
  readonly q: Float64Array;
  readonly qRaw: Float64Array;
  /** The rows that are cached: keys and values, or one latent row. */
  readonly cached: readonly Matrix[];
}

/** @param input `[tokens, hidden]`: what the projections receive. */
export async function project(layer: ModelLayer, input: Matrix, linear: LinearMap): Promise<Projected> {
  const { spec, weights } = layer;
  const map = (name: string): Promise<Matrix> =>
    linear(input, need(weights, `${name}.weight`), weights.get(`${name}.bias`) ?? null);
  if (isHeaded(layer)) {
    const { attention } = layer.spec;
    const rows = await map('q');
    // Queries take the way of keys, with norms of their own.
    const asKeys: HeadedSpec = {
      ...layer.spec,
      attention: { ...attention, kvHeads: attention.queryHeads },
      keyNorm: spec.queryNorm,
    };
    const norms = queryNorms(layer.spec, layer);
    const sample = { spec: asKeys, tokens: input.rows, input: input.data, q: NONE, qRaw: NONE, weights };
    const raw = scoreKeys(rows, { ...sample, spec: { ...asKeys, rotary: null } }, norms);
    const q = headsFirst(warmed(layer, scoreKeys(rows, sample, norms)), attention.queryHeads);
    const qRaw = headsFirst(raw, attention.queryHeads);
    if (layer.lowRank !== null) {
      const latent = await linear(input, layer.lowRank.down.data, null);
      return { layer, q, qRaw, cached: [latent] };
    }
    const own = { ...sample, spec: layer.spec };
    const kv = normsOf(own);
    return { layer, q, qRaw, cached: [scoreKeys(await map('k'), own, kv), summedValues(await map('v'), own, kv)] };
  }
  return projectLatent(layer, linear, map);
}

const NONE = new Float64Array(0);

function queryNorms(spec: HeadedSpec, { weights }: ModelLayer): KeyValueNorms {
  const { queryHeads } = spec.attention;
  const renamed = new Map([...weights].map(([name, data]) => [name.replace(/^q_norm\./, 'k_norm.'), data] as const));
  for (const [name, data] of weights) if (/^q_norm\./.test(name)) renamed.set(name.replace(/^q/, 'k'), data);
  return {
    key: normsOf({
      spec: { ...spec, attention: { ...spec.attention, kvHeads: queryHeads }, keyNorm: spec.queryNorm },
      tokens: 0,
      input: NONE,
      q: NONE,
      qRaw: NONE,
      weights: renamed,
    }).key,
    value: null,
  };
}

/** Queries × the temperature of their position. */
function warmed({ spec: { temperature } }: ModelLayer, rows: Matrix): Matrix {
  if (!temperature) return rows;
  const factors = queryFactors(
    temperature,
    Int32Array.from({ length: rows.rows }, (_, i) => i),
  );
  return { ...rows, data: rows.data.map((value, i) => value * (factors[Math.floor(i / rows.columns)] as number)) };
}

/** `[tokens, heads · dim]` → `[heads, tokens, dim]` */
function headsFirst({ rows, columns, data }: Matrix, heads: number): Float64Array {
  const dim = columns / heads;
  const result = new Float64Array(data.length);
  for (let token = 0; token < rows; token++)
    for (let head = 0; head < heads; head++) {
      const from = token * columns + head * dim;
      result.set(data.subarray(from, from + dim), (head * rows + token) * dim);
    }
  return result;
}

async function projectLatent(
  layer: ModelLayer,
  linear: LinearMap,
  map: (name: string) => Promise<Matrix>,
): Promise<Projected> {
  const { spec, weights } = layer;
  const { attention, latentNorms, rotary } = spec;
  if (attention.kind !== 'latent') throw new TypeError('no latent layer');
  const { queryHeads, latentDim, ropeDim, nopeDim, queryLatentDim } = attention;
  let rows: Matrix;
  if (queryLatentDim === null) rows = await map('q');
  else {
    const compressed = await map('q_a');
    const normed = normedRows(layer, 'q_a_norm', compressed, latentNorms?.query ?? null, latentNorms?.queryFactor ?? 1);
    rows = await linear(normed, need(weights, 'q_b.weight'), null);
  }
  const dim = nopeDim + ropeDim;
  const turned: Matrix = { ...rows, data: rows.data.slice() };
  if (rotary !== null)
    for (let head = 0; head < queryHeads; head++) rotateColumns(turned, head * dim + nopeDim, rotary);
  const q = headsFirst(warmed(layer, turned), queryHeads);
  const { latent, rope } = await latentRowsOf(layer, map);
  const { narrow } = layer;
  const inside = narrow === null ? latent : multiply(besides(latent, rope, narrow.still), transpose(narrow.down));
  const cached = besides(inside, rope, narrow?.turning ?? Array.from({ length: ropeDim }, (_, i) => i));
  if (rotary !== null && ropeDim > 0) rotateColumns(cached, latentDim, rotary);
  return { layer, q, qRaw: headsFirst(rows, queryHeads), cached: [cached] };
}

/** The latent after its norm, and the rotary key before RoPE. */
export async function latentRowsOf(
  layer: ModelLayer,
  map: (name: string) => Promise<Matrix>,
): Promise<{ readonly latent: Matrix; readonly rope: Matrix }> {
  const { attention, latentNorms } = layer.spec;
  if (attention.kind !== 'latent') throw new TypeError('no latent layer');
  const { latentDim, ropeDim } = layer.narrow ?? attention;
  const row = await map('kv_a');
  const latent = columnsOf(row, 0, latentDim);
  return {
    latent: normedRows(layer, 'kv_a_norm', latent, latentNorms?.latent ?? null, latentNorms?.latentFactor ?? 1),
    rope: columnsOf(row, latentDim, ropeDim),
  };
}

function columnsOf({ rows, columns, data }: Matrix, first: number, count: number): Matrix {
  const result = zeros(rows, count);
  for (let r = 0; r < rows; r++)
    result.data.set(data.subarray(r * columns + first, r * columns + first + count), r * count);
  return result;
}

function normedRows(
  { weights }: ModelLayer,
  name: string,
  rows: Matrix,
  norm: NormSpec | null,
  factor: number,
): Matrix {
  const result = normOfRows(rows, norm, weights.get(`${name}.weight`) ?? null, weights.get(`${name}.bias`) ?? null);
  return factor === 1 ? result : { ...result, data: result.data.map((value) => value * factor) };
}

/** Every row through a norm. */
export function normOfRows(
  rows: Matrix,
  norm: NormSpec | null,
  weight: Float32Array | Float64Array | null,
  bias: Float32Array | Float64Array | null,
): Matrix {
  if (norm === null) return rows;
  const result = zeros(rows.rows, rows.columns);
  const [w, b] = [weight, bias].map((of) => (of === null ? null : Float64Array.from(of)));
  for (let at = 0; at < rows.data.length; at += rows.columns)
    normalize(rows.data, result.data, at, rows.columns, norm, w ?? null, b ?? null, 0);
  return result;
}

/** RoPE on the `rotary.dim` columns from `first` on, row t at position t; in place. */
function rotateColumns(rows: Matrix, first: number, rotary: RotarySpec): void {
  const { cos, sin, pairs } = rotaryTables(
    rotary,
    Int32Array.from({ length: rows.rows }, (_, i) => i),
    rows.rows,
  );
  const { data, columns } = rows;
  const half = rotary.layout === 'half';
  for (let token = 0; token < rows.rows; token++)
    for (let pair = 0; pair < pairs; pair++) {
      const at = token * columns + first;
      // Regrouped or not (`interleaved-to-half`): scores are the same, for queries and keys are alike.
      const [a, b] = half ? [at + pair, at + pair + pairs] : [at + 2 * pair, at + 2 * pair + 1];
      const [c, s] = [cos[token * pairs + pair] as number, sin[token * pairs + pair] as number];
      const [x, y] = [data[a] as number, data[b] as number];
      data[a] = x * c - y * s;
      data[b] = y * c + x * s;
    }
}

/**
 * Through a cache of the given types. @param cached Rows that are read in place of the layer's own (shared layers).
 * @throws ConversionRefused where a type cannot hold such rows.
 */
export function throughCache(
  { layer, q, cached: own }: Projected,
  types: { readonly key: CacheType; readonly value: CacheType },
  cached: readonly Matrix[] = own,
): ReadCache {
  const { attention } = layer.spec;
  const [first, second] = cached;
  if (first === undefined) throw new TypeError('nothing is cached');
  if (isHeaded(layer) && layer.lowRank === null) {
    const { queryHeads, kvHeads, keyDim, valueDim } = layer.spec.attention;
    if (second === undefined) throw new TypeError('no values are cached');
    if (first.columns !== kvHeads * keyDim || second.columns !== kvHeads * valueDim)
      throw new ConversionRefused('layers that share a cache must have the same heads');
    const key = kept(types.key, first, kvHeads, 'key');
    const queries = storedQueries(types.key, q, keyDim);
    const read = { groups: kvHeads, queryHeads, valueDim, q: queries, freshValue: second };
    const value = kept(types.value, second, kvHeads, 'value');
    if (!key.minima) return { ...read, keyDim, key, value, freshKey: first };
    // One more dim for each block: its minimum meets what the sum of the query's block is more than that of its numbers.
    const wide: Matrix = {
      rows: first.rows,
      columns: first.columns + key.minima.columns,
      data: withBehind(key.rows.data, key.minima.data, keyDim),
    };
    return { ...read, keyDim: wide.columns / kvHeads, key: { ...key, rows: wide }, value, freshKey: wide };
  }
  const row = kept(types.key, first, 1, 'key');
  const expand = layer.lowRank === null ? expandedLatent : expandedLowRank;
  const fresh = expand(layer, first);
  const read = row.rows === first ? fresh : expand(layer, row.rows);
  const groups = attention.kind === 'latent' ? attention.queryHeads : attention.kvHeads;
  return {
    groups,
    queryHeads: attention.queryHeads,
    keyDim: fresh.key.columns / groups,
    valueDim: fresh.value.columns / groups,
    q,
    key: { rows: read.key, freshFrom: row.freshFrom },
    value: { rows: read.value, freshFrom: row.freshFrom },
    freshKey: fresh.key,
    freshValue: fresh.value,
  };
}

function kept(type: CacheType, rows: Matrix, heads: number, side: 'key' | 'value'): StoredRows {
  const why = cannotStore(type, heads, rows.columns / heads);
  if (why !== null) throw new ConversionRefused(why);
  return stored(type, rows, heads, side);
}

/** Keys and values of all heads from a low-rank vector: RoPE and norms come after it. */
function expandedLowRank(layer: ModelLayer, latent: Matrix): { readonly key: Matrix; readonly value: Matrix } {
  if (layer.lowRank === null || !isHeaded(layer)) throw new TypeError('no low-rank layer');
  const { basis, bias } = layer.lowRank;
  const plain = fromLatent(latent, basis);
  const shifted = (rows: Matrix, by: Matrix): Matrix => ({
    ...rows,
    data: rows.data.map((value, i) => value + (by.data[i % rows.columns] as number)),
  });
  const sample = { spec: layer.spec, tokens: latent.rows, input: NONE, q: NONE, qRaw: NONE, weights: layer.weights };
  const norms = normsOf(sample);
  return {
    key: scoreKeys(shifted(plain.key, bias.key), sample, norms),
    value: summedValues(shifted(plain.value, bias.value), sample, norms),
  };
}

/** Keys `[nope | rope]` and values of every query head from the cached row of a latent layer. */
function expandedLatent({ spec, weights }: ModelLayer, row: Matrix): { readonly key: Matrix; readonly value: Matrix } {
  const { attention } = spec;
  if (attention.kind !== 'latent') throw new TypeError('no latent layer');
  const { queryHeads, latentDim, ropeDim, nopeDim, valueDim } = attention;
  const [up, out] = [need(weights, 'w_uk'), need(weights, 'w_uv')];
  const [keyBias, valueBias] = [weights.get('uk.bias'), weights.get('uv.bias')];
  const dim = nopeDim + ropeDim;
  const [key, value] = [zeros(row.rows, queryHeads * dim), zeros(row.rows, queryHeads * valueDim)];
  for (let token = 0; token < row.rows; token++) {
    const at = token * row.columns;
    const made = (weight: Float32Array | Float64Array, index: number): number => {
      let sum = 0;
      for (let i = 0, w = index * latentDim; i < latentDim; i++, w++)
        sum += (weight[w] as number) * (row.data[at + i] as number);
      return sum;
    };
    for (let head = 0; head < queryHeads; head++) {
      for (let d = 0; d < nopeDim; d++)
        key.data[token * key.columns + head * dim + d] =
          made(up, head * nopeDim + d) + biasAt(keyBias, head * nopeDim + d);
      key.data.set(
        row.data.subarray(at + latentDim, at + latentDim + ropeDim),
        token * key.columns + head * dim + nopeDim,
      );
      for (let d = 0; d < valueDim; d++)
        value.data[token * value.columns + head * valueDim + d] =
          made(out, head * valueDim + d) + biasAt(valueBias, head * valueDim + d);
    }
  }
  return { key, value };
}

function biasAt(bias: Float32Array | Float64Array | undefined, index: number): number {
  return bias === undefined ? 0 : (bias[index] as number);
}
