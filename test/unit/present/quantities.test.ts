import { expect, it } from 'vitest';
import { formatCount, formatDelta, formatFlops, formatSeconds } from '../../../src/present/quantities';

it.each([
  [0, '0'],
  [999, '999'],
  [1_000, '1 K'],
  [999_600, '1 M'],
  [8_030_261_248, '8.03 B'],
  [671e9, '671 B'],
])('formatCount(%d) is %s', (value, text) => expect(formatCount(value)).toBe(text));

it('says differences with their sign', () => {
  expect([0, 805_306_368, -33_554_432].map(formatDelta)).toEqual(['same', '+805 M', '−33.6 M']);
});

it('says operations and times', () => {
  expect([0, 950, 2_684_354_560].map(formatFlops)).toEqual(['0 FLOP', '950 FLOP', '2.68 GFLOP']);
  expect([2.5, 0.0046, 0.00082, 2e-8].map(formatSeconds)).toEqual(['2.5 s', '4.6 ms', '820 µs', '0.02 µs']);
});
