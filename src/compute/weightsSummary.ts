/** Summaries of weight files. Opening reads headers, with the limits of `src/weights`; no tensor is read. */

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { storedWeightBytes } from '../serving/weights';
import type { Answers } from '../shared/schema';
import type { StoredShape, StoredType, WeightsMethods, WeightsSummary } from '../shared/weightsContract';
import { type GgufMetadata, openGguf } from '../weights/gguf';
import { ggufConfig } from '../weights/ggufConfig';
import { localWeights } from '../weights/localWeights';
import { locateModel, namesGguf, readText } from '../weights/modelFolder';
import { openSafetensors } from '../weights/safetensors';
import { shown } from '../weights/weightsError';
import { withTravellingErrors } from './travellingErrors';
import type { TensorInfo, WeightStore } from '../weights/weightStore';

/** Lines of a summary that a person reads. */
const MOST_SHAPES = 12;
const MOST_METADATA = 40;

export const WEIGHTS_ANSWERS: Answers<WeightsMethods> = {
  'weights/summary': ({ path }) => withTravellingErrors(() => summarize(path)),
  'weights/beside': ({ path }) => withTravellingErrors(() => localWeights(path, () => undefined)),
};

async function summarize(named: string): Promise<WeightsSummary> {
  const isFolder = await stat(named).then(
    (info) => info.isDirectory(),
    () => false,
  );
  // A file of which only parts are here is a folder, too.
  const path = isFolder && !/\.(?:safetensors|gguf)$/i.test(named) ? (await locateModel(named)).weights : named;
  if (namesGguf(path)) {
    const store = await openGguf(path);
    try {
      const config = { text: JSON.stringify(ggufConfig(store.metadata), null, 2), from: 'metadata' as const };
      return { ...summaryOf(store), metadata: scalars(store.metadata), config };
    } finally {
      await store.close();
    }
  }
  const store = await openSafetensors(path);
  try {
    const text = await readText(join(dirname(path), 'config.json')).catch(() => null);
    return { ...summaryOf(store), metadata: [], config: text === null ? null : { text, from: 'config.json' } };
  } finally {
    await store.close();
  }
}

function summaryOf(store: WeightStore): Omit<WeightsSummary, 'metadata' | 'config'> {
  const infos = store.names().map((name) => store.info(name));
  const types = new Map<string, StoredType>();
  for (const { dtype, shape, bytes } of infos) {
    const type = types.get(dtype) ?? { name: shown(dtype), tensors: 0, elements: 0, bytes: 0 };
    types.set(dtype, {
      name: type.name,
      tensors: type.tensors + 1,
      elements: type.elements + elements(shape),
      bytes: type.bytes + bytes,
    });
  }
  return {
    format: store.format,
    files: new Set(infos.map(({ file }) => file)).size,
    tensors: infos.length,
    elements: infos.reduce((sum, { shape }) => sum + elements(shape), 0),
    weights: storedWeightBytes(infos),
    types: [...types.values()].sort((a, b) => b.bytes - a.bytes),
    largest: [...infos]
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, MOST_SHAPES)
      .map(stored),
  };
}

function stored({ name, dtype, shape, bytes }: TensorInfo): StoredShape {
  return { name: shown(name), dtype: shown(dtype), shape, bytes };
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** The tokenizer's lists are long and say nothing here. */
function scalars(metadata: GgufMetadata): (readonly [string, string])[] {
  return Object.entries(metadata)
    .filter(([key, value]) => !key.startsWith('tokenizer.') && !Array.isArray(value))
    .slice(0, MOST_METADATA)
    .map(([key, value]) => [shown(key), shown(String(value))]);
}
