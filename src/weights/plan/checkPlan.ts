/** A plan against its files: every tensor is there in its shape, and none of its layers is left over. */

import { blockWeights, feedForwardWeights, type WeightInfo } from '../../attention/spec/weightNames';
import type { WeightSources } from '../../families/kit/weightSource';
import { WeightsError } from '../weightsError';
import type { WeightStore } from '../weightStore';
import type { LayerPlan } from './weightPlan';
import { checkSource, sourceTensors, splitName } from './readSource';

export type ReportProblem = (problem: WeightsError) => void;

export interface PlanForm {
  /** Who has no such tensor, in words: "a bloom model, as Headlight knows it,". */
  readonly who: string;
  /** The error where the form has no place for a weight that the block has. */
  readonly noPlace: (tensor: string) => Error;
  /** Takes what is wrong, and the check goes on; where absent, the first of it is thrown. */
  readonly report?: ReportProblem;
  /** Tensors of layers that no computation reads. */
  readonly ignored: (name: string) => boolean;
}

/** A layer of any form of file: `model.layers.3.`, `transformer.h.3.`, `blk.3.`. */
const LAYER = /^(?:.*?\.)?(?:layers|h|blocks|blk)\.\d+\./;

/**
 * @throws WeightsError (or reports) where a tensor is missing, of another shape, or left over: one that nothing reads means that the layer
 *   does something that the family does not.
 */
export function checkLayers(store: WeightStore, layers: readonly LayerPlan[], form: PlanForm): void {
  const used = new Set<string>();
  const { report } = form;
  const tried = (work: () => void): void => {
    try {
      work();
    } catch (error) {
      if (report === undefined || !(error instanceof WeightsError)) throw error;
      report(error);
    }
  };
  const check = (prefix: string, sources: WeightSources, weights: readonly WeightInfo[]): void => {
    for (const { name, shape } of weights) {
      const source = sources[splitName(name).base];
      if (source === undefined) throw form.noPlace(prefix + name);
      tried(() => checkSource(store, prefix, source, name, shape));
      for (const tensor of sourceTensors(prefix, source, name)) used.add(tensor);
    }
  };
  for (const { block, prefix, sources, expert } of layers) {
    check(prefix, sources, blockWeights(block));
    const { feedForward } = block;
    if (feedForward.kind !== 'moe') continue;
    const weights = feedForwardWeights(feedForward.expert, block.layer.hiddenSize);
    for (let index = 0; index < feedForward.router.experts; index++) check(prefix, expert?.(index) ?? {}, weights);
  }
  const prefixes = new Set(layers.map(({ prefix }) => prefix));
  for (const name of store.names()) {
    const prefix = LAYER.exec(name)?.[0];
    if (prefix === undefined || !prefixes.has(prefix) || used.has(name) || form.ignored(name)) continue;
    tried(() => {
      throw new WeightsError({
        file: store.info(name).file,
        tensor: name,
        problem: `${form.who} has no such tensor, so the layers of this file may compute something else.`,
        fix: 'Heads of this model cannot be computed yet; estimates of the cache still work.',
      });
    });
  }
}
