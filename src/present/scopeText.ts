/** Sentences about a plan's numbers that say over which devices, and at which context, they hold. */

import { type CachePlan, planCache } from '../cache/plan';
import { UNSHARDED } from '../model/scenario';
import { formatInteger, formatSize } from '../model/units';
import { scopedText } from './sizeText';
import { tokensText } from './words';

/** What the attention needs is what the engine holds and sets aside: one number says it. */
export function allAlike({ atLeast }: Pick<CachePlan, 'atLeast'>): boolean {
  return atLeast.neededBytes === atLeast.steadyBytes && atLeast.steadyBytes === atLeast.reservedBytes;
}

/** "needed 4 GiB · occupied 4.1 GiB · reserved 5 GiB"; of several devices "…, in all; on each of 8: needed 0.5 GiB · …". */
export function threeText({ atLeast, everywhere }: CachePlan): string {
  const three = (sizes: Pick<CachePlan['everywhere'], 'neededBytes' | 'steadyBytes' | 'reservedBytes'>): string =>
    `needed ${formatSize(sizes.neededBytes)} · occupied ${formatSize(sizes.steadyBytes)} · reserved ${formatSize(sizes.reservedBytes)}`;
  const { devices, alike } = everywhere;
  if (devices === 1) return three(atLeast);
  return `in total ${three(everywhere)}; on ${alike ? 'each' : 'the fullest'} of ${formatInteger(devices)} devices ${three(atLeast)}`;
}

/** What one sequence of the trained length (or so many times it) caches by the attention itself; null where no length is given. */
export function trainedContext({ spec, kvDtype }: CachePlan, times = 1): CachePlan | null {
  const length = spec.contextLength;
  return length
    ? planCache(spec, {
        workload: { batch: 1, tokens: times * length.value },
        engine: 'intrinsic',
        kvDtype,
        sharding: UNSHARDED,
      })
    : null;
}

/** "One sequence of 40,960 tokens caches 7.34 GiB (bf16)."; empty where no length is given. */
export function contextSentence(plan: CachePlan): string {
  const trained = trainedContext(plan);
  if (!trained) return '';
  return `One sequence of ${tokensText(trained.scenario.workload.tokens)} caches ${scopedText(trained)} (${plan.kvDtype}).`;
}
