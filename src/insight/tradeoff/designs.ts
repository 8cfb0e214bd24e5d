/**
 * Converted layers in weights: GQA and MQA by pooling heads, low rank and MLA by a latent. The methods are those of `convert`, which measures them
 * on rows; here they become a layer that can be run, converted further, and exported.
 */

import { rotaryFactor } from '../../attention/step/rotaryTables';
import { elementAt } from '../../model/elementAt';
import { keyTurn, procrustes, type RotaryPairs } from '../alignment';
import { DecoupledRope } from '../conversion/decoupledRope';
import { fromLatent, type LatentMethod, type LatentSource, latentBasis } from '../conversion/latent';
import {
  type HeadedSpec,
  type KeyValueRows,
  type LayerNumbers,
  type LayerSample,
  need,
  pairsOf,
  projectedRows,
} from '../conversion/layerRows';
import { poolsOf } from '../conversion/pooling';
import { ConversionRefused, targetLabel } from '../conversion/target';
import { matrix, type Matrix, multiply, transpose, zeros } from '../matrix';
import { finish } from '../steps';
import { downWeight, keptRotary } from './latentParts';
import { type Design, isLatentMethod } from './method';
import type { HeadedLayer, ModelLayer } from './modelLayer';
import { groupedByLikeness, likeness } from './similarity';

/** A layer with what it does to some tokens, on which methods are fitted. */
export type FittedOn = LayerSample;

/** Which pairs of RoPE keep their rotation, the same in every layer: so many directions of each pair. */
export type RopeChoice = readonly number[];

/**
 * @param layer Its own weights, `q` among them.
 * @param rope Null: every layer chooses for itself, as `convert` does. Then layers differ in frequencies, which no published class has.
 * @throws ConversionRefused where this layer cannot be converted so.
 */
export function convertedLayer(
  layer: HeadedLayer,
  sample: FittedOn,
  { target, method }: Extract<Design, { kind: 'converted' }>,
  rope: RopeChoice | null,
): ModelLayer {
  if (target.kind !== 'mla') {
    const groups = target.kind === 'gqa' ? target.groups : 1;
    const pools = poolsOf(layer.spec, groups);
    if (method === 'mean-pool') return meanPooled(layer, groups);
    const size = pools.heads / groups;
    const neighbours = Array.from({ length: groups }, (_, g) => Array.from({ length: size }, (_, i) => g * size + i));
    assertTurnable(layer.spec, method);
    return turnedPooled(layer, sample, method === 'similar-pool' ? similarHeads(layer, sample, groups) : neighbours);
  }
  if (!isLatentMethod(method)) throw new ConversionRefused(`${method} cannot make ${targetLabel(target)}`);
  return target.ropeDim === 0
    ? lowRankLayer(layer, sample, target.latentDim, method)
    : latentLayer(layer, sample, target, method, rope);
}

// Pooling

/** Rows `[heads · dim, columns]`: each pool's heads averaged, `[pools · dim, columns]`. */
function pooledRows(
  data: Float32Array | Float64Array,
  heads: number,
  pools: readonly (readonly number[])[],
): Float64Array {
  const size = data.length / heads;
  const result = new Float64Array(pools.length * size);
  pools.forEach((pool, to) => {
    for (const head of pool)
      for (let i = 0; i < size; i++)
        result[to * size + i] = (result[to * size + i] as number) + (data[head * size + i] as number) / pool.length;
  });
  return result;
}

function withHeads(spec: HeadedSpec, kvHeads: number): HeadedSpec {
  return { ...spec, attention: { ...spec.attention, kvHeads } };
}

function meanPooled(layer: HeadedLayer, groups: number): ModelLayer {
  const { spec, weights } = layer;
  const { kvHeads } = spec.attention;
  const size = kvHeads / groups;
  const pools = Array.from({ length: groups }, (_, g) => Array.from({ length: size }, (_, i) => g * size + i));
  const pooled = new Map(weights);
  for (const [name, data] of weights) {
    const norm = { k: spec.keyNorm, v: spec.valueNorm }[name[0] as 'k' | 'v'];
    const ofHeads =
      /^[kv]\.(weight|bias)$/.test(name) || (/^[kv]_norm\./.test(name) && norm !== null && norm.extent !== 'head');
    if (ofHeads) pooled.set(name, pooledRows(data, kvHeads, pools));
  }
  return { ...layer, spec: withHeads(spec, groups), weights: pooled };
}

