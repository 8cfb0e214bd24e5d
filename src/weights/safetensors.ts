/** Safetensors, one file or shards with an index, read tensor by tensor. */

import { basename, dirname, join } from 'node:path';
import { applyScale, scaleGrid, scaleNames } from './blockScale';
import { RangeFile } from './rangeFile';
import { headerLength, parseHeader, type HeaderEntry } from './safetensorsHeader';
import { MAX_INDEX_BYTES, parseIndex } from './safetensorsIndex';
import { closeAll, StoredTensors } from './storedTensors';
import type { ReadOptions, Span, SpanOptions, TensorInfo, WeightMetadata, WeightStore } from './weightStore';
import { shown, WeightsError } from './weightsError';
import { ELEMENT_BYTES, isStoredDtype } from './storedDtype';
import { widen } from './widen';
import { widenKernel } from './widenKernel';

interface Stored extends HeaderEntry {
  readonly source: RangeFile;
}

/**
 * Opens a `.safetensors` file, or all shards of a `.safetensors.index.json`; reads only headers.
 * @throws WeightsError for anything wrong with the files, a missing shard included.
 */
export async function openSafetensors(path: string): Promise<WeightStore> {
  const files: RangeFile[] = [];
  try {
    const opened = path.endsWith('.json') ? await openShards(path, files) : await openSingle(path, files);
    return new SafetensorsStore(path, opened, files);
  } catch (error) {
    await closeAll(files);
    throw error;
  }
}

interface Opened {
  readonly tensors: ReadonlyMap<string, Stored>;
  readonly metadata: WeightMetadata;
}

async function openSingle(path: string, files: RangeFile[]): Promise<Opened> {
  const source = await RangeFile.open(path);
  files.push(source);
  const prefix = new Uint8Array(Math.min(8, source.size));
  await source.readExact(prefix, 0);
  const json = new Uint8Array(headerLength(path, prefix, source.size));
  await source.readExact(json, 8);
  const { entries, metadata } = parseHeader(path, json, source.size);
  await source.checkUnchanged();
  return { tensors: new Map([...entries].map(([name, entry]) => [name, { ...entry, source }])), metadata };
}

async function openShards(path: string, files: RangeFile[]): Promise<Opened> {
  const index = await readWhole(path);
  const shardOf = parseIndex(path, index);
  const shards = new Map<string, Opened>();
  for (const shard of new Set(shardOf.values())) {
    try {
      shards.set(shard, await openSingle(join(dirname(path), shard), files));
    } catch (error) {
      const missing = error instanceof WeightsError && isMissing(error);
      if (!missing) throw error;
      throw new WeightsError({
        file: join(dirname(path), shard),
        problem: `this shard, named by ${basename(path)}, is missing.`,
        fix: 'Download it into the same folder.',
        cause: error,
      });
    }
  }
  const tensors = new Map<string, Stored>();
  for (const [name, shard] of shardOf) {
    const stored = shards.get(shard)?.tensors.get(name);
    if (stored === undefined) {
      throw new WeightsError({
        file: path,
        tensor: name,
        problem: `the index places it in ${shown(shard)}, which does not have it.`,
        fix: 'Index and shards are of different versions: download both again.',
      });
    }
    tensors.set(name, stored);
  }
  const metadata = [...shards.values()].map((shard) => shard.metadata).find((each) => Object.keys(each).length > 0);
  return { tensors, metadata: metadata ?? {} };
}

function isMissing(error: WeightsError): boolean {
  return (
    typeof error.cause === 'object' && error.cause !== null && 'code' in error.cause && error.cause.code === 'ENOENT'
  );
}

async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  const file = await RangeFile.open(path);
  try {
    if (file.size > MAX_INDEX_BYTES) {
      throw new WeightsError({
        file: path,
        problem: `the index has ${file.size} bytes; the limit is ${MAX_INDEX_BYTES}.`,
        fix: 'Check that this is the right file.',
      });
    }
    const bytes = new Uint8Array(file.size);
    await file.readExact(bytes, 0);
    return bytes;
  } finally {
    await file.close();
  }
}

