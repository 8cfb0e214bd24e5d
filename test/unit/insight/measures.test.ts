import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  distanceMatrix,
  HeadDistances,
  jensenShannonDistance,
  smoothedDivergence,
} from '../../../src/insight/headDistance';
import { groupIdentity, headGroups } from '../../../src/insight/identity';
import {
  absoluteScore,
  columnMass,
  measurePattern,
  PatternAccumulator,
  repeatedInduction,
  sinkRate,
} from '../../../src/insight/pattern';

/** A causal pattern from a function of query and key, rows normalised. */
function pattern(tokens: number, weight: (query: number, key: number) => number): Float64Array {
  const result = new Float64Array(tokens * tokens);
  for (let i = 0; i < tokens; i++) {
    let sum = 0;
    for (let j = 0; j <= i; j++) sum += weight(i, j);
    for (let j = 0; j <= i; j++) result[i * tokens + j] = weight(i, j) / sum;
  }
  return result;
}
const uniform = (tokens: number): Float64Array => pattern(tokens, () => 1);
const self = (tokens: number): Float64Array => pattern(tokens, (i, j) => (i === j ? 1 : 0));
const first = (tokens: number): Float64Array => pattern(tokens, (_, j) => (j === 0 ? 1 : 0));
const before = (tokens: number): Float64Array => pattern(tokens, (i, j) => (j === Math.max(0, i - 1) ? 1 : 0));
const distinct = (tokens: number): number[] => Array.from({ length: tokens }, (_, i) => i);