/** @throws ConversionRefused where something stands between a head and what would take its turn back. */
function assertTurnable(spec: HeadedSpec, method: string): void {
  const why =
    spec.keyNorm !== null || spec.valueNorm !== null || spec.queryNorm !== null
      ? 'normalises its queries, keys or values'
      : spec.clip !== null
        ? 'clips its projections'
        : spec.outputGate === 'element' || spec.outputNorm !== null
          ? 'gates or normalises what its heads put out'
          : method === 'similar-pool' && (spec.alibi !== null || spec.sinks || spec.outputGate !== 'none')
            ? 'has parameters per head, which no longer match once heads are reordered'
            : null;
  if (why !== null)
    throw new ConversionRefused(
      `${method} rotates heads before it pools them, which does not work here because this layer ${why}: use mean-pool`,
    );
}

function headRows(rows: Matrix, head: number, dim: number): Matrix {
  const result = zeros(rows.rows, dim);
  for (let r = 0; r < rows.rows; r++)
    result.data.set(rows.data.subarray(r * rows.columns + head * dim, r * rows.columns + (head + 1) * dim), r * dim);
  return result;
}

function pairsOfSpec({ rotary }: HeadedSpec): RotaryPairs {
  return rotary === null ? { layout: 'half', dim: 0 } : pairsOf(rotary);
}

function similarHeads({ spec }: HeadedLayer, sample: FittedOn, groups: number): readonly (readonly number[])[] {
  const { kvHeads, keyDim, valueDim } = spec.attention;
  const { key, value } = projectedRows(sample);
  const all = Array.from({ length: kvHeads }, (_, head) => head);
  const alike = likeness(
    all.map((head) => headRows(key, head, keyDim)),
    all.map((head) => headRows(value, head, valueDim)),
    pairsOfSpec(spec),
  );
  return groupedByLikeness(alike, groups);
}

type Turn = (rows: Matrix) => Matrix;

/** Rounds of generalised Procrustes analysis, as in `aligned-pool` of `convert`. */
const ROUNDS = 4;

/** Turns every head to the mean of its pool, and the mean to every head. */
function generalisedProcrustes(
  heads: readonly Matrix[],
  turn: (x: Matrix, y: Matrix) => Turn,
): { to: Turn[]; back: Turn[] } {
  const same: Turn = (rows) => rows;
  if (heads.length === 1) return { to: [same], back: [same] };
  let mean = elementAt(heads, 0);
  let to: Turn[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    to = heads.map((head) => turn(head, mean));
    const turned = heads.map((head, i) => elementAt(to, i)(head));
    mean = {
      ...mean,
      data: mean.data.map((_, at) => turned.reduce((sum, { data }) => sum + (data[at] as number), 0) / heads.length),
    };
  }
  return { to, back: heads.map((head) => turn(mean, head)) };
}

/**
 * Heads turned towards each other by what W_Q and W_O take back, then averaged. Query heads follow their KV head to its pool.
 */
function turnedPooled(layer: HeadedLayer, sample: FittedOn, pools: readonly (readonly number[])[]): ModelLayer {
  const { spec, weights } = layer;
  const { queryHeads, kvHeads, keyDim, valueDim } = spec.attention;
  const rows = projectedRows(sample);
  const perHead = queryHeads / kvHeads;
  const pairs = pairsOfSpec(spec);
  const parts = (name: string, heads: number): Float64Array[] => {
    const data = Float64Array.from(need(weights, name));
    const size = data.length / heads;
    return Array.from({ length: heads }, (_, head) => data.subarray(head * size, (head + 1) * size));
  };
  const queries = parts('q.weight', queryHeads);
  const output = matrix(spec.hiddenSize, queryHeads * valueDim, need(weights, 'o.weight'));
  const made = new Map(weights);
  const order: { readonly query: number; readonly key: Matrix; readonly value: Matrix }[] = [];
  const pooled: Record<'k' | 'v', Float64Array[]> = { k: [], v: [] };
  const biases: Record<'k' | 'v', Float64Array[]> = { k: [], v: [] };
  for (const pool of pools) {
    for (const side of ['k', 'v'] as const) {
      const [dim, of] = side === 'k' ? [keyDim, rows.key] : [valueDim, rows.value];
      const turn = (x: Matrix, y: Matrix): Turn => {
        if (side === 'k') return keyTurn(x, y, pairs);
        const by = procrustes(x, y);
        return (given) => multiply(given, by);
      };
      const turns = generalisedProcrustes(
        pool.map((head) => headRows(of, head, dim)),
        turn,
      );
      // Turns act on rows of a head; those of a weight are its columns.
      const turnedWeight = (name: string, columns: number): Float64Array => {
        const heads = parts(name, kvHeads);
        const sum = new Float64Array(dim * columns);
        pool.forEach((head, i) => {
          const turned = transpose(
            elementAt(turns.to, i)(transpose({ rows: dim, columns, data: elementAt(heads, head) })),
          );
          turned.data.forEach((value, at) => (sum[at] = (sum[at] as number) + value / pool.length));
        });
        return sum;
      };
      pooled[side].push(turnedWeight(`${side}.weight`, spec.hiddenSize));
      if (spec.biases[side]) biases[side].push(turnedWeight(`${side}.bias`, 1));
      pool.forEach((head, i) => {
        const back = elementAt(turns.back, i)(identity(dim));
        for (let q = 0; q < perHead; q++) {
          const query = head * perHead + q;
          if (side === 'k') order.push({ query, key: back, value: back });
          else {
            const at = order.findIndex((one) => one.query === query);
            order[at] = { ...elementAt(order, at), value: back };
          }
        }
      });
    }
  }
  for (const side of ['k', 'v'] as const) {
    made.set(`${side}.weight`, joined(pooled[side]));
    if (spec.biases[side]) made.set(`${side}.bias`, joined(biases[side]));
  }
  // q · (M · B)ᵀ = (q · Bᵀ) · Mᵀ
  const turnedQuery = (data: Float64Array, columns: number, back: Matrix): Float64Array =>
    multiply(back, { rows: keyDim, columns, data }).data;
  made.set(
    'q.weight',
    joined(order.map(({ query, key }) => turnedQuery(elementAt(queries, query), spec.hiddenSize, key))),
  );
  if (spec.biases.q) {
    const bias = parts('q.bias', queryHeads);
    made.set('q.bias', joined(order.map(({ query, key }) => turnedQuery(elementAt(bias, query), 1, key))));
  }
  const projected = zeros(spec.hiddenSize, queryHeads * valueDim);
  order.forEach(({ query, value }, to) => {
    const block = multiply(headRows(output, query, valueDim), transpose(value));
    for (let r = 0; r < spec.hiddenSize; r++)
      projected.data.set(block.data.subarray(r * valueDim, (r + 1) * valueDim), r * projected.columns + to * valueDim);
  });
  made.set('o.weight', projected.data);
  return { ...layer, spec: withHeads(spec, pools.length), weights: made, queryOrder: order.map(({ query }) => query) };
}

