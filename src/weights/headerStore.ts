/** Safetensors of which only the headers are read, wherever they lie: names, types and sizes; no values. Knows no files. */

import type { FileSpan } from './partsFile';
import { type HeaderEntry, headerLength, parseHeader } from './safetensorsHeader';
import { MAX_INDEX_BYTES, parseIndex } from './safetensorsIndex';
import type { TensorInfo, WeightMetadata, WeightStore } from './weightStore';
import { shown, WeightsError } from './weightsError';

/** A folder that can be read by range. */
export interface RemoteFolder {
  /** Undefined where there is no such file. */
  size(name: string): number | undefined;
  /** Bytes `[from, to)`. */
  read(name: string, from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Most headers are within it: the same as `LEAST_BYTES` of partsFile.ts, which a question names. */
const FIRST_BYTES = 64 * 1024;
/** Files that are read at once. */
const AT_ONCE = 6;

/**
 * @param opens A `.safetensors` file or an index of shards, in the folder.
 * @throws WeightsError for anything wrong with the files, and whatever the folder throws
 */
export async function headersOf(folder: RemoteFolder, opens: string): Promise<WeightStore> {
  const shardOf = opens.endsWith('.json') ? parseIndex(opens, await indexBytes(folder, opens)) : null;
  const shards = shardOf === null ? [opens] : [...new Set(shardOf.values())];
  const headers = new Map<string, Awaited<ReturnType<typeof headerOf>>>();
  const left = [...shards];
  const work = async (): Promise<void> => {
    for (let shard = left.shift(); shard !== undefined; shard = left.shift())
      headers.set(shard, await headerOf(folder, shard));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const tensors = new Map<string, TensorInfo>();
  const add = (name: string, file: string, entry: HeaderEntry | undefined): void => {
    if (entry === undefined)
      throw new WeightsError({
        file: opens,
        tensor: name,
        problem: `the index places it in ${shown(file)}, which does not have it.`,
        fix: 'Index and shards are of different versions: tell the authors of the model.',
      });
    const { dtype, shape, bytes } = entry;
    tensors.set(name, { name, dtype, shape, bytes, file });
  };
  if (shardOf === null) for (const [name, entry] of headers.get(opens)?.entries ?? []) add(name, opens, entry);
  else for (const [name, shard] of shardOf) add(name, shard, headers.get(shard)?.entries.get(name));
  const metadata = shards
    .map((shard) => headers.get(shard)?.metadata ?? {})
    .find((each) => Object.keys(each).length > 0);
  return new HeaderStore(opens, tensors, metadata ?? {});
}

async function indexBytes(folder: RemoteFolder, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const size = sizeOf(folder, name);
  if (size > MAX_INDEX_BYTES)
    throw new WeightsError({
      file: name,
      problem: `the index has ${size} bytes; the limit is ${MAX_INDEX_BYTES}.`,
      fix: 'Check that this is the right model.',
    });
  return folder.read(name, 0, size);
}

async function headerOf(folder: RemoteFolder, name: string): Promise<ReturnType<typeof parseHeader>> {
  const size = sizeOf(folder, name);
  const first = await folder.read(name, 0, Math.min(FIRST_BYTES, size));
  const end = 8 + headerLength(name, first.subarray(0, 8), size);
  const json = new Uint8Array(end - 8);
  json.set(first.subarray(8, end));
  if (end > first.byteLength) json.set(await folder.read(name, first.byteLength, end), first.byteLength - 8);
  return parseHeader(name, json, size);
}

function sizeOf(folder: RemoteFolder, name: string): number {
  const size = folder.size(name);
  if (size !== undefined) return size;
  throw new WeightsError({
    file: name,
    problem: 'the model does not have this file.',
    fix: 'Tell the authors of the model.',
  });
}

class HeaderStore implements WeightStore {
  readonly format = 'safetensors';
  readonly totalBytes: number;

  constructor(
    readonly path: string,
    private readonly tensors: ReadonlyMap<string, TensorInfo>,
    readonly metadata: WeightMetadata,
  ) {
    this.totalBytes = [...tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  names(): readonly string[] {
    return [...this.tensors.keys()];
  }

  has(name: string): boolean {
    return this.tensors.has(name);
  }

  info(name: string): TensorInfo {
    const info = this.tensors.get(name);
    if (info === undefined)
      throw new WeightsError({
        file: this.path,
        tensor: name,
        problem: 'there is no such tensor.',
        fix: 'Check its config.',
      });
    return info;
  }

  read(name: string): Promise<never> {
    return Promise.reject(this.unread(name));
  }

  readSpan(name: string): Promise<never> {
    return Promise.reject(this.unread(name));
  }

  span(name: string): FileSpan {
    throw this.unread(name);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  private unread(tensor: string): WeightsError {
    return new WeightsError({
      file: this.path,
      tensor,
      problem: 'its values are not read here, only its header.',
      fix: 'Open the model in desktop VS Code.',
    });
  }
}
