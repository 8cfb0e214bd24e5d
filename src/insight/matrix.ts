/** Row-major matrices in float64, and the few operations that measures need. */

import type { Steps } from './steps';

export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  /** `rows × columns` values, row-major. */
  readonly data: Float64Array;
}

/** @throws RangeError when the number of values is not rows × columns. */
export function matrix(rows: number, columns: number, values: ArrayLike<number>): Matrix {
  if (values.length !== rows * columns) throw new RangeError(`${values.length} values for ${rows} × ${columns}`);
  return { rows, columns, data: Float64Array.from(values) };
}

export function zeros(rows: number, columns: number): Matrix {
  return { rows, columns, data: new Float64Array(rows * columns) };
}

export function transpose({ rows, columns, data }: Matrix): Matrix {
  const result = zeros(columns, rows);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) result.data[c * rows + r] = data[r * columns + c] as number;
  return result;
}

/** A · B */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) throw new RangeError(`${a.rows} × ${a.columns} times ${b.rows} × ${b.columns}`);
  return rowProducts(a, transpose(b));
}

/** Σ a[i] · b[i] over `length` entries from two places; four sums at a time, for a processor does so. */
export function dot(a: Float64Array, atA: number, b: Float64Array, atB: number, length: number): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  let i = 0;
  for (; i + 3 < length; i += 4) {
    s0 += (a[atA + i] as number) * (b[atB + i] as number);
    s1 += (a[atA + i + 1] as number) * (b[atB + i + 1] as number);
    s2 += (a[atA + i + 2] as number) * (b[atB + i + 2] as number);
    s3 += (a[atA + i + 3] as number) * (b[atB + i + 3] as number);
  }
  for (; i < length; i++) s0 += (a[atA + i] as number) * (b[atB + i] as number);
  return s0 + s1 + (s2 + s3);
}

/** Rows of A that are multiplied at a time with the same rows of B, while those are in the processor's cache. */
const BLOCK = 32;

/** A · Bᵀ: every row of A times every row of B, four at a time. */
function rowProducts(a: Matrix, b: Matrix): Matrix {
  const width = a.columns;
  const result = zeros(a.rows, b.rows);
  const [x, w] = [a.data, b.data];
  for (let block = 0; block < a.rows; block += BLOCK) {
    const end = Math.min(a.rows, block + BLOCK);
    let c = 0;
    for (; c + 3 < b.rows; c += 4) {
      const [w0, w1, w2, w3] = [c * width, (c + 1) * width, (c + 2) * width, (c + 3) * width];
      for (let r = block; r < end; r++) {
        const at = r * width;
        let [s0, s1, s2, s3] = [0, 0, 0, 0];
        for (let i = 0; i < width; i++) {
          const value = x[at + i] as number;
          s0 += value * (w[w0 + i] as number);
          s1 += value * (w[w1 + i] as number);
          s2 += value * (w[w2 + i] as number);
          s3 += value * (w[w3 + i] as number);
        }
        const to = r * b.rows + c;
        result.data[to] = s0;
        result.data[to + 1] = s1;
        result.data[to + 2] = s2;
        result.data[to + 3] = s3;
      }
    }
    for (; c < b.rows; c++)
      for (let r = block; r < end; r++) result.data[r * b.rows + c] = dot(x, r * width, w, c * width, width);
  }
  return result;
}

/** The same, in steps. */
export function* rowProductSteps(a: Matrix, b: Matrix): Steps<Matrix> {
  const result = zeros(a.rows, b.rows);
  for (let first = 0; first < a.rows; first += BLOCK) {
    const rows = Math.min(BLOCK, a.rows - first);
    const part = a.data.subarray(first * a.columns, (first + rows) * a.columns);
    result.data.set(rowProducts({ rows, columns: a.columns, data: part }, b).data, first * b.rows);
    yield (first + rows) / a.rows;
  }
  return result;
}

/** Aᵀ · B */
export function crossProduct(a: Matrix, b: Matrix): Matrix {
  return multiply(transpose(a), b);
}
