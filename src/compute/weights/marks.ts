/** Which tensors of a file are Q, K, V and O of which layer, and what in it does not fit its config. */

import { dirname, join } from 'node:path';
import { readModelConfig, type ReadOptions, type Reading } from '../../reading/read';
import type { WeightsMarks } from '../../shared/weightsContract';
import type { GgufStore } from '../../weights/gguf';
import { ggufConfig } from '../../weights/ggufConfig';
import { readText } from '../../weights/modelFolder';
import { attentionTensors } from '../../weights/plan/attentionTensors';
import { configFromTensors, ggufPlan } from '../../weights/plan/ggufPlan';
import { modelPlanOf } from '../../weights/plan/modelPlan';
import type { ModelPlan } from '../../weights/plan/weightPlan';
import { shown, WeightsError } from '../../weights/weightsError';
import type { OpenStore } from './contents';

/** Sentences that are kept; all are counted. */
const MOST_MISMATCHES = 50;

/** @param places Of the tensors in the columns. */
export async function marksOf(
  store: OpenStore,
  path: string,
  places: ReadonlyMap<string, number>,
  options: ReadOptions,
): Promise<WeightsMarks> {
  const mismatches: string[] = [];
  let mismatchCount = 0;
  const report = (problem: WeightsError): void => {
    mismatchCount++;
    if (mismatches.length < MOST_MISMATCHES) mismatches.push(sentenceOf(problem));
  };
  const unmarked = (why: string): WeightsMarks => ({ marks: [], unmarked: why, mismatches, mismatchCount });
  let plan: ModelPlan;
  try {
    const found = await planOf(store, path, options, report);
    if (typeof found === 'string') return unmarked(found);
    plan = found;
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    return unmarked(sentenceOf(error));
  }
  const marks = attentionTensors(store, plan).flatMap(({ tensor, layer, parts }) => {
    const place = places.get(tensor);
    return place === undefined ? [] : [{ tensor: place, layer, parts }];
  });
  return { marks, unmarked: null, mismatches, mismatchCount };
}

async function planOf(
  store: OpenStore,
  path: string,
  options: ReadOptions,
  report: (problem: WeightsError) => void,
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
  const reading: Reading | null = readModelConfig(text, options);
  if (!reading) return 'The config.json beside the file is not a model config.';
  return modelPlanOf({ configFile, reading, store, report });
}

function isGgufStore(store: OpenStore): store is GgufStore {
  return store.format === 'gguf';
}

/** Without the path, which is that of the file that is looked at. */
function sentenceOf({ tensor, message, file, fix }: WeightsError): string {
  const text =
    message.startsWith(`${shown(file)}: `) || tensor !== undefined ? message.slice(shown(file).length) : message;
  return `${text.replace(/^[:,] /, '')} ${fix}`;
}
