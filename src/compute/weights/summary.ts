/** Summaries of weight files. Opening reads headers, with the limits of `src/weights`; no tensor is read. */

import { stat } from 'node:fs/promises';
import type { ReadOptions } from '../../reading/read';
import { locateModel } from '../../weights/modelFolder';
import type { WeightsSummary } from '../../shared/weightsContract';
import { counted, openStore } from './contents';
import { sizesOf } from './counts';
import { marksOf } from './marks';
import { sameInLayers } from './planMarks';

/** @param named A weight file, or the folder of a model. */
export async function summarize(named: string, options: ReadOptions = {}): Promise<WeightsSummary> {
  const isFolder = await stat(named).then(
    (info) => info.isDirectory(),
    () => false,
  );
  const path = isFolder ? (await locateModel(named)).weights : named;
  const store = await openStore(path);
  try {
    const infos = store.names().map((name) => store.info(name));
    const { marks, ...fit } = await marksOf(store, path, new Map(infos.map(({ name }, at) => [name, at])), options);
    return {
      ...fit,
      attention: sameInLayers(marks),
      ...(await counted(store, path, infos)),
      ...sizesOf(infos),
    };
  } finally {
    await store.close();
  }
}
