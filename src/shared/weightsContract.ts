/** What the compute process says of weight files: from their headers, never from their data. */

import * as v from 'valibot';
import type { WeightBytes, WeightPlacement } from '../serving/weights';
import { anyNumber, list, type MethodsOf, type SchemasOf, text } from './schema';

/** Absolute path of a weight file or a folder of a model, or of a config beside which weights are looked for. */
const file = v.strictObject({ path: text(4096) });

const placement = v.object({
  layers: list(anyNumber, 100_000),
  embedding: anyNumber,
  head: anyNumber,
} satisfies SchemasOf<WeightPlacement>);

const weightBytes = v.object({
  bytes: anyNumber,
  expertBytes: anyNumber,
  exact: v.boolean(),
  rule: v.string(),
  placement: v.exactOptional(placement),
} satisfies SchemasOf<Omit<WeightBytes, 'chosen'>>);

/** Tensors of one element type. */
const storedType = v.object({
  /** As the file calls it: `BF16`, `Q4_K`, … */
  name: v.string(),
  tensors: anyNumber,
  elements: anyNumber,
  bytes: anyNumber,
});
export type StoredType = v.InferOutput<typeof storedType>;

const storedShape = v.object({
  name: v.string(),
  dtype: v.string(),
  /** Outermost dimension first. */
  shape: list(anyNumber, 65536),
  bytes: anyNumber,
});
export type StoredShape = v.InferOutput<typeof storedShape>;

/** Names and values come from the file: bounded where they are read, to be escaped where they are shown. */
const weightsSummary = v.object({
  format: v.picklist(['gguf', 'safetensors']),
  /** Files that hold the tensors: more than one where the model is split. */
  files: anyNumber,
  tensors: anyNumber,
  elements: anyNumber,
  weights: weightBytes,
  /** By bytes, largest first. */
  types: list(storedType, 1000),
  largest: list(storedShape, 100),
  /** Scalars of a GGUF file's metadata: key, value. */
  metadata: list(v.pipe(v.tuple([v.string(), v.string()]), v.readonly()), 1000),
  config: v.nullable(
    v.object({
      /** A config's text: the metadata of a GGUF file, or the config.json beside a safetensors file. */
      text: v.string(),
      from: v.picklist(['metadata', 'config.json']),
    }),
  ),
});
export type WeightsSummary = v.InferOutput<typeof weightsSummary>;

export const WEIGHTS = {
  /** Of a GGUF or safetensors file, all its parts included. */
  'weights/summary': { params: file, result: weightsSummary },
  /** Bytes of the weights beside a config; null where none are there. */
  'weights/beside': { params: file, result: v.nullable(weightBytes) },
};
export type WeightsMethods = MethodsOf<typeof WEIGHTS>;
