/** What the compute process says of weight files: from their headers, never from their data. */

import type { WeightBytes } from '../serving/weights';
import type { MethodParams } from './rpc';
import { object, params, text } from './validate';

export interface WeightFileParams {
  /** Absolute path. */
  readonly path: string;
}

/** Tensors of one element type. */
export interface StoredType {
  /** As the file calls it: `BF16`, `Q4_K`, … */
  readonly name: string;
  readonly tensors: number;
  readonly elements: number;
  readonly bytes: number;
}

export interface StoredShape {
  readonly name: string;
  readonly dtype: string;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  readonly bytes: number;
}

/** Names and values come from the file: bounded here, to be escaped where they are shown. */
export interface WeightsSummary {
  readonly format: 'gguf' | 'safetensors';
  /** Files that hold the tensors: more than one where the model is split. */
  readonly files: number;
  readonly tensors: number;
  readonly elements: number;
  readonly weights: WeightBytes;
  /** By bytes, largest first. */
  readonly types: readonly StoredType[];
  readonly largest: readonly StoredShape[];
  /** Scalars of a GGUF file's metadata. */
  readonly metadata: readonly (readonly [key: string, value: string])[];
  readonly config: {
    /** A config's text: the metadata of a GGUF file, or the config.json beside a safetensors file. */
    readonly text: string;
    readonly from: 'metadata' | 'config.json';
  } | null;
}

export interface WeightsMethods {
  /** Of a GGUF or safetensors file, all its parts included. */
  'weights/summary'(params: WeightFileParams): WeightsSummary;
  /** Bytes of the weights beside a config; null where none are there. */
  'weights/beside'(params: WeightFileParams): WeightBytes | null;
}

type Validators = { readonly [K in keyof WeightsMethods]: (value: unknown) => MethodParams<WeightsMethods, K> };

const file = params(object({ path: text(4096) }));

export const WEIGHTS_PARAMS: Validators = { 'weights/summary': file, 'weights/beside': file };
