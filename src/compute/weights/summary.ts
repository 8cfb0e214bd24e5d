/** Summaries of weight files. Opening reads headers, with the limits of `src/weights`; no tensor is read. */

import { stat } from 'node:fs/promises';
import type { ReadOptions } from '../../reading/read';
import { locateModel } from '../../weights/modelFolder';
import type { AttentionMark, StoredShape, WeightsSummary } from '../../shared/weightsContract';
import type { TensorInfo } from '../../weights/weightStore';
import { shown } from '../../weights/weightsError';
import { counted, openStore } from './contents';
import { marksOf } from './marks';

/** Lines of a summary that a person reads. */
const MOST_SHAPES = 12;
const MOST_KINDS = 1000;

/** @param named A weight file, or the folder of a model. */
export async function summarize(named: string, options: ReadOptions = {}): Promise<WeightsSummary> {
  const isFolder = await stat(named).then(
    (info) => info.isDirectory(),
    () => false,
  );
  // A file of which only parts are here is a folder, too.
  const path = isFolder && !/\.(?:safetensors|gguf)$/i.test(named) ? (await locateModel(named)).weights : named;
  const store = await openStore(path);
  try {
    const infos = store.names().map((name) => store.info(name));
    const { marks, ...fit } = await marksOf(store, path, new Map(infos.map(({ name }, at) => [name, at])), options);
    return {
      ...fit,
      attention: sameInLayers(marks),
      ...(await counted(store, path, infos)),
      files: new Set(infos.map(({ file }) => file)).size,
      largest: [...infos]
        .sort((a, b) => b.bytes - a.bytes)
        .slice(0, MOST_SHAPES)
        .map(storedShape),
    };
  } finally {
    await store.close();
  }
}

/** Layers whose tensors are alike stand together. */
function sameInLayers(marks: readonly AttentionMark[]): WeightsSummary['attention'] {
  const alike = new Map<string, { readonly parts: AttentionMark['parts']; readonly layers: number[] }>();
  for (const { parts, layer } of marks) {
    const key = JSON.stringify(parts);
    const same = alike.get(key) ?? { parts, layers: [] };
    alike.set(key, same);
    if (same.layers.at(-1) !== layer) same.layers.push(layer);
  }
  return [...alike.values()].slice(0, MOST_KINDS);
}

function storedShape({ name, dtype, shape, bytes }: TensorInfo): StoredShape {
  return { name: shown(name), dtype: shown(dtype), shape, bytes };
}
