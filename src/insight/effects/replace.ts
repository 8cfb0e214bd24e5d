/** Rows of a run, with some columns of some positions replaced. */

import type { Matrix } from '../matrix';

/** `zero`: nothing; `mean`: the mean over the prompt, unchanged; `other`: another prompt's at the same position, its last where it is shorter. */
export type Source =
  | { readonly kind: 'zero' }
  | { readonly kind: 'mean'; readonly of: Matrix }
  | { readonly kind: 'other'; readonly of: Matrix };

export interface Columns {
  readonly first: number;
  readonly count: number;
}

/** @param position The only row that is changed; null: all. */
export function replaceColumns(
  rows: Matrix,
  columns: readonly Columns[],
  position: number | null,
  source: Source,
): Matrix {
  const data = rows.data.slice();
  const means = source.kind === 'mean' ? columnMeans(source.of) : null;
  const [from, end] = position === null ? [0, rows.rows] : [position, position + 1];
  for (let row = from; row < end; row++)
    for (const { first, count } of columns) {
      const at = row * rows.columns + first;
      if (source.kind === 'zero') data.fill(0, at, at + count);
      else if (source.kind === 'mean') data.set((means as Float64Array).subarray(first, first + count), at);
      else {
        const other = Math.min(row, source.of.rows - 1) * rows.columns + first;
        data.set(source.of.data.subarray(other, other + count), at);
      }
    }
  return { ...rows, data };
}

function columnMeans({ rows, columns, data }: Matrix): Float64Array {
  const means = new Float64Array(columns);
  for (let i = 0; i < data.length; i++) means[i % columns] = (means[i % columns] as number) + (data[i] as number);
  return means.map((sum) => sum / rows);
}
