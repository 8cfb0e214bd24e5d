/** KV heads that have most in common, in groups of equal size (QCQA, arXiv 2406.10247, with likeness in place of its evolutionary search). */

import { elementAt } from '../../model/elementAt';
import { keyTurn, type RotaryPairs } from '../alignment';
import { crossProduct, dot, type Matrix } from '../matrix';

/**
 * How alike two heads are once they are turned towards each other: the cosine of their keys, plus a bound on that of their values.
 * @param keys Of each head, `[tokens, keyDim]`.
 */
export function likeness(
  keys: readonly Matrix[],
  values: readonly Matrix[],
  pairs: RotaryPairs,
): readonly Float64Array[] {
  const size = ({ data }: Matrix): number => Math.sqrt(dot(data, 0, data, 0, data.length));
  const cosine = (product: number, x: Matrix, y: Matrix): number => {
    const sizes = size(x) * size(y);
    return sizes === 0 ? 0 : product / sizes;
  };
  const result = keys.map(() => new Float64Array(keys.length));
  keys.forEach((x, i) => {
    keys.forEach((y, j) => {
      if (j <= i) return;
      const turned = keyTurn(x, y, pairs)(x);
      const [v, w] = [values[i] as Matrix, values[j] as Matrix];
      const both = crossProduct(v, w);
      const alike = cosine(dot(turned.data, 0, y.data, 0, y.data.length), x, y) + cosine(size(both), v, w);
      for (const [a, b] of [
        [i, j],
        [j, i],
      ] as const)
        (result[a] as Float64Array)[b] = alike;
    });
  });
  return result;
}

/**
 * Heads in `groups` groups of equal size: each begun with the two that are most alike and grown by the likest, then heads are exchanged while
 * that gains.
 * @returns For each group its heads, in rising order; groups by their first head.
 */
export function groupedByLikeness(alike: readonly Float64Array[], groups: number): readonly (readonly number[])[] {
  const size = alike.length / groups;
  const between = (a: number, b: number): number => (alike[a] as Float64Array)[b] as number;
  const toAll = (head: number, group: readonly number[]): number =>
    group.reduce((sum, other) => sum + (other === head ? 0 : between(head, other)), 0);
  const free = new Set(alike.keys());
  const found: number[][] = [];
  while (free.size > 0) {
    const group = [...free].slice(0, 1);
    if (size > 1) {
      let best = -Infinity;
      for (const a of free)
        for (const b of free)
          if (a < b && between(a, b) > best) {
            best = between(a, b);
            group.splice(0, group.length, a, b);
          }
    }
    for (const head of group) free.delete(head);
    while (group.length < size) {
      const next = [...free].reduce((a, b) => (toAll(b, group) > toAll(a, group) ? b : a));
      group.push(next);
      free.delete(next);
    }
    found.push(group);
  }
  exchange(found, toAll);
  return found.map((group) => group.toSorted((a, b) => a - b)).toSorted((a, b) => elementAt(a, 0) - elementAt(b, 0));
}

/** Swaps heads of two groups while the likeness inside them grows. */
function exchange(groups: number[][], toAll: (head: number, group: readonly number[]) => number): void {
  for (let gained = true; gained; ) {
    gained = false;
    groups.forEach((first, g) => {
      for (const second of groups.slice(g + 1))
        first.forEach((a, i) => {
          second.forEach((b, j) => {
            const own = first[i] ?? a;
            const other = second[j] ?? b;
            const [restA, restB] = [first.filter((head) => head !== own), second.filter((head) => head !== other)];
            const gain = toAll(other, restA) + toAll(own, restB) - toAll(own, restA) - toAll(other, restB);
            if (gain <= 1e-12) return;
            first[i] = other;
            second[j] = own;
            gained = true;
          });
        });
    });
  }
}
