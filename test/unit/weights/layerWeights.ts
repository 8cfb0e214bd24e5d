/** Weights of a plan as the float64 reference takes them, read by the product's reader. */

import type { WeightInfo, WeightMap } from '../../../src/attention/spec/weightNames';
import { blockWeights, feedForwardWeights } from '../../../src/attention/spec/weightNames';
import { LayerReader, type WeightTensors } from '../../../src/compute/heads/layerReader';
import type { ModelPlan } from '../../../src/weights/plan/weightPlan';
import type { WeightStore } from '../../../src/weights/weightStore';

export class LayerWeights {
  private readonly reader: LayerReader;

  constructor(
    store: WeightStore,
    private readonly plan: ModelPlan,
  ) {
    this.reader = new LayerReader(store, plan, false);
  }

  /** A whole block, experts aside. */
  async block(index: number): Promise<WeightMap> {
    return floats(await this.reader.read(index, blockWeights(this.reader.layer(index).block)));
  }

  /** All experts of a layer; none where it has none. */
  async experts(index: number): Promise<readonly WeightMap[]> {
    const { feedForward } = this.reader.layer(index).block;
    if (feedForward.kind !== 'moe') return [];
    const infos: readonly WeightInfo[] = feedForwardWeights(feedForward.expert, this.plan.hiddenSize);
    const experts: WeightMap[] = [];
    for (let expert = 0; expert < feedForward.router.experts; expert++)
      experts.push(floats(await this.reader.readExpert(index, expert, infos)));
    return experts;
  }
}

function floats(tensors: WeightTensors): WeightMap {
  const entries = [...tensors].map(([name, { data }]): [string, Float32Array] => {
    if (!(data instanceof Float32Array)) throw new TypeError(`${name} is not float32`);
    return [name, data];
  });
  return new Map(entries);
}
