/** Composition of a head with the heads before it: the thin maps of all heads from their weights, with the gains of norms multiplied in. */

import type { BlockSpec } from '../../attention/spec/blockSpec';
import type { NormSpec } from '../../attention/spec/normSpec';
import { headDims } from '../../attention/spec/layerSpec';
import { layerWeights, NORM_NAMES } from '../../attention/spec/weightNames';
import { type LayerNumbers, need } from '../../insight/conversion/layerRows';
import { composition, type HeadMaps, readerOf, writerOf } from '../../insight/effects/composition';
import { type Matrix, multiply, zeros } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import type { Composition } from '../../shared/effectsContract';
import { RpcError } from '../../shared/rpcError';
import type { OpenModel } from '../../weights/openModel';
import { LayerReader } from '../heads/layerReader';
import { floats } from '../heads/tokenAxis';
import { abortSignal, checkCancelled, type Watch } from '../heads/watch';

export interface Compositions {
  readonly compositions: readonly Composition[];
  readonly notes: readonly string[];
}

/** @throws RpcError `invalidInput`, `cancelled` */
export async function compose(
  { plan, store }: OpenModel,
  layer: number,
  head: number,
  watch: Watch,
): Promise<Compositions> {
  const block = plan.layers[layer]?.block;
  if (block === undefined)
    throw new RpcError(
      'invalidInput',
      `there is no layer ${layer}: the model has layers 0 to ${plan.layers.length - 1}`,
    );
  const { queryHeads } = headDims(block.layer.attention);
  if (head >= queryHeads)
    throw new RpcError('invalidInput', `layer ${layer} has heads 0 to ${queryHeads - 1}, no ${head}`);
  const between = plan.layers.slice(0, layer).find(({ block: { norms, residualFrom } }) => {
    return norms.attentionResidual !== null || norms.feedForwardResidual !== null || residualFrom === 'normed';
  });
  if (between !== undefined)
    throw new RpcError(
      'invalidInput',
      'this model normalises the residual stream itself between its layers: what a head reads of an earlier one is not in the weights alone',
    );
  const reader = new LayerReader(store, plan, false);
  const read = async (index: number): Promise<LayerNumbers> => {
    const spec = elementAt(plan.layers, index).block;
    const infos = [...layerWeights(spec.layer), ...normInfos(spec)];
    const tensors = await reader.read(index, infos, abortSignal(watch.signal));
    const damaged = reader.damaged(index, null, tensors);
    if (damaged) throw damaged;
    return new Map([...tensors].map(([name, tensor]) => [name, floats(tensor)]));
  };
  const own = readerOf(mapsOf(block, await read(layer), head));
  const compositions: Composition[] = [];
  for (let index = 0; index < layer; index++) {
    const earlier = elementAt(plan.layers, index).block;
    const weights = await read(index);
    for (let other = 0; other < headDims(earlier.layer.attention).queryHeads; other++) {
      checkCancelled(watch.signal);
      await new Promise((resolve) => setImmediate(resolve));
      compositions.push({ layer: index, head: other, ...composition(own, writerOf(mapsOf(earlier, weights, other))) });
    }
    watch.progress({ message: `layer ${index + 1} of ${layer}`, fraction: (index + 1) / layer });
  }
  return { compositions, notes: notesOf(plan.layers.slice(0, layer + 1).map((one) => one.block)) };
}

function normInfos(spec: BlockSpec): { name: string; shape: number[] }[] {
  return (['attention', 'attentionOutput'] as const).flatMap((place) => {
    const norm = spec.norms[place];
    return norm === null || norm.weight === 'none'
      ? []
      : [{ name: `${NORM_NAMES[place]}.weight`, shape: [spec.layer.hiddenSize] }];
  });
}

