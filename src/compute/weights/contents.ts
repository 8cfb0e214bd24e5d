/** What the headers of a weight file say: counted, sorted, and bounded, for people and for the weight editor. */

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { StoredType, WeightsContents, WeightsSummary } from '../../shared/weightsContract';
import { type GgufStore, isGguf, openGguf } from '../../weights/gguf';
import { ggufConfig } from '../../weights/ggufConfig';
import { readText } from '../../weights/modelFolder';
import { openSafetensors } from '../../weights/safetensors';
import type { TensorInfo, WeightMetadata, WeightStore } from '../../weights/weightStore';
import { shown } from '../../weights/weightsError';
import { type Counted, countsOf, isList, valueText } from './counts';

/** Tensors that are listed. */
const MOST_LISTED = 1_000_000;

export type OpenStore = WeightStore | GgufStore;

/** @throws WeightsError */
export async function openStore(path: string): Promise<OpenStore> {
  return (await isGguf(path)) ? openGguf(path) : openSafetensors(path);
}

export async function counted(store: OpenStore, path: string, infos: readonly TensorInfo[]): Promise<Counted> {
  return countsOf(store, infos, await configOf(store, path));
}

async function configOf(store: OpenStore, path: string): Promise<WeightsSummary['config']> {
  if (store.format === 'gguf') {
    return { text: JSON.stringify(ggufConfig(store.metadata), null, 2), from: 'metadata' };
  }
  const text = await readText(join(dirname(path), 'config.json')).catch(() => null);
  return text === null ? null : { text, from: 'config.json' };
}

/** Items of a list of the metadata; none where the key has no list. */
export function itemsOf(metadata: WeightMetadata, key: number, from: number, count: number): string[] {
  const value = Object.values(metadata)[key];
  return value !== undefined && isList(value) ? value.slice(from, from + count).map(valueText) : [];
}

/** @param infos In the order in which they are listed. */
export async function columnsOf(
  store: OpenStore,
  infos: readonly TensorInfo[],
  types: readonly StoredType[],
): Promise<
  Pick<
    WeightsContents,
    'files' | 'fileBytes' | 'listed' | 'names' | 'typeOf' | 'fileOf' | 'ranks' | 'shapes' | 'bytes' | 'stored'
  >
> {
  const paths = [...new Set(infos.map(({ file }) => file))].sort();
  const files = await Promise.all(
    paths.map(async (path) => ({ name: shown(basename(path)), bytes: await sizeOf(path) })),
  );
  const listed = infos.slice(0, MOST_LISTED);
  const [typeAt, fileAt] = [placesOf(types.map(({ name }) => name)), placesOf(paths)];
  const storedAt = placesOf(store.names());
  return {
    files,
    fileBytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    listed: listed.length,
    names: new TextEncoder().encode(listed.map(({ name }) => shown(name)).join('\n')),
    typeOf: Uint16Array.from(listed, ({ dtype }) => typeAt.get(shown(dtype)) ?? 0),
    fileOf: Uint16Array.from(listed, ({ file }) => fileAt.get(file) ?? 0),
    ranks: Uint8Array.from(listed, ({ shape }) => shape.length),
    shapes: Float64Array.from(listed.flatMap(({ shape }) => [...shape])),
    bytes: Float64Array.from(listed, ({ bytes }) => bytes),
    stored: Uint32Array.from(listed, ({ name }) => storedAt.get(name) ?? 0),
  };
}

function placesOf(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, at) => [name, at]));
}

/** A file that was fetched in parts is a folder: what it holds counts. */
async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (!found.isDirectory()) return found.size;
  const names = await readdir(path);
  const parts = await Promise.all(names.map((name) => stat(join(path, name))));
  return parts.reduce((sum, { size }) => sum + size, 0);
}
