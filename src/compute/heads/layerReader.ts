/**
 * Weights of one layer at a time, as inputs of a graph. The buffers of a layer are used again for the next one: what is
 * held is bounded by the largest layer, whenever the garbage collector comes.
 */

import type { Tensor } from '../../attention/graph';
import { elementCount } from '../../attention/graph';
import type { WeightInfo } from '../../attention/weightNames';
import type { LayerPlan, ModelPlan, WeightSources } from '../../weights/names/plan';
import { readSource, splitName, type TensorCache } from '../../weights/names/sources';
import type { WeightStore } from '../../weights/weightStore';

export type WeightTensors = ReadonlyMap<string, Tensor>;

export class LayerReader {
  private readonly buffers = new Map<string, Float32Array<ArrayBuffer>>();

  /** @param reuse False keeps every layer's weights: what was read before stays valid. */
  constructor(
    private readonly store: WeightStore,
    private readonly plan: ModelPlan,
    private readonly reuse = true,
  ) {}

  layer(index: number): LayerPlan {
    const layer = this.plan.layers[index];
    if (layer === undefined) throw new RangeError(`layer ${index} of ${this.plan.layers.length}`);
    return layer;
  }

  /** The named weights of a layer's block. Valid until the next call. */
  read(index: number, infos: readonly WeightInfo[], signal?: AbortSignal): Promise<WeightTensors> {
    const { prefix, sources } = this.layer(index);
    return this.readAll(prefix, sources, infos, '', signal);
  }

  /** Weights of one expert. Valid until the next expert is read. */
  readExpert(index: number, expert: number, infos: readonly WeightInfo[], signal?: AbortSignal): Promise<WeightTensors> {
    const { prefix, expert: sourcesOf } = this.layer(index);
    if (sourcesOf === null) throw new TypeError(`layer ${index} has no experts`);
    return this.readAll(prefix, sourcesOf(expert), infos, 'expert ', signal);
  }

  /** Lets go of the buffers. */
  release(): void {
    this.buffers.clear();
  }

  private async readAll(prefix: string, sources: WeightSources, infos: readonly WeightInfo[], use: string, signal: AbortSignal | undefined): Promise<WeightTensors> {
    const fused: TensorCache = new Map();
    const result = new Map<string, Tensor>();
    for (const { name, shape } of infos) {
      const source = sources[splitName(name).base];
      if (source === undefined) throw new TypeError(`no source for ${name} of ${prefix}`);
      const key = use + name;
      const held = this.buffers.get(key);
      const fits = held?.length === elementCount(shape) ? held : undefined;
      if (fits === undefined) this.buffers.delete(key);
      const data = await readSource(this.store, prefix, source, name, fused, signal, fits);
      if (this.reuse) this.buffers.set(key, data);
      result.set(name, { type: 'float32', shape, data });
    }
    return result;
  }
}
