/** Attention over a cache that was rounded, and from which tokens are gone: patterns and outputs of all heads, in float64. */

import { alibiBias } from '../../attention/spec/alibi';
import { firstSeen, rowDivergence } from '../conversion/distortion';
import { dot, type Matrix, zeros } from '../matrix';
import type { Steps } from '../steps';
import { type GroupRow, type Keep, lostAt } from './keep';
import type { ModelLayer } from './modelLayer';
import type { ReadCache } from './readLayer';

/** What a head reads, with what it no longer sees. */
export interface Attending {
  readonly layer: ModelLayer;
  readonly cache: ReadCache;
  /** Of each group of `lostGroups` and key, the first query that does not see it; null where all are seen. */
  readonly lost: Int32Array | null;
}

/** @param prompt Tokens of the prompt, for what decides at its end. */
export function attending(layer: ModelLayer, cache: ReadCache, keep: Keep, prompt: number): Attending {
  const whole: Attending = { layer, cache, lost: null };
  if (keep.kind === 'all') return whole;
  const tokens = cache.freshKey.rows;
  const { groups, perGroup } = keptGroups(whole);
  const own = new Float64Array(tokens);
  const weights: GroupRow = (group, query, lost, row) => {
    row.fill(0, 0, query + 1);
    // `lost` is the part of one group; heads are told of it by a view of all of them.
    for (let head = group * perGroup; head < (group + 1) * perGroup; head++) {
      const first = weightsRow(whole, head, query, own, lost);
      for (let key = first; key <= query; key++) row[key] = (row[key] as number) + (own[key] as number);
    }
  };
  return { ...whole, lost: lostAt(keep, groups, tokens, prompt, weights) };
}

/** Heads that lose the same tokens: those of a KV head; all of a latent or low-rank layer, which have one row a token. */
function keptGroups({ layer, cache: { groups, queryHeads } }: Attending): {
  readonly groups: number;
  readonly perGroup: number;
} {
  const one = layer.lowRank !== null || layer.spec.attention.kind === 'latent';
  return one ? { groups: 1, perGroup: queryHeads } : { groups, perGroup: queryHeads / groups };
}

const biasesOf = new WeakMap<ModelLayer, { readonly tokens: number; readonly bias: Float64Array }>();

function biasOf(layer: ModelLayer, tokens: number): Float64Array | null {
  const { alibi } = layer.spec;
  if (alibi === null) return null;
  const known = biasesOf.get(layer);
  if (known?.tokens === tokens) return known.bias;
  const bias = alibiBias(
    alibi,
    Int32Array.from({ length: tokens }, (_, i) => i),
    tokens - 1,
  );
  biasesOf.set(layer, { tokens, bias });
  return bias;
}

/** Weights of one query of one head into `row[first…query]`, zero where a key is lost. Returns `first`. */
export function weightsRow(
  { layer, cache }: Attending,
  head: number,
  query: number,
  row: Float64Array,
  lost: Int32Array | null,
): number {
  const { spec, sees, weights } = layer;
  const { groups, queryHeads, keyDim, q, key: kept, freshKey } = cache;
  const tokens = freshKey.rows;
  const group = Math.floor((head * groups) / queryHeads);
  const first = firstSeen(sees, query);
  const fresh = kept.freshFrom === null ? tokens : Math.max(0, kept.freshFrom(query));
  const bias = biasOf(layer, tokens);
  const sink = spec.sinks ? (weights.get('sinks')?.[head] ?? null) : null;
  let largest = sink ?? -Infinity;
  const [at, step, offset] = [(head * tokens + query) * keyDim, freshKey.columns, group * keyDim];
  for (let key = first; key <= query; key++) {
    if (lost !== null && (lost[key] as number) <= query) {
      row[key] = -Infinity;
      continue;
    }
    const from = key >= fresh ? freshKey.data : kept.rows.data;
    let score = dot(q, at, from, key * step + offset, keyDim) * spec.scale;
    if (spec.softcap !== null) score = spec.softcap * Math.tanh(score / spec.softcap);
    if (bias !== null) score += bias[head * tokens + key] as number;
    row[key] = score;
    if (score > largest) largest = score;
  }
  let sum = sink === null ? 0 : Math.exp(sink - largest);
  for (let key = first; key <= query; key++) sum += row[key] = Math.exp((row[key] as number) - largest);
  for (let key = first; key <= query; key++) row[key] = (row[key] as number) / sum;
  return first;
}

export interface AttendedLayer {
  /** `[tokens, queryHeads · valueDim]`, before gate, norm and output projection. */
  readonly heads: Matrix;
  /** Mean Jensen–Shannon distance of its patterns from those of `before` (rows i ≥ 1, base 2); null without it. */
  readonly patternJsDistance: number | null;
  /** The same heads of `before`; null without it. */
  readonly before: Matrix | null;
}

/** @param before What patterns and outputs are held against. */
export function* attend(after: Attending, before: Attending | null): Steps<AttendedLayer> {
  const { queryHeads, freshKey } = after.cache;
  const tokens = freshKey.rows;
  const sides = before === null ? [after] : [after, before];
  const outputs = sides.map(({ cache }) => zeros(tokens, queryHeads * cache.valueDim));
  const rows = sides.map(() => new Float64Array(tokens));
  let distance = 0;
  for (let head = 0; head < queryHeads; head++) {
    for (let query = 0; query < tokens; query++) {
      let first = 0;
      sides.forEach((side, i) => {
        // The same head of both, where a design moved it.
        const own = i === 0 ? head : (after.layer.queryOrder?.[head] ?? head);
        const group = Math.floor(own / keptGroups(side).perGroup);
        const lost = side.lost?.subarray(group * tokens, (group + 1) * tokens) ?? null;
        first = weightsRow(side, own, query, rows[i] as Float64Array, lost);
        weightedSum(side.cache, own, query, first, rows[i] as Float64Array, outputs[i] as Matrix);
      });
      if (before !== null && query > 0)
        distance += Math.sqrt(
          Math.max(
            0,
            rowDivergence(rows[1] as Float64Array, rows[0] as Float64Array, first, query + 1 - first) / Math.LN2,
          ),
        );
    }
    yield (head + 1) / queryHeads;
  }
  return {
    heads: outputs[0] as Matrix,
    before: outputs[1] ?? null,
    patternJsDistance: before === null ? null : tokens < 2 ? 0 : distance / ((tokens - 1) * queryHeads),
  };
}

function weightedSum(
  { groups, queryHeads, valueDim, value: kept, freshValue }: ReadCache,
  head: number,
  query: number,
  first: number,
  row: Float64Array,
  to: Matrix,
): void {
  const group = Math.floor((head * groups) / queryHeads);
  const fresh = kept.freshFrom === null ? freshValue.rows : Math.max(0, kept.freshFrom(query));
  const at = query * to.columns + head * valueDim;
  for (let key = first; key <= query; key++) {
    const weight = row[key] as number;
    if (weight === 0) continue;
    const data = key >= fresh ? freshValue.data : kept.rows.data;
    const from = key * freshValue.columns + group * valueDim;
    for (let i = 0; i < valueDim; i++)
      to.data[at + i] = (to.data[at + i] as number) + weight * (data[from + i] as number);
  }
}
