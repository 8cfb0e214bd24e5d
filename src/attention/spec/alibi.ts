/** ALiBi (Press et al. 2021, "Train short, test long"): slopes per head and the bias that they give. */

import type { AlibiSpec } from './layerSpec';

/** Slopes of BLOOM and Falcon: powers of 2^(−max/n), then for other head counts every second of the next power of two's. */
export function bloomSlopes(heads: number, maxBias = 8): number[] {
  const whole = 2 ** Math.floor(Math.log2(heads));
  const geometric = (base: number, count: number, step: number): number[] =>
    Array.from({ length: count }, (_, i) => base ** (1 + i * step));
  const first = geometric(2 ** -(maxBias / whole), whole, 1);
  if (whole === heads) return first;
  const extra = geometric(2 ** -(maxBias / (2 * whole)), Math.min(whole, heads - whole), 2);
  return [...first, ...extra];
}

/** Slopes of MPT: 2^(−i·max/n) for the next power of two n; other head counts take the odd places first, then the even. */
export function mptSlopes(heads: number, maxBias = 8): number[] {
  const whole = 2 ** Math.ceil(Math.log2(heads));
  const all = Array.from({ length: whole }, (_, i) => 1 / 2 ** (((i + 1) * maxBias) / whole));
  if (whole === heads) return all;
  return [...all.filter((_, i) => i % 2 === 1), ...all.filter((_, i) => i % 2 === 0)].slice(0, heads);
}

/** Bias of every head and key, `[heads, keys]`; `newest` is the position of the newest token. */
export function alibiBias(alibi: AlibiSpec, keyPositions: ArrayLike<number>, newest: number): Float64Array {
  const origin = alibi.origin === 'last' ? newest : 0;
  const positions = Float64Array.from(keyPositions, (position) => position - origin);
  const bias = new Float64Array(alibi.slopes.length * positions.length);
  alibi.slopes.forEach((slope, head) => {
    positions.forEach((position, key) => {
      const product =
        alibi.rounding === 'bfloat16' ? roundToBfloat16(roundToBfloat16(slope) * position) : slope * position;
      bias[head * positions.length + key] = product * alibi.factor;
    });
  });
  return bias;
}

const bits = new DataView(new ArrayBuffer(4));

/** The nearest bfloat16, ties to even. */
function roundToBfloat16(value: number): number {
  bits.setFloat32(0, value);
  const word = bits.getUint32(0);
  bits.setUint32(0, (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000);
  return bits.getFloat32(0);
}
