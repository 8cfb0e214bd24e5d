import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInteger } from '../../../src/model/units';
import { parseTypedCount } from '../../../src/model/typedCount';

describe('a number as people type it', () => {
  it.each([
    ['131072', 131_072],
    ['131,072', 131_072],
    ['131_072', 131_072],
    ['131 072', 131_072],
    ["131'072", 131_072],
    [' 128k ', 131_072],
    ['128 K', 131_072],
    ['128Ki', 131_072],
    ['1M', 1_048_576],
    ['1m', 1_048_576],
    ['1.5M', 1_572_864],
    ['0.5k', 512],
    ['1', 1],
  ])('%s', (text, value) => {
    expect(parseTypedCount(text)).toBe(value);
  });

  it.each(['', ' ', 'abc', '-5', '0', '1.5', '1e6', '12,34', ',5', '1,', '1kk', '128kB', '0.0001k', '9'.repeat(30)])(
    '%s is none',
    (text) => {
      expect(parseTypedCount(text)).toBeNull();
    },
  );

  it('takes every number as it is shown', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (value) => {
        expect(parseTypedCount(String(value))).toBe(value);
        expect(parseTypedCount(formatInteger(value))).toBe(value);
      }),
    );
  });
});
