/** A peer of the bench in a process of its own: one engine, one case after the other. */

import type { Tensor } from '../../attention/onnx/graph';
import type { AttentionProgram } from '../../attention/onnx/program';
import { headDims } from '../../attention/spec/layerSpec';
import { stepInputs } from '../../attention/step/stepInputs';
import { channelTransport } from '../childTransport';
import { withColumnCache } from '../columnCache';
import { createEngine } from '../engines/createEngine';
import type { EngineDescription, InPlace, LoadedProgram } from '../engines/engine';
import { type GraphRunner, tfjsRunner } from '../engines/tfjs/tfjsBackend';
import { type NoiseRecipe, noiseTensor } from '../seededWeights';
import { type NoMethods, RpcPeer } from '../../shared/rpc';
import { tensorBytes } from '../../shared/transfer';
import { byColumns, inRing, transposed, withRoom, writeRows } from './cacheRows';
import { type CaseGraph, caseTensors } from './caseTensors';
import type { BenchCase, BenchEngine } from './cases';
import type { BenchMethods, PreparedCase } from './contract';

/** A graph that is ready to run on its own inputs. */
interface Part {
  readonly program: LoadedProgram;
  readonly inputs: ReadonlyMap<string, Tensor>;
  readonly outputs: readonly string[];
}

/** A step in two parts: the new rows go into the resident cache, then everything else runs on it. */
interface Loaded {
  readonly rows: Part | null;
  readonly main: Part;
  write(rows: ReadonlyMap<string, Tensor>): void;
}

type Runner = GraphRunner & { describe?(): EngineDescription; readonly writesInPlace?: boolean };

export class BenchWorker {
  private runner: Runner | undefined;
  private loaded: Loaded | undefined;

  /** @param profile As an engine has it. */
  constructor(private readonly profile?: string) {}

