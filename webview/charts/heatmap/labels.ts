/** Tokens as labels: made visible, elided in the middle, and laid out in tiers so that nothing is rotated and nothing overlaps. */

import { elementAt } from '../../../src/model/elementAt';
import { visible } from '../../../src/model/visibleText';

/** How wide a text is, in the unit of the layout. */
export type Measure = (text: string) => number;

/** A token for the eye: spaces and line ends are shown, since they are part of it. */
export function tokenText(piece: string): string {
  const shown = visible(piece.replace(/\r?\n/g, '↵').replace(/\t/g, '⇥').replace(/^ /, '␣'));
  return shown === '' ? '∅' : shown;
}

/** The text, or its beginning and end around "…" where it is wider than `width`; empty where nothing fits. */
export function elideMiddle(text: string, width: number, measure: Measure): string {
  if (measure(text) <= width) return text;
  const signs = [...text];
  let [low, high] = [0, signs.length - 1];
  const cut = (kept: number): string =>
    `${signs.slice(0, Math.ceil(kept / 2)).join('')}…${kept > 1 ? signs.slice(-Math.floor(kept / 2)).join('') : ''}`;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (measure(cut(middle)) <= width) low = middle;
    else high = middle - 1;
  }
  return low === 0 ? '' : cut(low);
}

export interface PlacedLabel {
  /** Index among the items. */
  readonly index: number;
  readonly text: string;
  /** Left edge of the text. */
  readonly x: number;
  /** Where its line goes down to the column: the column's middle. */
  readonly middle: number;
  /** 0 is nearest to the columns. */
  readonly tier: number;
}

export interface ColumnItem {
  readonly text: string;
  readonly middle: number;
}

/**
 * Column labels in tiers: neighbours go to tiers of their own, so that each has the width of several columns. Where even that is too
 * narrow to read, every n-th is left in.
 */
export function columnLabels(
  items: readonly ColumnItem[],
  tiers: number,
  width: number,
  measure: Measure,
  least = 26,
  gap = 6,
): PlacedLabel[] {
  const [first, second] = items;
  if (first === undefined) return [];
  const pitch = second === undefined ? width : second.middle - first.middle;
  // One tier if each text has its place, else as many as it takes to read something, else fewer labels.
  const widest = Math.max(...items.map(({ text }) => measure(text)));
  const wanted = Math.max(1, Math.min(tiers, Math.ceil((Math.min(widest, 90) + gap) / pitch)));
  const step = Math.max(1, Math.ceil((least + gap) / (pitch * wanted)));
  const shown = items.map((item, index) => ({ ...item, index })).filter(({ index }) => index % step === 0);
  const room = pitch * step * wanted - gap;
  /** Where the next text of a tier may begin. */
  const ends = new Array<number>(wanted).fill(0);
  return shown.map(({ text, middle, index }, place) => {
    const tier = wanted - 1 - (place % wanted);
    const from = elementAt(ends, tier);
    let short = elideMiddle(text, room, measure);
    // The line comes down at the text's beginning, as a flag hangs on its pole; at the right edge the flag is pushed back, as far as
    // its neighbour lets it. A number that is cut says something else.
    if (Math.min(middle, width - measure(short)) < from)
      short = tiers === 1 ? '' : elideMiddle(short, width - from, measure);
    const size = measure(short);
    const x = Math.max(0, Math.min(middle, width - size));
    if (short !== '') ends[tier] = x + size + gap;
    return { index, text: short, x, middle, tier };
  });
}

/** Every n-th row so that labels of a line height do not touch. */
export function rowStep(pitch: number, lineHeight: number): number {
  return Math.max(1, Math.ceil(lineHeight / Math.max(pitch, 1e-6)));
}
