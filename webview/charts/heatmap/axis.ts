/** One side of a matrix on the screen: positions (tokens, dims), the cells that data hold of them, and device pixels. */

import { type CellAxis, cellOf } from '../../../src/insight/cells';
import { elementAt } from '../../../src/model/elementAt';

export type Window = readonly [start: number, end: number];

export function wholeAxis(count: number): CellAxis {
  return { start: 0, end: count, count };
}

/** True when every position has a cell of its own. */
export function isExact({ start, end, count }: CellAxis): boolean {
  return count === end - start;
}

/** What is drawn of a side: bins, each of whole positions and whole pixels; no more bins than pixels or positions. */
export interface Bins {
  readonly count: number;
  /** Positions of bin i: `[positions[i], positions[i + 1])`. */
  readonly positions: Int32Array;
  /** Pixels of bin i: `[pixels[i], pixels[i + 1])`. */
  readonly pixels: Int32Array;
  /** Cells that bin i shows: `[first[i], end[i])`. */
  readonly first: Int32Array;
  readonly end: Int32Array;
}

/** A window of an axis on so many device pixels. */
export function binsOf(axis: CellAxis, [start, end]: Window, pixels: number): Bins {
  const size = Math.max(1, end - start);
  const count = Math.max(1, Math.min(size, pixels));
  const positions = Int32Array.from({ length: count + 1 }, (_, i) => start + Math.floor((i * size) / count));
  const edges = Int32Array.from({ length: count + 1 }, (_, i) => Math.round((i * pixels) / count));
  const first = new Int32Array(count);
  const last = new Int32Array(count);
  for (let bin = 0; bin < count; bin++) {
    first[bin] = cellOf(axis, positions[bin] ?? start);
    last[bin] = cellOf(axis, (positions[bin + 1] ?? end) - 1) + 1;
  }
  return { count, positions, pixels: edges, first, end: last };
}

/** The bin under a device pixel; the nearest where it is outside. */
export function binAt({ count, pixels }: Bins, pixel: number): number {
  const width = elementAt(pixels, count);
  let bin = Math.min(count - 1, Math.max(0, Math.floor((pixel * count) / width)));
  while (bin > 0 && elementAt(pixels, bin) > pixel) bin--;
  while (bin < count - 1 && elementAt(pixels, bin + 1) <= pixel) bin++;
  return bin;
}

/** The bin that holds a position, or −1. */
export function binOf({ count, positions }: Bins, position: number): number {
  if (position < elementAt(positions, 0) || position >= elementAt(positions, count)) return -1;
  let [low, high] = [0, count - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (elementAt(positions, middle) <= position) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** A window half or twice as large (factor ½ or 2) that keeps `anchor` where it is, inside `[0, count)`. */
export function zoomed([start, end]: Window, count: number, factor: number, anchor: number, least = 4): Window {
  const size = Math.min(count, Math.max(Math.min(least, count), Math.round((end - start) * factor)));
  const share = end > start ? (anchor - start) / (end - start) : 0.5;
  return shifted([Math.round(anchor - share * size), Math.round(anchor - share * size) + size], count, 0);
}

/** A window moved by so many positions, inside `[0, count)`. */
export function shifted([start, end]: Window, count: number, by: number): Window {
  const size = Math.min(count, end - start);
  const from = Math.min(count - size, Math.max(0, start + by));
  return [from, from + size];
}
