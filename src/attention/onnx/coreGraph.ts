/**
 * Scores, softmax and weighted sum as nodes. The r = H/G queries of a group are rows of one matrix product
 * [B,G,r·T,D] · [B,G,D,S], so keys and values are never repeated.
 */

import type { Value } from './graphBuilder';
import { BATCH, type Captures, KEYS, type LayerContext, stepInput, TOKENS } from './layerContext';
import { elementAt } from '../../model/elementAt';

/** One addend of the scores: q·k over some of the dims. */
export interface ScorePart {
  /** [B,H,T,dim] */
  readonly q: Value;
  /** [B,keyHeads,s,dim], one for each piece of the keys */
  readonly keys: readonly Value[];
  readonly keyHeads: number;
  readonly dim: number;
}

export interface Core {
  /** [B,H,T,valueDim] */
  readonly heads: Value;
  readonly captures: Captures;
}

/** `values` are [B,valueHeads,s,valueDim], one for each piece of the keys. */
export function attendGraph(
  c: LayerContext,
  parts: readonly ScorePart[],
  values: readonly Value[],
  valueHeads: number,
  valueDim: number,
): Core {
  const { g, spec } = c;
  const { queryHeads } = spec.attention;
  const byHead = [0, queryHeads, -1, 0];
  const factor = spec.softcap === null ? spec.scale : spec.scale / spec.softcap;
  const products = parts.map(({ q, keys, keyHeads, dim }) => {
    const scaled = keyHeads === queryHeads ? timesByColumn(c, q, factor, dim) : g.times(q, factor, 'q/scaled');
    const rows = keyHeads === queryHeads ? scaled : g.reshape(scaled, [0, keyHeads, -1, dim], 'q/rows');
    const pieces = keys.map((key) => g.matmul(rows, g.transpose(key, [0, 1, 3, 2], 'k/transpose'), 'scores/product'));
    const product = joinColumns(c, pieces, 'scores/columns');
    return keyHeads === queryHeads ? product : g.reshape(product, byHead, 'scores/by_head');
  });
  let scores = products.reduce((a, b) => g.add(a, b, 'scores/sum'));
  if (spec.softcap !== null) scores = g.times(g.op('Tanh', [scores], {}, 'scores/tanh'), spec.softcap, 'scores/capped');
  if (spec.alibi)
    scores = g.add(scores, stepInput(c, 'alibi', ['position_batch', queryHeads, 1, KEYS]), 'scores/alibi');

  let masked = scores;
  if (c.options.mask !== false)
    masked = g.add(scores, stepInput(c, 'mask', ['mask_batch', 1, TOKENS, KEYS]), 'scores/masked');
  const weights = spec.sinks ? softmaxWithSinks(c, masked) : g.op('Softmax', [masked], { axis: -1 }, 'weights');

  const rows = valueHeads === queryHeads ? weights : g.reshape(weights, [0, valueHeads, -1, 0], 'weights/rows');
  const sums = splitColumns(c, rows, values).map((columns, i) =>
    g.matmul(columns, elementAt(values, i), 'heads/product'),
  );
  const summed = sums.reduce((a, b) => g.add(a, b, 'heads/sum'));
  const heads = valueHeads === queryHeads ? summed : g.reshape(summed, [0, queryHeads, -1, valueDim], 'heads');
  return {
    heads,
    captures: {
      scores: () => ({ value: scores, shape: [BATCH, queryHeads, TOKENS, KEYS] }),
      weights: () => ({ value: weights, shape: [BATCH, queryHeads, TOKENS, KEYS] }),
      heads: () => ({ value: heads, shape: [BATCH, queryHeads, TOKENS, valueDim] }),
    },
  };
}

/**
 * value × factor, the factor written once for each column. onnxruntime folds a scalar into the product that follows, and its kernel
 * for one row at a time (a decode step with a key for each head) takes no factor: it would pack all keys instead of streaming them.
 */
function timesByColumn({ g }: LayerContext, value: Value, factor: number, columns: number): Value {
  if (factor === 1) return value;
  return g.mul(
    value,
    g.floats(`factor:${factor}:${columns}`, [columns], new Float32Array(columns).fill(factor)),
    'q/scaled',
  );
}

/** One more column, the head's learned logit, takes part in the softmax and is dropped (gpt-oss). */
function softmaxWithSinks(c: LayerContext, scores: Value): Value {
  const { g, spec, weights } = c;
  const logits = g.reshape(weights.value('sinks'), [1, spec.attention.queryHeads, 1, 1], 'sinks/logits');
  const zeros = g.mul(g.slice(scores, 3, 0, 1, 'sinks/column'), g.scalar(0), 'sinks/zeros');
  const widened = g.concat([scores, g.add(zeros, logits, 'sinks/by_row')], 3, 'scores/with_sinks');
  return g.slice(g.op('Softmax', [widened], { axis: -1 }, 'weights/with_sinks'), 3, 0, -1, 'weights');
}

function joinColumns(c: LayerContext, pieces: readonly Value[], label: string): Value {
  return pieces.length === 1 ? elementAt(pieces, 0) : c.g.concat(pieces, 3, label);
}

/** The columns of each piece; the length of the first is that of its values, known at run time only. */
function splitColumns(c: LayerContext, rows: Value, values: readonly Value[]): Value[] {
  const [first] = values;
  if (values.length === 1 || first === undefined) return [rows];
  const { g } = c;
  const axes = g.int64s([3]);
  const border = g.op('Shape', [first], { start: 2, end: 3 }, 'past/length');
  const past = g.op('Slice', [rows, g.int64s([0]), border, axes], {}, 'weights/past');
  const fresh = g.op('Slice', [rows, border, g.int64s([2n ** 63n - 1n]), axes], {}, 'weights/new');
  return [past, fresh];
}
