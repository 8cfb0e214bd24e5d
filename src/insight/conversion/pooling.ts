/** Several heads' keys and values as one: GQA and MQA made of more heads. */

import { type Matrix, multiply, zeros } from '../matrix';
import { finish, type Steps, within } from '../steps';
import { alignKeys, procrustes, type RotaryPairs } from '../alignment';
import { type HeadedSpec, type KeyValueNorms, type KeyValueRows, pairsOf } from './layerRows';
import { ConversionRefused } from './target';

/** Which heads share one head: those beside each other, as in every GQA model. */
export interface Pools {
  /** Heads before. */
  readonly heads: number;
  /** Heads after. */
  readonly groups: number;
}

/** @throws ConversionRefused where the layer's heads do not come out even. */
export function poolsOf({ attention: { kvHeads } }: HeadedSpec, groups: number): Pools {
  if (groups > kvHeads)
    throw new ConversionRefused(`this layer has ${kvHeads} KV heads: ${groups} groups cannot be made from so few`);
  if (kvHeads % groups !== 0)
    throw new ConversionRefused(`${groups} does not divide the ${kvHeads} KV heads of this layer`);
  return { heads: kvHeads, groups };
}

/** Every head's rows replaced by the mean of its pool. It is the mean of weights as well, for both are linear. */
export function meanPooled({ key, value }: KeyValueRows, pools: Pools): KeyValueRows {
  return { key: meanHeads(key, pools), value: meanHeads(value, pools) };
}

/** Norms of a pooled layer: weights that differ from head to head are pooled as well. */
export function pooledNorms({ key, value }: KeyValueNorms, pools: Pools): KeyValueNorms {
  const pooled = (row: Float64Array | null): Float64Array | null =>
    row && meanHeads({ rows: 1, columns: row.length, data: row }, pools).data;
  const norm = <T extends KeyValueNorms['key']>(of: T): T =>
    of && { ...of, weight: pooled(of.weight), bias: pooled(of.bias) };
  return { key: norm(key), value: norm(value) };
}

/**
 * The same after heads were turned towards each other. What each query head reads is the mean, turned back for it: W_Q and W_O take
 * that in.
 * @throws ConversionRefused where a norm or a clip stands between the projection and what is turned.
 */
export function* alignedPooled({ key, value }: KeyValueRows, pools: Pools, spec: HeadedSpec): Steps<KeyValueRows> {
  if (spec.keyNorm !== null || spec.valueNorm !== null)
    throw new ConversionRefused(
      'aligned-pool rotates heads before it pools them, which does not work here because this layer normalises its keys or values: use mean-pool',
    );
  if (spec.clip !== null)
    throw new ConversionRefused(
      'aligned-pool rotates heads before it pools them, which does not work here because this layer clips its projections: use mean-pool',
    );
  const pairs: RotaryPairs = spec.rotary === null ? { layout: 'half', dim: 0 } : pairsOf(spec.rotary);
  const keys = mixedHeads(key, pools, (heads) => turnedMeans(heads, (x, y) => alignKeys(x, y, pairs)));
  const values = mixedHeads(value, pools, (heads) => turnedMeans(heads, (x, y) => multiply(x, procrustes(x, y))));
  return { key: yield* within(0, 0.5, keys), value: yield* within(0.5, 1, values) };
}

/** ‖W − pooled W‖ ÷ ‖W‖ over all heads. @param weight `[heads · dim, hidden]` */
export function poolingError(weight: Matrix, pools: Pools): number {
  const rowsAreHeads: Matrix = { rows: 1, columns: weight.data.length, data: weight.data };
  const pooled = meanHeads(rowsAreHeads, pools).data;
  let [difference, whole] = [0, 0];
  weight.data.forEach((value, i) => {
    difference += (value - (pooled[i] as number)) ** 2;
    whole += value * value;
  });
  return whole === 0 ? 0 : Math.sqrt(difference / whole);
}

/** The same of heads that have nothing in common and are equally large: √(1 − 1/n) for pools of n. */
export function unrelatedPoolingError({ heads, groups }: Pools): number {
  return Math.sqrt(1 - groups / heads);
}

type Heads = readonly Matrix[];

function meanHeads(rows: Matrix, pools: Pools): Matrix {
  return finish(mixedHeads(rows, pools, means));
}

/** Replaces the heads of each pool, `[rows, dim]` each. */
function* mixedHeads(rows: Matrix, { heads, groups }: Pools, mix: (heads: Heads) => Steps<Heads>): Steps<Matrix> {
  const dim = rows.columns / heads;
  const size = heads / groups;
  const result = zeros(rows.rows, rows.columns);
  for (let first = 0; first < heads; first += size) {
    const pool = Array.from({ length: size }, (_, i) => headOf(rows, first + i, dim));
    const mixed = yield* within(first / heads, (first + size) / heads, mix(pool));
    mixed.forEach((head, i) => {
      for (let r = 0; r < rows.rows; r++)
        result.data.set(head.data.subarray(r * dim, (r + 1) * dim), r * rows.columns + (first + i) * dim);
    });
  }
  return result;
}

function headOf(rows: Matrix, head: number, dim: number): Matrix {
  const result = zeros(rows.rows, dim);
  for (let r = 0; r < rows.rows; r++)
    result.data.set(rows.data.subarray(r * rows.columns + head * dim, r * rows.columns + (head + 1) * dim), r * dim);
  return result;
}

function* means(heads: Heads): Steps<Heads> {
  const mean = meanOf(heads);
  return heads.map(() => mean);
}

function meanOf(heads: readonly Matrix[]): Matrix {
  const [first] = heads;
  if (first === undefined) throw new RangeError('a pool without heads');
  const result = zeros(first.rows, first.columns);
  for (const { data } of heads)
    data.forEach((value, i) => (result.data[i] = (result.data[i] as number) + value / heads.length));
  return result;
}

/** Rounds of generalised Procrustes analysis: turn all towards the mean, take the mean again. */
const ROUNDS = 4;

function* turnedMeans(heads: Heads, align: (x: Matrix, y: Matrix) => Matrix): Steps<Heads> {
  const [first] = heads;
  if (heads.length === 1 || first === undefined) return heads;
  const all = (ROUNDS + 1) * heads.length;
  let [mean, done] = [first, 0];
  for (let round = 0; round < ROUNDS; round++) {
    const turned: Matrix[] = [];
    for (const head of heads) {
      turned.push(align(head, mean));
      yield ++done / all;
    }
    mean = meanOf(turned);
  }
  const back: Matrix[] = [];
  for (const head of heads) {
    back.push(align(mean, head));
    yield ++done / all;
  }
  return back;
}
