/**
 * Eigenvectors of symmetric matrices: Householder's reduction to three diagonals, then QL with implicit shifts (Golub and Van Loan, Matrix
 * Computations, §8.3). Large ones take a minute, so the work is a generator that says how far it is: who runs it may stop, or show it.
 */

import { elementAt } from '../model/elementAt';
import { dot, type Matrix, zeros } from './matrix';
import { finish, type Steps, within } from './steps';

export interface Eigen {
  /** Falling. */
  readonly values: Float64Array;
  /** `[n, n]`, one eigenvector a column, in the order of `values`; orthonormal. */
  readonly vectors: Matrix;
}

/** @param a Symmetric. Takes about 9 n³ operations. */
export function symmetricEigen(a: Matrix): Eigen {
  return finish(eigenSteps(a));
}

/** Shares of the time that the parts take, about. */
const REDUCED = 0.3;
const GATHERED = 0.4;

export function* eigenSteps(a: Matrix): Steps<Eigen> {
  const n = a.rows;
  const largest = a.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const scale = largest === 0 ? 1 : largest;
  const reduced = yield* within(
    0,
    REDUCED,
    reduction(
      a.data.map((value) => value / scale),
      n,
    ),
  );
  const rows = yield* within(REDUCED, GATHERED, gathered(reduced, n));
  yield* within(GATHERED, 1, diagonalised(reduced, rows, n));
  const { diagonal } = reduced;
  const order = Array.from({ length: n }, (_, i) => i).sort((x, y) => elementAt(diagonal, y) - elementAt(diagonal, x));
  const vectors = zeros(n, n);
  order.forEach((from, to) => {
    for (let i = 0; i < n; i++) vectors.data[i * n + to] = rows[from * n + i] as number;
  });
  return { values: Float64Array.from(order, (i) => scale * elementAt(diagonal, i)), vectors };
}

/** Q · T · Qᵀ with T of three diagonals. Q is the product of I − factor · v · vᵀ, v of step k in row k of `mirrors`, from column k + 1. */
interface Reduced {
  readonly diagonal: Float64Array;
  /** T[k][k + 1]; the last is 0. */
  readonly beside: Float64Array;
  readonly mirrors: Float64Array;
  readonly factors: Float64Array;
}

/** @param a Is overwritten. */
function* reduction(a: Float64Array, n: number): Steps<Reduced> {
  const into: Reduced = {
    diagonal: new Float64Array(n),
    beside: new Float64Array(n),
    mirrors: a,
    factors: new Float64Array(n),
  };
  const w = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    mirror(into, n, k, w);
    // The first steps take longest: they have most rows.
    yield 1 - (1 - k / n) ** 3;
  }
  return into;
}

/** Makes row and column `k` zero but for the three diagonals. Loops stay out of generators, where they are slow. */
function mirror({ diagonal, beside, mirrors: a, factors }: Reduced, n: number, k: number, w: Float64Array): void {
  diagonal[k] = a[k * n + k] as number;
  const [first, length] = [k * n + k + 1, n - k - 1];
  if (length < 2) {
    if (length === 1) beside[k] = a[first] as number;
    return;
  }
  const square = dot(a, first, a, first, length);
  if (square === 0) return;
  const head = a[first] as number;
  const to = head > 0 ? -Math.sqrt(square) : Math.sqrt(square);
  beside[k] = to;
  a[first] = head - to;
  const factor = 1 / (square - head * to);
  factors[k] = factor;
  let shared = 0;
  for (let i = 0; i < length; i++) {
    const product = factor * dot(a, (k + 1 + i) * n + k + 1, a, first, length);
    w[i] = product;
    shared += product * (a[first + i] as number);
  }
  shared *= factor / 2;
  for (let i = 0; i < length; i++) w[i] = (w[i] as number) - shared * (a[first + i] as number);
  for (let i = 0; i < length; i++) {
    const row = (k + 1 + i) * n + k + 1;
    const v = a[first + i] as number;
    const u = w[i] as number;
    for (let j = 0; j < length; j++)
      a[row + j] = (a[row + j] as number) - v * (w[j] as number) - u * (a[first + j] as number);
  }
}

/** Qᵀ, row by row. */
function* gathered({ mirrors, factors }: Reduced, n: number): Steps<Float64Array> {
  const rows = new Float64Array(n * n);
  for (let i = 0; i < n; i++) rows[i * n + i] = 1;
  for (let k = n - 3; k >= 0; k--) {
    reflect(rows, n, k, mirrors, factors[k] as number);
    yield (1 - k / n) ** 3;
  }
  return rows;
}