  async prepare(
    test: BenchCase,
    engine: BenchEngine,
    threads: number,
    tensorflowPath: string | null,
  ): Promise<PreparedCase> {
    await this.unload();
    this.runner ??= await openRunner(engine, threads, tensorflowPath, this.profile);
    const { runner } = this;
    // tfjs multiplies plain matrices several times faster than transposed ones; onnxruntime reads rows of weights.
    const weightLayout =
      engine === 'tfjs-wasm' || engine === 'tfjs-cpu' || engine === 'tensorflow' ? 'in-out' : 'out-in';
    // On the CPU a cache is used where it lies: new rows are written into it, and a step copies nothing of it. Not with the
    // projections of K and V among them: the threads of that second session would spin beside those of the main one.
    const written = engine === 'onnxruntime-cpu' && test.past > 0 && test.core;
    // What a GPU holds of the cache stays there, and the graph writes into it.
    const inPlace = runner.writesInPlace === true && test.past > 0;
    const { precision = 'float32', batch = 1, fused = engine === 'onnxruntime-cpu' } = test;
    const tensors = caseTensors(test, { weightLayout, written, inPlace, fused });
    const { program, output } = tensors;
    const columns =
      engine === 'onnxruntime-cpu' && test.tokens === 1
        ? withColumnCache({ graph: tensors.graph, cache: program.cache }, sharing(test))
        : null;
    const cache = new Map<string, Tensor>();
    for (const { role, past: name } of program.cache) {
      const recipe = tensors.past[role];
      if (name === null || !recipe) continue;
      const rows = floats(recipe);
      const tensor = program.room
        ? inRing(rows, program.room.tokens, test.past)
        : written
          ? withRoom(rows, test.tokens)
          : rows;
      cache.set(role, columns ? byColumns(tensor) : tensor);
    }
    const weights = Object.entries(tensors.weights).map(
      ([name, recipe]) =>
        [name, weightLayout === 'in-out' && isMap(name) ? transposed(floats(recipe)) : floats(recipe)] as const,
    );
    const inputs = Object.entries(tensors.inputs).map(([name, recipe]) => [name, floats(recipe)] as const);
    const part = async (
      { program: own, graph }: CaseGraph,
      outputs: readonly string[],
      on: GraphRunner = runner,
    ): Promise<Part> => {
      const names = new Set(graph.inputs.map(({ name }) => name));
      const used = <T extends readonly [string, Tensor]>(pairs: Iterable<T>): Map<string, Tensor> =>
        new Map([...pairs].filter(([name]) => names.has(name)));
      const pasts = own.cache.flatMap(({ role, past: name }) =>
        name === null ? [] : [[name, cache.get(role) as Tensor] as const],
      );
      const loaded = await on.load(graph, {
        constants: used(weights),
        ...(inPlace ? { inPlace: inMemory(own, cache) } : { resident: used(pasts) }),
        repeated: test.past === 0,
        precision,
      });
      return {
        program: loaded,
        inputs: used([
          ...inputs,
          ...stepInputs(test.layer, own, { batch, newTokens: test.tokens, pastTokens: test.past }),
        ]),
        outputs,
      };
    };
    const present = inPlace ? [] : program.cache.flatMap(({ present: name }) => (name === null ? [] : [name]));
    const fresh =
      tensors.rows?.program.cache.flatMap(({ role, present: name }) =>
        name === null ? [] : [[role, name] as const],
      ) ?? [];
    this.loaded = {
      rows:
        tensors.rows &&
        (await part(
          tensors.rows,
          fresh.map(([, name]) => name),
          createEngine('onnxruntime-cpu', { threads: 1 }),
        )),
      main: await part({ program, graph: columns ?? tensors.graph }, [output, ...present]),
      write: (rows) => {
        for (const [role, name] of fresh)
          writeRows(cache.get(role) as Tensor, rows.get(name) as Tensor, test.past, columns !== null);
      },
    };
    const results = await this.run();
    // What a GPU made of the prompt's K and V stays there; it was fetched once, to be measured.
    if (runner.writesInPlace === true)
      this.loaded = { ...this.loaded, main: { ...this.loaded.main, outputs: [output] } };
    const held = [...cache.values(), ...present.map((name) => results.get(name) as Tensor)];
    const remarks = [
      ...(program.fused ? ['fused attention (GroupQueryAttention)'] : []),
      ...(written ? ['new rows are written into the cache in place'] : []),
      ...(columns ? ['the cache is stored column-major'] : []),
      ...(inPlace ? ['K and V stay on the device, and a step writes into them'] : []),
      ...(this.loaded.main.program.wholeOnDevice ? [] : ['some operators run on the CPU']),
    ];
    return {
      output: results.get(output)?.data as Float32Array,
      cacheBytes: held.reduce((sum, { shape }) => sum + tensorBytes({ type: precision, shape }), 0),
      ...(inPlace ? { movedBytes: this.loaded.main.program.movedBytes ?? 0 } : {}),
      library: runner.describe?.().library ?? 'tfjs 4.22.0',
      ...(remarks.length > 0 ? { remark: remarks.join('; ') } : {}),
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

  /** Gives back what the case took. */
  async unload(): Promise<void> {
    const { loaded } = this;
    this.loaded = undefined;
    for (const part of [loaded?.rows, loaded?.main]) await part?.program.dispose();
  }

  /** What it runs on; known after a run. */
  describe(): EngineDescription | null {
    return this.runner?.describe?.() ?? null;
  }

  private async run(): Promise<Map<string, Tensor>> {
    if (!this.loaded) throw new Error('no case is loaded');
    const { rows, main, write } = this.loaded;
    if (rows) write(await rows.program.run(rows.inputs, rows.outputs));
    return main.program.run(main.inputs, main.outputs);
  }
}

/** The tensors of a program that writes its cache in place. */
function inMemory(program: AttentionProgram, cache: ReadonlyMap<string, Tensor>): ReadonlyMap<string, InPlace> {
  return new Map(
    program.cache.flatMap(({ role, past, present, shape }) => {
      const tensor = cache.get(role);
      if (past === null || present === null || !tensor) return [];
      return [[past, { tensor: { ...tensor, shape: shape.map(Number) }, output: present }] as const];
    }),
  );
}

function openRunner(
  engine: BenchEngine,
  threads: number,
  tensorflowPath: string | null,
  profile: string | undefined,
): Promise<Runner> {
  if (engine === 'tfjs-wasm' || engine === 'tfjs-cpu')
    return tfjsRunner(engine === 'tfjs-wasm' ? 'wasm' : 'cpu', threads);
  if (engine === 'pytorch') throw new Error('pytorch has its own process');
  return Promise.resolve(
    createEngine(engine, {
      threads,
      ...(tensorflowPath ? { tensorflowPath } : {}),
      ...(profile === undefined ? {} : { profile }),
    }),
  );
}

function floats(recipe: NoiseRecipe): Tensor {
  return { type: 'float32', shape: recipe.shape, data: noiseTensor(recipe) };
}

/** Linear maps; the latent expansions are the same in both layouts. */
function isMap(name: string): boolean {
  return /^(q|k|v|o|q_a|q_b|kv_a)\.weight$/.test(name);
}

/** Queries of a token that share a key. Expanded latents are keys of their own. */
function sharing({ layer, form }: BenchCase): number {
  const { queryHeads, kvHeads } = headDims(layer.attention);
  return form === 'absorbed' ? queryHeads : queryHeads / kvHeads;
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
