/** Which tensors are Q, K, V and O, from the plan of a model. Knows no files: a browser reads headers, too. */

import { readModelConfig, type ReadOptions } from '../../reading/read';
import type { AttentionMark, WeightsMarks, WeightsSummary } from '../../shared/weightsContract';
import { attentionTensors } from '../../weights/plan/attentionTensors';
import type { ReportProblem } from '../../weights/plan/checkPlan';
import { modelPlanOf } from '../../weights/plan/modelPlan';
import type { ModelPlan } from '../../weights/plan/weightPlan';
import { shown, WeightsError } from '../../weights/weightsError';
import type { WeightStore } from '../../weights/weightStore';

/** Sentences that are kept; all are counted. */
const MOST_MISMATCHES = 50;
const MOST_KINDS = 1000;

/**
 * @param places Of the tensors in the columns.
 * @param planOf Where the tensors of the layers are; a sentence where it cannot be known.
 */
export async function marksBy(
  store: WeightStore,
  places: ReadonlyMap<string, number>,
  planOf: (report: ReportProblem) => Promise<ModelPlan | string>,
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
    const found = await planOf(report);
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

/** By the config beside the weights. */
export async function safetensorsPlan({
  store,
  configFile,
  text,
  options,
  report,
}: {
  readonly store: WeightStore;
  readonly configFile: string;
  readonly text: string;
  readonly options: ReadOptions;
  readonly report: ReportProblem;
}): Promise<ModelPlan | string> {
  const reading = readModelConfig(text, options);
  if (!reading) return 'The config.json beside the file is not a model config.';
  return modelPlanOf({ configFile, reading, store, report });
}

/** Layers whose tensors are alike stand together. */
export function sameInLayers(marks: readonly AttentionMark[]): WeightsSummary['attention'] {
  const alike = new Map<string, { readonly parts: AttentionMark['parts']; readonly layers: number[] }>();
  for (const { parts, layer } of marks) {
    const key = JSON.stringify(parts);
    const same = alike.get(key) ?? { parts, layers: [] };
    alike.set(key, same);
    if (same.layers.at(-1) !== layer) same.layers.push(layer);
  }
  return [...alike.values()].slice(0, MOST_KINDS);
}

/** Without the path, which is that of the file that is looked at. */
function sentenceOf({ tensor, message, file, fix }: WeightsError): string {
  const text =
    message.startsWith(`${shown(file)}: `) || tensor !== undefined ? message.slice(shown(file).length) : message;
  return `${text.replace(/^[:,] /, '')} ${fix}`;
}