describe('measures on patterns, closed forms', () => {
  it('uniform: entropy 1, sink the mean of 1/(i+1)', () => {
    const measures = measurePattern(uniform(5), distinct(5));
    expect(measures.entropy).toBeCloseTo(1, 14);
    expect(measures.sink).toBeCloseTo((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5, 14);
    expect(measures.previousToken).toBeCloseTo((1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5, 14);
    expect(measures.duplicateToken).toBe(0);
    expect(measures.induction).toBe(0);
  });

  it('one-hot: entropy 0; all on the first token; all on the one before', () => {
    expect(measurePattern(self(6), distinct(6))).toEqual({
      entropy: 0,
      sink: 1 / 6,
      previousToken: 0,
      duplicateToken: 0,
      induction: 0,
    });
    expect(measurePattern(first(6), distinct(6)).sink).toBe(1);
    expect(measurePattern(before(6), distinct(6)).previousToken).toBeCloseTo(5 / 6, 14);
    expect(measurePattern(before(6), distinct(6), { excludeFirst: true }).previousToken).toBe(1);
    expect(measurePattern(self(6), distinct(6), { excludeCurrent: true }).previousToken).toBe(0);
  });

  it('a window: uniform over the visible keys has entropy 1', () => {
    const window = 3;
    const measures = measurePattern(
      pattern(8, (i, j) => (i - j < window ? 1 : 0)),
      distinct(8),
      { window },
    );
    expect(measures.entropy).toBeCloseTo(1, 14);
  });

  it('duplicate and induction on a repeated sequence', () => {
    const half = 4;
    const tokens = [...distinct(half), ...distinct(half)];
    const duplicate = pattern(2 * half, (i, j) => (i >= half ? (j === i - half ? 1 : 0) : j === i ? 1 : 0));
    expect(measurePattern(duplicate, tokens).duplicateToken).toBe(0.5);
    const induction = pattern(2 * half, (i, j) => (i >= half ? (j === i - half + 1 ? 1 : 0) : j === i ? 1 : 0));
    expect(measurePattern(induction, tokens).induction).toBe(0.5);
    expect(repeatedInduction(induction, 2 * half, half)).toBeCloseTo(half / (half + 1), 14);
  });

  it('the induction pattern is the duplicate pattern shifted right, lower triangle', () => {
    // A token that repeats at once: the place after its copy is the query itself, which counts.
    expect(measurePattern(self(2), [7, 7]).induction).toBe(0.5);
  });

  it('the score "abs" is 1 for the pattern itself', () => {
    expect(absoluteScore(before(5), before(5), 5)).toBe(1);
    expect(absoluteScore(self(5), before(5), 5)).toBeCloseTo(1 - 8 / 5, 14);
  });

  it('what is excluded is in neither part of a share', () => {
    const tokens = [1, 2, 1, 1, 2];
    const weights = pattern(5, (i, j) => 1 + ((3 * i + 5 * j) % 7));
    for (const options of [
      {},
      { excludeFirst: true },
      { excludeCurrent: true },
      { excludeFirst: true, excludeCurrent: true },
    ]) {
      const sums = { all: 0, previous: 0, duplicate: 0, induction: 0 };
      for (let i = 0; i < 5; i++) {
        for (let j = 0; j <= i; j++) {
          if ((options.excludeFirst && j === 0) || (options.excludeCurrent && j === i)) continue;
          const weight = weights[i * 5 + j] as number;
          sums.all += weight;
          if (j === i - 1) sums.previous += weight;
          if (j < i && tokens[j] === tokens[i]) sums.duplicate += weight;
          if (j > 0 && tokens[j - 1] === tokens[i] && j - 1 < i) sums.induction += weight;
        }
      }
      const measures = measurePattern(weights, tokens, options);
      expect(measures.previousToken).toBeCloseTo(sums.previous / sums.all, 14);
      expect(measures.duplicateToken).toBeCloseTo(sums.duplicate / sums.all, 14);
      expect(measures.induction).toBeCloseTo(sums.induction / sums.all, 14);
    }
  });

  it('column mass and sink rate', () => {
    expect(columnMass(first(5), 5, 0)).toBe(1);
    expect(columnMass(self(5), 5, 4)).toBe(1);
    expect(sinkRate([0.9, 0.3, 0.31, 0])).toBe(50);
    expect(sinkRate([])).toBe(0);
  });

  it('rows one by one give what the whole gives', () => {
    const whole = measurePattern(uniform(7), [1, 2, 1, 2, 3, 1, 2]);
    const accumulator = new PatternAccumulator([1, 2, 1, 2, 3, 1, 2]);
    for (let i = 0; i < 7; i++) accumulator.addRow(Array.from({ length: i + 1 }, () => 1 / (i + 1)));
    expect(accumulator.result()).toEqual(whole);
    expect(whole.induction).toBeGreaterThan(0);
  });
});

describe('distance of heads', () => {
  it('same 0, disjoint 1, symmetric, smoothed variant 0 for the same', () => {
    expect(jensenShannonDistance(uniform(6), uniform(6), 6)).toBe(0);
    expect(jensenShannonDistance(self(6), first(6), 6)).toBeCloseTo(1, 14);
    expect(smoothedDivergence(before(6), before(6), 6)).toBe(0);
    expect(smoothedDivergence(self(6), first(6), 6)).toBeGreaterThan(5 * 0.6);
    const all = distanceMatrix([self(4), uniform(4), first(4)], 4);
    expect(all[1]).toBe(all[3]);
    expect(all[4]).toBe(0);
  });

  it('two keys against one: the textbook value', () => {
    // p = (1, 0), q = (1/2, 1/2): JS = 3/4 log2(4/3) … in bits 0.311278…
    const p = [1, 0, 1, 0];
    const q = [1, 0, 0.5, 0.5];
    expect(jensenShannonDistance(p, q, 2) ** 2).toBeCloseTo(0.31127812445913283, 12);
  });

  it('is a distance in [0, 1], obeys the triangle inequality', () => {
    const rows = fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 25, maxLength: 25 });
    const make = (values: readonly number[]): Float64Array => pattern(5, (i, j) => values[i * 5 + j] as number);
    fc.assert(
      fc.property(rows, rows, rows, (a, b, c) => {
        const [p, q, r] = [make(a), make(b), make(c)];
        const [pq, qr, pr] = [
          jensenShannonDistance(p, q, 5),
          jensenShannonDistance(q, r, 5),
          jensenShannonDistance(p, r, 5),
        ];
        return pq >= 0 && pq <= 1 && pr <= pq + qr + 1e-12;
      }),
    );
  });
});

