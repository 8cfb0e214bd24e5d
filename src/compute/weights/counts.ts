/** What the headers of weight files say, counted and bounded. Knows no files: a browser counts, too. */

import { storedWeightBytes } from '../../serving/weights';
import type {
  MetadataEntry,
  StoredShape,
  StoredType,
  WeightsContents,
  WeightsSummary,
} from '../../shared/weightsContract';
import { elementsOf, moduleSizes } from '../../weights/tensorGroups';
import type { MetadataValue, TensorInfo, WeightMetadata, WeightStore } from '../../weights/weightStore';
import { shown } from '../../weights/weightsError';

/** Lines that a person reads. */
const MOST_MODULES = 200;
const MOST_KEYS = 2000;
/** Items of a list that stand beside its key. */
const FIRST_ITEMS = 8;
const MOST_SHAPES = 12;

export type Counted = Pick<
  WeightsContents,
  'format' | 'tensors' | 'elements' | 'weights' | 'types' | 'modules' | 'metadata' | 'config'
>;

export function countsOf(
  { format, metadata }: Pick<WeightStore, 'format' | 'metadata'>,
  infos: readonly TensorInfo[],
  config: Counted['config'],
): Counted {
  return {
    format,
    tensors: infos.length,
    elements: infos.reduce((sum, info) => sum + elementsOf(info), 0),
    weights: storedWeightBytes(infos),
    types: typesOf(infos),
    modules: moduleSizes(infos)
      .slice(0, MOST_MODULES)
      .map(({ name, ...sizes }) => ({ name: shown(name), ...sizes })),
    metadata: entriesOf(metadata),
    config,
  };
}

/** Of the tensors alone: the files that hold them, and the largest. */
export function sizesOf(infos: readonly TensorInfo[]): Pick<WeightsSummary, 'files' | 'largest'> {
  return {
    files: new Set(infos.map(({ file }) => file)).size,
    largest: [...infos]
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, MOST_SHAPES)
      .map(storedShape),
  };
}

function storedShape({ name, dtype, shape, bytes }: TensorInfo): StoredShape {
  return { name: shown(name), dtype: shown(dtype), shape, bytes };
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
export function valueText(value: MetadataValue): string {
  if (!isList(value)) return shown(String(value));
  const first = value.slice(0, FIRST_ITEMS).map((item) => (isList(item) ? `[${item.length}]` : shown(String(item))));
  return `${first.join(', ')}${value.length > first.length ? ', …' : ''}`;
}

export function isList(value: MetadataValue): value is readonly MetadataValue[] {
  return Array.isArray(value);
}
