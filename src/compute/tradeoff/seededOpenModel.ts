/** A config without its weights as a whole model: every tensor is noise in its true shape, made when it is read. */

import { blockWeights, feedForwardWeights, type WeightInfo } from '../../attention/spec/weightNames';
import type { NormSpec } from '../../attention/spec/normSpec';
import { runnableBlocks } from '../../families/blocksOf';
import type { WeightSources } from '../../families/kit/weightSource';
import { tiedEmbeddings } from '../../families/tying';
import { readModelConfig, type Reading } from '../../reading/read';
import type { SeededSource } from '../../shared/headsContract';
import { RpcError } from '../../shared/rpcError';
import { folderTokenizer } from '../../weights/folderTokenizer';
import type { OpenModel } from '../../weights/openModel';
import { splitName } from '../../weights/plan/readSource';
import type { LayerPlan, ModelPlan } from '../../weights/plan/weightPlan';
import { refusedFor, WeightsError } from '../../weights/weightsError';
import type { ReadOptions, Span, TensorInfo, WeightStore } from '../../weights/weightStore';
import { noiseStream, noiseTensor, seededNoise, weightRecipe } from '../seededWeights';

/** Uniform noise of this largest value has variance 1. */
const UNIT = Math.sqrt(3);

const EMBEDDING = 'embedding.weight';
const HEAD = 'head.weight';
const POSITIONS = 'positions.weight';

/**
 * @param path Of the folder that may hold a tokenizer, or empty.
 * @throws RpcError `invalidInput` and WeightsError where the config is none, or its blocks are not known.
 */
export async function seededOpenModel(path: string, source: SeededSource): Promise<OpenModel> {
  const reading = readModelConfig(source.text, { families: source.families ?? {} });
  if (reading === null || reading.spec.layers.length === 0)
    throw new RpcError('invalidInput', 'no layer of this config can be read: give it a model_type and its sizes');
  const store = new NoiseStore(source.seed);
  const plan = await refusedFor('config.json', () => Promise.resolve(planOf(reading, store)));
  return {
    reading,
    plan,
    store,
    folder: path,
    tokenizer: async () => (path === '' ? null : folderTokenizer(path).catch(damaged)),
    close: () => Promise.resolve(),
  };
}

/** A tokenizer that cannot be read is no reason not to use seeded weights. */
function damaged(error: unknown): null {
  if (error instanceof WeightsError) return null;
  throw error;
}

function planOf(reading: Reading, store: NoiseStore): ModelPlan {
  const config = reading.reader();
  const model = runnableBlocks(reading, config);
  const { hiddenSize, embedding } = model;
  const vocabularySize = [reading.location.path, []]
    .map((at) => reading.readerAt(at).number(['vocab_size'])?.value)
    .find((size) => size !== undefined && size > 0);
  if (vocabularySize === undefined) return config.unsupported('a config without a vocab_size');
  const width = embedding?.width ?? hiddenSize;
  const tied = tiedEmbeddings(reading);
  // Logits of variance 1, as a map that keeps the variance gives; where the embedding is the head, too, it is as small.
  const head = Math.sqrt(3 / width);
  store.addRows(EMBEDDING, [vocabularySize, width], tied ? head : UNIT);
  if (!tied) store.addRows(HEAD, [vocabularySize, width], head);
  const norm = (base: string, spec: NormSpec | null | undefined): { spec: NormSpec; base: string } | null => {
    if (!spec) return null;
    if (spec.weight !== 'none') store.add({ name: `${base}_norm.weight`, shape: [hiddenSize] }, '');
    if (spec.bias) store.add({ name: `${base}_norm.bias`, shape: [hiddenSize] }, '');
    return { spec, base: `${base}_norm` };
  };
  const map = (name: string, shape: readonly number[]): string | null => {
    if (width === hiddenSize) return null;
    store.add({ name, shape }, '');
    return name;
  };
  const positions = embedding?.positions;
  if (positions?.kind === 'learned') store.addRows(POSITIONS, [positions.rows, hiddenSize], UNIT);
  if (model.output.bias) store.add({ name: 'head.bias', shape: [vocabularySize] }, '');
  const layers = model.blocks.map((block, index): LayerPlan => {
    const prefix = `layers.${index}.`;
    const sources = sourcesOf(store, prefix, '', blockWeights(block));
    const moe = block.feedForward;
    if (moe.kind !== 'moe') return { block, prefix, sources, expert: null };
    const infos = feedForwardWeights(moe.expert, hiddenSize);
    const experts = Array.from({ length: moe.router.experts }, (_, expert) =>
      sourcesOf(store, prefix, `expert${expert}.`, infos),
    );
    return { block, prefix, sources, expert: (expert) => experts[expert] ?? {} };
  });
  return {
    family: reading.modelType,
    hiddenSize,
    vocabularySize,
    embedding: {
      tensor: EMBEDDING,
      width,
      multiplier: embedding?.multiplier ?? 1,
      projection: map('in.weight', [hiddenSize, width]),
      positions:
        positions === undefined ? null : positions.kind === 'learned' ? { ...positions, tensor: POSITIONS } : positions,
      norm: norm('embedding', embedding?.norm),
    },
    layers,
    output: {
      norm: norm('output', model.output.norm),
      projection: map('out.weight', [width, hiddenSize]),
      head: tied ? EMBEDDING : HEAD,
      bias: model.output.bias ? 'head.bias' : null,
      multiplier: model.output.multiplier ?? 1,
      softcap: model.output.softcap ?? null,
    },
  };
}

