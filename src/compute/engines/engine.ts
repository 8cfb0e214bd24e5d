/** What an engine is to the compute process: it proves its device, and runs graphs. */

import type { Graph, Tensor } from '../../attention/onnx/graph';
import type { DeviceKind, DeviceProof, DeviceReport } from '../../shared/devices';
import type { EngineId } from '../../shared/engineIds';

export type TensorMap = ReadonlyMap<string, Tensor>;

export interface EngineOptions {
  /** Threads of CPU engines; default: the machine's cores. */
  readonly threads?: number;
  /** Folder of an installed TensorFlow (`installTensorflow`), or of a `node_modules` that has one. */
  readonly tensorflowPath?: string;
}

export interface LoadOptions {
  /** Inputs that stay the same over all runs (weights): kept on the device. */
  readonly constants: TensorMap;
  /** Inputs that change seldom and in place (a cache): kept on the device where that is possible, never packed. */
  readonly resident?: TensorMap;
  /** Spend time and memory now to make runs faster (packing weights): worth it for many runs. */
  readonly repeated?: boolean;
}

export interface LoadedProgram {
  /** True when nothing of the graph falls back to the CPU, or the device is the CPU. */
  readonly wholeOnDevice: boolean;
  /** `inputs` without the constants. Data of the results are tight and belong to the caller. */
  run(inputs: TensorMap, outputs: readonly string[]): Promise<Map<string, Tensor>>;
  dispose(): Promise<void>;
}

/** What an engine computes on, as far as it is known: all of it after the first run. */
export interface EngineDescription {
  readonly kind: DeviceKind;
  readonly device: string;
  readonly library: string;
  /** Something the user should know about it. */
  readonly remark?: string;
}

export interface Engine {
  readonly id: EngineId;
  describe(): EngineDescription;
  load(graph: Graph, options: LoadOptions): Promise<LoadedProgram>;
  /** Proves the device with a matrix product. Never throws: a report says why not. */
  probe(): Promise<DeviceReport>;
  dispose(): Promise<void>;
}

/** The engine cannot be had here; the message says why. */
export class EngineUnavailableError extends Error {}

/** The report of an engine whose proof succeeded or failed. */
export async function reportOf(engine: Engine, prove: () => Promise<DeviceProof>): Promise<DeviceReport> {
  let proof: DeviceProof | null = null;
  let failure: string | null = null;
  try {
    proof = await prove();
  } catch (error) {
    failure = errorSentence(error);
  }
  const { remark, ...description } = engine.describe();
  return {
    engine: engine.id,
    available: proof !== null,
    ...description,
    precision: 'float32',
    reason: failure ?? remark ?? null,
    proof,
  };
}

/** Native libraries' messages carry source paths and traces; the sentence comes last on the first line. */
export function errorSentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.trim().split('\n')[0] ?? '';
  return (/was false\. (.+)$/.exec(line)?.[1] ?? line).slice(0, 300);
}
