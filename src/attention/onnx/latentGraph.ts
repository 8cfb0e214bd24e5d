/**
 * Multi-head latent attention as nodes (DeepSeek-V2, arXiv 2405.04434, §2.1).
 * Expanded: k = [latent · W_UKᵀ | rope key], v = latent · W_UVᵀ for every head.
 * Absorbed: scores = (q_nope · W_UK) · latent + q_rope · rope key, and (weights · latent) · W_UVᵀ: the same numbers,
 * with one row a token for all heads, as in MQA.
 */

import { attendGraph, type Core } from './coreGraph';
import type { Value } from './graphBuilder';
import {
  BATCH,
  cacheRows,
  type Captures,
  type GraphCache,
  KEYS,
  type LayerContext,
  type LayerResult,
  rotated,
  splitHeads,
  TOKENS,
  withTemperature,
} from './layerContext';
import type { LatentAttention } from '../../model/attention';
import { projectOutput } from './outputGraph';
import { elementAt } from '../../model/elementAt';

export function latentLayer(c: LayerContext, attention: LatentAttention, x: Value): LayerResult {
  const projected = project(c, attention, x);
  const { queryHeads: heads, nopeDim, ropeDim, valueDim } = attention;
  const keyDim = nopeDim + ropeDim;
  const attended = c.form === 'absorbed' ? absorbed(c, attention, projected) : expanded(c, attention, projected);
  const { g } = c;
  const { qRaw, qNope, qRope, latent, ropeRaw } = projected;
  const rawKey = (): Value => joinKey(c, attention, expand(c, attention, latent, 'w_uk'), ropeRaw, 'k/raw');
  return {
    ...projectOutput(c, x, attended.core.heads, valueDim),
    captures: {
      qRaw: () => ({ value: qRaw, shape: [BATCH, heads, TOKENS, keyDim] }),
      kRaw: () => ({ value: rawKey(), shape: [BATCH, heads, TOKENS, keyDim] }),
      q: () => ({ value: g.concat([qNope, qRope], 3, 'q/nope_and_rope'), shape: [BATCH, heads, TOKENS, keyDim] }),
      ...attended.captures,
      ...attended.core.captures,
    },
    cache: attended.cache,
  };
}

interface Projected {
  /** [B,H,T,nope + rope] */
  readonly qRaw: Value;
  readonly qNope: Value;
  /** After RoPE. */
  readonly qRope: Value;
  /** [B,T,latentDim], normed */
  readonly latent: Value;
  /** [B,T,ropeDim] before and after RoPE */
  readonly ropeRaw: Value;
  readonly rope: Value;
}

function project(c: LayerContext, attention: LatentAttention, x: Value): Projected {
  const { g, weights } = c;
  const { queryHeads, nopeDim, ropeDim, latentDim, queryLatentDim } = attention;
  const norms = c.spec.latentNorms;
  let q: Value;
  if (queryLatentDim === null) {
    q = weights.linear(x, 'q');
  } else {
    const compressed = weights.linear(x, 'q_a');
    const normed = norms?.query ? weights.normalize(compressed, 'q_a_norm', norms.query) : compressed;
    q = weights.linear(g.times(normed, norms?.queryFactor ?? 1, 'q_a/factor'), 'q_b');
  }
  const qRaw = splitHeads(g, q, queryHeads, nopeDim + ropeDim, 'q');
  const compressed = weights.linear(x, 'kv_a');
  const latent = g.slice(compressed, 2, 0, latentDim, 'latent/part');
  const normed = norms?.latent ? weights.normalize(latent, 'kv_a_norm', norms.latent) : latent;
  const ropeRaw = g.slice(compressed, 2, latentDim, latentDim + ropeDim, 'rope_key/part');
  const oneHead = rotated(c, headAxis(c, ropeRaw, 'rope_key/head'), ropeDim, 'rope_key/rope');
  return {
    qRaw,
    qNope: withTemperature(c, g.slice(qRaw, 3, 0, nopeDim, 'q/nope')),
    qRope: withTemperature(
      c,
      rotated(c, g.slice(qRaw, 3, nopeDim, nopeDim + ropeDim, 'q/rope_part'), ropeDim, 'q/rope'),
    ),
    latent: g.times(normed, norms?.latentFactor ?? 1, 'latent/factor'),
    ropeRaw,
    rope: g.op('Squeeze', [oneHead, g.int64s([1])], {}, 'rope_key'),
  };
}

interface Attended {
  readonly core: Core;
  readonly captures: Captures;
  readonly cache: readonly GraphCache[];
}

/** Queries in latent space against the cached rows themselves. */
function absorbed(c: LayerContext, attention: LatentAttention, p: Projected): Attended {
  const { g, weights } = c;
  const { queryHeads: heads, latentDim, ropeDim, valueDim } = attention;
  const width = latentDim + ropeDim;
  const rows = cacheRows(c, 'latent', g.concat([p.latent, p.rope], 2, 'latent/row'), [BATCH], width);
  const query = g.matmul(p.qNope, weights.value('w_uk'), 'absorbed_query');
  const q = g.concat([query, p.qRope], 3, 'q/absorbed');
  const keys = rows.segments.map((piece) => headAxis(c, piece, 'latent/as_key'));
  // In decode the rope columns are summed too and dropped: cheaper than a copy of the whole cache without them.
  const whole = c.options.mode === 'decode';
  const values = whole ? keys : keys.map((key) => g.slice(key, 3, 0, latentDim, 'latent/as_value'));
  const core = attendGraph(c, [{ q, keys, keyHeads: 1, dim: width }], values, 1, whole ? width : latentDim);
  const sums = whole ? g.slice(core.heads, 3, 0, latentDim, 'heads/latent') : core.heads;
  const up = g.transpose(weights.value('w_uv'), [0, 2, 1], 'w_uv/transpose');
  const result = g.matmul(sums, up, 'heads/expand');
  const all = (): Value => g.slice(rows.all(), 2, 0, latentDim, 'latent/all');
  const rope = (): Value => g.slice(rows.all(), 2, latentDim, width, 'rope_key/all');
  return {
    core: {
      heads: result,
      captures: { ...core.captures, heads: () => ({ value: result, shape: [BATCH, heads, TOKENS, valueDim] }) },
    },
    captures: {
      absorbedQuery: () => ({ value: query, shape: [BATCH, heads, TOKENS, latentDim] }),
      ...rowCaptures(attention, all, rope),
      ...expandedCaptures(
        attention,
        () => joinKey(c, attention, expand(c, attention, all(), 'w_uk'), rope(), 'k'),
        () => expand(c, attention, all(), 'w_uv'),
      ),
    },
    cache: [rows.cache],
  };
}

