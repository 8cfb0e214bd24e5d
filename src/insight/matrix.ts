/** Row-major matrices in float64, and the few operations that measures need. */

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
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) result.data[c * rows + r] = data[r * columns + c] as number;
  return result;
}

/** A · B */
export function multiply(a: Matrix, b: Matrix): Matrix {
  if (a.columns !== b.rows) throw new RangeError(`${a.rows} × ${a.columns} times ${b.rows} × ${b.columns}`);
  const result = zeros(a.rows, b.columns);
  for (let r = 0; r < a.rows; r++) {
    for (let k = 0; k < a.columns; k++) {
      const factor = a.data[r * a.columns + k] as number;
      if (factor === 0) continue;
      for (let c = 0; c < b.columns; c++) {
        const at = r * b.columns + c;
        result.data[at] = (result.data[at] as number) + factor * (b.data[k * b.columns + c] as number);
      }
    }
  }
  return result;
}

/** Aᵀ · B */
export function crossProduct(a: Matrix, b: Matrix): Matrix {
  return multiply(transpose(a), b);
}

/** Each column minus its mean. */
export function centred({ rows, columns, data }: Matrix): Matrix {
  const result = zeros(rows, columns);
  for (let c = 0; c < columns; c++) {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += data[r * columns + c] as number;
    const mean = rows === 0 ? 0 : sum / rows;
    for (let r = 0; r < rows; r++) result.data[r * columns + c] = (data[r * columns + c] as number) - mean;
  }
  return result;
}

/** ‖A‖_F² */
export function squaredNorm({ data }: Matrix): number {
  return data.reduce((sum, value) => sum + value * value, 0);
}

/** Mean over rows of the cosine between row r of A and of B; rows of zeros count as 0. */
export function meanRowCosine(a: Matrix, b: Matrix): number {
  if (a.rows !== b.rows || a.columns !== b.columns) throw new RangeError('matrices of different shapes');
  if (a.rows === 0) return 0;
  let total = 0;
  for (let r = 0; r < a.rows; r++) {
    let [dot, x, y] = [0, 0, 0];
    for (let i = r * a.columns; i < (r + 1) * a.columns; i++) {
      const [u, v] = [a.data[i] as number, b.data[i] as number];
      dot += u * v;
      x += u * u;
      y += v * v;
    }
    if (x > 0 && y > 0) total += dot / Math.sqrt(x * y);
  }
  return total / a.rows;
}
