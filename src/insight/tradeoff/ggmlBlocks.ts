/**
 * What ggml's block types leave of numbers: 32 at a time, in float32 arithmetic, bit by bit as `quantize_row_*_ref` and `dequantize_row_*` of
 * ggml/src/ggml-quants.c (llama.cpp v0.5.0) have it. A test compares them with the library.
 */

import { toF16 } from './numberFormats';

/** Values of a block. */
export const GGML_BLOCK = 32;

const GGML_TYPES = ['q8_0', 'q5_1', 'q5_0', 'q4_1', 'q4_0'] as const;
export type GgmlBlockType = (typeof GGML_TYPES)[number];

export function isGgmlBlock(type: string): type is GgmlBlockType {
  return (GGML_TYPES as readonly string[]).includes(type);
}

const f32 = Math.fround;
const inverse = (d: number): number => (d === 0 ? 0 : f32(1 / d));

/** Rounds the block at `at` in place. */
export function throughBlock(type: GgmlBlockType, x: Float64Array, at: number): void {
  switch (type) {
    case 'q8_0':
      return symmetric8(x, at);
    case 'q5_0':
      return around(x, at, 16);
    case 'q4_0':
      return around(x, at, 8);
    case 'q5_1':
      return between(x, at, 31);
    case 'q4_1':
      return between(x, at, 15);
  }
}

/** d = largest ÷ 127, whole numbers from −127 to 127, halves away from zero (C's roundf). */
function symmetric8(x: Float64Array, at: number): void {
  let most = 0;
  for (let i = at; i < at + GGML_BLOCK; i++) most = Math.max(most, Math.abs(f32(x[i] as number)));
  const d = f32(most / 127);
  const [by, stored] = [inverse(d), toF16(d)];
  for (let i = at; i < at + GGML_BLOCK; i++) {
    const scaled = f32(f32(x[i] as number) * by);
    x[i] = f32(Math.sign(scaled) * Math.floor(f32(Math.abs(scaled) + 0.5)) * stored);
  }
}

/** d = the number of largest size ÷ −half, so that it is met exactly; whole numbers from −half to half − 1. */
function around(x: Float64Array, at: number, half: number): void {
  let most = 0;
  for (let i = at; i < at + GGML_BLOCK; i++) {
    const value = f32(x[i] as number);
    if (Math.abs(value) > Math.abs(most)) most = value;
  }
  const d = f32(most / -half);
  const [by, stored] = [inverse(d), toF16(d)];
  for (let i = at; i < at + GGML_BLOCK; i++) {
    const scaled = f32(f32(f32(x[i] as number) * by) + f32(half + 0.5));
    x[i] = f32((Math.min(2 * half - 1, Math.trunc(scaled)) - half) * stored);
  }
}

/** From the smallest in `steps` steps to the largest. */
function between(x: Float64Array, at: number, steps: number): void {
  let [least, most] = [Infinity, -Infinity];
  for (let i = at; i < at + GGML_BLOCK; i++) {
    const value = f32(x[i] as number);
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const d = f32(f32(most - least) / steps);
  const [by, stored, from] = [inverse(d), toF16(d), toF16(least)];
  for (let i = at; i < at + GGML_BLOCK; i++) {
    const scaled = f32(f32(f32(x[i] as number) - least) * by);
    const q = Math.min(steps, Math.trunc(f32(scaled + 0.5)));
    x[i] = f32(f32(q * stored) + from);
  }
}

/** Types that store the smallest number of a block: their products take the sum of the other side's block beside the products of whole numbers. */
export function hasMinimum(type: string): boolean {
  return type === 'q5_1' || type === 'q4_1';
}

/** What is stored of the smallest number of the block at `at`, before it is rounded. */
export function blockMinimum(x: Float64Array, at: number): number {
  let least = Infinity;
  for (let i = at; i < at + GGML_BLOCK; i++) least = Math.min(least, f32(x[i] as number));
  return toF16(least);
}

/**
 * Rounds a block to q8_1, in place, and returns by how much the sum that it stores differs from the sum of its numbers: it is taken with the scale
 * before that is rounded, and rounded itself (`quantize_row_q8_1_ref`).
 */
export function throughSummedBlock(x: Float64Array, at: number): number {
  let most = 0;
  for (let i = at; i < at + GGML_BLOCK; i++) most = Math.max(most, Math.abs(f32(x[i] as number)));
  const d = f32(most / 127);
  throughBlock('q8_0', x, at);
  const stored = toF16(d);
  let sum = 0;
  for (let i = at; i < at + GGML_BLOCK; i++) sum += x[i] as number;
  const whole = stored === 0 ? 0 : Math.round(sum / stored);
  return toF16(f32(whole * d)) - sum;
}
