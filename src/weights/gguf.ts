/** GGUF files: metadata through @huggingface/gguf, tensors read and dequantised by range. Split files are opened together. */

import { gguf, type GGUFTensorInfo, type MetadataValue as ParsedValue } from '@huggingface/gguf';
import { basename, dirname, join } from 'node:path';
import { dequantize, GGML_TYPES, type GgmlType, isReadable } from './ggml';
import { type MarkedText, scanGguf } from './ggufScan';
import { namesGguf } from './modelFolder';
import { RangeFile } from './rangeFile';
import { destination } from './safetensors';
import { fileError, shown, WeightsError } from './weightsError';
import { widenKernel } from './widenKernel';
import { StoredTensors } from './storedTensors';
import type {
  MetadataValue,
  ReadOptions,
  Span,
  SpanOptions,
  TensorInfo,
  WeightMetadata,
  WeightStore,
} from './weightStore';

export type GgufValue = MetadataValue;
export type GgufMetadata = WeightMetadata;

export interface GgufStore extends WeightStore {
  readonly metadata: GgufMetadata;
}

interface Stored {
  readonly type: GgmlType;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  readonly offset: number;
  readonly bytes: number;
  readonly source: RangeFile;
}

interface Opened {
  readonly file: RangeFile;
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, Stored>;
}

const DAMAGED = 'The file is damaged: download it again.';

/**
 * Opens a GGUF file; of a split one (`…-00001-of-00003.gguf`) all parts.
 * @throws WeightsError for anything wrong with the file.
 */
export async function openGguf(path: string): Promise<GgufStore> {
  const files: RangeFile[] = [];
  try {
    const first = await openPart(path, files);
    const parts = [first];
    for (const part of splitParts(path)) if (part !== path) parts.push(await openPart(part, files));
    const tensors = new Map<string, Stored>();
    for (const part of parts) {
      for (const [name, stored] of part.tensors) {
        if (tensors.has(name))
          throw new WeightsError({
            file: part.file.path,
            tensor: name,
            problem: 'another shard has a tensor of this name, too.',
            fix: DAMAGED,
          });
        tensors.set(name, stored);
      }
    }
    const metadata =
      parts.find((part) => typeof part.metadata['general.architecture'] === 'string')?.metadata ?? first.metadata;
    return new GgufTensorStore(path, metadata, tensors, files);
  } catch (error) {
    await Promise.all(files.map((file) => file.close()));
    throw error;
  }
}

/** By its name; a file whose name tells nothing (Ollama calls them by their hash) by how it begins. */
export async function isGguf(path: string): Promise<boolean> {
  if (namesGguf(path)) return true;
  if (/\.(?:safetensors|json)$/i.test(path)) return false;
  const file = await RangeFile.open(path);
  try {
    const beginning = new Uint8Array(Math.min(4, file.size));
    await file.readExact(beginning, 0);
    return new TextDecoder().decode(beginning) === 'GGUF';
  } finally {
    await file.close();
  }
}

/** Paths of all parts of a split file, or of the one file. */
function splitParts(path: string): readonly string[] {
  const match = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/.exec(basename(path));
  const total = Number(match?.[3] ?? 1);
  if (match === null || total < 2 || total > 1000) return [path];
  return Array.from({ length: total }, (_, index) =>
    join(dirname(path), `${match[1] ?? ''}-${String(index + 1).padStart(5, '0')}-of-${match[3] ?? ''}.gguf`),
  );
}

/** The parser wants an address; nobody is asked for it. */
const NO_ADDRESS = 'https://file.invalid/';

/**
 * The ranges that the parser asks for as of a server, from the file that is open. By its path the parser would open it again, each
 * time: another file may lie there by then, which nobody has looked at, or a pipe, which it would wait for.
 */
function rangesOf(file: RangeFile): typeof globalThis.fetch {
  return async (_, init) => {
    const [, from = '0', to = '0'] = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get('range') ?? '') ?? [];
    const [start, end] = [Number(from), Math.min(Number(to) + 1, file.size)];
    const bytes = new Uint8Array(Math.max(0, end - start));
    await file.readExact(bytes, start);
    return new Response(bytes, { headers: { 'content-range': `bytes ${start}-${end - 1}/${file.size}` } });
  };
}

async function openPart(path: string, files: RangeFile[]): Promise<Opened> {
  const file = await RangeFile.open(path);
  files.push(file);
  const marked = await scanGguf(file);
  let parsed: Awaited<ReturnType<typeof gguf>>;
  try {
    parsed = await gguf(NO_ADDRESS, { fetch: rangesOf(file) });
  } catch (error) {
    if (error instanceof WeightsError) throw error;
    if (error instanceof Error && 'code' in error) throw fileError(path, error);
    throw new WeightsError({
      file: path,
      problem: `its header is not valid (${shown(error instanceof Error ? error.message : String(error))}).`,
      fix: DAMAGED,
      cause: error,
    });
  }
  await file.checkUnchanged();
  const tensors = locateTensors(file, parsed.tensorInfos, parsed.tensorDataOffset);
  return { file, metadata: withMarks(plainMetadata(parsed.metadata), marked), tensors };
}

function plainMetadata(metadata: object): Record<string, GgufValue> {
  const plain: Record<string, GgufValue> = {};
  for (const [key, value] of Object.entries(metadata)) {
    Object.defineProperty(plain, key, { value: plainValue(value as ParsedValue), enumerable: true, writable: true });
  }
  return plain;
}

