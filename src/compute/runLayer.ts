/** Runs one attention layer from its spec: prefill, then decode steps on the cache that it left. */

import { buildAttentionProgram } from '../attention/onnx/buildAttention';
import type { Tensor } from '../attention/onnx/graph';
import { type AttentionLayerSpec, keyLimit } from '../attention/spec/layerSpec';
import { ringSlots } from '../attention/step/ring';
import type { AttentionProgram, CaptureName } from '../attention/onnx/program';
import { stepInputs } from '../attention/step/stepInputs';
import { layerWeights, type WeightInfo } from '../attention/spec/weightNames';
import type { CacheReport, RunLayerParams, RunLayerResult } from '../shared/computeContract';
import type { CallContext } from '../shared/rpc';
import { RpcError } from '../shared/rpcError';
import { tensorBytes } from '../shared/transfer';
import type { Precision } from '../shared/devices';
import { inRing } from './bench/cacheRows';
import type { Engine, InPlace, LoadedProgram } from './engines/engine';
import { plannedCacheBytes } from './plannedCache';
import { seededNoise, seededWeights } from './seededWeights';
import { elementAt } from '../model/elementAt';

export type LayerRun = Omit<RunLayerParams, 'engine'>;

/** Captures are those of the last run: the prefill, or the last decode step. */
export type LayerOutcome = Omit<RunLayerResult, 'provenance'> & Pick<RunLayerResult['provenance'], 'wholeOnDevice'>;

/** Weights of the layer by name; by default seeded noise. */
export type WeightSource = (infos: readonly WeightInfo[]) => Promise<ReadonlyMap<string, Float32Array>>;

/** Captures with a row or column for each key. */
const BY_KEY: readonly CaptureName[] = ['k', 'v', 'scores', 'weights'];

/**
 * Whether the cache can stay where it is. One with a window is a ring then: its keys have the order of its slots, in which no one who looks
 * inside wants them; and it has a slot for the step's own row, where transformers' rule keeps a row less between steps than the step sees.
 */
function canStay({ attention }: AttentionLayerSpec, { captures, rule }: LayerRun): boolean {
  return keyLimit(attention) === null || (rule !== 'transformers' && !captures.some((name) => BY_KEY.includes(name)));
}

export async function runLayer(
  engine: Engine,
  run: LayerRun,
  watch: CallContext,
  source: WeightSource = seeded(run.seed),
): Promise<LayerOutcome> {
  const { layer, batch, tokens, steps, rule = 'intrinsic', precision = 'float32' } = run;
  const start = performance.now();
  watch.progress({ message: 'reading weights' });
  const infos = layerWeights(layer);
  const weights = await source(infos);
  const constants = new Map(
    infos.map(({ name, shape }) => [name, { type: 'float32' as const, shape, data: weightOf(weights, name) }]),
  );
  const loadStart = performance.now();
  // A cache that a device holds has room for what comes: a step writes its rows, and nothing of it goes to and fro.
  const room =
    engine.writesInPlace === true && canStay(layer, run)
      ? { batch, tokens: ringSlots(layer.attention, tokens + steps, 1) }
      : null;
  const stage = async (mode: 'prefill' | 'decode', before: ReadonlyMap<string, Tensor> = new Map()): Promise<Stage> => {
    const program = buildAttentionProgram(layer, {
      mode,
      ...(mode === 'decode' && room ? { cache: 'inPlace', room } : { cache: 'present' }),
      cacheRule: rule,
      captures: mode === 'prefill' && steps > 0 ? [] : run.captures,
      ...(run.form ? { form: run.form } : {}),
    });
    const needed = new Map(program.weightInputs.map(({ name }) => [name, constants.get(name) as Tensor]));
    return new Stage(
      layer,
      program,
      await engine.load(program.graph, { constants: needed, precision, ...heldCache(program, before, tokens) }),
    );
  };
  let loadMs = 0;
  let wholeOnDevice = true;
  const stages: Stage[] = [];
  try {
    watch.progress({ message: 'prefill', fraction: 0 });
    const prefill = await stage('prefill');
    stages.push(prefill);
    loadMs += performance.now() - loadStart;
    const input = seededNoise(batch * (tokens + steps) * layer.hiddenSize, run.seed + 1);
    const prefillStart = performance.now();
    let result = await prefill.run(hiddenSlice(input, run, 0, tokens), 0, new Map());
    const prefillMs = performance.now() - prefillStart;
    const stepMs: number[] = [];
    if (steps > 0) {
      const decodeStart = performance.now();
      const decode = await stage('decode', result.cache);
      stages.push(decode);
      loadMs += performance.now() - decodeStart;
      for (let step = 0; step < steps; step++) {
        if (watch.signal.aborted) throw new RpcError('cancelled', 'the run was cancelled');
        watch.progress({ message: `token ${step + 1} of ${steps}`, fraction: step / steps });
        const stepStart = performance.now();
        result = await decode.run(hiddenSlice(input, run, tokens + step, 1), tokens + step, result.cache);
        stepMs.push(performance.now() - stepStart);
      }
    }
    wholeOnDevice = stages.every(({ loaded }) => loaded.wholeOnDevice);
    const last = stages.at(-1) ?? prefill;
    const cache = cacheReport(await last.cacheAfter(result.cache), precision);
    return {
      captures: result.captures,
      cache,
      cacheBytes: cache.reduce((sum, { bytes }) => sum + bytes, 0),
      movedBytes: steps === 0 || !engine.writesInPlace ? null : (last.loaded.movedBytes ?? null),
      planned: { rule, bytes: plannedCacheBytes(layer.attention, { batch, tokens: tokens + steps }, rule, precision) },
      wholeOnDevice,
      times: { weightsMs: loadStart - start, loadMs, prefillMs, stepMs },
    };
  } finally {
    for (const { loaded } of stages) await loaded.dispose();
  }
}

