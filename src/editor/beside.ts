/** What lies beside a config on this machine's disk. */

import { Uri, workspace } from 'vscode';
import { MODEL_SCHEME } from './ids';
import type { LazyModels } from './lazyModels';
import type { Beside } from './panel/headSources';
import { weightsOfConfig } from './weightConfigs';
import { isWeightFile } from './weightNames';

/** Whether there are weights where a config lies. Null where that is no folder of this machine. */
export async function besideOf(uri: Uri | undefined, models: LazyModels): Promise<Beside | null> {
  if (uri?.scheme === MODEL_SCHEME) return (await models.get()).beside(uri);
  const weights = uri && weightsOfConfig(uri);
  // In one file with its weights.
  if (weights) return { folder: weights.fsPath, weights: true };
  if (uri?.scheme !== 'file') return null;
  const folder = Uri.joinPath(uri, '..');
  const entries = await workspace.fs.readDirectory(folder).then(
    (found) => found,
    () => [],
  );
  return { folder: folder.fsPath, weights: entries.some(([name]) => isWeightFile(name)) };
}