/** Gives texts back what the parser took for byte order marks: a token may begin so, and be no other token. */
function withMarks(metadata: Record<string, GgufValue>, marked: readonly MarkedText[]): GgufMetadata {
  for (const { key, index } of marked) {
    const value = metadata[key];
    const whole = (text: GgufValue | undefined): string => `\ufeff${String(text)}`;
    if (index === undefined) metadata[key] = whole(value);
    else if (isList(value)) value[index] = whole(value[index]);
  }
  return metadata;
}

const isList = (value: GgufValue | undefined): value is GgufValue[] => Array.isArray(value);

function plainValue(value: ParsedValue): GgufValue {
  if (Array.isArray(value)) return value.map(plainValue);
  return typeof value === 'bigint' ? Number(value) : value;
}

/** A type that a newer ggml has. The file's metadata is read all the same; its elements are not. */
function unknownType(number: number): GgmlType {
  return { name: NEWER_TYPES.get(number) ?? `type ${number}`, elements: 1, bytes: 0 };
}

/** Types whose blocks differ between llama.cpp and its forks. */
const NEWER_TYPES: ReadonlyMap<number, string> = new Map([
  [41, 'Q1_0'],
  [42, 'Q2_0'],
]);

/** Checks types, shapes and places: inside the file, aligned, no overlap. */
function locateTensors(
  file: RangeFile,
  infos: readonly GGUFTensorInfo[],
  dataOffset: bigint,
): ReadonlyMap<string, Stored> {
  const tensors = new Map<string, Stored>();
  const start = Number(dataOffset);
  const places = infos.map(({ offset }) => start + Number(offset)).sort((a, b) => a - b);
  /** Bytes up to the next tensor, or to the end of the file: what a tensor takes there whose type is not known. */
  const spaceAt = (place: number): number => Math.max(0, (places.find((next) => next > place) ?? file.size) - place);
  for (const { name, shape: dims, dtype, offset } of infos) {
    const fail = (problem: string, fix = DAMAGED): never => {
      throw new WeightsError({ file: file.path, tensor: name, problem, fix });
    };
    const shape = dims.map(Number).reverse();
    if (shape.some((size) => size < 1)) fail('its shape has an empty dimension.');
    const elements = shape.reduce((product, size) => product * size, 1);
    const row = shape.at(-1) ?? 1;
    const place = start + Number(offset);
    if (!Number.isSafeInteger(place) || place < start) fail('its offset is impossible.');
    const type = GGML_TYPES.get(dtype) ?? unknownType(dtype);
    if (!Number.isSafeInteger(elements * Math.max(1, type.bytes)))
      fail('its shape has more elements than any file can hold.');
    if (row % type.elements !== 0) fail(`its row length ${row} is not a multiple of the block size ${type.elements}.`);
    const bytes = GGML_TYPES.has(dtype) ? (elements / type.elements) * type.bytes : spaceAt(place);
    if (place + bytes > file.size)
      fail(
        `its data ends ${place + bytes - file.size} bytes past the end of the file.`,
        'The file is truncated: download it again.',
      );
    tensors.set(name, { type, shape, offset: place, bytes, source: file });
  }
  let position = start;
  for (const [name, stored] of [...tensors].sort(([, a], [, b]) => a.offset - b.offset)) {
    if (stored.offset < position)
      throw new WeightsError({
        file: file.path,
        tensor: name,
        problem: 'its data overlaps that of another tensor.',
        fix: DAMAGED,
      });
    position = stored.offset + stored.bytes;
  }
  return tensors;
}

class GgufTensorStore extends StoredTensors<Stored> implements GgufStore {
  readonly format = 'gguf';

  constructor(
    path: string,
    readonly metadata: GgufMetadata,
    tensors: ReadonlyMap<string, Stored>,
    files: readonly RangeFile[],
  ) {
    super(path, tensors, files, 'Check that the file is complete.');
  }

  info(name: string): TensorInfo {
    const { type, shape, bytes, source } = this.stored(name);
    return { name, dtype: type.name, shape, bytes, file: source.path };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Float32Array<ArrayBuffer>> {
    const { start, rowElements, count } = this.rowsOf(name, this.stored(name), options);
    return this.readSpan(name, [start * rowElements, start * rowElements + count], options);
  }

  async readSpan(name: string, span: Span, options: SpanOptions = {}): Promise<Float32Array<ArrayBuffer>> {
    const stored = this.stored(name);
    const { type, offset, source } = stored;
    const fail = (problem: string, fix: string): never => {
      throw new WeightsError({ file: source.path, tensor: name, problem, fix });
    };
    if (!isReadable(type))
      return fail(
        `its quantisation ${type.name} cannot be read.`,
        'Use a file in Q4_K, Q5_K, Q6_K, Q8_0, F16 or BF16.',
      );
    this.checkSpan(name, stored, span);
    // Blocks lie along the rows, which are made of whole ones: those that hold the span are read.
    const start = Math.floor(span[0] / type.elements);
    const end = Math.ceil(span[1] / type.elements);
    const [before, count] = [span[0] - start * type.elements, span[1] - span[0]];
    const whole = before === 0 && span[1] === end * type.elements;
    const target = destination((end - start) * type.elements, whole ? options.into : undefined);
    await source.readChunks(
      offset + start * type.bytes,
      (end - start) * type.bytes,
      type.bytes,
      (piece, at) => dequantize(type, piece, target, (at / type.bytes) * type.elements),
      {
        tensor: name,
        buffers: widenKernel(target),
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      },
    );
    if (whole) return target;
    const part = target.subarray(before, before + count);
    if (options.into === undefined || options.into.length < count) return part;
    options.into.set(part);
    return options.into.subarray(0, count);
  }
}
