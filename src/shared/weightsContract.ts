/** What the compute process says of weight files: from their headers, and of single tensors from their data, read by range. */

import * as v from 'valibot';
import type { RowBlocks } from '../families/kit/weightSource';
import type { TensorStatistics } from '../insight/tensorStatistics';
import type { WeightBytes, WeightPlacement } from '../serving/weights';
import { configSource } from './configSource';
import {
  anyNumber,
  bytes,
  count,
  floats,
  list,
  type MethodsOf,
  pair,
  type Schema,
  type SchemasOf,
  text,
  trusted,
  whole,
} from './schema';

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
} satisfies SchemasOf<Omit<WeightBytes, 'chosen' | 'bytesEach'>>);

const sizes = { tensors: anyNumber, elements: anyNumber, bytes: anyNumber };

/** Tensors of one element type. */
const storedType = v.object({
  /** As the file calls it: `BF16`, `Q4_K`, … */
  name: v.string(),
  ...sizes,
});
export type StoredType = v.InferOutput<typeof storedType>;

/** Tensors of one module, with `*` in place of the layers' numbers. */
const storedModule = v.object({ name: v.string(), ...sizes });
export type StoredModule = v.InferOutput<typeof storedModule>;

const storedShape = v.object({
  name: v.string(),
  dtype: v.string(),
  /** Outermost dimension first. */
  shape: list(anyNumber, 65536),
  bytes: anyNumber,
});
export type StoredShape = v.InferOutput<typeof storedShape>;

/** One key of the metadata. */
const metadataEntry = v.object({
  key: v.string(),
  /** A value, or the first ones of a list. */
  text: v.string(),
  /** Values of a list; null where it is none. */
  count: v.nullable(anyNumber),
});
export type MetadataEntry = v.InferOutput<typeof metadataEntry>;

const config = v.nullable(
  v.object({
    /** A config's text: the metadata of a GGUF file, or the config.json beside a safetensors file. */
    text: v.string(),
    from: v.picklist(['metadata', 'config.json']),
  }),
);

const contents = {
  format: v.picklist(['gguf', 'safetensors']),
  tensors: anyNumber,
  elements: anyNumber,
  weights: weightBytes,
  /** By bytes, largest first. */
  types: list(storedType, 65_536),
  modules: list(storedModule, 1000),
  metadata: list(metadataEntry, 2000),
  config,
};

const headPart = v.object({
  letter: v.picklist(['Q', 'K', 'V', 'O', 'latent']),
  heads: anyNumber,
  dim: anyNumber,
  queryHeads: anyNumber,
  groups: anyNumber,
  along: v.picklist(['rows', 'columns']),
  blocks: v.exactOptional(trusted<readonly RowBlocks[]>()),
});
export type HeadPart = v.InferOutput<typeof headPart>;

/** Whether tensors and config belong together. */
const fit = {
  /** Why no tensor could be marked; null where they are. */
  unmarked: v.nullable(v.string()),
  /** Where they do not, in sentences: the first ones. */
  mismatches: list(v.string(), 100),
  mismatchCount: anyNumber,
};

/** Names and values come from the file: bounded where they are read, to be escaped where they are shown. */
const weightsSummary = v.object({
  ...contents,
  /** Files that hold the tensors: more than one where the model is split. */
  files: anyNumber,
  largest: list(storedShape, 100),
  /** What the tensors of the attention layers are, each with the layers in which it is so. */
  attention: list(v.object({ parts: list(headPart, 16), layers: list(anyNumber, 65_536) }), 1000),
  ...fit,
});
export type WeightsSummary = v.InferOutput<typeof weightsSummary>;

/**
 * Everything that the headers say. Tensors stand in natural order, as columns: a hundred thousand of them pass two processes as a few
 * pieces of memory.
 */
const weightsContents = v.object({
  ...contents,
  /** Of the files as they are now: what is asked later names it. */
  version: v.string(),
  files: list(v.object({ name: v.string(), bytes: anyNumber }), 100_000),
  /** Bytes of all files, headers included. */
  fileBytes: anyNumber,
  /** Tensors that the columns hold; fewer than there are where these are too many. */
  listed: anyNumber,
  /** Names in UTF-8, each on a line of its own. */
  names: bytes,
  /** Place of each tensor's type in `types`, and of its file in `files`. */
  typeOf: v.instance(Uint16Array),
  fileOf: v.instance(Uint16Array),
  /** Dimensions of each tensor; the sizes of all of them one after the other. */
  ranks: bytes,
  shapes: v.instance(Float64Array),
  bytes: v.instance(Float64Array),
  /** Place of each tensor in its files. */
  stored: v.instance(Uint32Array),
});
export type WeightsContents = v.InferOutput<typeof weightsContents>;

