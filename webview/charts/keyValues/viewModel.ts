/** K or V of a layer as the lecture shows them: a row of pictures for each group, and what was measured inside and between. */

import type { GroupIdentity } from '../../../src/insight/identity';

/** What a head makes of each token. */
export type Letter = 'Q' | 'K' | 'V';

export interface KeyValueGroup {
  readonly group: number;
  /** Query heads that use this K and V. */
  readonly heads: readonly number[];
  /** Largest |value| of the group. */
  readonly largest: number;
  /** Largest |Δ| to the group before; null for the first. */
  readonly difference: number | null;
}

/** @param values `[groups, tokens, dim]`, row-major. */
export function keyValueGroups(values: Float32Array, groups: number, queryHeads: number): KeyValueGroup[] {
  const size = values.length / groups;
  const heads = queryHeads / groups;
  return Array.from({ length: groups }, (_, group) => {
    let [largest, difference] = [0, 0];
    const start = group * size;
    for (let i = 0; i < size; i++) {
      const value = values[start + i] as number;
      if (Math.abs(value) > largest) largest = Math.abs(value);
      if (group === 0) continue;
      const delta = Math.abs(value - (values[start - size + i] as number));
      if (!(delta <= difference)) difference = delta;
    }
    return {
      group,
      heads: Array.from({ length: heads }, (_, i) => group * heads + i),
      largest,
      difference: group === 0 ? null : difference,
    };
  });
}

/** "0", "0.83", "1.2e-7": a difference, with the digits that are worth reading. */
export function differenceText(value: number): string {
  if (value === 0) return '0';
  return Number.isFinite(value) ? String(Number(value.toPrecision(2))) : 'not a number';
}

/** What ties the heads of a group: "identical (max |ΔK| = 0)". */
export function insideText(letter: Letter, { inside }: GroupIdentity): string {
  return inside === 0
    ? `identical (max |Δ${letter}| = 0)`
    : `not identical (max |Δ${letter}| = ${differenceText(inside)})`;
}

/** Between the rows of two groups: "differs from group 0 by up to 0.83". */
export function betweenText(before: number, difference: number): string {
  return difference === 0
    ? `the same as group ${before}`
    : Number.isNaN(difference)
      ? `differs from group ${before} by an amount that is not a number`
      : `differs from group ${before} by up to ${differenceText(difference)}`;
}

/** "K shared by heads 0–3 (group 0)", "Q of head 5": whose picture it is. */
export function ownerText(letter: Letter, head: number, groups: number, queryHeads: number): string {
  if (groups === queryHeads) return `${letter} of head ${head}`;
  const size = queryHeads / groups;
  const group = Math.floor(head / size);
  return `${letter} shared by heads ${group * size}–${(group + 1) * size - 1} (group ${group})`;
}

/** Groups and heads in words, with the sentence that the picture proves. */
export function sharingText(
  letter: Letter,
  queryHeads: number,
  groups: number,
  identity: GroupIdentity,
  latent: boolean,
): string {
  const between =
    identity.between === null
      ? ''
      : ` Between any two of them, the largest |Δ${letter}| is at least ${differenceText(identity.between)}.`;
  if (letter === 'Q') return `Each of the ${queryHeads} heads has a Q of its own, whether or not it shares K and V.`;
  if (latent) return `${queryHeads} heads, each with its own ${letter}, made from the one latent above.${between}`;
  if (groups === 1) return `One ${letter} for all ${queryHeads} heads: ${insideText(letter, identity)}.`;
  if (groups === queryHeads) return `${queryHeads} heads, each with its own ${letter}.${between}`;
  return `${queryHeads} heads in ${groups} groups of ${queryHeads / groups}: one ${letter} for each group.`;
}
