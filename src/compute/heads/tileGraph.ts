/**
 * The graphs behind tiles: attention of the heads of one group for a block of queries, reduced to cells on the device.
 * Scores are those of `coreGraph.ts`, one plain matrix product; what is held is one block of one group.
 */

import type { Graph } from '../../attention/onnx/graph';
import { GraphBuilder, type Value } from '../../attention/onnx/graphBuilder';

export type Reduction = 'mean' | 'max';

export interface TileGraph {
  /**
   * `whole`: the block holds every key that its queries see, and the softmax is taken of it. `sums`: of such a block,
   * the log-sum-exps alone. `normed`: log-sum-exps go in, any range of keys. `scores`: before the softmax.
   */
  readonly kind: 'whole' | 'sums' | 'normed' | 'scores';
  readonly reduction: Reduction;
  /** Slots of a cell: queries, keys. */
  readonly querySlots: number;
  readonly keySlots: number;
  readonly softcap: number | null;
  readonly alibi: boolean;
  readonly sinks: boolean;
}

/**
 * Inputs: `q` [heads·queries, dim] scaled, `k` [keys, dim], `mask` [queries, keys] (added), `by_head` [4] and `by_cell` [4]
 * (shapes [heads, queries, keys / slots, slots] and [heads, queries / slots, slots, keys / slots]), `rows` [queries, 1]
 * (1, or 0 for a slot without a query); as the spec has them `alibi` [heads, 1, keys], `sinks` [heads, 1, 1]; `lse`
 * [heads, queries, 1] (normed), `seen` [queries, keys] (mean of scores).
 * Output: `cells` [heads, query cells, key cells], sums or maxima; `lse` [heads, queries, 1] (sums).
 */
export function buildTileGraph(spec: TileGraph): Graph {
  const g = new GraphBuilder();
  const last = g.int64s([-1]);
  const product = g.matmul(
    g.input('q', ['rows', 'dim']),
    g.transpose(g.input('k', ['keys', 'dim']), [1, 0], 'k/transpose'),
    'scores/product',
  );
  let scores = g.op('Reshape', [product, g.input('by_block', [3], 'int64')], {}, 'scores/by_head');
  if (spec.softcap !== null) scores = g.times(g.op('Tanh', [scores], {}, 'scores/tanh'), spec.softcap, 'scores/capped');
  if (spec.alibi) scores = g.add(scores, g.input('alibi', ['heads', 1, 'keys']), 'scores/alibi');
  const mean = spec.reduction === 'mean';
  const reduceCells = (values: Value, scale: (byKeyCell: Value) => Value): void => {
    const op = mean ? 'ReduceSum' : 'ReduceMax';
    const slots = g.op('Reshape', [values, g.input('by_head', [4], 'int64')], {}, 'keys/slots');
    const byKeyCell = scale(g.op(op, [slots, last], { keepdims: 0 }, 'keys/cells'));
    const rows = g.op('Reshape', [byKeyCell, g.input('by_cell', [4], 'int64')], {}, 'queries/slots');
    g.output('cells', g.op(op, [rows, g.int64s([2])], { keepdims: 0 }, 'queries/cells'), [
      'heads',
      'query_cells',
      'key_cells',
    ]);
  };
  const mask = (): Value => g.input('mask', ['queries', 'keys']);
  const validRows = (): Value => g.input('rows', ['queries', 1]);
  if (spec.kind === 'scores') {
    reduceCells(
      mean
        ? g.mul(scores, g.input('seen', ['queries', 'keys']), 'scores/seen')
        : g.add(scores, mask(), 'scores/masked'),
      (cells) => cells,
    );
    return g.finish('tile scores');
  }
  const masked = g.add(scores, mask(), 'scores/masked');
  if (spec.kind === 'normed') {
    const weights = g.op(
      'Exp',
      [g.op('Sub', [masked, g.input('lse', ['heads', 'queries', 1])], {}, 'scores/centred')],
      {},
      'weights',
    );
    reduceCells(weights, (cells) => g.mul(cells, validRows(), 'weights/valid'));
    return g.finish('tile weights');
  }
  const sinks = spec.sinks ? g.input('sinks', ['heads', 1, 1]) : null;
  if (spec.kind === 'sums') {
    let largest = g.op('ReduceMax', [masked, last], { keepdims: 1 }, 'scores/largest');
    if (sinks !== null) largest = g.op('Max', [largest, sinks], {}, 'scores/largest_with_sink');
    const powers = g.op('Exp', [g.op('Sub', [masked, largest], {}, 'scores/centred')], {}, 'weights/powers');
    let sum = g.op('ReduceSum', [powers, last], { keepdims: 1 }, 'weights/sum');
    if (sinks !== null)
      sum = g.add(
        sum,
        g.op('Exp', [g.op('Sub', [sinks, largest], {}, 'sinks/centred')], {}, 'sinks/power'),
        'weights/sum_with_sink',
      );
    g.output('lse', g.add(largest, g.op('Log', [sum], {}, 'weights/log_sum'), 'weights/lse'), ['heads', 'queries', 1]);
    return g.finish('tile sums of rows');
  }
  reduceCells(
    sinks === null ? g.op('Softmax', [masked], { axis: -1 }, 'weights') : softmaxWithSinks(g, masked, sinks),
    (cells) => g.mul(cells, validRows(), 'weights/valid'),
  );
  return g.finish('tile whole rows');
}

/** The head's own logit is one more column of the softmax, and dropped afterwards. */
function softmaxWithSinks(g: GraphBuilder, scores: Value, sinks: Value): Value {
  const zeros = g.mul(g.slice(scores, 2, 0, 1, 'sinks/column'), g.scalar(0), 'sinks/zeros');
  const widened = g.concat([scores, g.add(zeros, sinks, 'sinks/by_row')], 2, 'scores/with_sinks');
  return g.slice(g.op('Softmax', [widened], { axis: -1 }, 'weights/with_sinks'), 2, 0, -1, 'weights');
}