function identity(size: number): Matrix {
  const result = zeros(size, size);
  for (let i = 0; i < size; i++) result.data[i * size + i] = 1;
  return result;
}

function joined(parts: readonly Float64Array[]): Float64Array {
  const result = new Float64Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}

// Latents

function weightRows({ spec, weights }: { readonly spec: HeadedSpec; readonly weights: LayerNumbers }): {
  readonly weights: KeyValueRows;
  readonly bias: KeyValueRows;
} {
  const { kvHeads, keyDim, valueDim } = spec.attention;
  const of = (name: 'k' | 'v', dims: number): { readonly weight: Matrix; readonly bias: Matrix } => ({
    weight: matrix(dims, spec.hiddenSize, need(weights, `${name}.weight`)),
    bias: matrix(1, dims, weights.get(`${name}.bias`) ?? new Float64Array(dims)),
  });
  const [k, v] = [of('k', kvHeads * keyDim), of('v', kvHeads * valueDim)];
  return { weights: { key: k.weight, value: v.weight }, bias: { key: k.bias, value: v.bias } };
}

/** Rows without their bias. */
function plainRows(rows: Matrix, bias: Matrix): Matrix {
  return { ...rows, data: rows.data.map((value, i) => value - (bias.data[i % rows.columns] as number)) };
}

function lowRankLayer(layer: HeadedLayer, sample: FittedOn, latentDim: number, method: LatentMethod): ModelLayer {
  const { weights, bias } = weightRows(layer);
  const rows = projectedRows(sample);
  const source: LatentSource = {
    found: new Map(),
    rows: { key: plainRows(rows.key, bias.key), value: plainRows(rows.value, bias.value) },
    weights,
  };
  const basis = finish(latentBasis(source, latentDim, method));
  return { ...layer, lowRank: { latentDim, down: downWeight(source, basis), basis, bias } };
}

