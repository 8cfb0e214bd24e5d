/** Summaries of weight files. Opening reads headers, with the limits of `src/weights`; no tensor is read. */

import type { StoredShape, WeightsSummary } from '../../shared/weightsContract';
import type { TensorInfo } from '../../weights/weightStore';
import { shown } from '../../weights/weightsError';
import { counted, openStore } from './contents';

/** Lines of a summary that a person reads. */
const MOST_SHAPES = 12;

export async function summarize(path: string): Promise<WeightsSummary> {
  const store = await openStore(path);
  try {
    const infos = store.names().map((name) => store.info(name));
    return {
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

function storedShape({ name, dtype, shape, bytes }: TensorInfo): StoredShape {
  return { name: shown(name), dtype: shown(dtype), shape, bytes };
}
