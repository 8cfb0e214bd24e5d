// Cache types bit by bit: ggml's against its own library, the others against the numbers of their specifications.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Matrix } from '../../../src/insight/matrix';
import {
  CACHE_TYPES,
  cannotStore,
  launchOption,
  stored,
  storedBytes,
  storedQueries,
} from '../../../src/insight/tradeoff/cacheTypes';
import { type GgmlBlockType, throughBlock } from '../../../src/insight/tradeoff/ggmlBlocks';
import { rotate, rotationSize } from '../../../src/insight/tradeoff/hadamard';
import { toBf16, toE2m1, toE4m3, toF16 } from '../../../src/insight/tradeoff/numberFormats';
import { dequantize, GGML_TYPES } from '../../../src/weights/ggml';
import { randomFloats, seeded } from '../attention/support/random';
import { Libllama, LIBLLAMA_TIMEOUT_MS, noLibllama } from '../support/libllama';
import { halfBits, halfValue } from '../weights/quantise';

const row = (values: ArrayLike<number>): Matrix => ({
  rows: 1,
  columns: values.length,
  data: Float64Array.from(values),
});
const BLOCKS: readonly [GgmlBlockType, number][] = [
  ['q8_0', 8],
  ['q5_1', 7],
  ['q5_0', 6],
  ['q4_1', 3],
  ['q4_0', 2],
];
/** Blocks that show every branch: noise of many sizes, zeros, one number, ties, what half precision cannot hold. */
function vectors(): Float32Array {
  const next = seeded(18);
  const parts = [1, 1e-3, 40, 3000].map((size) => randomFloats(next, 256).map((value) => value * size));
  const special = new Float32Array(160);
  special.fill(0.5, 32, 64);
  special.set([-7, 3.5, 1e-8], 64);
  special.forEach((_, i) => i >= 96 && i < 128 && (special[i] = (i - 96) / 2 - 7.75));
  special.fill(-1e-9, 128, 160);
  return Float32Array.from([...parts.flatMap((part) => [...part]), ...special]);
}

describe('ggml blocks', () => {
  if (noLibllama !== null) {
    it.skip(noLibllama, () => undefined);
    return;
  }
  let library: Libllama;
  beforeAll(async () => {
    library = await Libllama.start();
  }, LIBLLAMA_TIMEOUT_MS);
  afterAll(() => {
    library.close();
  });

  it.each(BLOCKS)('%s is what the library makes of the same numbers, bit by bit', async (type, number) => {
    const values = vectors();
    const bytes = await library.quantise(number, values);
    const format = GGML_TYPES.get(number);
    if (format === undefined) throw new Error(`no type ${type}`);
    const expected = new Float32Array(values.length);
    dequantize(format, Uint8Array.from(bytes), expected, 0);
    const found = Float64Array.from(values);
    for (let at = 0; at < found.length; at += 32) throughBlock(type, found, at);
    expect([...found]).toEqual([...expected].map((value) => (value === 0 ? expect.closeTo(0, 20) : value)));
    expect(found.some((value, i) => value !== values[i])).toBe(true);
  });
});

