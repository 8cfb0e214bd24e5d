/** tfjs-core's own backends (`wasm`, `cpu`): peers for tests and benchmarks, no engines of the product. */

import type { Graph } from '../../../attention/onnx/graph';
import type { LoadedProgram, LoadOptions } from '../engine';
import { loadGraph } from './interpreter';
import type { Tf } from './value';

export type TfjsPeer = 'wasm' | 'cpu';

export interface GraphRunner {
  load(graph: Graph, options: LoadOptions): Promise<LoadedProgram>;
}

/** @throws when the packages are not installed (they are development dependencies). */
export async function tfjsRunner(peer: TfjsPeer, threads: number): Promise<GraphRunner> {
  const tf: Tf = await import('@tensorflow/tfjs-core');
  if (peer === 'wasm') {
    const backend = await import('@tensorflow/tfjs-backend-wasm');
    backend.setThreadsCount(threads);
  } else {
    await import('@tensorflow/tfjs-backend-cpu');
  }
  if (!(await tf.setBackend(peer))) throw new Error(`tfjs has no ${peer} backend here`);
  await tf.ready();
  return { load: (graph, options) => Promise.resolve(loadGraph(tf, graph, options)) };
}
