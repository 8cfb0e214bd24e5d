/** Rotary tables, slopes and functions against numbers worked out elsewhere. */

import { describe, expect, it } from 'vitest';
import { alibiBias, bloomSlopes, mptSlopes } from '../../../src/attention/spec/alibi';
import { attentionMask, MASKED } from '../../../src/attention/step/mask';
import { rotaryFactor, rotaryTables } from '../../../src/attention/step/rotaryTables';
import type { RotaryScaling, RotarySpec } from '../../../src/attention/spec/rotarySpec';
import { activate, erf } from '../../oracle/activations';

const YARN: RotaryScaling = {
  kind: 'yarn',
  factor: 40,
  originalContext: 4096,
  betaFast: 32,
  betaSlow: 1,
  mscale: 1,
  mscaleAllDim: 1,
  attentionFactor: null,
  truncate: true,
};

/** Radians per position of every pair, read off the tables of position 1; at most 1 each. */
function inverseFrequencies(rotary: RotarySpec, contextTokens: number): number[] {
  const { cos, sin } = rotaryTables(rotary, [1], contextTokens);
  return [...cos].map((value, pair) => Math.atan2(sin[pair] ?? Number.NaN, value));
}

describe('rotary tables', () => {
  it('are those of the definition without scaling', () => {
    const { cos, sin, pairs } = rotaryTables({ theta: 10000, dim: 4, layout: 'half', scaling: null }, [3]);
    expect(pairs).toBe(2);
    expect([...cos]).toEqual([Math.cos(3), Math.cos(0.03)]);
    expect([...sin]).toEqual([Math.sin(3), Math.sin(0.03)]);
  });

  it('keep high and divide low frequencies (llama3), and depend on the length (dynamic, longrope)', () => {
    const llama3: RotaryScaling = {
      kind: 'llama3',
      factor: 8,
      lowFrequencyFactor: 1,
      highFrequencyFactor: 4,
      originalContext: 8192,
    };
    const plain = inverseFrequencies({ theta: 500000, dim: 128, layout: 'half', scaling: null }, 1);
    const scaled = inverseFrequencies({ theta: 500000, dim: 128, layout: 'half', scaling: llama3 }, 1);
    expect(scaled[0]).toBe(plain[0]);
    expect(scaled[63]).toBeCloseTo((plain[63] ?? Number.NaN) / 8, 15);
    const dynamic = (tokens: number): number =>
      inverseFrequencies(
        { theta: 10000, dim: 8, layout: 'half', scaling: { kind: 'dynamic', factor: 4, originalContext: 16 } },
        tokens,
      )[3] ?? Number.NaN;
    expect(dynamic(8)).toBe(dynamic(16));
    expect(dynamic(24)).toBeLessThan(dynamic(16));
    const long: RotaryScaling = {
      kind: 'longrope',
      shortFactor: [1],
      longFactor: [2],
      originalContext: 16,
      factor: 4,
      attentionFactor: null,
    };
    expect(rotaryFactor(long)).toBeCloseTo(Math.sqrt(1 + Math.log(4) / Math.log(16)), 15);
  });

  it('DeepSeek-V3: mscale cancels in the tables', () => {
    expect(rotaryFactor(YARN)).toBe(1);
    expect(rotaryFactor({ ...YARN, mscale: null, mscaleAllDim: null })).toBeCloseTo(0.1 * Math.log(40) + 1, 12);
    const frequencies = inverseFrequencies({ theta: 10000, dim: 64, layout: 'interleaved', scaling: YARN }, 1);
    expect(frequencies[0]).toBeCloseTo(1, 15);
    expect(frequencies[31]).toBeCloseTo(10000 ** (-62 / 64) / 40, 15);
  });
});

describe('slopes', () => {
  it('of BLOOM and MPT', () => {
    expect(bloomSlopes(8)).toEqual([1, 2, 3, 4, 5, 6, 7, 8].map((i) => 2 ** -i));
    expect(bloomSlopes(6).map((slope) => Math.log2(slope))).toEqual([-2, -4, -6, -8, -1, -3]);
    expect(mptSlopes(4).map((slope) => Math.log2(slope))).toEqual([-2, -4, -6, -8]);
    expect(mptSlopes(6).map((slope) => Math.log2(slope))).toEqual([-2, -4, -6, -8, -1, -3]);
  });

  it('bfloat16 rounds to nearest, ties to even', () => {
    const slopes = [1.00390625, 1.01171875, -257];
    const bias = alibiBias({ slopes, rounding: 'bfloat16', origin: 'first', factor: 1 }, [1], 1);
    expect([...bias]).toEqual([1, 1.015625, -256]);
  });
});

describe('masks', () => {
  it('show a window, a chunk, and hide unused slots', () => {
    const layout = { queryHeads: 1, kvHeads: 1, keyDim: 1, valueDim: 1 };
    const seen = (mask: Float32Array): number[] => [...mask].map((value) => (value === MASKED ? 0 : 1));
    expect(seen(attentionMask({ kind: 'sliding', window: 2, ...layout }, [3], [1, 2, 3, 4]))).toEqual([0, 1, 1, 0]);
    expect(seen(attentionMask({ kind: 'chunked', chunk: 3, ...layout }, [4], [1, 2, 3, 4, 5]))).toEqual([
      0, 0, 1, 1, 0,
    ]);
    expect(seen(attentionMask({ kind: 'full', ...layout }, [1], [0, -1, 1]))).toEqual([1, 0, 1]);
  });
});

describe('functions', () => {
  it('erf to twelve digits', () => {
    for (const [x, y] of [
      [0, 0],
      [0.5, 0.5204998778130465],
      [1, 0.8427007929497149],
      [2, 0.9953222650189527],
      [2.6, 0.9997639655834707],
      [3.5, 0.9999992569016276],
    ] as const) {
      expect(erf(x)).toBeCloseTo(y, 12);
      expect(erf(-x)).toBeCloseTo(-y, 12);
    }
  });

  it('activations at 1', () => {
    expect(activate('silu', 1)).toBeCloseTo(0.7310585786300049, 12);
    expect(activate('gelu', 1)).toBeCloseTo(0.8413447460685429, 12);
    expect(activate('gelu-tanh', 1)).toBeCloseTo(0.8411919906082768, 12);
    expect(activate('relu2', -1)).toBe(0);
  });
});
