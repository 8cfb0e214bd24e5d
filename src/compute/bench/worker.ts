/** A peer of the bench in a process of its own: one engine, one case after the other. */

import type { Tensor } from '../../attention/graph';
import { headDims } from '../../attention/layerSpec';
import { stepInputs } from '../../attention/stepInputs';
import { channelTransport } from '../childTransport';
import { withColumnCache } from '../columnCache';
import { createEngine } from '../engines/createEngine';
import type { EngineDescription, LoadedProgram } from '../engines/engine';
import { type GraphRunner, tfjsRunner } from '../engines/tfjs/tfjsBackend';
import { type NoiseRecipe, noiseTensor } from '../seededWeights';
import { type NoMethods, RpcPeer } from '../../shared/rpc';
import { tensorBytes } from '../../shared/transfer';
import { caseTensors } from './caseTensors';
import type { BenchCase, BenchEngine } from './cases';
import type { BenchMethods, PreparedCase } from './contract';

interface Loaded {
  readonly program: LoadedProgram;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: readonly string[];
}

class BenchWorker {
  private runner: (GraphRunner & { describe?(): EngineDescription }) | undefined;
  private loaded: Loaded | undefined;

  async prepare(test: BenchCase, engine: BenchEngine, threads: number, tensorflowPath: string | null): Promise<PreparedCase> {
    await this.loaded?.program.dispose();
    this.loaded = undefined;
    this.runner ??= await openRunner(engine, threads, tensorflowPath);
    // tfjs multiplies plain matrices several times faster than transposed ones; onnxruntime reads rows of weights.
    const layout = engine === 'tfjs-wasm' || engine === 'tfjs-cpu' || engine === 'tensorflow' ? 'in-out' : 'out-in';
    const { program, graph, output, weights, inputs: noise, past } = caseTensors(test, layout);
    const columns = engine === 'onnxruntime-cpu' && test.tokens === 1 ? withColumnCache({ graph, cache: program.cache }, sharing(test)) : null;
    const inputs = new Map<string, Tensor>(stepInputs(test.layer, program, { newTokens: test.tokens, pastTokens: test.past }));
    for (const [name, recipe] of Object.entries(noise)) inputs.set(name, floats(recipe));
    const constants = new Map(Object.entries(weights).map(([name, recipe]) => [name, layout === 'in-out' && isMap(name) ? transposed(floats(recipe)) : floats(recipe)]));
    const resident = new Map<string, Tensor>();
    let cacheBytes = 0;
    for (const { role, past: name } of program.cache) {
      const recipe = past[role];
      if (name === null || !recipe) continue;
      const tensor = columns ? byColumns(floats(recipe)) : floats(recipe);
      resident.set(name, tensor);
      cacheBytes += tensorBytes(tensor);
    }
    const loadedProgram = await this.runner.load(columns ?? graph, { constants, resident, repeated: test.past === 0 });
    const present = program.cache.flatMap(({ present: name }) => (name === null ? [] : [name]));
    this.loaded = { program: loadedProgram, inputs, outputs: [output, ...present] };
    const results = await this.run();
    for (const name of present) cacheBytes += tensorBytes(results.get(name) as Tensor);
    return {
      output: results.get(output)?.data as Float32Array,
      cacheBytes,
      library: this.runner.describe?.().library ?? 'tfjs 4.22.0',
      ...(columns ? { remark: 'the cache lies by columns' } : {}),
    };
  }

  async time(warm: number, runs: number): Promise<readonly number[]> {
    for (let run = 0; run < warm; run++) await this.run();
    const times: number[] = [];
    for (let run = 0; run < runs; run++) {
      const start = performance.now();
      await this.run();
      times.push(performance.now() - start);
    }
    return times;
  }

  private run(): Promise<Map<string, Tensor>> {
    if (!this.loaded) throw new Error('no case is loaded');
    const { program, inputs, outputs } = this.loaded;
    return program.run(inputs, outputs);
  }
}

function openRunner(engine: BenchEngine, threads: number, tensorflowPath: string | null): Promise<GraphRunner> {
  if (engine === 'tfjs-wasm' || engine === 'tfjs-cpu') return tfjsRunner(engine === 'tfjs-wasm' ? 'wasm' : 'cpu', threads);
  if (engine === 'pytorch') throw new Error('pytorch has its own process');
  return Promise.resolve(createEngine(engine, { threads, ...(tensorflowPath ? { tensorflowPath } : {}) }));
}

function floats(recipe: NoiseRecipe): Tensor {
  return { type: 'float32', shape: recipe.shape, data: noiseTensor(recipe) };
}

/** Linear maps; the latent expansions are the same in both layouts. */
function isMap(name: string): boolean {
  return /^(q|k|v|o|q_a|q_b|kv_a)\.weight$/.test(name);
}

function transposed({ shape, data }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape;
  const result = new Float32Array(rows * columns);
  const source = data as Float32Array;
  const block = 64;
  for (let r0 = 0; r0 < rows; r0 += block) {
    for (let c0 = 0; c0 < columns; c0 += block) {
      for (let r = r0; r < Math.min(rows, r0 + block); r++) {
        for (let c = c0; c < Math.min(columns, c0 + block); c++) result[c * rows + r] = source[r * columns + c] ?? 0;
      }
    }
  }
  return { type: 'float32', shape: [columns, rows], data: result };
}

/** Queries of a token that share a key. Expanded latents are keys of their own. */
function sharing({ layer, form }: BenchCase): number {
  const { queryHeads, kvHeads } = headDims(layer.attention);
  return form === 'absorbed' ? queryHeads : queryHeads / kvHeads;
}

/** […, tokens, dim] → […, dim, tokens] */
function byColumns({ shape, data }: Tensor): Tensor {
  const outer = shape.slice(0, -2);
  const [tokens = 1, dim = 1] = shape.slice(-2);
  const size = tokens * dim;
  const result = new Float32Array(data.length);
  for (let head = 0; head < data.length / size; head++) {
    const part = (data as Float32Array).subarray(head * size, (head + 1) * size);
    result.set(transposed({ type: 'float32', shape: [tokens, dim], data: part }).data as Float32Array, head * size);
  }
  return { type: 'float32', shape: [...outer, dim, tokens], data: result };
}

/** Serves the process's channel. */
export function serveBench(): void {
  const worker = new BenchWorker();
  const trusted = <T>(params: unknown): T => params as T;
  new RpcPeer<NoMethods, BenchMethods>(channelTransport(process), {
    'bench/prepare': {
      validate: trusted,
      handle: ({ test, engine, threads, tensorflowPath }) => worker.prepare(test, engine, threads, tensorflowPath),
    },
    'bench/time': { validate: trusted, handle: ({ warm, runs }) => worker.time(warm, runs) },
  });
}
