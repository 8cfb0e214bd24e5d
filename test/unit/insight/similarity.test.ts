import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Matrix, matrix, multiply, transpose } from '../../../src/insight/matrix';
import {
  alignedKeySimilarity,
  alignedValueSimilarity,
  linearCka,
  pairDims,
  procrustes,
  rawSimilarity,
} from '../../../src/insight/similarity';
import { effectiveRank, participationRatio, spectrum } from '../../../src/insight/spectrum';
import { singularValues, svd } from '../../../src/insight/svd';

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
const orthogonal = (n: number, seed: number): Matrix => svd(random(n, n, seed)).u;
const identity = (n: number): Matrix =>
  matrix(
    n,
    n,
    Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
  );
const largest = (a: Matrix, b: Matrix): number =>
  Math.max(...a.data.map((value, i) => Math.abs(value - (b.data[i] as number))));
const seeds = fc.integer({ min: 1, max: 1e9 });

describe('singular values', () => {
  it('decomposes and puts together again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), seeds, (rows, columns, seed) => {
        const a = random(rows, columns, seed);
        const { u, values: sigma, v } = svd(a);
        const scaled = matrix(
          u.rows,
          u.columns,
          u.data.map((value, i) => value * (sigma[i % u.columns] as number)),
        );
        return (
          largest(multiply(scaled, transpose(v)), a) < 1e-12 &&
          sigma.every((value, i) => i === 0 || value <= (sigma[i - 1] as number))
        );
      }),
    );
  });

  it('diagonal, rank one, zero', () => {
    expect([...singularValues(matrix(2, 2, [3, 0, 0, -4]))]).toEqual([4, 3]);
    const rankOne = matrix(3, 2, [1, 2, 2, 4, 3, 6]);
    expect(singularValues(rankOne)[0]).toBeCloseTo(Math.sqrt(70), 12);
    expect(singularValues(rankOne)[1]).toBeCloseTo(0, 12);
    expect([...singularValues(matrix(2, 3, [0, 0, 0, 0, 0, 0]))]).toEqual([0, 0]);
  });

  it('reduces tall matrices first, to the same values', () => {
    const tall = random(200, 6, 3);
    const [reduced, direct] = [singularValues(tall), svd(tall).values];
    reduced.forEach((value, i) => expect(value).toBeCloseTo(direct[i] as number, 11));
  });
});

describe('rank', () => {
  it('closed forms', () => {
    expect(spectrum(identity(5)).effectiveRank).toBeCloseTo(5, 12);
    expect(spectrum(identity(5)).participationRatio).toBeCloseTo(5, 12);
    expect(spectrum(matrix(3, 2, [1, 2, 2, 4, 3, 6])).effectiveRank).toBeCloseTo(1, 6);
    expect(effectiveRank([0, 0])).toBe(0);
    expect(participationRatio([0, 0])).toBe(0);
    expect(participationRatio([1, 1, 0])).toBe(2);
    expect(effectiveRank([2, 1])).toBeCloseTo(Math.exp(-(2 / 3) * Math.log(2 / 3) - (1 / 3) * Math.log(1 / 3)), 12);
  });

  it('does not change with a turn or a factor', () => {
    fc.assert(
      fc.property(seeds, fc.double({ min: 0.1, max: 100, noNaN: true }), (seed, factor) => {
        const x = random(12, 4, seed);
        const turned = multiply(x, orthogonal(4, seed + 7));
        const scaled = matrix(
          12,
          4,
          turned.data.map((value) => value * factor),
        );
        return (
          Math.abs(spectrum(scaled).effectiveRank - spectrum(x).effectiveRank) < 1e-9 &&
          Math.abs(spectrum(scaled).participationRatio - spectrum(x).participationRatio) < 1e-9
        );
      }),
    );
  });
});

describe('similarity', () => {
  it('identical heads: CKA 1, cosine 1, aligned 1', () => {
    const x = random(10, 4, 5);
    expect(linearCka(x, x)).toBeCloseTo(1, 14);
    expect(rawSimilarity(x, x)).toBeCloseTo(1, 14);
    expect(alignedValueSimilarity(x, x)).toBeCloseTo(1, 12);
    expect(alignedKeySimilarity(x, x, { layout: 'half', dim: 4 })).toBeCloseTo(1, 14);
  });

  it('turned V heads are found out; CKA does not see the turn, a shift or a factor', () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        const x = random(12, 4, seed);
        const turned = multiply(x, orthogonal(4, seed + 1));
        const moved = matrix(
          12,
          4,
          turned.data.map((value, i) => 3 * value + (i % 4)),
        );
        return Math.abs(alignedValueSimilarity(x, turned) - 1) < 1e-10 && Math.abs(linearCka(x, moved) - 1) < 1e-10;
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
      expect(alignedKeySimilarity(x, rotated, pairs)).toBeCloseTo(1, 12);
      expect(rawSimilarity(x, rotated)).toBeLessThan(0.9);
      expect(alignedKeySimilarity(x, mirrored, pairs)).toBeLessThan(0.9);
      expect(alignedValueSimilarity(x, mirrored)).toBeCloseTo(1, 10);
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
    expect(alignedKeySimilarity(x, y, { layout: 'interleaved', dim: 2 })).toBeCloseTo(1, 10);
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
        const raw = rawSimilarity(x, y);
        const key = alignedKeySimilarity(x, y, { layout: 'half', dim: 4 });
        const value = alignedValueSimilarity(x, y);
        return key >= raw - 1e-12 && value >= key - 1e-12;
      }),
    );
  });
});
