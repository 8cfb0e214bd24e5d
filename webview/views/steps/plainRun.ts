/** Plain attention of one head, over all tokens and with a cache. */

import { causalSoftmax, cellOf, type Grid, gridOf, product, rowsOf, transpose } from './grid';
import type { WalkSettings } from './settings';
import { weightGrid } from './words';

/** Weights of one head: [D,d] each. */
export interface PlainHead {
  readonly query: Grid;
  readonly key: Grid;
  readonly value: Grid;
}

export function plainWeights({ heads, headDim }: WalkSettings['sizes']): readonly PlainHead[] {
  const hidden = heads * headDim;
  return Array.from({ length: heads }, (_, head) => ({
    query: weightGrid(`W_Q ${head}`, hidden, headDim),
    key: weightGrid(`W_K ${head}`, hidden, headDim),
    value: weightGrid(`W_V ${head}`, hidden, headDim),
  }));
}

export interface PlainRun {
  readonly query: Grid;
  readonly key: Grid;
  readonly value: Grid;
  readonly scores: Grid;
  readonly weights: Grid;
  readonly context: Grid;
}

/** One head over all rows of `embedded`. */
export function runPlain(embedded: Grid, { query, key, value }: PlainHead, headDim: number): PlainRun {
  const [q, k, v] = [product(embedded, query), product(embedded, key), product(embedded, value)];
  const scores = product(q, transpose(k));
  const weights = causalSoftmax(scores, 1 / Math.sqrt(headDim), 0);
  return { query: q, key: k, value: v, scores, weights, context: product(weights, v) };
}

/** Rows under others, which may be shorter: tokens that had not come had no column. */
export function under(top: Grid, last: Grid): Grid {
  return gridOf(top.rows + last.rows, last.columns, (row, column) =>
    row >= top.rows ? cellOf(last, row - top.rows, column) : column < top.columns ? cellOf(top, row, column) : 0,
  );
}

/** The new token alone, with K and V of the others from the cache. */
export function runCached(
  embedded: Grid,
  past: Pick<PlainRun, 'key' | 'value'>,
  head: PlainHead,
  headDim: number,
): PlainRun {
  const last = embedded.rows - 1;
  const fresh = rowsOf(embedded, last, last + 1);
  const key = under(past.key, product(fresh, head.key));
  const value = under(past.value, product(fresh, head.value));
  const query = product(fresh, head.query);
  const scores = product(query, transpose(key));
  const weights = causalSoftmax(scores, 1 / Math.sqrt(headDim), last);
  return { query, key, value, scores, weights, context: product(weights, value) };
}
