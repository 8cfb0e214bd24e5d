import { describe, expect, it } from 'vitest';
import { eigenSteps, symmetricEigen } from '../../../src/insight/eigen';
import { type Matrix, matrix, multiply, rowProductSteps, transpose } from '../../../src/insight/matrix';
import { finish, paced } from '../../../src/insight/steps';
import { randomFloats, seeded } from '../attention/support/random';

const random = (rows: number, columns: number, seed: number): Matrix =>
  matrix(rows, columns, randomFloats(seeded(seed), rows * columns));
const gram = (a: Matrix): Matrix => multiply(a, transpose(a));
const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** ‖A · V − V · Λ‖ and ‖Vᵀ · V − I‖, the largest entry of each; the first against the largest of A. */
function errors(a: Matrix): { readonly residual: number; readonly orthogonality: number } {
  const { values, vectors } = symmetricEigen(a);
  const n = a.rows;
  const image = multiply(a, vectors);
  const products = multiply(transpose(vectors), vectors);
  return {
    residual:
      largest(image.data.map((value, i) => value - (vectors.data[i] as number) * (values[i % n] as number))) /
      (largest(a.data) || 1),
    orthogonality: largest(products.data.map((value, i) => value - (i % (n + 1) === 0 ? 1 : 0))),
  };
}

describe('eigenvectors', () => {
  it.each([
    ['none', matrix(0, 0, [])],
    ['one', matrix(1, 1, [-3])],
    ['two', matrix(2, 2, [2, 1, 1, 2])],
    ['zeros', matrix(5, 5, new Float64Array(25))],
    ['equal ones', matrix(4, 4, [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2])],
    ['a random matrix', gram(random(70, 90, 1))],
    ['one of low rank', gram(random(70, 9, 2))],
    ['blocks that do not meet', matrix(4, 4, [1, 2, 0, 0, 2, 1, 0, 0, 0, 0, 3, 4, 0, 0, 4, 3])],
    [
      'sizes from 1e-12 to 1',
      gram(
        matrix(
          40,
          40,
          random(40, 40, 3).data.map((value, i) => value * 10 ** (-(i % 40) / 7)),
        ),
      ),
    ],
    [
      'tiny numbers',
      matrix(
        30,
        30,
        gram(random(30, 30, 4)).data.map((value) => value * 1e-200),
      ),
    ],
    [
      'enormous numbers',
      matrix(
        30,
        30,
        gram(random(30, 30, 5)).data.map((value) => value * 1e200),
      ),
    ],
    ['more turns than are kept at once', gram(random(260, 260, 6))],
  ])('of %s are orthonormal and belong to their values', (_, a) => {
    const { residual, orthogonality } = errors(a);
    expect(residual).toBeLessThan(1e-12);
    expect(orthogonality).toBeLessThan(1e-12);
    const { values } = symmetricEigen(a);
    expect([...values]).toEqual([...values].toSorted((x, y) => y - x));
  });

  it('have the values that are known', () => {
    expect([...symmetricEigen(matrix(2, 2, [2, 1, 1, 2])).values].map((value) => Number(value.toFixed(12)))).toEqual([
      3, 1,
    ]);
    // −1, 2, −1: 2 − 2 cos(kπ / (n + 1)).
    const n = 12;
    const second = matrix(
      n,
      n,
      Array.from({ length: n * n }, (_, i) => [2, -1][Math.abs(Math.floor(i / n) - (i % n))] ?? 0),
    );
    symmetricEigen(second).values.forEach((value, i) =>
      expect(value).toBeCloseTo(2 - 2 * Math.cos(((n - i) * Math.PI) / (n + 1)), 12),
    );
  });

  it('are found in steps that go forward, and that can be stopped', async () => {
    const a = gram(random(200, 200, 7));
    const seen: number[] = [];
    await paced(eigenSteps(a), (fraction) => Promise.resolve(void seen.push(fraction)));
    expect(seen.length).toBeGreaterThan(400);
    expect(seen).toEqual(seen.toSorted((x, y) => x - y));
    expect(seen.at(-1)).toBeLessThanOrEqual(1);
    let steps = 0;
    const stopped = paced(eigenSteps(a), () =>
      ++steps === 20 ? Promise.reject(new Error('stop')) : Promise.resolve(),
    );
    await expect(stopped).rejects.toThrow('stop');
    expect(steps).toBe(20);
  });
});

it('products in steps are the same products', () => {
  const [a, b] = [random(75, 20, 8), random(33, 20, 9)];
  expect(finish(rowProductSteps(a, b))).toEqual(multiply(a, transpose(b)));
});
