/** Reproducible weights and inputs for layers whose checkpoint is not at hand: shapes are true, values are noise. */

import { elementCount } from '../attention/onnx/graph';
import type { WeightInfo } from '../attention/spec/weightNames';

/** Uniform numbers in −1…1 from a seed: 32-bit state, period 2^32 (Numerical Recipes' LCG, high bits mixed). */
export function seededNoise(length: number, seed: number, scale = 1): Float32Array {
  const values = new Float32Array(length);
  const factor = scale / 2 ** 31;
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) | 1;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    values[i] = (state ^ (state >>> 15)) * factor;
  }
  return values;
}

/** How a tensor of noise is made: plus + scale × seededNoise of the stream. */
export interface NoiseRecipe {
  readonly shape: readonly number[];
  readonly stream: number;
  readonly scale: number;
  readonly plus: number;
}

export function noiseTensor({ shape, stream, scale, plus }: NoiseRecipe): Float32Array {
  const values = seededNoise(elementCount(shape), stream, scale);
  return plus === 0 ? values : values.map((value) => plus + value);
}

/**
 * Maps keep the variance of what goes through them (uniform ±√(3/in)); norm weights lie around 1, biases and sinks
 * around 0. Each weight has its own stream, so that leaving one out changes no other.
 */
export function weightRecipe({ name, shape }: WeightInfo, seed: number): NoiseRecipe {
  const stream = noiseStream(name, seed);
  if (/_norm\.weight$|^norm_/.test(name) && name.endsWith('.weight')) return { shape, stream, scale: 0.1, plus: 1 };
  if (shape.length < 2) return { shape, stream, scale: 0.1, plus: 0 };
  // Out-in maps read along their last axis; so do the latent expansions w_uv, while w_uk is read along nope.
  const inSize = (name === 'w_uk' ? shape[1] : shape.at(-1)) ?? 1;
  return { shape, stream, scale: Math.sqrt(3 / inSize), plus: 0 };
}

export function seededWeights(infos: readonly WeightInfo[], seed: number): Map<string, Float32Array> {
  return new Map(infos.map((info) => [info.name, noiseTensor(weightRecipe(info, seed))]));
}

/** FNV-1a over the name. */
export function noiseStream(name: string, seed: number): number {
  let value = 0x811c9dc5 ^ seed;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  return value | 0;
}
