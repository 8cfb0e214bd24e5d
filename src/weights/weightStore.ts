/** What a file (or folder) of weights offers, whatever its format. */

import type { FileSpan } from './partsFile';

export interface TensorInfo {
  readonly name: string;
  /** As the file calls it: `BF16`, `F8_E4M3`, `Q4_K`, … */
  readonly dtype: string;
  /** Row-major, outermost dimension first (also for GGUF, which stores it the other way round). */
  readonly shape: readonly number[];
  /** Bytes in the file. */
  readonly bytes: number;
  /** File that holds it. */
  readonly file: string;
}

export interface ReadOptions {
  /** Half-open range along the first dimension; all of it by default. */
  readonly rows?: readonly [start: number, end: number];
  /** Where to put the values (at least as many elements); reusing one saves the allocation. */
  readonly into?: Float32Array<ArrayBuffer>;
  readonly signal?: AbortSignal;
}

/** Half-open range of elements. */
export type Span = readonly [start: number, end: number];
export type SpanOptions = Omit<ReadOptions, 'rows'>;

/** Metadata value; integers of 64 bits as numbers. */
export type MetadataValue = string | number | boolean | readonly MetadataValue[];
export type WeightMetadata = Readonly<Record<string, MetadataValue>>;

export interface WeightStore {
  readonly format: 'safetensors' | 'gguf';
  /** The file or folder that was opened. */
  readonly path: string;
  /** Bytes of all tensors in the files. */
  readonly totalBytes: number;
  names(): readonly string[];
  has(name: string): boolean;
  /** @throws WeightsError when there is no such tensor. */
  info(name: string): TensorInfo;
  /**
   * Values widened to float32, row-major; exactly as many elements as asked for.
   * @throws WeightsError when the tensor is missing, of a type that cannot be read, or the file changed or ended early.
   */
  read(name: string, options?: ReadOptions): Promise<Float32Array<ArrayBuffer>>;
  /**
   * Where `read` would read, the scales of 8-bit tensors left out.
   * @throws WeightsError when the tensor is missing
   */
  span(name: string, rows?: ReadOptions['rows']): FileSpan;
  /**
   * The same of the elements `[start, end)`, counted along the rows: what a tensor has that no memory holds is read in stretches.
   * @throws WeightsError as `read`.
   */
  readSpan(name: string, span: Span, options?: SpanOptions): Promise<Float32Array<ArrayBuffer>>;
  /** What the files say of themselves; of safetensors files texts, of the first one that has some. */
  readonly metadata: WeightMetadata;
  close(): Promise<void>;
}