/** The maps of a head as the residual stream sees them. */
function mapsOf({ layer, norms }: BlockSpec, weights: LayerNumbers, head: number): HeadMaps {
  const { attention, hiddenSize } = layer;
  const { queryHeads, kvHeads, keyDim, valueDim } = headDims(attention);
  const reads = (rows: Matrix): Matrix =>
    behindNorm(rows, norms.attention, weights.get('norm_attention.weight') ?? null);
  const output = columns(need(weights, 'o.weight'), queryHeads * valueDim, head * valueDim, valueDim);
  const gain = weights.get(`${NORM_NAMES.attentionOutput}.weight`) ?? null;
  const written = { output: gainedRows(output, norms.attentionOutput, gain) };
  if (attention.kind !== 'latent') {
    const group = Math.floor((head * kvHeads) / queryHeads);
    return {
      query: reads(rowsOf(need(weights, 'q.weight'), hiddenSize, head * keyDim, keyDim)),
      key: reads(rowsOf(need(weights, 'k.weight'), hiddenSize, group * keyDim, keyDim)),
      value: reads(rowsOf(need(weights, 'v.weight'), hiddenSize, group * valueDim, valueDim)),
      ...written,
    };
  }
  const { nopeDim, latentDim, queryLatentDim } = attention;
  const down = latentRows(weights, 'kv_a', layer.latentNorms?.latent ?? null, hiddenSize, latentDim);
  const up = (name: 'w_uk' | 'w_uv', dim: number): Matrix => rowsOf(need(weights, name), latentDim, head * dim, dim);
  const queryDown =
    queryLatentDim === null
      ? null
      : latentRows(weights, 'q_a', layer.latentNorms?.query ?? null, hiddenSize, queryLatentDim);
  const query =
    queryLatentDim === null || queryDown === null
      ? rowsOf(need(weights, 'q.weight'), hiddenSize, head * keyDim, nopeDim)
      : multiply(rowsOf(need(weights, 'q_b.weight'), queryLatentDim, head * keyDim, nopeDim), queryDown);
  return {
    query: reads(query),
    key: reads(multiply(up('w_uk', nopeDim), down)),
    value: reads(multiply(up('w_uv', valueDim), down)),
    ...written,
  };
}

/** The down-projection to a latent, with the gain of the norm behind it. */
function latentRows(weights: LayerNumbers, name: string, norm: NormSpec | null, hidden: number, dim: number): Matrix {
  const rows = rowsOf(need(weights, `${name}.weight`), hidden, 0, dim);
  return gainedRows(rows, norm, weights.get(`${name}_norm.weight`) ?? null);
}

/** Each row × the gain of its dim. */
function gainedRows(rows: Matrix, norm: NormSpec | null, weight: Float32Array | Float64Array | null): Matrix {
  return { ...rows, data: rows.data.map((value, i) => value * gainAt(norm, weight, Math.floor(i / rows.columns))) };
}

/** What reads behind a norm, as what reads before it, but for the norm's scale: with its gains, and blind to the mean that a layer norm takes off. */
function behindNorm(rows: Matrix, norm: NormSpec | null, weight: Float32Array | Float64Array | null): Matrix {
  if (norm === null) return rows;
  const data = rows.data.map((value, i) => value * gainAt(norm, weight, i % rows.columns));
  if (norm.kind === 'layer')
    for (let at = 0; at < data.length; at += rows.columns) {
      const row = data.subarray(at, at + rows.columns);
      const mean = row.reduce((sum, value) => sum + value, 0) / rows.columns;
      for (let i = 0; i < row.length; i++) row[i] = (row[i] as number) - mean;
    }
  return { ...rows, data };
}

function gainAt(norm: NormSpec | null, weight: Float32Array | Float64Array | null, at: number): number {
  if (norm === null || norm.weight === 'none' || weight === null) return 1;
  return (weight[at] as number) + (norm.weight === 'plus-one' ? 1 : 0);
}

function rowsOf(weight: Float32Array | Float64Array, width: number, first: number, count: number): Matrix {
  return {
    rows: count,
    columns: width,
    data: new Float64Array(weight.subarray(first * width, (first + count) * width)),
  };
}

function columns(weight: Float32Array | Float64Array, width: number, first: number, count: number): Matrix {
  const result = zeros(weight.length / width, count);
  for (let row = 0; row < result.rows; row++)
    for (let i = 0; i < count; i++) result.data[row * count + i] = weight[row * width + first + i] as number;
  return result;
}

function notesOf(blocks: readonly BlockSpec[]): readonly string[] {
  const layers = blocks.map(({ layer }) => layer);
  return [
    'gains of norms are multiplied in; what depends on the text (scales of norms, patterns) is not in these numbers',
    ...(layers.some(({ rotary, attention }) => rotary !== null && attention.kind !== 'latent')
      ? ['queries and keys are taken before RoPE']
      : []),
    ...(layers.some(({ attention }) => attention.kind === 'latent')
      ? ['of queries and keys with a latent, the part without RoPE is taken']
      : []),
    ...(layers.some(({ queryNorm, keyNorm }) => queryNorm !== null || keyNorm !== null)
      ? ['the norms on queries and keys are left out']
      : []),
    ...(layers.some(({ outputGate, outputNorm }) => outputGate !== 'none' || outputNorm !== null)
      ? ['the gate or norm behind the heads is left out']
      : []),
  ];
}
