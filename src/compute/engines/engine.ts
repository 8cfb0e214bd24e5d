/** What an engine is to the compute process: it proves its device, and runs graphs. */

import type { Graph, Tensor } from '../../attention/onnx/graph';
import type { DeviceKind, DeviceProof, DeviceReport, Precision } from '../../shared/devices';
import type { EngineId } from '../../shared/engineIds';

export type TensorMap = ReadonlyMap<string, Tensor>;

export interface EngineOptions {
  /** Threads of CPU engines; default: the machine's cores. */
  readonly threads?: number;
  /** Folder of an installed TensorFlow (`installTensorflow`), or of a `node_modules` that has one. */
  readonly tensorflowPath?: string;
  /** Beginning of the names of files into which onnxruntime writes what each operator took, when a program is given back. */
  readonly profile?: string;
}

export interface InPlace {
  /** What it holds before the first run. */
  readonly tensor: Tensor;
  readonly output: string;
}

export interface LoadOptions {
  /** Inputs that stay the same over all runs (weights): kept on the device. */
  readonly constants: TensorMap;
  /** Inputs that change seldom and in place (a cache): kept on the device where that is possible, never packed. */
  readonly resident?: TensorMap;
  /**
   * Inputs whose memory an output of the graph writes into (a cache with room for what comes), by name, with that output. They stay on the
   * device: a run takes and gives none of them. Only where the engine says `writesInPlace`.
   */
  readonly inPlace?: ReadonlyMap<string, InPlace>;
  /** Default `float32`. With `float16` the graph computes in halves; what goes in and comes out stays float32. */
  readonly precision?: Precision;
  /** Spend time and memory now to make runs faster (packing weights): worth it for many runs. */
  readonly repeated?: boolean;
}

export interface LoadedProgram {
  /** True when nothing of the graph falls back to the CPU, or the device is the CPU. */
  readonly wholeOnDevice: boolean;
  /** `inputs` without the constants. Data of the results are tight and belong to the caller. */
  run(inputs: TensorMap, outputs: readonly string[]): Promise<Map<string, Tensor>>;
  /** Bytes that the last run took to the device and back, where that is another memory. */
  readonly movedBytes?: number;
  /** An input that is written in place, as it is now. */
  read?(input: string): Promise<Tensor>;
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
  /** Whether outputs can share memory of the device with inputs. */
  readonly writesInPlace?: boolean;
  load(graph: Graph, options: LoadOptions): Promise<LoadedProgram>;
  /** Proves the device with a matrix product. Never throws: a report says why not. */
  probe(): Promise<DeviceReport>;
  dispose(): Promise<void>;
}

/** The engine cannot be had here; the message says why. */
export class EngineUnavailableError extends Error {}

/** The engine computes, and what it gives is wrong. */
export class WrongNumbersError extends Error {}

/** The report of an engine whose proof succeeded or failed. */
export async function reportOf(engine: Engine, prove: () => Promise<DeviceProof>): Promise<DeviceReport> {
  let proof: DeviceProof | null = null;
  let failure: string | null = null;
  let refused = false;
  try {
    proof = await prove();
  } catch (error) {
    refused = error instanceof WrongNumbersError;
    failure = refused ? `${engine.id} is refused: ${errorSentence(error)}` : errorSentence(error);
  }
  const { remark, ...description } = engine.describe();
  return {
    engine: engine.id,
    available: proof !== null,
    refused,
    ...description,
    precision: 'float32',
    reason: failure ?? remark ?? null,
    proof,
    proved: null,
  };
}

/** Native libraries' messages carry source paths and traces; the sentence comes last on the first line. */
export function errorSentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.trim().split('\n')[0] ?? '';
  return (/was false\. (.+)$/.exec(line)?.[1] ?? line).slice(0, 300);
}