/** K and V of every head, made from the cached rows in every step. */
function expanded(c: LayerContext, attention: LatentAttention, p: Projected): Attended {
  const { g } = c;
  const { queryHeads: heads, nopeDim, latentDim, ropeDim, valueDim } = attention;
  const width = latentDim + ropeDim;
  const rows = cacheRows(c, 'latent', g.concat([p.latent, p.rope], 2, 'latent/row'), [BATCH], width);
  const pieces = rows.segments.map((piece) => {
    const latent = g.slice(piece, 2, 0, latentDim, 'latent/piece');
    const rope = g.slice(piece, 2, latentDim, width, 'rope_key/piece');
    return { latent, rope, nope: expand(c, attention, latent, 'w_uk'), v: expand(c, attention, latent, 'w_uv') };
  });
  const prefill = c.options.mode === 'prefill';
  const keys = (): Value[] => pieces.map((piece) => joinKey(c, attention, piece.nope, piece.rope, 'k'));
  const joined = prefill ? keys() : null;
  // Few queries: the rotary part is a product of its own, its key shared by all heads. Many: one product over [nope | rope].
  const parts = joined
    ? [{ q: g.concat([p.qNope, p.qRope], 3, 'q/joined'), keys: joined, keyHeads: heads, dim: nopeDim + ropeDim }]
    : [
        { q: p.qNope, keys: pieces.map((piece) => piece.nope), keyHeads: heads, dim: nopeDim },
        {
          q: p.qRope,
          keys: pieces.map((piece) => headAxis(c, piece.rope, 'rope_key/as_key')),
          keyHeads: 1,
          dim: ropeDim,
        },
      ];
  const core = attendGraph(
    c,
    parts,
    pieces.map((piece) => piece.v),
    heads,
    valueDim,
  );
  const together = (values: readonly Value[], axis: number): Value =>
    values.length === 1 ? elementAt(values, 0) : g.concat(values, axis);
  return {
    core,
    captures: {
      ...rowCaptures(
        attention,
        () =>
          together(
            pieces.map((piece) => piece.latent),
            1,
          ),
        () =>
          together(
            pieces.map((piece) => piece.rope),
            1,
          ),
      ),
      ...expandedCaptures(
        attention,
        () => together(joined ?? keys(), 2),
        () =>
          together(
            pieces.map((piece) => piece.v),
            2,
          ),
      ),
    },
    cache: [rows.cache],
  };
}

/** A latent [B,s,latentDim] through W_UK or W_UV: [B,H,s,dim]. */
function expand(c: LayerContext, attention: LatentAttention, latent: Value, name: 'w_uk' | 'w_uv'): Value {
  const { g } = c;
  const { queryHeads, nopeDim, valueDim, latentDim } = attention;
  const dim = name === 'w_uk' ? nopeDim : valueDim;
  const flat = g.reshape(c.weights.value(name), [queryHeads * dim, latentDim], `${name}/flat`);
  const product = g.matmul(latent, g.transpose(flat, [1, 0], `${name}/flat_transpose`), `${name}/expand`);
  return splitHeads(g, product, queryHeads, dim, `${name}/by_head`);
}

/** [nope | rope] of every head; the rotary key [B,s,ropeDim] is the same for all. */
function joinKey(c: LayerContext, attention: LatentAttention, nope: Value, rope: Value, label: string): Value {
  const { g } = c;
  const repeated = g.op(
    'Expand',
    [headAxis(c, rope, `${label}/rope`), g.int64s([1, attention.queryHeads, 1, 1])],
    {},
    `${label}/rope_repeated`,
  );
  return g.concat([nope, repeated], 3, label);
}

/** [B,s,dim] → [B,1,s,dim] */
function headAxis(c: LayerContext, x: Value, label: string): Value {
  return c.g.op('Unsqueeze', [x, c.g.int64s([1])], {}, label);
}

function rowCaptures(attention: LatentAttention, latent: () => Value, rope: () => Value): Captures {
  return {
    latent: () => ({ value: latent(), shape: [BATCH, KEYS, attention.latentDim] }),
    ropeKey: () => ({ value: rope(), shape: [BATCH, KEYS, attention.ropeDim] }),
  };
}

function expandedCaptures(attention: LatentAttention, k: () => Value, v: () => Value): Captures {
  const { queryHeads, nopeDim, ropeDim, valueDim } = attention;
  return {
    k: () => ({ value: k(), shape: [BATCH, queryHeads, KEYS, nopeDim + ropeDim] }),
    v: () => ({ value: v(), shape: [BATCH, queryHeads, KEYS, valueDim] }),
  };
}
