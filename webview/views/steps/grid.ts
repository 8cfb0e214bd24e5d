/** Small float64 matrices, row-major, and the few operations that the walks show. */

import { elementAt } from '../../../src/model/elementAt';

export interface Grid {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

export function gridOf(rows: number, columns: number, value: (row: number, column: number) => number): Grid {
  const values = new Float64Array(rows * columns);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) values[row * columns + column] = value(row, column);
  return { rows, columns, values };
}

export function cellOf(grid: Grid, row: number, column: number): number {
  return elementAt(grid.values, row * grid.columns + column);
}

/** [m,k] · [k,n] */
export function product(left: Grid, right: Grid): Grid {
  return gridOf(left.rows, right.columns, (row, column) => {
    let sum = 0;
    for (let k = 0; k < left.columns; k++)
      sum += (left.values[row * left.columns + k] as number) * (right.values[k * right.columns + column] as number);
    return sum;
  });
}

export function transpose(grid: Grid): Grid {
  return gridOf(grid.columns, grid.rows, (row, column) => cellOf(grid, column, row));
}

export function rowsOf(grid: Grid, from: number, to: number): Grid {
  return { rows: to - from, columns: grid.columns, values: grid.values.slice(from * grid.columns, to * grid.columns) };
}

export function plus(a: Grid, b: Grid): Grid {
  return gridOf(a.rows, a.columns, (row, column) => cellOf(a, row, column) + cellOf(b, row, column));
}

/** Softmax of each row × `scale`; row `r` sees columns up to `r + offset`, the others weigh 0. */
export function causalSoftmax(scores: Grid, scale: number, offset: number): Grid {
  const result = gridOf(scores.rows, scores.columns, () => 0);
  for (let row = 0; row < scores.rows; row++) {
    const seen = Math.min(scores.columns, row + offset + 1);
    const scaled = Array.from({ length: seen }, (_, column) => cellOf(scores, row, column) * scale);
    const top = Math.max(...scaled);
    const powers = scaled.map((score) => Math.exp(score - top));
    const total = powers.reduce((sum, power) => sum + power, 0);
    powers.forEach((power, column) => (result.values[row * scores.columns + column] = power / total));
  }
  return result;
}

const ROTARY_BASE = 10_000;

/** Rotary position embedding: row r is at position `first + r`; pairs are neighbours (2j, 2j + 1), as DeepSeek stores them. */
export function rotated(grid: Grid, first: number): Grid {
  return gridOf(grid.rows, grid.columns, (row, column) => {
    const pair = Math.floor(column / 2);
    const angle = (first + row) * ROTARY_BASE ** ((-2 * pair) / grid.columns);
    const [a, b] = [cellOf(grid, row, 2 * pair), cellOf(grid, row, 2 * pair + 1)];
    return column % 2 === 0 ? a * Math.cos(angle) - b * Math.sin(angle) : b * Math.cos(angle) + a * Math.sin(angle);
  });
}

/** The largest difference of two equal shapes. */
export function largestDifference(a: Grid, b: Grid): number {
  let largest = 0;
  for (let i = 0; i < a.values.length; i++)
    largest = Math.max(largest, Math.abs(elementAt(a.values, i) - elementAt(b.values, i)));
  return largest;
}

/**
 * Reproducible values in −scale…scale with two decimals, so that they can be read; a name gives the same ones always. They are exact
 * in float32, as weights are. FNV-1a over the name, then Mulberry32.
 */
export function seededGrid(name: string, rows: number, columns: number, scale: number): Grid {
  let state = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) state = Math.imul(state ^ name.charCodeAt(i), 0x01000193);
  return gridOf(rows, columns, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    const unit = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    return Math.fround(Math.round((2 * unit - 1) * scale * 100) / 100);
  });
}
