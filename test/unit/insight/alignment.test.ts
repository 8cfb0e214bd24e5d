import fc from 'fast-check';
import { Matrix as MlMatrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it } from 'vitest';
import { alignKeys, pairDims, procrustes, type RotaryPairs } from '../../../src/insight/alignment';
import { type Matrix, matrix, multiply, transpose } from '../../../src/insight/matrix';

/** Reproducible values in [−1, 1). */
function values(count: number, seed: number): number[] {
  let state = seed >>> 0 || 1;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
const random = (rows: number, columns: number, seed: number): Matrix =>
  matrix(rows, columns, values(rows * columns, seed));
/** A random orthogonal matrix: U of a random one. */
const orthogonal = (n: number, seed: number): Matrix =>
  matrix(
    n,
    n,
    new SingularValueDecomposition(MlMatrix.from1DArray(n, n, values(n * n, seed))).leftSingularVectors.to1DArray(),
  );
/** Mean cosine between row r of A and of B. */
const cosine = (a: Matrix, b: Matrix): number => {
  let total = 0;
  for (let r = 0; r < a.rows; r++) {
    const [x, y] = [a, b].map(({ data, columns }) => data.subarray(r * columns, (r + 1) * columns));
    const product = (p: Float64Array = new Float64Array(), q: Float64Array = p): number =>
      p.reduce((sum, value, i) => sum + value * (q[i] ?? Number.NaN), 0);
    total += product(x, y) / Math.sqrt(product(x) * product(y));
  }
  return total / a.rows;
};
const alignedValues = (x: Matrix, y: Matrix): number => cosine(multiply(x, procrustes(x, y)), y);
const alignedKeys = (x: Matrix, y: Matrix, pairs: RotaryPairs): number => cosine(alignKeys(x, y, pairs), y);
const identity = (n: number): Matrix =>
  matrix(
    n,
    n,
    Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
  );
const largest = (a: Matrix, b: Matrix): number =>
  Math.max(...a.data.map((value, i) => Math.abs(value - (b.data[i] as number))));
const seeds = fc.integer({ min: 1, max: 1e9 });

describe('alignment of heads', () => {
  it('identical heads stay as they are', () => {
    const x = random(10, 4, 5);
    expect(alignedValues(x, x)).toBeCloseTo(1, 12);
    expect(alignedKeys(x, x, { layout: 'half', dim: 4 })).toBeCloseTo(1, 14);
  });

  it('turned V heads are found out', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const x = random(12, 4, seed);
        return Math.abs(alignedValues(x, multiply(x, orthogonal(4, seed + 1))) - 1) < 1e-10;
      }),
    );
  });

  it('K heads: a rotation in each pair is found out, a reflection is not', () => {
    for (const layout of ['half', 'interleaved'] as const) {
      const x = random(20, 6, 11);
      const pairs = { layout, dim: 6 };
      const rotated = matrix(20, 6, x.data);
      const mirrored = matrix(20, 6, x.data);
      for (let pair = 0; pair < 3; pair++) {
        const [a, b] = pairDims(pairs, pair);
        const angle = 0.7 * (pair + 1);
        for (let r = 0; r < 20; r++) {
          const [p, q] = [x.data[r * 6 + a] as number, x.data[r * 6 + b] as number];
          rotated.data[r * 6 + a] = Math.cos(angle) * p - Math.sin(angle) * q;
          rotated.data[r * 6 + b] = Math.sin(angle) * p + Math.cos(angle) * q;
          mirrored.data[r * 6 + b] = -q;
        }
      }
      expect(alignedKeys(x, rotated, pairs)).toBeCloseTo(1, 12);
      expect(cosine(x, rotated)).toBeLessThan(0.9);
      expect(alignedKeys(x, mirrored, pairs)).toBeLessThan(0.9);
      expect(alignedValues(x, mirrored)).toBeCloseTo(1, 10);
    }
  });

  it('dims without RoPE may turn freely', () => {
    const x = random(20, 6, 2);
    const rest = multiply(
      matrix(
        20,
        4,
        Array.from({ length: 80 }, (_, i) => x.data[Math.floor(i / 4) * 6 + 2 + (i % 4)] as number),
      ),
      orthogonal(4, 9),
    );
    const y = matrix(
      20,
      6,
      Array.from({ length: 120 }, (_, i) =>
        i % 6 < 2 ? (x.data[i] as number) : (rest.data[Math.floor(i / 6) * 4 + (i % 6) - 2] as number),
      ),
    );
    expect(alignedKeys(x, y, { layout: 'interleaved', dim: 2 })).toBeCloseTo(1, 10);
  });

  it('the turn is orthogonal, also for heads that span fewer dims', () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 4 }), (seed, rank) => {
        const x = multiply(
          random(12, 4, seed),
          matrix(
            4,
            4,
            identity(4).data.map((value, i) => (i >= rank * 4 ? 0 : value)),
          ),
        );
        const q = procrustes(x, random(12, 4, seed + 3));
        return largest(multiply(transpose(q), q), identity(4)) < 1e-10;
      }),
    );
  });

  it('never gets worse by aligning', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        // Unit rows: there the best turn for the sum of products is the best for the mean cosine.
        const unit = (m: Matrix): Matrix =>
          matrix(
            m.rows,
            m.columns,
            m.data.map(
              (value, i) =>
                value /
                Math.hypot(
                  ...m.data.subarray(
                    Math.floor(i / m.columns) * m.columns,
                    (Math.floor(i / m.columns) + 1) * m.columns,
                  ),
                ),
            ),
          );
        const [x, y] = [unit(random(9, 4, seed)), unit(random(9, 4, seed + 5))];
        const raw = cosine(x, y);
        const key = alignedKeys(x, y, { layout: 'half', dim: 4 });
        const value = alignedValues(x, y);
        return key >= raw - 1e-12 && value >= key - 1e-12;
      }),
    );
  });
});
