/** Which cells of an attention pattern exist: what the mask allows, for cells of any size. */

import type { RunnableAttention } from '../../../src/attention/spec/layerSpec';
import { type CellAxis, cellBorder } from '../../../src/insight/cells';
import type { Visible } from './raster';

/** The first key that a query sees; the last is its own. */
export function firstSeen(attention: RunnableAttention, query: number): number {
  if (attention.kind === 'sliding') return Math.max(0, query - attention.window + 1);
  return attention.kind === 'chunked' ? Math.floor(query / attention.chunk) * attention.chunk : 0;
}

/** A cell is allowed when one of its queries sees one of its keys. The keys of neighbouring queries join, so each row is one range. */
export function visibleCells(attention: RunnableAttention, rows: CellAxis, columns: CellAxis): Visible {
  const low = new Int32Array(rows.count);
  const high = new Int32Array(rows.count);
  let [from, to] = [0, 0];
  for (let row = 0; row < rows.count; row++) {
    const first = firstSeen(attention, cellBorder(rows, row));
    const end = cellBorder(rows, row + 1);
    while (from < columns.count && cellBorder(columns, from + 1) <= first) from++;
    while (to < columns.count && cellBorder(columns, to) < end) to++;
    low[row] = from;
    high[row] = to;
  }
  return { low, high };
}