function latentLayer(
  layer: HeadedLayer,
  sample: FittedOn,
  { latentDim, ropeDim }: { readonly latentDim: number; readonly ropeDim: number },
  method: LatentMethod,
  rope: RopeChoice | null,
): ModelLayer {
  const { spec } = layer;
  const { rotary } = spec;
  if (spec.queryNorm !== null)
    throw new ConversionRefused(
      'sharing RoPE mixes the heads, but this layer normalises each query head first: only a latent without RoPE can be measured (mla:R)',
    );
  const { queryHeads, kvHeads, keyDim, valueDim } = spec.attention;
  const own = weightRows(layer);
  const rows = projectedRows(sample);
  const choice = DecoupledRope.of(sample, rows.key, ropeDim, rope);
  if (rotary === null) throw new ConversionRefused('this layer has no RoPE: a latent alone is enough (mla:R)');
  const bias = choice.split(own.bias.key);
  const split = choice.split(transpose(own.weights.key));
  const source: LatentSource = {
    found: new Map(),
    rows: { key: plainRows(choice.split(rows.key).plain, bias.plain), value: plainRows(rows.value, own.bias.value) },
    weights: { key: transpose(split.plain), value: own.weights.value },
  };
  const basis = finish(latentBasis(source, latentDim, method));
  const up = fromLatent(identity(latentDim), basis);
  // What loses its rotation keeps the factor that comes with it (YaRN, LongRoPE), of keys and of queries.
  const factor = rotaryFactor(rotary.scaling) ** 2;
  const still = (plain: Matrix): Matrix => {
    const spread = choice.spreadPlain(plain);
    return { ...spread, data: spread.data.map((value, i) => (i % keyDim < rotary.dim ? value * factor : value)) };
  };
  const perHead = queryHeads / kvHeads;
  const ofQueryHeads = (of: Matrix, dim: number): Float64Array => {
    // `[any, kvHeads · dim]` → `[queryHeads, dim, any]`
    const across = transpose(of);
    const result = new Float64Array(queryHeads * dim * of.rows);
    for (let head = 0; head < queryHeads; head++) {
      const from = Math.floor(head / perHead) * dim * of.rows;
      result.set(across.data.subarray(from, from + dim * of.rows), head * dim * of.rows);
    }
    return result;
  };
  const down = downWeight(source, basis);
  const rotated = transpose(split.rotated);
  const kept = choice.keptPairs;
  const made = new Map(layer.weights);
  for (const name of ['k.weight', 'v.weight', 'k.bias', 'v.bias']) made.delete(name);
  made.set('kv_a.weight', joined([down.data, rotated.data]));
  const biased = spec.biases.k || spec.biases.v;
  if (biased) made.set('kv_a.bias', joined([new Float64Array(latentDim), bias.rotated.data]));
  made.set('w_uk', ofQueryHeads(still(up.key), keyDim));
  made.set('w_uv', ofQueryHeads(up.value, valueDim));
  if (biased) {
    made.set('uk.bias', ofQueryHeads(still(bias.plain), keyDim));
    made.set('uv.bias', ofQueryHeads(own.bias.value, valueDim));
  }
  const queries = (data: Float32Array | Float64Array, columns: number): Float64Array => {
    const dims = keyDim + ropeDim;
    const result = new Float64Array(queryHeads * dims * columns);
    for (let head = 0; head < queryHeads; head++) {
      const group = Math.floor(head / perHead);
      result.set(data.subarray(head * keyDim * columns, (head + 1) * keyDim * columns), head * dims * columns);
      kept.forEach(({ dims: pair, shares }, i) => {
        pair.forEach((dim, which) => {
          const to = (head * dims + keyDim + 2 * i + which) * columns;
          const from = (head * keyDim + dim) * columns;
          for (let c = 0; c < columns; c++) result[to + c] = elementAt(shares, group) * (data[from + c] as number);
        });
      });
    }
    return result;
  };
  made.set('q.weight', queries(need(layer.weights, 'q.weight'), spec.hiddenSize));
  if (spec.biases.q) made.set('q.bias', queries(need(layer.weights, 'q.bias'), 1));
  return {
    sees: layer.sees,
    lowRank: null,
    narrow: null,
    queryOrder: null,
    weights: made,
    spec: {
      ...spec,
      attention: { kind: 'latent', queryHeads, latentDim, ropeDim, nopeDim: keyDim, valueDim, queryLatentDim: null },
      biases: { ...spec.biases, k: biased, v: false },
      rotary: keptRotary(
        rotary,
        kept.map(({ pair }) => pair),
        sample.tokens,
      ),
    },
  };
}

/**
 * How many directions of each pair keep their rotation, for all layers together: those that contribute most, each layer with the same say.
 * @param layers Of each layer, each pair's contributions, falling.
 */
export function ropeChoice(layers: readonly (readonly Float64Array[])[], ropeDim: number): RopeChoice {
  const [first] = layers;
  if (first === undefined) throw new RangeError('no layers');
  const all = first.flatMap((ofPair, pair) =>
    Array.from(ofPair, (_, rank) => ({
      pair,
      rank,
      weight: layers.reduce((sum, layer) => {
        const whole = layer.reduce((most, one) => one.reduce((total, value) => total + value, most), 0);
        return sum + (whole === 0 ? 0 : ((layer[pair] as Float64Array)[rank] as number) / whole);
      }, 0),
    })),
  );
  const counts = first.map(() => 0);
  // Directions of a pair fall, so that the first are always the ones that are chosen; of equals the first rank.
  for (const { pair } of all.toSorted((a, b) => b.weight - a.weight || a.rank - b.rank).slice(0, ropeDim / 2))
    counts[pair] = elementAt(counts, pair) + 1;
  return counts;
}
