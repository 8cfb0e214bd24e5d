/** How a range of positions is cut into cells for reduction, and laid out in slots of one size for a graph. */

export class Cells {
  /** First position of each cell, and behind the last one the end. */
  private readonly borders: Int32Array;
  /** Slots of every cell: positions of the largest one. */
  readonly slots: number;

  /** `[start, end)` in `count` cells as equal as can be; no more cells than positions. */
  constructor(
    readonly start: number,
    readonly end: number,
    count: number,
  ) {
    const size = end - start;
    const cells = Math.max(1, Math.min(count, size));
    this.borders = Int32Array.from({ length: cells + 1 }, (_, i) => start + Math.floor((i * size) / cells));
    this.slots = Math.ceil(size / cells);
  }

  get count(): number {
    return this.borders.length - 1;
  }

  /** True when every cell fills its slots. */
  get even(): boolean {
    return this.slots * this.count === this.end - this.start;
  }

  border(cell: number): number {
    return this.borders[cell] ?? this.end;
  }

  size(cell: number): number {
    return this.border(cell + 1) - this.border(cell);
  }

  /** The cell that holds a position of the range. */
  cellOf(position: number): number {
    let cell = Math.min(this.count - 1, Math.floor(((position - this.start) * this.count) / (this.end - this.start)));
    while (this.border(cell) > position) cell--;
    while (this.border(cell + 1) <= position) cell++;
    return cell;
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
