/** The proof, from a model's own K and V, of how its heads are grouped: identical inside a group, different between groups. */

import { elementAt } from '../model/elementAt';

export interface GroupIdentity {
  /** Largest |Δ| between two heads of one group: exactly 0 where the group shares one K (or V). */
  readonly inside: number;
  /** Smallest, over pairs of groups, of the largest |Δ| between their heads; null with a single group. */
  readonly between: number | null;
}

/**
 * @param values K or V expanded to one per query head, `[heads, tokens, dim]`, row-major.
 * @param groups Group of each head.
 */
export function groupIdentity(values: ArrayLike<number>, groups: readonly number[]): GroupIdentity {
  const heads = groups.length;
  const size = heads === 0 ? 0 : values.length / heads;
  if (!Number.isInteger(size)) throw new RangeError(`${values.length} values for ${heads} heads`);
  let inside = 0;
  const between = new Map<string, number>();
  for (let a = 0; a < heads; a++) {
    for (let b = a + 1; b < heads; b++) {
      const difference = largestDifference(values, a * size, b * size, size);
      const [first, second] = [elementAt(groups, a), elementAt(groups, b)];
      if (first === second) {
        inside = Math.max(inside, difference);
        continue;
      }
      const key = `${Math.min(first, second)} ${Math.max(first, second)}`;
      between.set(key, Math.min(between.get(key) ?? Infinity, difference));
    }
  }
  return { inside, between: between.size === 0 ? null : Math.min(...between.values()) };
}

/** NaN anywhere gives NaN, which is no identity. */
function largestDifference(values: ArrayLike<number>, p: number, q: number, length: number): number {
  let largest = 0;
  for (let i = 0; i < length; i++) {
    const difference = Math.abs((values[p + i] as number) - (values[q + i] as number));
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}

/** Group of each query head: `queryHeads / kvHeads` neighbours share one. */
export function headGroups(queryHeads: number, kvHeads: number): number[] {
  const size = queryHeads / kvHeads;
  return Array.from({ length: queryHeads }, (_, head) => Math.floor(head / size));
}
