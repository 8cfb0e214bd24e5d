/** Labels beside a picture. */

import { elementAt } from '../model/elementAt';

const LABEL_HEIGHT = 14;

/** Labels moved apart so that none covers another; their order stays. */
export function spread(wanted: readonly number[], top: number, bottom: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => elementAt(wanted, a) - elementAt(wanted, b) || a - b);
  const gap = Math.min(LABEL_HEIGHT, (bottom - top) / Math.max(1, wanted.length - 1));
  const placed = new Array<number>(wanted.length).fill(0);
  let floor = top;
  for (const index of order) {
    placed[index] = Math.max(elementAt(wanted, index), floor);
    floor = elementAt(placed, index) + gap;
  }
  let ceiling = bottom;
  for (const index of order.toReversed()) {
    placed[index] = Math.min(elementAt(placed, index), ceiling);
    ceiling = elementAt(placed, index) - gap;
  }
  return placed;
}
