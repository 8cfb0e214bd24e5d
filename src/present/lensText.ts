/** The line above a model config: what it is and costs, then what that means at the scenario. */

import type { CachePlan } from '../cache/plan';
import { ENGINE_NAMES } from '../model/scenario';
import { formatInteger } from '../model/units';
import type { WeightFormat } from '../model/weightFormat';
import type { Fit } from '../serving/capacity';
import { type Change, changeText } from './change';
import { guessMark, NOT_KNOWN, onlyState, perTokenText, scopedText } from './sizeText';
import { inexactText, workloadText } from './words';

/** "GQA · 128 KiB/token", "GQA · 496 KiB/token to 1,024 tokens, then 80 KiB". How many heads and layers stands below it, and editors are narrow. */
export function lensDesignText(plan: CachePlan): string {
  return `${plan.spec.variant} · ${costText(plan)}`;
}

/** "128 KiB/token", "no cache per token · state 36 MiB"; marked where it is a guess. "cache not known" where it is none. */
export function costText(plan: CachePlan): string {
  if (onlyState(plan)) return `${guessMark(plan)}no cache per token · state ${scopedText(plan, 'stateBytes')}`;
  const text = perTokenText(plan);
  return text === NOT_KNOWN ? 'cache not known' : `${guessMark(plan)}${text}`;
}

/** The view of configs: the number at the scenario first, by which it sorts: a narrow view cuts the end. */
export function treeText(plan: CachePlan): string {
  return `${scopedText(plan)} · ${plan.spec.variant} · ${costText(plan)}`;
}

/** The status bar: "4 GiB at 1 × 32,768 tokens", "1,008 GiB · 126 GiB on each of 8 at …"; "KV cache not known". */
export function statusText(plan: CachePlan): string {
  const total = scopedText(plan);
  return total === NOT_KNOWN ? 'KV cache not known' : `${guessMark(plan)}${total} at ${workloadText(plan.scenario)}`;
}

/** "4 GiB at 1 × 32,768 tokens · bf16 · 14 fit on H100 SXM 80GB". `fit` is null where the weights cannot be estimated. */
export function lensScenarioText(plan: CachePlan, fit: FitLine | null): string {
  const rule = plan.scenario.engine === 'intrinsic' ? [] : [ENGINE_NAMES[plan.scenario.engine]];
  const fits = fit ? [fitText(fit)] : [];
  const total = scopedText(plan);
  // Nothing is known: why stands alone, for nothing is so at a workload.
  if (total === NOT_KNOWN) return inexactText(plan);
  return [
    `${guessMark(plan)}${total} at ${workloadText(plan.scenario)}`,
    plan.kvDtype,
    ...rule,
    ...fits,
    ...(plan.known ? [] : [inexactText(plan)]),
  ].join(' · ');
}

/** What fits on a device beside the weights. */
export interface FitLine {
  readonly deviceName: string;
  readonly devices: number;
  /** The type of the weights, where one was chosen; absent where the file decides. */
  readonly weights?: WeightFormat;
  /** False when there is no room left for any cache. */
  readonly weightsFit: boolean;
  /** Sequences of the scenario's length at the same time: so many at least, and at most. */
  readonly sequences: Fit;
  readonly atMost: Fit;
}

/** "14 sequences fit on H100 SXM 80GB", "12 to 14 sequences fit on …", "at most 1 sequence fits on …", "weights do not fit on H200". */
function fitText({ deviceName, devices, weights, weightsFit, sequences, atMost }: FitLine): string {
  const where = `${devices > 1 ? `${formatInteger(devices)} × ` : ''}${deviceName}${weights === undefined ? '' : ` with ${weights} weights (your choice)`}`;
  if (!weightsFit) return `weights do not fit on ${where}`;
  switch (atMost.kind) {
    case 'none':
      return `no sequence fits on ${where}`;
    case 'unbounded':
      return `any number of sequences fits on ${where}`;
    case 'count': {
      const least = sequences.kind === 'count' ? sequences.value : 0;
      const from = least === atMost.value ? '' : least === 0 ? 'at most ' : `${formatInteger(least)} to `;
      return `${from}${formatInteger(atMost.value)} ${atMost.value === 1 ? 'sequence fits' : 'sequences fit'} on ${where}`;
    }
  }
}

/** In a diff: "This diff: 4 GiB (4.29 GB) → 1 GiB (1.07 GB), ÷ 4, at 1 × 32,768 tokens; …". */
export function lensChangeText(change: Change): string {
  return `This diff: ${changeText(change)}`;
}
