/** A range of positions in cells, laid out in slots of one size for a graph. */

import { type CellAxis, cellBorder, cellOf } from '../../insight/cells';

export class Cells implements CellAxis {
  readonly count: number;
  /** Slots of every cell: positions of the largest one. */
  readonly slots: number;

  /** `[start, end)` in `most` cells, or one a position where these are fewer. */
  constructor(
    readonly start: number,
    readonly end: number,
    most: number,
  ) {
    const size = end - start;
    this.count = Math.max(1, Math.min(most, size));
    this.slots = Math.ceil(size / this.count);
  }

  /** True when every cell fills its slots. */
  get even(): boolean {
    return this.slots * this.count === this.end - this.start;
  }

  border(cell: number): number {
    return cellBorder(this, cell);
  }

  size(cell: number): number {
    return this.border(cell + 1) - this.border(cell);
  }

  /** The cell that holds a position of the range. */
  cellOf(position: number): number {
    return cellOf(this, position);
  }

  /** Positions of the slots of cells `[first, last)`; −1 for a slot without one. */
  positions(first: number, last: number): Int32Array {
    const result = new Int32Array((last - first) * this.slots).fill(-1);
    for (let cell = first; cell < last; cell++) {
      const at = (cell - first) * this.slots;
      for (let i = 0; i < this.size(cell); i++) result[at + i] = this.border(cell) + i;
    }
    return result;
  }
}
