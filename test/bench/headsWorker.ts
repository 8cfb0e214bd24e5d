/** Work that test/bench/heads.mjs measures in a process of its own: `read FOLDER`, `raw FILE…`, `overview TOKENS` or `measures TOKENS`. Prints one JSON object. */

import { PLAIN_LAYER } from '../../src/attention/spec/layerSpec';
import type { Tensor } from '../../src/attention/onnx/graph';
import { blockWeights } from '../../src/attention/spec/weightNames';
import { createEngine } from '../../src/compute/engines/createEngine';
import type { LayerCapture } from '../../src/compute/heads/layerPass';
import { HeadModel } from '../../src/compute/heads/headModel';
import { LayerReader } from '../../src/compute/heads/layerReader';
import { measureLayer, tiledRows } from '../../src/compute/heads/measure';
import { ProgramCache } from '../../src/compute/heads/programs';
import { AttentionTiles } from '../../src/compute/heads/tiles';
import { UNWATCHED } from '../../src/compute/heads/watch';
import { computeThreads } from '../../src/compute/machine';
import { RangeFile } from '../../src/weights/rangeFile';
import { widenKernel } from '../../src/weights/widenKernel';

interface Rates {
  /** Stored bytes per second of every layer, in order. */
  readonly rates: number[];
  /** Stored bytes per second of CPU time, of all layers but the first (whose memory is touched for the first time). */
  readonly perCpuSecond: number;
}

/** Calls `once` for every layer; it gives the bytes that were read. */
async function ratesOf(layers: number, once: (layer: number) => Promise<number>): Promise<Rates> {
  const rates: number[] = [];
  let [bytes, cpuSeconds] = [0, 0];
  for (let layer = 0; layer < layers; layer++) {
    const [start, cpu] = [performance.now(), process.cpuUsage()];
    const stored = await once(layer);
    rates.push(stored / ((performance.now() - start) / 1000));
    if (layer === 0 && layers > 1) continue;
    const { user, system } = process.cpuUsage(cpu);
    bytes += stored;
    cpuSeconds += (user + system) / 1e6;
  }
  return { rates, perCpuSecond: bytes / cpuSeconds };
}

/** Layers as a run reads them: bf16 from the files, widened where the engine takes them. */
async function read(folder: string): Promise<Rates> {
  const opened = await HeadModel.open(folder);
  const { store, plan } = opened.model;
  const reader = new LayerReader(store, plan);
  const result = await ratesOf(plan.layers.length, async (index) => {
    const weights = await reader.read(index, blockWeights(plan.layers[index]?.block ?? neverMissing(index)));
    return [...weights.values()].reduce((sum, { data }) => sum + data.length * 2, 0);
  });
  await opened.close();
  return result;
}

function neverMissing(index: number): never {
  throw new RangeError(`layer ${index}`);
}

/** The same files, one a layer, by the same calls, and thrown away. */
async function raw(files: readonly string[]): Promise<Rates> {
  return ratesOf(files.length, async (index) => {
    const file = await RangeFile.open(files[index] ?? '');
    await file.readChunks(0, file.size, 1, () => undefined, { buffers: widenKernel() });
    await file.close();
    return file.size;
  });
}

/** Random Q, K and V of a layer with 32 heads and 8 groups of keys. */
function randomCapture(tokens: number): LayerCapture {
  const [heads, groups, dim] = [32, 8, 128];
  let state = 1;
  const random = (count: number): Float32Array =>
    Float32Array.from(
      { length: count },
      () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5) * 3,
    );
  const tensor = (count: number): Tensor => ({
    type: 'float32',
    shape: [count, tokens, dim],
    data: random(count * tokens * dim),
  });
  const spec = {
    ...PLAIN_LAYER,
    attention: { kind: 'full' as const, queryHeads: heads, kvHeads: groups, keyDim: dim, valueDim: dim },
    hiddenSize: heads * dim,
    scale: dim ** -0.5,
  };
  const ids = Array.from({ length: tokens }, (_, i) => (i * 7919) % 1000);
  return {
    ids,
    layer: 0,
    spec,
    sinks: null,
    logits: null,
    tensors: new Map([
      ['q' as const, tensor(heads)],
      ['k' as const, tensor(groups)],
      ['v' as const, tensor(groups)],
    ]),
  };
}

interface Spent {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peak: number;
}

async function timed(work: () => Promise<unknown>): Promise<Spent> {
  const [start, cpu] = [performance.now(), process.cpuUsage()];
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return {
    seconds: (performance.now() - start) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peak: process.resourceUsage().maxRSS * 1024,
  };
}

function tilesOf(capture: LayerCapture): AttentionTiles {
  return new AttentionTiles(new ProgramCache(createEngine('onnxruntime-cpu', { threads: computeThreads() })), capture);
}

/** An overview of 32 heads, reduced to 512 × 512 each. */
function overview(tokens: number): Promise<Spent> {
  const tiles = tilesOf(randomCapture(tokens));
  return timed(() => tiles.read({ what: 'weights', rows: 512, columns: 512 }, UNWATCHED));
}

/** All measures of 32 heads, as a prompt too long for one piece is measured. */
function measures(tokens: number): Promise<Spent> {
  const capture = randomCapture(tokens);
  const tiles = tilesOf(capture);
  return timed(() => measureLayer(capture, tiledRows(tiles, capture, UNWATCHED)));
}

const [, , task, ...given] = process.argv;
const [argument = ''] = given;
const tasks: Readonly<Record<string, () => Promise<object>>> = {
  read: () => read(argument),
  raw: () => raw(given),
  overview: () => overview(Number(argument)),
  measures: () => measures(Number(argument)),
};
const work = tasks[task ?? ''];
if (work === undefined) throw new Error(`one of ${Object.keys(tasks).join(', ')} is needed`);
void work().then((result) => process.stdout.write(JSON.stringify(result)));
