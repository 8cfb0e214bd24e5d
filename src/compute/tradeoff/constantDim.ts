/**
 * DeepSeek's class normalises its latent, which a converted layer must not. One dim more takes the norm's effect away: it holds a constant that is
 * so much larger than the latent that the root of the mean square is the constant's, to nine digits; the norm's weight gives the size back. What
 * leaves that dim is 1, and carries the biases of keys and values, for which the class has no place.
 */

import { dot, type Matrix } from '../../insight/matrix';

type Numbers = Float32Array | Float64Array;

/** Of the latent's size, at least: then its square is 1e-9 of the constant's. */
const LARGER = 32_768;

/**
 * A power of two so much larger than any latent can be. @param down `[latentDim, hidden]` @param norm Weights of the norm before the projection.
 */
export function normConstant(down: Numbers, norm: Numbers): number {
  const weights = Float64Array.from(down);
  const widest = Float64Array.from(norm).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // A normed input has the length √hidden at most, times the norm's weights; a matrix stretches by no more than its own length.
  const bound = Math.sqrt(dot(weights, 0, weights, 0, weights.length) * norm.length) * widest;
  return 2 ** Math.ceil(Math.log2(LARGER * Math.max(bound, 1e-6)));
}

export interface Latent {
  readonly latentDim: number;
  readonly heads: number;
  /** `[latentDim + ropeDim, hidden]`, and its bias. */
  readonly down: Numbers;
  readonly bias: Numbers;
  /** `[heads · nopeDim, latentDim]`, `[heads · valueDim, latentDim]`, and what is added to them. */
  readonly keys: Matrix;
  readonly keyBias: Numbers;
  readonly values: Matrix;
  readonly valueBias: Numbers;
}

export interface ConstantLatent {
  /** `[latentDim + 1 + ropeDim, hidden]`, its bias, the norm's weight, and `[heads · (nopeDim + valueDim), latentDim + 1]`. */
  readonly down: Float64Array;
  readonly bias: Float64Array;
  readonly norm: Float64Array;
  readonly up: Float64Array;
}

export function withConstant(
  { latentDim, heads, down, bias, keys, keyBias, values, valueBias }: Latent,
  constant: number,
): ConstantLatent {
  const rows = bias.length;
  const hidden = down.length / rows;
  const wide = latentDim + 1;
  const made = new Float64Array((rows + 1) * hidden);
  made.set(down.subarray(0, latentDim * hidden));
  made.set(down.subarray(latentDim * hidden), wide * hidden);
  const shifted = new Float64Array(rows + 1);
  shifted.set(bias.subarray(0, latentDim));
  shifted[latentDim] = constant;
  shifted.set(bias.subarray(latentDim), wide);
  const norm = new Float64Array(wide).fill(constant / Math.sqrt(wide));
  norm[latentDim] = 1 / Math.sqrt(wide);
  const [nope, value] = [keys.rows / heads, values.rows / heads];
  const up = new Float64Array(heads * (nope + value) * wide);
  const put = (from: Matrix, biases: Numbers, row: number, to: number): void => {
    up.set(from.data.subarray(row * latentDim, (row + 1) * latentDim), to * wide);
    up[to * wide + latentDim] = biases[row] as number;
  };
  for (let head = 0; head < heads; head++) {
    for (let d = 0; d < nope; d++) put(keys, keyBias, head * nope + d, head * (nope + value) + d);
    for (let d = 0; d < value; d++) put(values, valueBias, head * value + d, head * (nope + value) + nope + d);
  }
  return { down: made, bias: shifted, norm, up };
}