/** Each weight is a tensor of its own name. */
function sourcesOf(store: NoiseStore, prefix: string, within: string, infos: readonly WeightInfo[]): WeightSources {
  const sources: Record<string, { readonly base: string }> = {};
  for (const info of infos) {
    const { base, kind } = splitName(info.name);
    store.add(info, `${prefix}${within}${base}.${kind}`);
    sources[base] = { base: within + base };
  }
  return sources;
}

interface Noise {
  readonly shape: readonly number[];
  readonly make: (rows: readonly [number, number] | null) => Float32Array;
}

/** Tensors that no file holds. */
class NoiseStore implements WeightStore {
  readonly format = 'safetensors';
  readonly metadata = {};
  private readonly tensors = new Map<string, Noise>();

  constructor(private readonly seed: number) {}

  get path(): string {
    return `seed ${this.seed}`;
  }

  get totalBytes(): number {
    return this.names().reduce((sum, name) => sum + this.info(name).bytes, 0);
  }

  /** @param as Its name in the store; empty: as it is called. */
  add(info: WeightInfo, as: string): void {
    const name = as === '' ? info.name : as;
    const seed = noiseStream(name, this.seed);
    const recipe = weightRecipe(info, seed);
    this.tensors.set(name, {
      shape: info.shape,
      make: (rows) => {
        const all = noiseTensor(recipe);
        const size = all.length / Math.max(1, info.shape[0] ?? 1);
        return rows === null ? all : all.subarray(rows[0] * size, rows[1] * size);
      },
    });
  }

  /** One whose rows are made each by itself: of a vocabulary only those that occur are wanted, or some at a time. */
  addRows(name: string, shape: readonly [number, number], scale: number): void {
    const [count, width] = shape;
    this.tensors.set(name, {
      shape,
      make: (rows) => {
        const [start, end] = rows ?? [0, count];
        const made = new Float32Array((end - start) * width);
        for (let row = start; row < end; row++)
          made.set(seededNoise(width, noiseStream(`${name} ${row}`, this.seed), scale), (row - start) * width);
        return made;
      },
    });
  }

  names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const { shape } = this.noise(name);
    return { name, dtype: 'F32', shape, bytes: 4 * shape.reduce((product, size) => product * size, 1), file: '' };
  }

  async read(name: string, { rows, into, signal }: ReadOptions = {}): Promise<Float32Array<ArrayBuffer>> {
    // Lets a cancellation in.
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
    const values = this.noise(name).make(rows ?? null);
    const target = into?.subarray(0, values.length) ?? new Float32Array(values.length);
    target.set(values);
    return target;
  }

  async readSpan(name: string, [start, end]: Span): Promise<Float32Array<ArrayBuffer>> {
    return (await this.read(name)).subarray(start, end);
  }

  span(name: string): never {
    throw new TypeError(`${name} is in no file`);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private noise(name: string): Noise {
    const found = this.tensors.get(name);
    if (found !== undefined) return found;
    throw new WeightsError({
      file: this.path,
      tensor: name,
      problem: 'it was not made.',
      fix: 'Report this as a bug.',
    });
  }
}
