// Numbers as people read them.
import { describe, expect, it } from 'vitest';
import {
  formatSize,
  formatBytes,
  formatExactBytes,
  formatInteger,
  formatRanges,
  formatRatio,
} from '../../../src/model/units';

describe('numbers as text', () => {
  it('ratios say which way, and group their thousands', () => {
    expect(
      [
        [4, 1],
        [1, 1.5],
        [2, 2],
        [0, 3],
        [3, 0],
        [56.888, 1],
        [1, 999.94],
        [28_444, 1],
        [1, 1234.6],
      ].map(([from = 0, to = 0]) => formatRatio(from, to)),
    ).toEqual(['÷ 4', '× 1.5', 'same', 'from 0', 'to 0', '÷ 56.89', '× 999.9', '÷ 28,444', '× 1,235']);
  });

  it('sizes have three digits at least and no zeros at the end', () => {
    expect([0, 1, 1023, 1024, 131_072, 70_272, 4.5 * 1024 ** 3, 2 ** 60].map(formatSize)).toEqual([
      '0 B',
      '1 B',
      '1,023 B',
      '1 KiB',
      '128 KiB',
      '68.63 KiB',
      '4.5 GiB',
      '1 EiB',
    ]);
    expect(formatSize(Infinity)).toBe('too large to state');
    expect(formatBytes(4.5 * 1024 ** 3)).toBe('4.5 GiB (4.83 GB)');
    expect(formatExactBytes(70_272)).toContain('70,272 B');
    expect([0, 999, 1000, 2 ** 53].map(formatInteger)).toEqual(['0', '999', '1,000', '9,007,199,254,740,992']);
  });

  it('layers are ranges', () => {
    expect([[], [3], [0, 1, 2], [0, 1, 3, 5, 6]].map(formatRanges)).toEqual(['', '3', '0–2', '0–1, 3, 5–6']);
  });
});
