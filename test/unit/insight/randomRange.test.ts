import { describe, expect, it } from 'vitest';
import { randomRange } from '../../../src/insight/conversion/randomRange';
import { symmetricEigen } from '../../../src/insight/eigen';
import { type Matrix, multiply, transpose } from '../../../src/insight/matrix';
import { finish } from '../../../src/insight/steps';
import { randomFloats, seeded } from '../attention/support/random';

const COUNT = 24;

/** Of noise, with columns that shrink by `fall` each. */
function matrixOf(rows: number, columns: number, fall: number): Matrix {
  const data = Float64Array.from(randomFloats(seeded(11), rows * columns));
  return { rows, columns, data: data.map((value, i) => value * fall ** (i % columns)) };
}

/** Squares of A that lie in the range of a basis. */
const captured = (a: Matrix, basis: Matrix): number =>
  multiply(transpose(basis), a).data.reduce((sum, value) => sum + value * value, 0);

describe('a range that is looked for at random', () => {
  it.each([
    ['tall', 180, 120, 0.9],
    ['wide', 120, 180, 0.9],
    ['of noise alone, where no direction stands out', 120, 180, 1],
  ])('of a matrix that is %s holds what the exact singular vectors hold', (_, rows, columns, fall) => {
    const a = matrixOf(rows, columns, fall);
    const basis = finish(randomRange(a, COUNT));
    expect([basis.rows, basis.columns]).toEqual([rows, COUNT]);
    const products = multiply(transpose(basis), basis);
    products.data.forEach((value, i) => expect(value).toBeCloseTo(i % (COUNT + 1) === 0 ? 1 : 0, 10));
    const { values } = symmetricEigen(multiply(a, transpose(a)));
    const best = values.subarray(0, COUNT).reduce((sum, value) => sum + value, 0);
    expect(captured(a, basis) / best).toBeLessThanOrEqual(1 + 1e-12);
    // With a falling spectrum to many digits; without one, nearly.
    expect(captured(a, basis) / best).toBeGreaterThan(fall < 1 ? 1 - 1e-6 : 0.95);
  });

  it('is the same every time', () => {
    const a = matrixOf(60, 80, 0.95);
    expect(finish(randomRange(a, 5)).data).toEqual(finish(randomRange(a, 5)).data);
  });

  it('of a matrix with fewer directions has zeros besides', () => {
    const thin = multiply(matrixOf(50, 3, 1), transpose(matrixOf(60, 3, 1)));
    const basis = finish(randomRange(thin, 8));
    expect(captured(thin, basis)).toBeCloseTo(
      thin.data.reduce((sum, value) => sum + value * value, 0),
      8,
    );
  });
});
