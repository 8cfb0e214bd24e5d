/** Which tensors of a file are Q, K, V and O of which layer, and what in it does not fit its config. */

import { dirname, join } from 'node:path';
import { readModelConfig, type ReadOptions } from '../../reading/read';
import type { WeightsMarks } from '../../shared/weightsContract';
import type { GgufStore } from '../../weights/gguf';
import { ggufConfig } from '../../weights/ggufConfig';
import { readText } from '../../weights/modelFolder';
import { configFromTensors, ggufPlan } from '../../weights/plan/ggufPlan';
import type { ReportProblem } from '../../weights/plan/checkPlan';
import type { ModelPlan } from '../../weights/plan/weightPlan';
import type { OpenStore } from './contents';
import { marksBy, safetensorsPlan } from './planMarks';

/** @param places Of the tensors in the columns. */
export function marksOf(
  store: OpenStore,
  path: string,
  places: ReadonlyMap<string, number>,
  options: ReadOptions,
): Promise<WeightsMarks> {
  return marksBy(store, places, (report) => planOf(store, path, options, report));
}

async function planOf(
  store: OpenStore,
  path: string,
  options: ReadOptions,
  report: ReportProblem,
): Promise<ModelPlan | string> {
  if (isGgufStore(store)) {
    const reading = readModelConfig(
      JSON.stringify(await configFromTensors(store, ggufConfig(store.metadata))),
      options,
    );
    if (!reading) return 'The metadata does not describe a language model.';
    const architecture = String(store.metadata['general.architecture']);
    return ggufPlan({ store, architecture, reading, report });
  }
  const configFile = join(dirname(path), 'config.json');
  const text = await readText(configFile).catch(() => null);
  if (text === null) return 'There is no config.json beside the file: which tensor belongs to which head is not known.';
  return safetensorsPlan({ store, configFile, text, options, report });
}

function isGgufStore(store: OpenStore): store is GgufStore {
  return store.format === 'gguf';
}