class SafetensorsStore extends StoredTensors<Stored> implements WeightStore {
  readonly format = 'safetensors';
  /** The factors that were read last. */
  private scale: { readonly name: string; readonly factors: Float32Array } | null = null;

  constructor(path: string, { tensors, metadata }: Opened, files: readonly RangeFile[]) {
    super(path, tensors, files, 'Check that config.json belongs to these weights.');
    this.metadata = metadata;
  }

  readonly metadata: WeightMetadata;

  info(name: string): TensorInfo {
    const { dtype, shape, bytes, source } = this.stored(name);
    return { name, dtype, shape, bytes, file: source.path };
  }

  async read(name: string, options: ReadOptions = {}): Promise<Float32Array<ArrayBuffer>> {
    const { start, rowElements, count } = this.rowsOf(name, this.stored(name), options);
    return this.readSpan(name, [start * rowElements, start * rowElements + count], options);
  }

  async readSpan(name: string, span: Span, options: SpanOptions = {}): Promise<Float32Array<ArrayBuffer>> {
    const stored = this.stored(name);
    const { dtype, source } = stored;
    if (!isStoredDtype(dtype))
      throw new WeightsError({
        file: source.path,
        tensor: name,
        problem: `its element type ${dtype} cannot be read.`,
        fix: 'Use a checkpoint in bf16, f16, f32 or fp8.',
      });
    const elementBytes = ELEMENT_BYTES[dtype];
    this.checkSpan(name, stored, span);
    const [start, end] = span;
    const count = end - start;
    const target = destination(count, options.into);
    const position = stored.offset + start * elementBytes;
    const context = { tensor: name, ...(options.signal === undefined ? {} : { signal: options.signal }) };
    if (dtype === 'F32') {
      await readPlain(source, new Uint8Array(target.buffer, target.byteOffset, count * 4), position, context);
    } else {
      await source.readChunks(
        position,
        count * elementBytes,
        elementBytes,
        (piece, offset) => widen(dtype, piece, target, offset / elementBytes),
        { ...context, buffers: widenKernel(target) },
      );
    }
    if (elementBytes === 1) await this.rescale(name, stored, target, start);
    return target;
  }

  /** Multiplies by the scales stored beside an 8-bit tensor, if any. */
  private async rescale(name: string, stored: Stored, target: Float32Array, first: number): Promise<void> {
    const scaleName = scaleNames(name).find((candidate) => this.tensors.has(candidate));
    if (scaleName === undefined) return;
    const { shape } = this.stored(scaleName);
    const rowElements = stored.shape.slice(1).reduce((product, size) => product * size, 1);
    // A matrix is read in many stretches, one after the other.
    if (this.scale?.name !== scaleName) this.scale = { name: scaleName, factors: await this.read(scaleName) };
    const grid = scaleGrid(stored.shape[0] ?? 1, rowElements, shape, this.scale.factors);
    if (stored.shape.length > 2 || grid === null) {
      throw new WeightsError({
        file: stored.source.path,
        tensor: scaleName,
        problem: `scales of shape [${shape.join(', ')}] do not fit a tensor of shape [${stored.shape.join(', ')}].`,
        fix: 'Use a checkpoint in bf16, f16 or f32.',
      });
    }
    applyScale(target, rowElements, first, grid);
  }
}

/** Float32 needs no widening: it goes straight to where it belongs, in pieces so that it can be cancelled. */
async function readPlain(
  source: RangeFile,
  target: Uint8Array<ArrayBuffer>,
  position: number,
  context: { readonly tensor: string; readonly signal?: AbortSignal },
): Promise<void> {
  const piece = 16 * 1024 * 1024;
  for (let done = 0; done < target.byteLength; done += piece) {
    context.signal?.throwIfAborted();
    await source.readExact(
      target.subarray(done, Math.min(target.byteLength, done + piece)),
      position + done,
      context.tensor,
    );
  }
  await source.checkUnchanged(context.tensor);
}

/** `into` cut to `count` elements, or a new array. */
export function destination(count: number, into: Float32Array<ArrayBuffer> | undefined): Float32Array<ArrayBuffer> {
  return into !== undefined && into.length >= count ? into.subarray(0, count) : new Float32Array(count);
}
