/** Scales that quantised checkpoints keep beside an fp8 or int8 tensor. */

/** A grid of factors over a matrix: element (r, c) is multiplied by `factors[⌊r / rowBlock⌋ · columns + ⌊c / columnBlock⌋]`. */
export interface ScaleGrid {
  readonly factors: Float32Array;
  /** Factors in a row of the grid. */
  readonly columns: number;
  readonly rowBlock: number;
  readonly columnBlock: number;
}

/** Names under which the scale of `name` may be stored: DeepSeek-V3's blocks; compressed-tensors' per tensor or row. */
export function scaleNames(name: string): readonly string[] {
  return [`${name}_scale_inv`, `${name}_scale`];
}

/** Block edges that checkpoints use, the usual one first. */
const BLOCKS = [128, 64, 32, 256, 512] as const;

/**
 * The grid that a scale tensor of `scaleShape` means for a matrix `[rows, columns]`: one factor, one per row, or one per
 * block (128 × 128 in DeepSeek-V3; the last blocks may be cut). Null when the shapes do not fit.
 */
export function scaleGrid(
  rows: number,
  columns: number,
  scaleShape: readonly number[],
  factors: Float32Array,
): ScaleGrid | null {
  const count = scaleShape.reduce((product, size) => product * size, 1);
  if (count === 1) return { factors, columns: 1, rowBlock: rows, columnBlock: columns };
  if (count === rows && (scaleShape.length === 1 || scaleShape.at(-1) === 1))
    return { factors, columns: 1, rowBlock: 1, columnBlock: columns };
  const [gridRows, gridColumns] = scaleShape;
  if (scaleShape.length !== 2 || gridRows === undefined || gridColumns === undefined) return null;
  const block = BLOCKS.find((edge) => Math.ceil(rows / edge) === gridRows && Math.ceil(columns / edge) === gridColumns);
  return block === undefined ? null : { factors, columns: gridColumns, rowBlock: block, columnBlock: block };
}

/** Multiplies a stretch of the matrix, row by row from its element `first` on, in place. */
export function applyScale(values: Float32Array, columns: number, first: number, grid: ScaleGrid): void {
  const { factors, rowBlock, columnBlock } = grid;
  for (let i = 0; i < values.length; ) {
    const row = Math.floor((first + i) / columns);
    const column = first + i - row * columns;
    const block = Math.floor(column / columnBlock);
    const factor = factors[Math.floor(row / rowBlock) * grid.columns + block] as number;
    const end = Math.min(values.length, i + Math.min(columns, (block + 1) * columnBlock) - column);
    for (; i < end; i++) values[i] = (values[i] as number) * factor;
  }
}