describe('the entropy of float32 rows', () => {
  const entropies = (values: readonly number[]): [quick: number, exact: number] => {
    const row = Float32Array.from(values);
    const [quick, exact] = [row, Float64Array.from(row)].map((given) => {
      const accumulator = new PatternAccumulator(values.map((_, i) => i));
      for (let query = 0; query < values.length - 1; query++) accumulator.addRow(new Float64Array(values.length));
      accumulator.addRow(given);
      return accumulator.result().entropy;
    });
    return [quick ?? Number.NaN, exact ?? Number.NaN];
  };

  it('is that of the definition, for weights of any size', () => {
    const weight = fc.oneof(
      fc.constant(0),
      fc.constant(1),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: -120, max: 0, noNaN: true }).map((power) => 2 ** power),
    );
    fc.assert(
      fc.property(fc.array(weight, { minLength: 2, maxLength: 40 }), (values) => {
        const [quick, exact] = entropies(values);
        return Math.abs(quick - exact) <= 1e-14 * (1 + Math.abs(exact));
      }),
    );
  });

  it('one key 0; uniform 1, the mean with two rows of 0 a third', () => {
    expect(entropies([0, 1, 0, 0])[0]).toBeCloseTo(0, 14);
    expect(entropies([0.25, 0.25, 0.25, 0.25])[0]).toBeCloseTo(1 / 3, 14);
  });
});

describe('distances of all heads from blocks of rows', () => {
  const tokens = 12;
  const heads = fc.array(
    fc.array(fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1, noNaN: true })), {
      minLength: tokens ** 2,
      maxLength: tokens ** 2,
    }),
    { minLength: 3, maxLength: 3 },
  );

  it('are those of the definition, however the rows are cut, and exactly 0 for the same head', () => {
    fc.assert(
      fc.property(heads, fc.integer({ min: 1, max: tokens }), (values, size) => {
        // Powers make rows peaked, as softmax does; the last head is the first again.
        const made = values.map((list, h) =>
          pattern(tokens, (i, j) => (list[i * tokens + j] as number) ** (1 + 9 * h) + 1e-9),
        );
        const patterns = [...made, made[0] as Float64Array];
        const distances = new HeadDistances(patterns.length, tokens);
        for (let start = 0; start < tokens; start += size) {
          const rows = Math.min(size, tokens - start);
          const block = new Float64Array(patterns.length * rows * tokens);
          patterns.forEach((p, h) => block.set(p.subarray(start * tokens, (start + rows) * tokens), h * rows * tokens));
          distances.addRows(block, rows);
        }
        const result = distances.result();
        const exact = patterns.flatMap((p) => patterns.map((q) => jensenShannonDistance(p, q, tokens)));
        return result[3] === 0 && exact.every((value, i) => Math.abs(value - (result[i] as number)) <= 1e-6 * value);
      }),
      { numRuns: 20 },
    );
  });

  it('the textbook value and disjoint heads', () => {
    const block = Float64Array.from([1, 0, 1, 0, 1, 0, 0.5, 0.5, 1, 0, 0, 1]);
    const distances = new HeadDistances(3, 2);
    distances.addRows(block, 2);
    expect((distances.result()[1] as number) ** 2).toBeCloseTo(0.31127812445913283, 7);
    expect(distances.result()[2]).toBe(1);
  });
});

describe('measures stay in their bounds', () => {
  it('for any pattern', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 36, maxLength: 36 }),
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 6, maxLength: 6 }),
        (values, tokens) => {
          const measures = measurePattern(
            pattern(6, (i, j) => (values[i * 6 + j] as number) + 1e-3),
            tokens,
          );
          return Object.values(measures).every((value: number) => value >= 0 && value <= 1 + 1e-12);
        },
      ),
    );
  });
});

describe('identity of groups', () => {
  it('identical inside, different between', () => {
    const values = [1, 2, 1, 2, 5, 2, 5, 2];
    expect(groupIdentity(values, [0, 0, 1, 1])).toEqual({ inside: 0, between: 4 });
    expect(groupIdentity(values, [0, 1, 0, 1])).toEqual({ inside: 4, between: 0 });
    expect(groupIdentity(values, [0, 0, 0, 0])).toEqual({ inside: 4, between: null });
    expect(groupIdentity([1, NaN, 1, 1], [0, 0]).inside).toBeNaN();
  });

  it('numbers the groups of query heads', () => {
    expect(headGroups(8, 2)).toEqual([0, 0, 0, 0, 1, 1, 1, 1]);
    expect(headGroups(3, 3)).toEqual([0, 1, 2]);
  });
});