describe('number formats', () => {
  it('half precision is that of a converter of bits', () => {
    const values = vectors();
    for (const value of values) expect(toF16(value)).toBe(halfValue(halfBits(value)));
    expect([toF16(65_519), toF16(65_520), toF16(-1e9)]).toEqual([65_504, Infinity, -Infinity]);
    // The smallest subnormal, half of it (to even: 0), and a little more.
    expect([toF16(2 ** -24), toF16(2 ** -25), toF16(2 ** -25 * 1.01)]).toEqual([2 ** -24, 0, 2 ** -24]);
  });

  it('bfloat16 is the upper half of float32, to even', () => {
    const view = new DataView(new ArrayBuffer(4));
    for (const value of vectors()) {
      view.setFloat32(0, value);
      const bits = view.getUint32(0);
      view.setUint32(0, ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) << 16);
      expect(toBf16(value)).toBe(view.getFloat32(0));
    }
  });

  /** Every number of E4M3 by its bits (OFP8 specification, §3.1): sign, four of exponent with bias 7, three of fraction; 0x7f is no number. */
  const e4m3 = Array.from({ length: 127 }, (_, bits) => {
    const [exponent, fraction] = [bits >> 3, bits & 7];
    return exponent === 0 ? fraction * 2 ** -9 : (1 + fraction / 8) * 2 ** (exponent - 7);
  });

  it('E4M3 has its 253 numbers, takes the nearest, of two the even one, and saturates at 448', () => {
    e4m3.forEach((value, bits) => {
      expect([toE4m3(value), toE4m3(-value)]).toEqual([value, -value]);
      const above = e4m3[bits + 1];
      if (above === undefined) return;
      const middle = (value + above) / 2;
      expect(toE4m3(middle)).toBe(bits % 2 === 0 ? value : above);
      expect(toE4m3(middle * (1 + 1e-9))).toBe(above);
      expect(toE4m3(middle * (1 - 1e-9))).toBe(value);
    });
    expect([toE4m3(449), toE4m3(1e30), toE4m3(-1e30)]).toEqual([448, 448, -448]);
  });

  it('E2M1 has 0, 0.5, 1, 1.5, 2, 3, 4, 6, and its ties go to even', () => {
    const numbers = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
    expect(numbers.map(toE2m1)).toEqual(numbers);
    expect([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5, 100, -2.4].map(toE2m1)).toEqual([0, 1, 1, 2, 2, 4, 4, 6, -2]);
  });
});

