/**
 * Weights of one layer at a time, as inputs of a graph. The buffers of a layer are used again for the next one: what is
 * held is bounded by the largest layer, whenever the garbage collector comes.
 */

import type { Tensor } from '../../attention/onnx/graph';
import { elementCount } from '../../attention/onnx/graph';
import type { WeightInfo } from '../../attention/spec/weightNames';
import type { WeightSources } from '../../families/kit/weightSource';
import type { LayerPlan, ModelPlan } from '../../weights/plan/weightPlan';
import { readSource, sourceTensors, splitName, type TensorCache } from '../../weights/plan/readSource';
import { notFinite } from '../../weights/finite';
import type { WeightsError } from '../../weights/weightsError';
import type { WeightStore } from '../../weights/weightStore';
import { weightBuffer } from '../../weights/widenKernel';

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
  readExpert(
    index: number,
    expert: number,
    infos: readonly WeightInfo[],
    signal?: AbortSignal,
  ): Promise<WeightTensors> {
    const { prefix, expert: sourcesOf } = this.layer(index);
    if (sourcesOf === null) throw new TypeError(`layer ${index} has no experts`);
    return this.readAll(prefix, sourcesOf(expert), infos, 'expert ', signal);
  }

  /** The first of these weights (as `read` gave them) that holds what is no number; null where all are finite. */
  damaged(index: number, expert: number | null, weights: WeightTensors): WeightsError | null {
    const { prefix, sources, expert: sourcesOf } = this.layer(index);
    const from = expert === null ? sources : sourcesOf?.(expert);
    for (const [name, { data }] of weights) {
      const source = from?.[splitName(name).base];
      const [tensor] = source === undefined ? [] : sourceTensors(prefix, source, name);
      if (tensor === undefined || !(data instanceof Float32Array)) continue;
      const error = notFinite(this.store.info(tensor).file, tensor, data);
      if (error) return error;
    }
    return null;
  }

  /** Lets go of the buffers. */
  release(): void {
    this.buffers.clear();
  }

  /** Weights in order; while one is widened, the file of the next is already read. */
  private async readAll(
    prefix: string,
    sources: WeightSources,
    infos: readonly WeightInfo[],
    use: string,
    signal: AbortSignal | undefined,
  ): Promise<WeightTensors> {
    const fused: TensorCache = new Map();
    const result = new Map<string, Tensor>();
    const reading = new Map<string, Promise<Float32Array<ArrayBuffer>>>();
    const start = ({ name, shape }: WeightInfo): void => {
      const source = sources[splitName(name).base];
      if (source === undefined) throw new TypeError(`no source for ${name} of ${prefix}`);
      const count = elementCount(shape);
      const held = this.buffers.get(use + name);
      if (held?.length !== count) this.buffers.delete(use + name);
      const read = readSource(this.store, prefix, source, name, fused, signal, () =>
        held?.length === count ? held : weightBuffer(count),
      );
      // One that fails before its turn would end the process: it is awaited only after the one before it.
      read.catch(() => undefined);
      reading.set(name, read);
    };
    try {
      for (const [position, info] of infos.entries()) {
        for (const next of infos.slice(position, position + READ_AHEAD)) if (!reading.has(next.name)) start(next);
        const data = await reading.get(info.name);
        if (data === undefined) throw new TypeError(`${info.name} was not read`);
        if (this.reuse) this.buffers.set(use + info.name, data);
        result.set(info.name, { type: 'float32', shape: info.shape, data });
      }
    } finally {
      // What is still under way writes into buffers that are used again.
      await Promise.allSettled(reading.values());
    }
    return result;
  }
}

/** Weights under way at a time. */
const READ_AHEAD = 2;
