/** Caches of fewer tokens: which keys a query still sees. Positions stay as they were: nothing is renumbered. */

import { elementAt } from '../../model/elementAt';

/**
 * - `window`: the newest `recent` tokens and the first `sinks` (StreamingLLM, arXiv 2309.17453; which also renumbers positions);
 * - `h2o`: `tokens` in all, half of them the newest, half those with the largest sum of attention so far; one is given up with every new token
 *   (H2O, arXiv 2306.14048);
 * - `snapkv`: at the end of the prompt `tokens` of it are kept: the last `observed`, and those that these attended to most, smoothed by a maximum
 *   over 7 neighbours (SnapKV, arXiv 2404.14469); what follows is kept whole. The prompt is the first half of the text.
 */
export type Keep =
  | { readonly kind: 'all' }
  | { readonly kind: 'window'; readonly recent: number; readonly sinks: number }
  | { readonly kind: 'h2o'; readonly tokens: number }
  | { readonly kind: 'snapkv'; readonly tokens: number };

/** Queries at the end of the prompt that decide, and neighbours that the maximum is taken over (SnapKV's code: 32, 7). */
const OBSERVED = 32;
const NEIGHBOURS = 7;

/** Weights of one query of a group of heads, summed over its heads, as far as it sees. Writes `row[0…query]`. */
export type GroupRow = (group: number, query: number, lost: Int32Array, row: Float64Array) => void;

/** Never lost. */
const NEVER = 0x7fff_ffff;

/**
 * Of every group and key, the first query that no longer sees it: `[groups, tokens]`.
 * @param prompt Tokens of the prompt.
 */
export function lostAt(keep: Keep, groups: number, tokens: number, prompt: number, weights: GroupRow): Int32Array {
  const lost = new Int32Array(groups * tokens).fill(NEVER);
  if (keep.kind === 'all') return lost;
  for (let group = 0; group < groups; group++) {
    const own = lost.subarray(group * tokens, (group + 1) * tokens);
    if (keep.kind === 'window') {
      for (let key = keep.sinks; key < tokens; key++) own[key] = key + keep.recent;
    } else if (keep.kind === 'h2o') heavyHitters(keep.tokens, group, own, weights);
    else snapshot(keep.tokens, group, own, prompt, weights);
  }
  return lost;
}

function heavyHitters(most: number, group: number, lost: Int32Array, weights: GroupRow): void {
  const tokens = lost.length;
  const recent = Math.floor(most / 2);
  const sums = new Float64Array(tokens);
  const row = new Float64Array(tokens);
  const held: number[] = [];
  for (let query = 0; query < tokens; query++) {
    held.push(query);
    weights(group, query, lost, row);
    for (const key of held) sums[key] = (sums[key] as number) + (row[key] as number);
    if (held.length <= most) continue;
    // Of those that are not among the newest, the one with the smallest sum; the oldest of equals.
    let worst = 0;
    for (let i = 1; i < held.length - recent; i++)
      if ((sums[elementAt(held, i)] as number) < (sums[elementAt(held, worst)] as number)) worst = i;
    lost[elementAt(held, worst)] = query + 1;
    held.splice(worst, 1);
  }
}

function snapshot(most: number, group: number, lost: Int32Array, prompt: number, weights: GroupRow): void {
  if (prompt <= most) return;
  const observed = Math.min(OBSERVED, Math.floor(most / 2));
  const before = prompt - observed;
  const sums = new Float64Array(before);
  const row = new Float64Array(lost.length);
  for (let query = before; query < prompt; query++) {
    weights(group, query, lost, row);
    for (let key = 0; key < before; key++) sums[key] = (sums[key] as number) + (row[key] as number);
  }
  const reach = Math.floor(NEIGHBOURS / 2);
  const smooth = sums.map((_, key) => Math.max(...sums.subarray(Math.max(0, key - reach), key + reach + 1)));
  const order = Array.from(smooth.keys()).sort((a, b) => (smooth[b] as number) - (smooth[a] as number) || a - b);
  for (const key of order.slice(most - observed)) lost[key] = prompt;
}

/** Tokens that are held of a sequence of `tokens`. */
export function heldTokens(keep: Keep, tokens: number): number {
  switch (keep.kind) {
    case 'all':
      return tokens;
    case 'window':
      return Math.min(tokens, keep.recent + keep.sinks);
    case 'h2o':
      return Math.min(tokens, keep.tokens);
    case 'snapkv': {
      const prompt = Math.floor(tokens / 2);
      return Math.min(prompt, keep.tokens) + tokens - prompt;
    }
  }
}
