import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { groupIdentity, headGroups } from '../../../src/insight/identity';
import { PatternAccumulator, type PatternMeasures } from '../../../src/insight/pattern';

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
/** Measures of a whole pattern `[tokens, tokens]`. */
function measurePattern(pattern: Float64Array, tokens: readonly number[], window?: number): PatternMeasures {
  const accumulator = new PatternAccumulator(tokens, window);
  for (let query = 0; query < tokens.length; query++)
    accumulator.addRow(pattern.subarray(query * tokens.length, (query + 1) * tokens.length));
  return accumulator.result();
}
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
  });

  it('a window: uniform over the visible keys has entropy 1', () => {
    const window = 3;
    const measures = measurePattern(
      pattern(8, (i, j) => (i - j < window ? 1 : 0)),
      distinct(8),
      window,
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
  });

  it('the induction pattern is the duplicate pattern shifted right, lower triangle', () => {
    // A token that repeats at once: the place after its copy is the query itself, which counts.
    expect(measurePattern(self(2), [7, 7]).induction).toBe(0.5);
  });

  it('shares are those of the definition', () => {
    const tokens = [1, 2, 1, 1, 2];
    const weights = pattern(5, (i, j) => 1 + ((3 * i + 5 * j) % 7));
    const sums = { all: 0, previous: 0, duplicate: 0, induction: 0 };
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j <= i; j++) {
        const weight = weights[i * 5 + j] as number;
        sums.all += weight;
        if (j === i - 1) sums.previous += weight;
        if (j < i && tokens[j] === tokens[i]) sums.duplicate += weight;
        if (j > 0 && tokens[j - 1] === tokens[i] && j - 1 < i) sums.induction += weight;
      }
    }
    const measures = measurePattern(weights, tokens);
    expect(measures.previousToken).toBeCloseTo(sums.previous / sums.all, 14);
    expect(measures.duplicateToken).toBeCloseTo(sums.duplicate / sums.all, 14);
    expect(measures.induction).toBeCloseTo(sums.induction / sums.all, 14);
  });

  it('rows one by one give what the whole gives', () => {
    const whole = measurePattern(uniform(7), [1, 2, 1, 2, 3, 1, 2]);
    const accumulator = new PatternAccumulator([1, 2, 1, 2, 3, 1, 2]);
    for (let i = 0; i < 7; i++) accumulator.addRow(Array.from({ length: i + 1 }, () => 1 / (i + 1)));
    expect(accumulator.result()).toEqual(whole);
    expect(whole.induction).toBeGreaterThan(0);
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
