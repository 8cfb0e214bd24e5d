/** A forward pass through the float64 reference, for comparing plans with what other programs computed. */

import { type CaptureName } from '../../../src/attention/onnx/program';
import { referenceBlock } from '../../oracle/block';
import type { ReferenceOptions } from '../../oracle/layer';
import { Tensor64 } from '../../oracle/tensor64';
import type { ModelPlan } from '../../../src/weights/plan/weightPlan';
import { embed, logits } from '../../../src/weights/plan/readPlan';
import type { WeightStore } from '../../../src/weights/weightStore';
import { LayerWeights } from './layerWeights';

export interface LayerRun {
  readonly captures: Readonly<Partial<Record<CaptureName, Tensor64>>>;
  readonly hidden: Tensor64;
}

export interface ModelRun {
  readonly hiddenIn: Float32Array;
  readonly layers: readonly LayerRun[];
  readonly logits: Float32Array;
}

export async function forward(
  store: WeightStore,
  plan: ModelPlan,
  ids: readonly number[],
  wantLogits = true,
  options: Pick<ReferenceOptions, 'activate'> = {},
): Promise<ModelRun> {
  const hiddenIn = await embed(store, plan, ids);
  let hidden = new Tensor64([1, ids.length, plan.hiddenSize], Float64Array.from(hiddenIn));
  const layers: LayerRun[] = [];
  const read = new LayerWeights(store, plan);
  for (let index = 0; index < plan.layers.length; index++) {
    const layer = plan.layers[index];
    if (layer === undefined) throw new Error('no layer');
    const weights = await read.block(index);
    const experts = await read.experts(index);
    const run = referenceBlock(layer.block, weights, hidden, null, {
      ...options,
      expertWeights: (expert) => experts[expert] ?? new Map(),
    });
    hidden = run.hidden;
    layers.push({ captures: run.captures, hidden: run.hidden });
  }
  const last = Float32Array.from(hidden.data.subarray((ids.length - 1) * plan.hiddenSize));
  return { hiddenIn, layers, logits: wantLogits ? await logits(store, plan, last) : new Float32Array(0) };
}