const attentionMark = v.object({
  /** Place of the tensor in the columns. */
  tensor: anyNumber,
  layer: anyNumber,
  parts: list(headPart, 16),
});
export type AttentionMark = v.InferOutput<typeof attentionMark>;

export const weightsMarks = v.object({
  marks: list(attentionMark, 1_000_000),
  ...fit,
});
export type WeightsMarks = v.InferOutput<typeof weightsMarks>;

/** A file as it was when it was opened: one that has changed since is refused (`conflict`). */
const opened = { version: text(200) };
/** A tensor of it, by its place in the columns. */
const tensor = { ...opened, tensor: whole(0, 1_000_000) };

const doubles: Schema<Float64Array> = v.instance(Float64Array, 'a Float64Array');
const element = whole(0, Number.MAX_SAFE_INTEGER);
/** Half-open. */
const range: Schema<readonly [number, number]> = v.pipe(v.strictTuple([element, element]), v.readonly());

const tile = {
  ...tensor,
  /** Half-open ranges of the matrix: its columns are the last dimension, its rows all others. */
  rows: range,
  columns: range,
  /** Cells at most. */
  size: v.pipe(
    pair,
    v.check(
      ([rows, columns]) => rows >= 1 && columns >= 1 && rows * columns <= 4_194_304,
      'a tile of 1 to 4,194,304 cells',
    ),
  ),
};

export const weightTile = v.object({
  /** Of each cell the value farthest from zero among those that were read; NaN where one of them is NaN. */
  data: floats,
  /** Cells. */
  rows: anyNumber,
  columns: anyNumber,
  /** Rows, and elements of a row, that were read of the ranges: all, or some of each cell. */
  rowsRead: anyNumber,
  columnsRead: anyNumber,
});
export type WeightTile = v.InferOutput<typeof weightTile>;

/** Elements that one call measures at most. */
export const MOST_MEASURED = 8 * 2 ** 20;

export const statistics = v.object({
  count: anyNumber,
  nan: anyNumber,
  infinite: anyNumber,
  zeros: anyNumber,
  least: anyNumber,
  most: anyNumber,
  mean: anyNumber,
  squares: anyNumber,
  width: anyNumber,
  bins: doubles,
} satisfies SchemasOf<TensorStatistics>);

/** What can be asked of a file that was opened: who asks names it in another way than the process is told. */
export const OF_OPENED = {
  marks: opened,
  metadata: { ...opened, key: whole(0, 2000), from: count, count: whole(1, 1000) },
  tile,
  /** Of the elements `[from, to)`, counted along the rows. */
  statistics: { ...tensor, from: element, to: element },
};
const { marks, metadata, statistics: measure } = OF_OPENED;
const weightTileParams = v.strictObject({ ...file.entries, ...tile });
export type WeightTileParams = Readonly<v.InferOutput<typeof weightTileParams>>;
/** Items of a list. */
export const metadataItems = list(v.string(), 1000);

export const WEIGHTS = {
  /** Of a GGUF or safetensors file, all its parts included. */
  'weights/summary': {
    params: v.strictObject({ ...file.entries, families: configSource.entries.families }),
    result: weightsSummary,
  },
  /** Bytes of the weights beside a config; null where none are there. */
  'weights/beside': { params: file, result: v.nullable(weightBytes) },
  /** Headers only. The file stays open for what is asked of it next. */
  'weights/open': { params: file, result: weightsContents },
  /** Which tensors are Q, K, V and O, and what does not fit the config. */
  'weights/marks': {
    params: v.strictObject({ ...file.entries, ...marks, families: configSource.entries.families }),
    result: weightsMarks,
  },
  /** Items of a list of the metadata, as texts. */
  'weights/metadata': { params: v.strictObject({ ...file.entries, ...metadata }), result: metadataItems },
  'weights/tile': { params: weightTileParams, result: weightTile },
  'weights/statistics': { params: v.strictObject({ ...file.entries, ...measure }), result: statistics },
};
export type WeightsMethods = MethodsOf<typeof WEIGHTS>;
