/** What the headers of a weight file say: counted, sorted, and bounded, for people and for the weight editor. */

import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { storedWeightBytes } from '../../serving/weights';
import type { MetadataEntry, StoredType, WeightsContents, WeightsSummary } from '../../shared/weightsContract';
import { type GgufStore, isGguf, openGguf } from '../../weights/gguf';
import { ggufConfig } from '../../weights/ggufConfig';
import { readText } from '../../weights/modelFolder';
import { openSafetensors } from '../../weights/safetensors';
import { elementsOf, moduleSizes } from '../../weights/tensorGroups';
import type { MetadataValue, TensorInfo, WeightMetadata, WeightStore } from '../../weights/weightStore';
import { shown } from '../../weights/weightsError';

/** Lines that a person reads. */
const MOST_MODULES = 200;
const MOST_KEYS = 2000;
/** Items of a list that stand beside its key. */
const FIRST_ITEMS = 8;
/** Tensors that are listed. */
const MOST_LISTED = 1_000_000;

export type OpenStore = WeightStore | GgufStore;

/** @throws WeightsError */
export async function openStore(path: string): Promise<OpenStore> {
  return (await isGguf(path)) ? openGguf(path) : openSafetensors(path);
}

type Counted = Pick<
  WeightsContents,
  'format' | 'tensors' | 'elements' | 'weights' | 'types' | 'modules' | 'metadata' | 'config'
>;

export async function counted(store: OpenStore, path: string, infos: readonly TensorInfo[]): Promise<Counted> {
  return {
    format: store.format,
    tensors: infos.length,
    elements: infos.reduce((sum, info) => sum + elementsOf(info), 0),
    weights: storedWeightBytes(infos),
    types: typesOf(infos),
    modules: moduleSizes(infos)
      .slice(0, MOST_MODULES)
      .map(({ name, ...sizes }) => ({ name: shown(name), ...sizes })),
    metadata: entriesOf(store.metadata),
    config: await configOf(store, path),
  };
}

async function configOf(store: OpenStore, path: string): Promise<WeightsSummary['config']> {
  if (store.format === 'gguf') {
    return { text: JSON.stringify(ggufConfig(store.metadata), null, 2), from: 'metadata' };
  }
  const text = await readText(join(dirname(path), 'config.json')).catch(() => null);
  return text === null ? null : { text, from: 'config.json' };
}

function typesOf(infos: readonly TensorInfo[]): StoredType[] {
  const types = new Map<string, { tensors: number; elements: number; bytes: number }>();
  for (const info of infos) {
    const type = types.get(info.dtype) ?? { tensors: 0, elements: 0, bytes: 0 };
    types.set(info.dtype, type);
    type.tensors++;
    type.elements += elementsOf(info);
    type.bytes += info.bytes;
  }
  return [...types].map(([name, sizes]) => ({ name: shown(name), ...sizes })).sort((a, b) => b.bytes - a.bytes);
}

function entriesOf(metadata: WeightMetadata): MetadataEntry[] {
  return Object.entries(metadata)
    .slice(0, MOST_KEYS)
    .map(([key, value]) => ({ key: shown(key), text: valueText(value), count: isList(value) ? value.length : null }));
}

/** A value, or the beginning of a list. */
function valueText(value: MetadataValue): string {
  if (!isList(value)) return shown(String(value));
  const first = value.slice(0, FIRST_ITEMS).map((item) => (isList(item) ? `[${item.length}]` : shown(String(item))));
  return `${first.join(', ')}${value.length > first.length ? ', …' : ''}`;
}

/** Items of a list of the metadata; none where the key has no list. */
export function itemsOf(metadata: WeightMetadata, key: number, from: number, count: number): string[] {
  const value = Object.values(metadata)[key];
  return value !== undefined && isList(value) ? value.slice(from, from + count).map(valueText) : [];
}

function isList(value: MetadataValue): value is readonly MetadataValue[] {
  return Array.isArray(value);
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
  const paths = [...new Set(store.names().map((name) => store.info(name).file))].sort();
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
