/** Singular value decomposition by one-sided Jacobi rotations: slow beside LAPACK, accurate to the last digits, short. */

import { type Matrix, transpose, zeros } from './matrix';

export interface Svd {
  /** `[rows, rank]`, columns orthonormal where their singular value is above 0. */
  readonly u: Matrix;
  /** Falling. */
  readonly values: Float64Array;
  /** `[columns, rank]` */
  readonly v: Matrix;
}

const SWEEPS = 60;
const PRECISION = 1e-15;
/** Of squared lengths. */
const NOTHING = 1e-31;

/** A = U · diag(values) · Vᵀ with rank = min(rows, columns). */
export function svd(a: Matrix): Svd {
  if (a.rows < a.columns) {
    const { u, values, v } = svd(transpose(a));
    return { u: v, values, v: u };
  }
  // Work on the columns of A, kept as the rows of its transpose.
  const n = a.columns;
  const m = a.rows;
  const work = transpose(a).data;
  const v = new Float64Array(n * n);
  for (let i = 0; i < n; i++) v[i * n + i] = 1;
  orthogonalize(work, m, n, v);
  return ordered(work, m, n, v);
}

/** Singular values alone, falling; tall matrices are reduced to a triangle first. */
export function singularValues(a: Matrix): Float64Array {
  if (a.rows < a.columns) return singularValues(transpose(a));
  const reduced = a.rows > 2 * a.columns ? triangle(a) : a;
  const work = transpose(reduced).data;
  orthogonalize(work, reduced.rows, reduced.columns, null);
  const values = new Float64Array(reduced.columns);
  for (let i = 0; i < values.length; i++)
    values[i] = Math.sqrt(dot(work, i * reduced.rows, i * reduced.rows, reduced.rows));
  return values.sort().reverse();
}

function dot(data: Float64Array, p: number, q: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += (data[p + i] as number) * (data[q + i] as number);
  return sum;
}

function rotate(data: Float64Array, p: number, q: number, length: number, cosine: number, sine: number): void {
  for (let i = 0; i < length; i++) {
    const [x, y] = [data[p + i] as number, data[q + i] as number];
    data[p + i] = cosine * x - sine * y;
    data[q + i] = sine * x + cosine * y;
  }
}

/** Rotates pairs of rows of `work` (`[n, m]`) until all are orthogonal; `v` (`[n, n]`) takes part, if given. */
function orthogonalize(work: Float64Array, m: number, n: number, v: Float64Array | null): void {
  let largest = 0;
  for (let i = 0; i < n; i++) largest = Math.max(largest, dot(work, i * m, i * m, m));
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let done = true;
    for (let p = 0; p < n - 1; p++) {
      for (let q = p + 1; q < n; q++) {
        const [a, b] = [p * m, q * m];
        const alpha = dot(work, a, a, m);
        const beta = dot(work, b, b, m);
        const gamma = dot(work, a, b, m);
        // Columns that are rounding beside the largest have no direction to be turned by; sweeps would never end for them.
        if (Math.min(alpha, beta) <= NOTHING * largest) continue;
        if (gamma === 0 || Math.abs(gamma) <= PRECISION * Math.sqrt(alpha * beta)) continue;
        done = false;
        const zeta = (beta - alpha) / (2 * gamma);
        const tangent = (zeta >= 0 ? 1 : -1) / (Math.abs(zeta) + Math.sqrt(1 + zeta * zeta));
        const cosine = 1 / Math.sqrt(1 + tangent * tangent);
        rotate(work, a, b, m, cosine, cosine * tangent);
        if (v !== null) rotate(v, p * n, q * n, n, cosine, cosine * tangent);
      }
    }
    if (done) return;
  }
}

function ordered(work: Float64Array, m: number, n: number, v: Float64Array): Svd {
  const lengths = Array.from({ length: n }, (_, i) => Math.sqrt(dot(work, i * m, i * m, m)));
  const order = lengths.map((_, i) => i).sort((x, y) => (lengths[y] as number) - (lengths[x] as number));
  const u = zeros(m, n);
  const right = zeros(n, n);
  const values = new Float64Array(n);
  order.forEach((from, to) => {
    const length = lengths[from] as number;
    values[to] = length;
    for (let i = 0; i < m; i++) u.data[i * n + to] = length === 0 ? 0 : (work[from * m + i] as number) / length;
    for (let i = 0; i < n; i++) right.data[i * n + to] = v[from * n + i] as number;
  });
  return { u, values, v: right };
}

/** R of a QR decomposition (Householder): same singular values, `columns × columns`. */
function triangle(a: Matrix): Matrix {
  const { rows: m, columns: n } = a;
  const work = Float64Array.from(a.data);
  for (let k = 0; k < n; k++) {
    let norm = 0;
    for (let i = k; i < m; i++) norm += (work[i * n + k] as number) ** 2;
    norm = Math.sqrt(norm);
    if (norm === 0) continue;
    const head = work[k * n + k] as number;
    const pivot = head >= 0 ? -norm : norm;
    const first = head - pivot;
    // Reflector w = (first, below…); H = I − 2 w wᵀ / ‖w‖², ‖w‖² = −2 · pivot · first.
    const factor = -1 / (pivot * first);
    for (let c = k + 1; c < n; c++) {
      let sum = first * (work[k * n + c] as number);
      for (let i = k + 1; i < m; i++) sum += (work[i * n + k] as number) * (work[i * n + c] as number);
      sum *= factor;
      work[k * n + c] = (work[k * n + c] as number) - sum * first;
      for (let i = k + 1; i < m; i++) work[i * n + c] = (work[i * n + c] as number) - sum * (work[i * n + k] as number);
    }
    work[k * n + k] = pivot;
  }
  const result = zeros(n, n);
  for (let r = 0; r < n; r++) for (let c = r; c < n; c++) result.data[r * n + c] = work[r * n + c] as number;
  return result;
}
