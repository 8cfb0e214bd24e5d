/**
 * The leading left singular vectors of a large matrix, few of many: the range of A · Ω for random Ω, with power iterations (Halko, Martinsson and
 * Tropp 2011, arXiv 0909.4061, algorithms 4.4 and 5.1). Exact up to what the spectrum leaves behind, and always orthonormal.
 */

import { symmetricEigen } from '../eigen';
import { dot, type Matrix, multiply, rowProductSteps, transpose, zeros } from '../matrix';
import { type Steps, within } from '../steps';

/** Directions looked for beyond those that are wanted, and rounds of A · Aᵀ: the papers' 5 to 10, and one or two. */
const MORE = 16;
const ROUNDS = 2;

/** @returns `[rows, count]`, orthonormal columns. */
export function* randomRange(a: Matrix, count: number): Steps<Matrix> {
  const width = Math.min(a.rows, a.columns, count + MORE);
  const across = transpose(a);
  const parts = 2 * ROUNDS + 2;
  let done = 0;
  const next = <T>(steps: Steps<T>): Steps<T> => within(done / parts, ++done / parts, steps);
  // Rows are vectors here: products of rows are what is quick.
  let basis = orthonormalRows(yield* next(rowProductSteps(seededRows(width, a.columns), a)));
  for (let round = 0; round < ROUNDS; round++) {
    const back = orthonormalRows(yield* next(rowProductSteps(basis, across)));
    basis = orthonormalRows(yield* next(rowProductSteps(back, a)));
  }
  // Qᵀ · A, of which the singular vectors are found exactly.
  const small = yield* next(rowProductSteps(basis, across));
  const { vectors } = symmetricEigen(multiply(small, transpose(small)));
  const kept = zeros(count, width);
  for (let c = 0; c < count; c++)
    for (let r = 0; r < width; r++) kept.data[c * width + r] = vectors.data[r * width + c] as number;
  return transpose(multiply(kept, basis));
}

/** Normal numbers from a fixed seed: the same result for the same matrix. */
function seededRows(rows: number, columns: number): Matrix {
  const result = zeros(rows, columns);
  // mulberry32 (Tommy Ettinger, public domain).
  let state = 0x2545_f491;
  const uniform = (): number => {
    state = (state + 0x6d2b_79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  for (let i = 0; i < result.data.length; i++)
    result.data[i] = Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return result;
}

/** Gram and Schmidt, twice; rows without a direction of their own become zero. */
function orthonormalRows({ rows, columns, data }: Matrix): Matrix {
  const result = data.slice();
  for (let r = 0; r < rows; r++) {
    const at = r * columns;
    const whole = dot(result, at, result, at, columns);
    for (let pass = 0; pass < 2; pass++) {
      for (let other = 0; other < at; other += columns) {
        const share = dot(result, at, result, other, columns);
        for (let i = 0; i < columns; i++)
          result[at + i] = (result[at + i] as number) - share * (result[other + i] as number);
      }
    }
    const left = dot(result, at, result, at, columns);
    const by = left > 1e-24 * whole && left > 0 ? 1 / Math.sqrt(left) : 0;
    for (let i = 0; i < columns; i++) result[at + i] = (result[at + i] as number) * by;
  }
  return { rows, columns, data: result };
}