describe('types of caches', () => {
  const values = [0.1, -0.2, 0.3, 1, -1, 0.004, 0, 0.5].flatMap((value) => [value, value / 3, -value, value * 1.7]);

  it('int8 per token and head cuts fractions off, as the kernel stores', () => {
    const found = stored('int8_per_token_head', row(values), 2, 'key').rows.data;
    // The largest of the first head, 1 × 1.7 → 0.3 × 1.7 …: scale = largest ÷ 127.
    for (const head of [0, 1]) {
      const own = values.slice(head * 16, head * 16 + 16).map(Math.fround);
      const scale = Math.fround(Math.max(...own.map(Math.abs)) / 127);
      own.forEach((value, i) => {
        const steps = Math.trunc(Math.fround(value * Math.fround(1 / scale)));
        expect(found[head * 16 + i]).toBe(Math.fround(steps * scale));
        expect(Math.abs(steps)).toBeLessThanOrEqual(127);
      });
    }
    // An error of up to a whole step, always towards zero.
    expect(found.every((value, i) => Math.abs(value) <= Math.abs(values[i] ?? 0) + 1e-6)).toBe(true);
  });

  it('fp8 is E4M3 of the numbers as they are: no scale where none was calibrated', () => {
    expect([...stored('fp8', row([0.3, 500, -0.001]), 1, 'key').rows.data]).toEqual([0.3125, 448, -0.001953125]);
  });

  it('nvfp4 scales 16 numbers by an E4M3 of a sixth of the largest', () => {
    const sixteen = Array.from({ length: 16 }, (_, i) => (i - 7) / 2);
    const scale = toE4m3(4 / 6);
    const found = stored('nvfp4', row(sixteen), 1, 'key').rows.data;
    sixteen.forEach((value, i) => expect(found[i]).toBe(toE2m1(Math.fround(value / scale)) * scale));
  });

  it('KIVI rounds keys by channel and values by token, in four steps', () => {
    const tokens = 64;
    const data = randomFloats(seeded(3), tokens * 32);
    const rows: Matrix = { rows: tokens, columns: 32, data: Float64Array.from(data) };
    const distinct = (of: readonly number[]): number => new Set(of).size;
    const key = stored('kivi2', rows, 1, 'key').rows.data;
    const value = stored('kivi2', rows, 1, 'value').rows.data;
    for (let i = 0; i < 32; i++) {
      const column = Array.from({ length: 32 }, (_, token) => key[token * 32 + i] ?? 0);
      expect(distinct(column)).toBeLessThanOrEqual(4);
      expect(distinct([...value.subarray(i * 32, i * 32 + 32)])).toBeLessThanOrEqual(4);
    }
    // Smallest and largest are met, to half precision.
    const column = Array.from({ length: 32 }, (_, token) => Math.fround(data[token * 32] ?? 0));
    expect(Math.min(...Array.from({ length: 32 }, (_, token) => key[token * 32] ?? 0))).toBe(
      toF16(Math.min(...column)),
    );
  });

  it('leaves the newest as they are where the method does', () => {
    const rows: Matrix = { rows: 300, columns: 32, data: new Float64Array(300 * 32) };
    expect(stored('kivi2', rows, 1, 'key').freshFrom?.(299)).toBe(256);
    expect(stored('kivi2', rows, 1, 'value').freshFrom?.(299)).toBe(171);
    expect(stored('int4', rows, 1, 'key').freshFrom?.(299)).toBe(172);
    expect(stored('q8_0', rows, 1, 'key').freshFrom).toBeNull();
  });

  it('turns heads of a multiple of 64 as llama.cpp does, and back', () => {
    expect([
      rotationSize('key', 32),
      rotationSize('key', 64),
      rotationSize('key', 128),
      rotationSize('key', 192),
      rotationSize('value', 128),
    ]).toEqual([null, 64, 128, 64, 64]);
    const start = Float64Array.from(randomFloats(seeded(5), 128));
    const turned = start.slice();
    rotate(turned, 64);
    const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
    expect(dot(turned, turned)).toBeCloseTo(dot(start, start), 10);
    // The first row of the matrix is all ones.
    expect(turned[0]).toBeCloseTo(start.subarray(0, 64).reduce((sum, value) => sum + value, 0) / 8, 12);
    rotate(turned, 64);
    turned.forEach((value, i) => expect(value).toBeCloseTo(start[i] ?? 0, 12));
  });

  it('rounds queries where the engine does, and nothing else', () => {
    const q = Float64Array.from(randomFloats(seeded(6), 64));
    expect(storedQueries('fp8', q, 32)).toBe(q);
    expect(storedQueries('q4_0', q, 32)).not.toEqual(q);
    expect(storedQueries('q4_0', q, 16)).toBe(q);
    expect(stored('exact', row(q), 1, 'key').rows.data).toEqual(q);
  });

  it('counts scales, and the newest tokens of those that keep them', () => {
    // 128 tokens of 8 heads of 64: q8_0 34 bytes for 32; int4 4 + 32/64 bits, but the newest 128 in 16.
    expect(storedBytes('exact', 8, 64, 10)).toBe(10 * 8 * 64 * 2);
    expect(storedBytes('q8_0', 8, 64, 10)).toBe((10 * 8 * 64 * 34) / 32);
    expect(storedBytes('int8_per_token_head', 8, 64, 10)).toBe(10 * 8 * 68);
    expect(storedBytes('int4', 8, 64, 1128)).toBe((8 * 64 * (128 * 16 + 1000 * 4.5)) / 8);
    expect(storedBytes('kivi2', 8, 64, 1128)).toBe((8 * 64 * (128 * 16 + 1000 * 3)) / 8);
  });

  it('says which heads a type cannot hold', () => {
    expect(cannotStore('q8_0', 4, 8)).toBeNull();
    expect(cannotStore('q8_0', 1, 8)).toMatch(/blocks of 32/);
    expect(cannotStore('nvfp4', 4, 8)).toMatch(/16 numbers/);
    expect(() => stored('nvfp4', row(new Float64Array(8)), 1, 'key')).toThrow(/16 numbers/);
  });

  it('knows the option of the engine that has it', () => {
    expect(CACHE_TYPES.map((type) => launchOption(type, type))).toEqual([
      null,
      '--kv-cache-dtype bfloat16',
      '-ctk f16 -ctv f16',
      '--kv-cache-dtype fp8',
      '--kv-cache-dtype int8_per_token_head',
      '-ctk q8_0 -ctv q8_0',
      '-ctk q5_1 -ctv q5_1',
      '-ctk q5_0 -ctv q5_0',
      '-ctk q4_1 -ctv q4_1',
      '-ctk q4_0 -ctv q4_0',
      '--kv-cache-dtype nvfp4',
      null,
      null,
    ]);
    expect([launchOption('q8_0', 'q4_0'), launchOption('fp8', 'q4_0')]).toEqual(['-ctk q8_0 -ctv q4_0', null]);
  });
});
