/** Texts of a curve's axis and at the ends of its lines. */

import { formatInteger } from '../../../src/model/units';
import { elementAt } from '../../../src/model/elementAt';

const LABEL_HEIGHT = 14;

/** "16K" with K = 1,024, as model cards say it; other counts in full. */
export function shortContext(tokens: number): string {
  if (tokens >= 2 ** 20 && tokens % 2 ** 20 === 0) return `${tokens / 2 ** 20}M`;
  return tokens >= 1024 && tokens % 1024 === 0 ? `${tokens / 1024}K` : formatInteger(tokens);
}

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

/** Shortened in the middle. */
export function elide(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const head = Math.ceil((longest - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (longest - 1 - head))}`;
}
