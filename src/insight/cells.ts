/** How a range of positions is cut into cells as equal as can be: of tiles that the compute process reduces, and on the screen. */

/** Positions `[start, end)`, held as `count` cells; one cell each where `count` is their number. */
export interface CellAxis {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

/** The first position of a cell; of the cell behind the last one, the end. */
export function cellBorder({ start, end, count }: CellAxis, cell: number): number {
  return start + Math.floor((cell * (end - start)) / count);
}

/** The cell that holds a position; the nearest for one outside. */
export function cellOf(axis: CellAxis, position: number): number {
  const { start, end, count } = axis;
  let cell = Math.min(count - 1, Math.max(0, Math.floor(((position - start) * count) / (end - start))));
  while (cell > 0 && cellBorder(axis, cell) > position) cell--;
  while (cell < count - 1 && cellBorder(axis, cell + 1) <= position) cell++;
  return cell;
}
