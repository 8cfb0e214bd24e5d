/** What the headers of a model's safetensors say, where there is no process that reads them: in a browser, of files that lie elsewhere. */

import type { ReadOptions } from '../../reading/read';
import type { WeightsSummary } from '../../shared/weightsContract';
import { headersOf, type RemoteFolder } from '../../weights/headerStore';
import { safetensorsAmong } from '../../weights/safetensorsNames';
import { countsOf, sizesOf } from './counts';
import { marksBy, safetensorsPlan, sameInLayers } from './planMarks';

export type { RemoteFolder } from '../../weights/headerStore';
export { WeightsError } from '../../weights/weightsError';

/**
 * Null where the folder has no safetensors that make a model.
 * @param text Of the config.json in the folder.
 * @throws WeightsError, and whatever the folder throws
 */
export async function summarizeHeaders(
  folder: RemoteFolder,
  names: readonly string[],
  text: string,
  options: ReadOptions = {},
): Promise<WeightsSummary | null> {
  const opens = safetensorsAmong(names);
  if (opens === undefined) return null;
  const store = await headersOf(folder, opens);
  const infos = store.names().map((name) => store.info(name));
  const { marks, ...fit } = await marksBy(store, new Map(infos.map(({ name }, at) => [name, at])), (report) =>
    safetensorsPlan({ store, configFile: 'config.json', text, options, report }),
  );
  return {
    ...fit,
    attention: sameInLayers(marks),
    ...countsOf(store, infos, { text, from: 'config.json' }),
    ...sizesOf(infos),
  };
}