function reflect(rows: Float64Array, n: number, k: number, mirrors: Float64Array, factor: number): void {
  if (factor === 0) return;
  const [first, length] = [k * n + k + 1, n - k - 1];
  for (let row = first + n; row < n * n; row += n) {
    const share = factor * dot(rows, row, mirrors, first, length);
    for (let j = 0; j < length; j++) rows[row + j] = (rows[row + j] as number) - share * (mirrors[first + j] as number);
  }
}

/** Rotations that are applied to the rows together, and columns of these that are turned at a time: they stay in the processor's cache. */
const ROTATIONS = 32_768;
const COLUMNS = 64;
/** One eigenvalue takes two sweeps, rarely four. */
const MOST_SWEEPS = 60;

/** Turns T to its eigenvalues (`diagonal`), and the rows of Qᵀ to eigenvectors. */
function* diagonalised({ diagonal: d, beside: e }: Reduced, rows: Float64Array, n: number): Steps<void> {
  const turns = new Turns(rows, n);
  for (let l = 0; l < n; l++) {
    for (let sweep = 0; ; sweep++) {
      let end = l;
      while (end < n - 1 && Math.abs(e[end] as number) > Number.EPSILON * (size(d, end) + size(d, end + 1))) end++;
      if (end === l) break;
      if (sweep === MOST_SWEEPS) throw new RangeError('the eigendecomposition of a matrix did not converge');
      rotate(d, e, l, end, turns);
      if (turns.full(n)) yield* within(l / n, l / n, turns.apply());
    }
    yield l / n;
  }
  yield* within(1, 1, turns.apply());
}

const size = (values: Float64Array, at: number): number => Math.abs(values[at] as number);

/** One sweep of QL with Wilkinson's shift over the rows `from` to `end` of T. */
function rotate(d: Float64Array, e: Float64Array, from: number, end: number, turns: Turns): void {
  const half = ((d[from + 1] as number) - (d[from] as number)) / (2 * (e[from] as number));
  const root = Math.hypot(half, 1);
  let g = (d[end] as number) - (d[from] as number) + (e[from] as number) / (half + (half < 0 ? -root : root));
  let [sine, cosine, p] = [1, 1, 0];
  for (let i = end - 1; i >= from; i--) {
    const [f, b] = [sine * (e[i] as number), cosine * (e[i] as number)];
    const r = Math.hypot(f, g);
    e[i + 1] = r;
    if (r === 0) {
      d[i + 1] = (d[i + 1] as number) - p;
      e[end] = 0;
      return;
    }
    [sine, cosine] = [f / r, g / r];
    g = (d[i + 1] as number) - p;
    const s = ((d[i] as number) - g) * sine + 2 * cosine * b;
    p = sine * s;
    d[i + 1] = g + p;
    g = cosine * s - b;
    turns.add(i, cosine, sine);
  }
  d[from] = (d[from] as number) - p;
  e[from] = g;
  e[end] = 0;
}

/** Rotations of neighbouring rows, kept until there are many. */
class Turns {
  private readonly at: number[] = [];
  private readonly by: number[] = [];

  constructor(
    private readonly rows: Float64Array,
    private readonly n: number,
  ) {}

  add(row: number, cosine: number, sine: number): void {
    this.at.push(row);
    this.by.push(cosine, sine);
  }

  /** A sweep more may have `more` rotations. */
  full(more: number): boolean {
    return this.at.length + more > ROTATIONS;
  }

  *apply(): Steps<void> {
    const { n, at, by } = this;
    for (let left = 0; left < n; left += COLUMNS) {
      this.turn(left, Math.min(n, left + COLUMNS));
      yield Math.min(1, (left + COLUMNS) / n);
    }
    at.length = 0;
    by.length = 0;
  }

  private turn(left: number, right: number): void {
    const { rows, n, at, by } = this;
    for (let turn = 0; turn < at.length; turn++) {
      const upper = (at[turn] as number) * n;
      const cosine = by[2 * turn] as number;
      const sine = by[2 * turn + 1] as number;
      for (let j = upper + left; j < upper + right; j++) {
        const x = rows[j] as number;
        const y = rows[j + n] as number;
        rows[j + n] = sine * x + cosine * y;
        rows[j] = cosine * x - sine * y;
      }
    }
  }
}
