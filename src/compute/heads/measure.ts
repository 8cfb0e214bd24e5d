/** Measures of every head of a captured layer, and how its K and V are shared. */

import { headDims, keyLimit } from '../../attention/spec/layerSpec';
import type { CaptureName } from '../../attention/onnx/program';
import { type GroupIdentity, groupIdentity, headGroups } from '../../insight/identity';
import { PatternAccumulator } from '../../insight/pattern';
import type { LayerMeasures } from '../../shared/headsContract';
import { repeatHeads } from './dump';
import type { LayerCapture } from './layerPass';
import type { AttentionTiles } from './tiles';
import { floats } from './tokenAxis';
import type { Watch } from './watch';
import { elementAt } from '../../model/elementAt';

/** Attention weights of all heads row by row: calls back with `[heads, rows, tokens]`, first rows first. */
export type WeightRows = (take: (block: Float32Array, rows: number) => void) => Promise<void>;

/** @param weights From the capture itself where it has them, else recomputed in tiles. */
export async function measureLayer(capture: LayerCapture, weights: WeightRows): Promise<LayerMeasures> {
  const { ids, spec } = capture;
  const tokens = ids.length;
  const { queryHeads, kvHeads } = headDims(spec.attention);
  const groups = headGroups(queryHeads, kvHeads);
  const window = keyLimit(spec.attention) ?? Infinity;
  const accumulators = groups.map(() => new PatternAccumulator(ids, window));
  await weights((block, rows) => {
    accumulators.forEach((accumulator, head) => {
      for (let row = 0; row < rows; row++) {
        const start = (head * rows + row) * tokens;
        accumulator.addRow(block.subarray(start, start + tokens));
      }
    });
  });
  return {
    heads: accumulators.map((accumulator, head) => ({ head, group: elementAt(groups, head), ...accumulator.result() })),
    identity: { k: identityOf(capture, 'k', groups), v: identityOf(capture, 'v', groups) },
  };
}

/** Rows of the `weights` capture. */
export function capturedRows(capture: LayerCapture): WeightRows | null {
  const tensor = capture.tensors.get('weights');
  if (tensor === undefined) return null;
  return (take) => {
    take(floats(tensor), capture.ids.length);
    return Promise.resolve();
  };
}

/** Weights of one block of rows. */
const ROW_ELEMENTS = 16 * 1024 ** 2;

/** Rows of all heads, recomputed in blocks. */
export function tiledRows(tiles: AttentionTiles, capture: LayerCapture, watch: Watch): WeightRows {
  const tokens = capture.ids.length;
  const step = Math.max(1, Math.floor(ROW_ELEMENTS / (capture.spec.attention.queryHeads * tokens)));
  return async (take) => {
    for (let start = 0; start < tokens; start += step) {
      const rows = Math.min(step, tokens - start);
      const block = await tiles.read({ what: 'weights', queries: [start, start + rows] }, watch);
      take(floats(block), rows);
    }
  };
}

function identityOf(capture: LayerCapture, name: CaptureName, groups: readonly number[]): GroupIdentity {
  const tensor = capture.tensors.get(name);
  if (tensor === undefined) throw new TypeError(`${name} was not captured`);
  const stored = elementAt(tensor.shape, 0);
  // Heads of a group that read one stored K are compared once, with a copy of it: all their pairs are that pair.
  const copies = stored < groups.length ? Math.min(2, groups.length / stored) : 1;
  return groupIdentity(floats(repeatHeads(tensor, stored * copies)), headGroups(stored * copies, new Set(groups).size));
}
