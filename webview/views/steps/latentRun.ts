/**
 * Multi-head latent attention, expanded (K and V of every head) and absorbed (the latent alone), in float64. Each side by its own
 * operations: what they differ by is measured.
 * Shapes: T prompt tokens, D = heads · headDim, r latent, d head dimension, e rotary width.
 */

import { causalSoftmax, type Grid, plus, product, rotated, rowsOf, transpose } from './grid';
import type { WalkSettings } from './settings';
import { weightGrid } from './words';

/** Weights of one head. */
export interface LatentHead {
  /** [D,d] */
  readonly query: Grid;
  /** [r,d] */
  readonly upKey: Grid;
  /** [r,d] */
  readonly upValue: Grid;
  /** [d,D] */
  readonly output: Grid;
  /** [D,e] */
  readonly rotaryQuery: Grid;
}

export interface LatentWeights {
  /** [D,r] */
  readonly down: Grid;
  /** [D,e] */
  readonly rotaryKey: Grid;
  readonly heads: readonly LatentHead[];
}

export function latentWeights({ heads, headDim, latent, rope }: WalkSettings['sizes']): LatentWeights {
  const hidden = heads * headDim;
  return {
    down: weightGrid('W_DKV', hidden, latent),
    rotaryKey: weightGrid('W_KR', hidden, rope),
    heads: Array.from({ length: heads }, (_, head) => ({
      query: weightGrid(`W_Q ${head}`, hidden, headDim),
      upKey: weightGrid(`W_UK ${head}`, latent, headDim),
      upValue: weightGrid(`W_UV ${head}`, latent, headDim),
      output: weightGrid(`W_O ${head}`, headDim, hidden),
      rotaryQuery: weightGrid(`W_QR ${head}`, hidden, rope),
    })),
  };
}

/** Everything that one head computes for T + 1 tokens; the last row is the new token's. */
export interface LatentHeadRun {
  readonly expanded: HeadSide & { readonly query: Grid; readonly key: Grid; readonly value: Grid };
  readonly absorbed: HeadSide & { readonly queryWeight: Grid; readonly outputWeight: Grid; readonly query: Grid };
  /** [1,e], rotated; the same for both. */
  readonly rotaryQuery: Grid;
}

interface HeadSide {
  /** [T+1,T+1] products of queries and keys, without position, scale and mask. */
  readonly scores: Grid;
  /** [1,T+1] of the new token. */
  readonly weights: Grid;
  /** [1,d] expanded, [1,r] absorbed. */
  readonly context: Grid;
  /** [1,D]: this head's part of the output. */
  readonly output: Grid;
  /** The same with the rotary part in the scores. */
  readonly rotaryScores: Grid;
  readonly rotaryWeights: Grid;
  readonly rotaryOutput: Grid;
}

export interface LatentRun {
  /** [T+1,r] */
  readonly latent: Grid;
  /** [T+1,e], rotated */
  readonly rotaryKey: Grid;
  readonly heads: readonly LatentHeadRun[];
}

export function runLatent(embedded: Grid, weights: LatentWeights, { headDim, rope }: WalkSettings['sizes']): LatentRun {
  const last = embedded.rows - 1;
  const latent = product(embedded, weights.down);
  const rotaryKey = rotated(product(embedded, weights.rotaryKey), 0);
  const fresh = rowsOf(embedded, last, last + 1);
  const scale = 1 / Math.sqrt(headDim);
  const rotaryScale = 1 / Math.sqrt(headDim + rope);
  const heads = weights.heads.map((head): LatentHeadRun => {
    const rotaryQuery = rotated(product(fresh, head.rotaryQuery), last);
    const positional = product(rotaryQuery, transpose(rotaryKey));
    const query = product(embedded, head.query);
    const key = product(latent, head.upKey);
    const value = product(latent, head.upValue);
    const scores = product(query, transpose(key));
    const side = (own: Grid, finish: (weights: Grid) => readonly [Grid, Grid]): HeadSide => {
      const newest = rowsOf(own, last, last + 1);
      const attention = causalSoftmax(newest, scale, last);
      const rotaryScores = plus(newest, positional);
      const rotaryWeights = causalSoftmax(rotaryScores, rotaryScale, last);
      const [context, output] = finish(attention);
      return {
        scores: own,
        weights: attention,
        context,
        output,
        rotaryScores,
        rotaryWeights,
        rotaryOutput: finish(rotaryWeights)[1],
      };
    };
    const queryWeight = product(head.query, transpose(head.upKey));
    const outputWeight = product(head.upValue, head.output);
    const absorbedQuery = product(embedded, queryWeight);
    return {
      rotaryQuery,
      expanded: {
        query,
        key,
        value,
        ...side(scores, (attention) => {
          const context = product(attention, value);
          return [context, product(context, head.output)];
        }),
      },
      absorbed: {
        queryWeight,
        outputWeight,
        query: absorbedQuery,
        ...side(product(absorbedQuery, transpose(latent)), (attention) => {
          const context = product(attention, latent);
          return [context, product(context, outputWeight)];
        }),
      },
    };
  });
  return { latent, rotaryKey, heads };
}

/** The output of all heads: [1,D]. */
export function summed(run: LatentRun, of: (head: LatentHeadRun) => Grid): Grid {
  return run.heads.map(of).reduce(plus);
}
