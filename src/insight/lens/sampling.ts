/**
 * Which token comes next: the likeliest, or one by chance. The order of the steps is that of transformers (`generation/logits_process.py`):
 * temperature, then the `topK` likeliest, then the least number of tokens that have `topP` of the probability together.
 */

import { elementAt } from '../../model/elementAt';

export interface Sampling {
  /** 0: always the likeliest. Logits are divided by it. */
  readonly temperature: number;
  /** Null: all. */
  readonly topK: number | null;
  /** Null: all. */
  readonly topP: number | null;
  readonly seed: number;
}

export const GREEDY: Sampling = { temperature: 0, topK: null, topP: null, seed: 0 };

export interface Chosen {
  readonly id: number;
  /** Its probability among those that it was chosen from: 1 where the likeliest is always taken. */
  readonly probability: number;
  /** From how many tokens it was chosen. */
  readonly among: number;
}

/**
 * A token by these logits.
 * @param position Of the new token: with the seed it decides, so that a step is the same however one came to it.
 */
export function chooseToken(logits: ArrayLike<number>, sampling: Sampling, position: number): Chosen {
  const { temperature, topK, topP, seed } = sampling;
  if (temperature === 0) return { id: likeliest(logits), probability: 1, among: 1 };
  const ids = Array.from({ length: logits.length }, (_, id) => id);
  // Sorting is stable: of equal ones the lower id goes first.
  ids.sort((a, b) => (logits[b] as number) - (logits[a] as number));
  const kept = topK === null ? ids : ids.slice(0, Math.max(1, topK));
  const most = elementAt(logits, elementAt(kept, 0));
  const parts = kept.map((id) => Math.exp(((logits[id] as number) - most) / temperature));
  const all = parts.reduce((sum, part) => sum + part, 0);
  let [among, share] = [kept.length, all];
  if (topP !== null) {
    [among, share] = [0, 0];
    while (among < parts.length && (among === 0 || share < topP * all)) share += elementAt(parts, among++);
  }
  let left = uniformAt(seed, position) * share;
  let at = 0;
  while (at < among - 1 && left >= elementAt(parts, at)) left -= elementAt(parts, at++);
  return { id: elementAt(kept, at), probability: elementAt(parts, at) / share, among };
}

/** The first of the largest. */
function likeliest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if ((values[i] as number) > (values[best] as number)) best = i;
  return best;
}

/** A number in 0…1 (1 excluded) for a seed and a place: the finaliser of MurmurHash3 over both, twice for 52 bits. */
export function uniformAt(seed: number, place: number): number {
  const high = mixed(Math.imul(seed, 0x9e3779b1) ^ mixed(place));
  const low = mixed(high ^ 0x85ebca6b);
  return ((high >>> 0) * 2 ** 20 + (low >>> 12)) / 2 ** 52;
}

function mixed(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
