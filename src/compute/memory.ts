/** What a run will take, before anything is allocated. */

import { type AttentionLayerSpec, headDims, keyLimit } from '../attention/spec/layerSpec';
import { elementCount } from '../attention/onnx/graph';
import { layerWeights } from '../attention/spec/weightNames';
import { formatSize } from '../model/units';
import { RpcError } from '../shared/rpcError';

const FLOAT_BYTES = 4;

/**
 * An upper estimate: weights once as read and once in the engine, and the widest moment of the graph, where scores,
 * masked scores and weights exist together beside queries, keys, values and the outputs that were asked for.
 */
export function layerRunBytes(
  layer: AttentionLayerSpec,
  batch: number,
  newTokens: number,
  pastTokens: number,
  captures: number,
): number {
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(layer.attention);
  const held = Math.min(pastTokens, keyLimit(layer.attention) ?? pastTokens);
  const keys = held + newTokens;
  const weights = layerWeights(layer).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const scores = batch * queryHeads * newTokens * keys;
  const queries = batch * newTokens * queryHeads * (keyDim + valueDim);
  const cache = batch * keys * kvHeads * (keyDim + valueDim);
  const hidden = batch * newTokens * layer.hiddenSize;
  const mask = newTokens * keys;
  return (
    FLOAT_BYTES *
    (2 * weights + 3 * scores + 3 * queries + 3 * cache + 3 * hidden + mask + captures * (scores + queries))
  );
}

/**
 * The same beside the weights for a layer of which only queries, keys, values and weights are looked at: nothing follows the
 * softmax, weights are used where they lie, and scores of `step` queries exist at a time.
 */
export function captureBytes({ attention, hiddenSize }: AttentionLayerSpec, tokens: number, step: number): number {
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attention);
  const perToken = 3 * (queryHeads * keyDim + kvHeads * (keyDim + valueDim)) + 2 * hiddenSize;
  return FLOAT_BYTES * (tokens * perToken + (3 * queryHeads + 1) * step * tokens);
}

/**
 * To measure conversions, beside the pass: the layer's weights as they are read and in float64, those of keys and values once more in another
 * basis and taken apart, and of every token its queries (twice), keys, values, outputs and input before and after.
 */
export function conversionBytes(layer: AttentionLayerSpec, tokens: number): number {
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(layer.attention);
  const weights = layerWeights(layer).reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const keysAndValues = kvHeads * (keyDim + valueDim);
  const perToken = queryHeads * (2 * keyDim + 2 * valueDim) + 6 * keysAndValues + 3 * layer.hiddenSize;
  return FLOAT_BYTES * weights + 2 * FLOAT_BYTES * (weights + 3 * keysAndValues * layer.hiddenSize + tokens * perToken);
}

/** Refuses what would not fit, naming the numbers. */
export function assertFits(bytes: number, ceiling: number): void {
  if (bytes <= ceiling) return;
  throw new RpcError(
    'tooLarge',
    `this run needs about ${formatSize(bytes)}, more than the ${formatSize(ceiling)} that Headlight may use`,
    {
      bytes,
      ceiling,
    },
  );
}
