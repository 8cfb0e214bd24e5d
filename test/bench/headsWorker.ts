/** Work that test/bench/heads.mjs measures in a process of its own: `read FOLDER` or `overview TOKENS`. Prints one JSON object. */

import { PLAIN_LAYER } from '../../src/attention/layerSpec';
import type { Tensor } from '../../src/attention/graph';
import { blockWeights } from '../../src/attention/weightNames';
import { createEngine } from '../../src/compute/engines/createEngine';
import { HeadModel } from '../../src/compute/heads/headModel';
import { LayerReader } from '../../src/compute/heads/layerReader';
import { ProgramCache } from '../../src/compute/heads/programs';
import { AttentionTiles } from '../../src/compute/heads/tiles';
import { UNWATCHED } from '../../src/compute/heads/watch';
import { computeThreads } from '../../src/compute/machine';

/** Stored bytes per second of every layer, in order. */
async function read(folder: string): Promise<object> {
  const opened = await HeadModel.open(folder);
  const { store, plan } = opened.model;
  const reader = new LayerReader(store, plan);
  const rates: number[] = [];
  for (const [index, layer] of plan.layers.entries()) {
    const start = performance.now();
    const weights = await reader.read(index, blockWeights(layer.block));
    const seconds = (performance.now() - start) / 1000;
    const stored = [...weights.values()].reduce((sum, { data }) => sum + data.length * 2, 0);
    rates.push(stored / seconds);
  }
  await opened.close();
  return { rates };
}

/** Seconds of an overview of 32 heads (8 groups of keys) over random Q and K, reduced to 512 × 512 each. */
async function overview(tokens: number): Promise<object> {
  const [heads, groups, dim] = [32, 8, 128];
  let state = 1;
  const random = (count: number): Float32Array => Float32Array.from({ length: count }, () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32 - 0.5) * 3);
  const tensor = (count: number): Tensor => ({ type: 'float32', shape: [count, tokens, dim], data: random(count * tokens * dim) });
  const spec = { ...PLAIN_LAYER, attention: { kind: 'full' as const, queryHeads: heads, kvHeads: groups, keyDim: dim, valueDim: dim }, hiddenSize: heads * dim, scale: dim ** -0.5 };
  const capture = { ids: Array.from({ length: tokens }, () => 0), layer: 0, spec, sinks: null, logits: null, tensors: new Map([['q' as const, tensor(heads)], ['k' as const, tensor(groups)]]) };
  const tiles = new AttentionTiles(new ProgramCache(createEngine('onnxruntime-cpu', { threads: computeThreads() })), capture);
  const start = performance.now();
  const cpu = process.cpuUsage();
  await tiles.read({ what: 'weights', rows: 512, columns: 512 }, UNWATCHED);
  const { user, system } = process.cpuUsage(cpu);
  return { seconds: (performance.now() - start) / 1000, cpuSeconds: (user + system) / 1e6, peak: process.resourceUsage().maxRSS * 1024 };
}

const [, , task, argument = ''] = process.argv;
void (task === 'read' ? read(argument) : overview(Number(argument))).then((result) => process.stdout.write(JSON.stringify(result)));