interface StageResult {
  readonly captures: Readonly<Record<string, Tensor>>;
  /** By role. */
  readonly cache: ReadonlyMap<string, Tensor>;
}

/** A loaded program and how its inputs and outputs are named. */
class Stage {
  constructor(
    private readonly layer: AttentionLayerSpec,
    private readonly program: AttentionProgram,
    readonly loaded: LoadedProgram,
  ) {}

  async run(hidden: Tensor, pastTokens: number, past: ReadonlyMap<string, Tensor>): Promise<StageResult> {
    const { program } = this;
    const feeds = stepInputs(this.layer, program, { newTokens: elementAt(hidden.shape, 1), pastTokens });
    feeds.set('hidden', hidden);
    const held = program.room !== null;
    for (const { role, past: name } of program.cache) {
      const tensor = past.get(role);
      if (!held && name !== null && tensor) feeds.set(name, tensor);
    }
    const inMemory = new Set(held ? program.cache.map(({ present }) => present) : []);
    const results = await this.loaded.run(
      feeds,
      program.graph.outputs.flatMap(({ name }) => (inMemory.has(name) ? [] : [name])),
    );
    const captures = Object.entries(program.captures).map(
      ([capture, name]) => [capture, results.get(name) as Tensor] as const,
    );
    const cache = held
      ? []
      : program.cache.map(({ role, present }) => [role, results.get(present ?? '') as Tensor] as const);
    return { captures: Object.fromEntries(captures), cache: new Map(cache) };
  }

  /** What the last run left; `given` where it came out. */
  async cacheAfter(given: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>> {
    const { program, loaded, layer } = this;
    if (!program.room || !loaded.read) return given;
    const { batch, tokens } = program.room;
    const held = new Map<string, Tensor>();
    for (const { role, past } of program.cache) {
      const tensor = past === null ? null : await loaded.read(past);
      const heads = layer.attention.kind === 'latent' ? [] : [layer.attention.kvHeads];
      const dim = tensor?.shape.at(-1) ?? 0;
      if (tensor) held.set(role, { ...tensor, shape: [batch, ...heads, tokens, dim] });
    }
    return held;
  }
}

function cacheReport(cache: ReadonlyMap<string, Tensor>, precision: Precision): readonly CacheReport[] {
  return [...cache].map(([role, { shape }]) => ({
    role: role as CacheReport['role'],
    shape,
    bytes: tensorBytes({ type: precision, shape }),
  }));
}

/** The tensors that a decode program writes in place, with what the prefill left in them. */
function heldCache(
  { room, cache }: AttentionProgram,
  before: ReadonlyMap<string, Tensor>,
  tokens: number,
): { readonly inPlace?: ReadonlyMap<string, InPlace> } {
  if (!room) return {};
  const inPlace = new Map<string, InPlace>();
  for (const { role, past, present, shape } of cache) {
    const tensor = before.get(role);
    if (past !== null && present !== null && tensor)
      inPlace.set(past, {
        tensor: { ...inRing(tensor, room.tokens, tokens), shape: shape.map(Number) },
        output: present,
      });
  }
  return { inPlace };
}

/** Tokens `first` … of every sequence: [batch, count, hidden] out of [batch, all, hidden]. */
function hiddenSlice(
  input: Float32Array,
  { batch, tokens, steps, layer }: LayerRun,
  first: number,
  count: number,
): Tensor {
  const width = layer.hiddenSize;
  const all = tokens + steps;
  const data = new Float32Array(batch * count * width);
  for (let row = 0; row < batch; row++) {
    data.set(input.subarray((row * all + first) * width, (row * all + first + count) * width), row * count * width);
  }
  return { type: 'float32', shape: [batch, count, width], data };
}

function weightOf(weights: ReadonlyMap<string, Float32Array>, name: string): Float32Array {
  const data = weights.get(name);
  if (!data) throw new RpcError('invalidInput', `the weights lack ${name}`);
  return data;
}

function seeded(seed: number): WeightSource {
  return (infos) => Promise.resolve(seededWeights(infos, seed));
}
