import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  deviation,
  finiteCount,
  HISTOGRAM_BINS,
  joinStatistics,
  NO_VALUES,
  statisticsOf,
} from '../../../src/insight/tensorStatistics';

const floats = fc
  .array(fc.oneof(fc.float(), fc.constantFrom(0, -0, NaN, Infinity, -Infinity, 1e-40, 3e38)), { maxLength: 200 })
  .map((values) => Float32Array.from(values));
const joined = (values: Float32Array, size: number): typeof NO_VALUES => {
  let all = NO_VALUES;
  for (let from = 0; from < values.length; from += size)
    all = joinStatistics(all, statisticsOf(values.subarray(from, from + size)));
  return all;
};

describe('the statistics of a tensor', () => {
  it('are those of plain arithmetic', () => {
    const values = Float32Array.of(-1, 0, 0, 2, 3, NaN, Infinity);
    const found = statisticsOf(values);
    expect(found).toMatchObject({ count: 7, nan: 1, infinite: 1, zeros: 2, least: -1, most: 3, mean: 0.8 });
    expect(finiteCount(found)).toBe(5);
    // Of the five finite ones: mean 0.8, squares 3.24 + 0.64 + 0.64 + 1.44 + 4.84.
    expect(deviation(found)).toBeCloseTo(Math.sqrt(10.8 / 5), 12);
  });

  it('count every finite value in the bin that holds it', () => {
    fc.assert(
      fc.property(floats, (values) => {
        const { bins, width } = statisticsOf(values);
        const expected = new Float64Array(HISTOGRAM_BINS);
        for (const value of values)
          if (Number.isFinite(value)) {
            const bin = Math.floor(value / width) + HISTOGRAM_BINS / 2;
            expected[bin] = (expected[bin] ?? NaN) + 1;
          }
        expect(bins).toEqual(expected);
      }),
    );
  });

  it('are the same of parts as of the whole', () => {
    fc.assert(
      fc.property(floats, fc.integer({ min: 1, max: 50 }), (values, size) => {
        const [parts, whole] = [joined(values, size), statisticsOf(values)];
        // Which of 0 and −0 is met first is no matter.
        for (const name of ['count', 'nan', 'infinite', 'zeros', 'least', 'most'] as const)
          expect(parts[name] === whole[name], name).toBe(true);
        if (values.length > 0 && finiteCount(whole) > 0 && whole.most > 0) {
          const largest = Math.max(Math.abs(whole.least), Math.abs(whole.most));
          expect(Math.abs(parts.mean - whole.mean)).toBeLessThanOrEqual(1e-12 * largest);
          expect(Math.abs(deviation(parts) - deviation(whole))).toBeLessThanOrEqual(1e-6 * largest);
          expect(parts.bins).toEqual(whole.bins);
        }
      }),
    );
  });

  it('of nothing say nothing', () => {
    expect(statisticsOf(new Float32Array(0))).toMatchObject({ count: 0, mean: 0, least: Infinity, most: -Infinity });
    expect(deviation(NO_VALUES)).toBe(0);
    expect(joinStatistics(NO_VALUES, NO_VALUES)).toBe(NO_VALUES);
  });
});
