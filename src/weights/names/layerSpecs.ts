/** Specs of a model's blocks from its config alone: what programs, seeded weights and conversions need before any file is read. */

import type { BlockSpec } from '../../attention/blockSpec';
import type { AttentionSpec } from '../../model/attention';
import { HfConfig, type JsonObject } from './hfConfig';
import { runnableAttention } from './modelPlan';
import { familyForward } from './register';

/** Where a spec has a learned scalar (xIELU), the value that transformers initialises it with. */
const INITIAL_SCALARS: Readonly<Record<string, number>> = {
  alpha_p: 0.8,
  alpha_n: 0.8,
  beta: 0.5,
  eps: -1e-6,
  layer_scalar: 1,
};

/**
 * @param file Path of the config, for messages.
 * @param config The language model's object of the config.
 * @param attentions Attention of each layer as src/config reads it.
 * @throws WeightsError when the family or a setting is not supported.
 */
export function blockSpecsOf(
  file: string,
  config: JsonObject,
  modelType: string,
  attentions: readonly AttentionSpec[],
): readonly BlockSpec[] {
  const hf = new HfConfig(file, config, modelType, modelType);
  const family = familyForward(modelType);
  if (family === null) return hf.unsupported('computing its heads');
  const runnable = attentions.map((attention) => runnableAttention(hf, attention));
  const scalar = (name: string): number | null => INITIAL_SCALARS[name.slice(name.lastIndexOf('.') + 1)] ?? null;
  const model = family.build({ config: hf, attentions: runnable, has: () => false, scalar }, modelType);
  return runnable.map((_, index) => model.layer(index).block);
}
