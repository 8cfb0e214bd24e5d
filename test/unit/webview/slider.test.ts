import { describe, expect, it } from 'vitest';
import {
  doublings,
  nearest,
  positionOf,
  type SliderScale,
  stepped,
  valueAt,
  withValue,
} from '../../../webview/parts/sliderScale';

const divisors: SliderScale = { values: [1, 2, 4, 8, 16, 32], log: true };
const even: SliderScale = { values: [1, 2, 3, 4, 5], log: false };

describe('a slider of possible values', () => {
  it('puts doublings at equal distances', () => {
    expect(divisors.values.map((value) => Math.round(positionOf(divisors, value) * 5))).toEqual([0, 1, 2, 3, 4, 5]);
    expect([0, 99].map((value) => positionOf(divisors, value))).toEqual([0, 1]);
  });

  it('finds at every possible value itself again', () => {
    for (const scale of [divisors, even])
      for (const value of scale.values)
        expect([valueAt(scale, positionOf(scale, value)), nearest(scale, positionOf(scale, value))]).toEqual([
          value,
          value,
        ]);
  });

  it('snaps between values and knows what was meant', () => {
    const between = positionOf(divisors, 5);
    expect(valueAt(divisors, between)).toBe(5);
    expect(nearest(divisors, between)).toBe(4);
  });

  it('steps to neighbours, also from a value that stands between them', () => {
    expect([
      stepped(divisors, 8, 1),
      stepped(divisors, 8, -1),
      stepped(divisors, 32, 1),
      stepped(divisors, 1, -1),
    ]).toEqual([16, 4, 32, 1]);
    expect([
      stepped(divisors, 5, 1),
      stepped(divisors, 5, -1),
      stepped(divisors, 99, 1),
      stepped(divisors, 99, -1),
    ]).toEqual([8, 4, 32, 32]);
  });

  it('makes doublings with values between them', () => {
    expect(doublings(1, 8)).toEqual([1, 2, 4, 8]);
    expect(doublings(1024, 4096, 1)).toEqual([1024, 1536, 2048, 3072, 4096]);
    expect(withValue([1, 4], 3)).toEqual([1, 3, 4]);
    expect(withValue([1, 4], 4)).toEqual([1, 4]);
  });
});
