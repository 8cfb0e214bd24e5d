/** What the compute process answers: method names, parameters, results. */

import * as v from 'valibot';
import type { AttentionLayerSpec } from '../attention/spec/layerSpec';
import { CACHE_RULES, CAPTURES, type CacheTensor } from '../attention/onnx/program';
import { UNITS } from '../model/units';
import { configSource } from './configSource';
import { DECODE } from './decodeContract';
import { deviceReport, PRECISIONS } from './devices';
import { ENGINE_IDS } from './engineIds';
import { EFFECTS } from './effectsContract';
import { HEADS } from './headsContract';
import { attentionLayer } from './layerSchema';
import { LENS } from './lensContract';
import {
  anyNumber,
  bytes,
  type Contract,
  list,
  type MethodsOf,
  natural,
  plain,
  record,
  size,
  text,
  trusted,
  whole,
} from './schema';
import { STORES_CONTRACT } from './storesContract';
import { TRADEOFF } from './tradeoffContract';
import { tensor } from './transfer';
import { WEIGHTS } from './weightsContract';

const engine = v.picklist(ENGINE_IDS);
const seed = whole(0, 2 ** 32 - 1);
/** Latent layers; null: expanded for prefill, absorbed for decode. */
const form = v.nullable(v.picklist(['expanded', 'absorbed']));
const rule = v.picklist(CACHE_RULES);

/** One attention layer with seeded weights: prefill, then decode steps. */
const runLayer = v.strictObject({
  layer: attentionLayer,
  engine,
  seed,
  batch: whole(1, 4096),
  /** Tokens of the prefill. */
  tokens: size,
  /** Decode steps after it, one token each. */
  steps: whole(0, 65536),
  /** Intermediate results of the last run. */
  captures: list(v.picklist(CAPTURES), CAPTURES.length),
  form,
  /** What is kept between steps; default `intrinsic`. */
  rule: v.exactOptional(rule),
  /** Default float32. */
  precision: v.exactOptional(v.picklist(PRECISIONS)),
});
export type RunLayerParams = Readonly<v.InferOutput<typeof runLayer>>;

const ROLES = ['key', 'value', 'latent'] as const satisfies readonly CacheTensor['role'][];
const cacheReport = v.object({ role: v.picklist(ROLES), shape: list(natural, 8), bytes: anyNumber });
export type CacheReport = Readonly<v.InferOutput<typeof cacheReport>>;

const layerTimes = v.object({
  weightsMs: anyNumber,
  loadMs: anyNumber,
  prefillMs: anyNumber,
  /** One per decode step. */
  stepMs: list(anyNumber, 65536),
});

const runLayerResult = v.object({
  captures: record(tensor(), CAPTURES.length),
  cache: list(cacheReport, 8),
  /** Bytes of the cache tensors that the run left, all sequences. */
  cacheBytes: anyNumber,
  /** What a plan of the cache says of the same tokens, under the rule of the run. */
  planned: v.object({ rule, bytes: anyNumber }),
  /** Bytes that the last decode step took to the device and back; null without a step, and where there is no other memory. */
  movedBytes: v.nullable(anyNumber),
  /** What must stand beside every number and picture. */
  provenance: v.object({
    engine,
    device: v.string(),
    library: v.string(),
    precision: v.picklist(PRECISIONS),
    seed,
    /** False when some operators had no kernel on the device and ran on the CPU. */
    wholeOnDevice: v.boolean(),
  }),
  times: layerTimes,
});
export type RunLayerResult = Readonly<v.InferOutput<typeof runLayerResult>>;

const describedLayer = v.object({
  /** Checked where it comes back as a parameter. */
  layer: trusted<AttentionLayerSpec>(),
  /** What was left out, where the family's own maths is not known. */
  note: v.nullable(v.string()),
});
export type DescribedLayer = Readonly<v.InferOutput<typeof describedLayer>>;

const layerOnnx = v.strictObject({
  layer: attentionLayer,
  mode: v.picklist(['prefill', 'decode']),
  form,
  seed,
  /** For the file's description. */
  name: text(200),
});
export type LayerOnnxParams = Readonly<v.InferOutput<typeof layerOnnx>>;

const layerOnnxResult = v.object({
  bytes,
  /** False where the weights are inputs, because they are too large for a file. */
  inlineWeights: v.boolean(),
  weightBytes: anyNumber,
});
export type LayerOnnxResult = Readonly<v.InferOutput<typeof layerOnnxResult>>;

/** Host → compute process. */
export const COMPUTE = {
  'compute/status': {
    params: v.pipe(plain, v.strictObject({})),
    result: v.object({ pid: natural, memoryBytes: anyNumber, memoryCeiling: anyNumber }),
  },
  /** What sizes in messages are counted in from now on: GiB until then. */
  'compute/showUnits': { params: v.strictObject({ units: v.picklist(UNITS) }), result: v.null() },
  'compute/devices': {
    /** `refresh`: probe again, even if it was done before. */
    params: v.strictObject({ refresh: v.boolean() }),
    result: list(deviceReport, 64),
    inTurn: true,
  },
  'compute/describeLayer': {
    /** `layer`: index in the list of caches. */
    params: v.strictObject({ ...configSource.entries, layer: whole(0, 4096) }),
    result: describedLayer,
  },
  'compute/layerOnnx': { params: layerOnnx, result: layerOnnxResult },
  'compute/runLayer': { params: runLayer, result: runLayerResult, inTurn: true },
  ...DECODE,
  ...HEADS,
  ...LENS,
  ...EFFECTS,
  ...TRADEOFF,
  ...WEIGHTS,
  ...STORES_CONTRACT,
} satisfies Contract;
export type ComputeMethods = MethodsOf<typeof COMPUTE>;

/** What the process is started with: JSON in one environment variable. */
export interface ComputeOptions {
  readonly memoryCeiling?: number;
  readonly threads?: number;
  readonly tensorflowPath?: string;
  /** File in which proofs of devices are kept; absent: they are made anew in every process. */
  readonly proofs?: string;
}

export const COMPUTE_OPTIONS_VARIABLE = 'HEADLIGHT_COMPUTE';
