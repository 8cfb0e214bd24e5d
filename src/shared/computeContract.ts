/** What the compute process answers: method names, parameters, results. Validation: `computeParams.ts`. */

import type { Tensor } from '../attention/graph';
import type { AttentionLayerSpec } from '../attention/layerSpec';
import type { CacheRule, CacheTensor, CaptureName, LatentForm } from '../attention/program';
import type { ConfigSource } from './configSource';
import type { DeviceReport, EngineId } from './devices';
import type { HeadsMethods } from './headsContract';
import type { WeightsMethods } from './weightsContract';

export interface DevicesParams {
  /** Probe again, even if it was done before. */
  readonly refresh: boolean;
}

/** One attention layer with seeded weights: prefill, then decode steps. */
export interface RunLayerParams {
  readonly layer: AttentionLayerSpec;
  readonly engine: EngineId;
  readonly seed: number;
  readonly batch: number;
  /** Tokens of the prefill. */
  readonly tokens: number;
  /** Decode steps after it, one token each. */
  readonly steps: number;
  /** Intermediate results of the last run. */
  readonly captures: readonly CaptureName[];
  /** Latent layers; null: expanded for prefill, absorbed for decode. */
  readonly form: LatentForm | null;
  /** What is kept between steps; default `intrinsic`. */
  readonly rule?: CacheRule;
}

export interface CacheReport {
  readonly role: CacheTensor['role'];
  readonly shape: readonly number[];
  readonly bytes: number;
}

export interface LayerTimes {
  readonly weightsMs: number;
  readonly loadMs: number;
  readonly prefillMs: number;
  /** One per decode step. */
  readonly stepMs: readonly number[];
}

/** What must stand beside every number and picture. */
export interface RunProvenance {
  readonly engine: EngineId;
  readonly device: string;
  readonly library: string;
  readonly precision: 'float32';
  readonly seed: number;
  /** False when some operators had no kernel on the device and ran on the CPU. */
  readonly wholeOnDevice: boolean;
}

export interface RunLayerResult {
  readonly captures: Readonly<Record<string, Tensor>>;
  readonly cache: readonly CacheReport[];
  /** Bytes of the cache tensors that the run left, all sequences. */
  readonly cacheBytes: number;
  /** What a plan of the cache says of the same tokens, under the rule of the run. */
  readonly planned: { readonly rule: CacheRule; readonly bytes: number };
  readonly provenance: RunProvenance;
  readonly times: LayerTimes;
}

export interface ComputeStatus {
  readonly pid: number;
  readonly memoryBytes: number;
  readonly memoryCeiling: number;
}

export interface DescribeLayerParams extends ConfigSource {
  /** Index in the list of caches. */
  readonly layer: number;
}

export interface DescribedLayer {
  readonly layer: AttentionLayerSpec;
  /** What was left out, where the family's own maths is not known. */
  readonly note: string | null;
}

export interface LayerOnnxParams {
  readonly layer: AttentionLayerSpec;
  readonly mode: 'prefill' | 'decode';
  /** Latent layers only. */
  readonly form: LatentForm | null;
  readonly seed: number;
  /** For the file's description. */
  readonly name: string;
}

export interface LayerOnnxResult {
  readonly bytes: Uint8Array;
  /** False where the weights are inputs, because they are too large for a file. */
  readonly inlineWeights: boolean;
  readonly weightBytes: number;
}

/** Host → compute process. */
export interface ComputeMethods extends HeadsMethods, WeightsMethods {
  'compute/status'(params: Record<string, never>): ComputeStatus;
  'compute/devices'(params: DevicesParams): readonly DeviceReport[];
  'compute/describeLayer'(params: DescribeLayerParams): DescribedLayer;
  'compute/layerOnnx'(params: LayerOnnxParams): LayerOnnxResult;
  'compute/runLayer'(params: RunLayerParams): RunLayerResult;
}

/** What the process is started with: JSON in one environment variable. */
export interface ComputeOptions {
  readonly memoryCeiling?: number;
  readonly threads?: number;
  readonly tensorflowPath?: string;
}

export const COMPUTE_OPTIONS_VARIABLE = 'HEADLIGHT_COMPUTE';
