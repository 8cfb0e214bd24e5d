/** Frequencies and cos/sin tables of rotary position embeddings, in float64. Formulas: transformers `modeling_rope_utils.py`. */

import type { RotaryScaling, RotarySpec } from '../spec/rotarySpec';
import { elementAt } from '../../model/elementAt';

/** cos and sin of every position and pair, row-major `[positions, pairs]`; pairs = rotary dims / 2. */
export interface RotaryTables {
  readonly pairs: number;
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/**
 * Tables for the given positions. `contextTokens` is the length of the whole sequence, on which dynamic NTK and LongRoPE
 * depend; by default the last position + 1.
 */
export function rotaryTables(rotary: RotarySpec, positions: ArrayLike<number>, contextTokens?: number): RotaryTables {
  const list = Float64Array.from(positions);
  const context = contextTokens ?? list.reduce((last, position) => Math.max(last, position), 0) + 1;
  const frequencies = inverseFrequencies(rotary, context);
  const factor = rotaryFactor(rotary.scaling);
  const pairs = frequencies.length;
  const cos = new Float64Array(list.length * pairs);
  const sin = new Float64Array(list.length * pairs);
  list.forEach((position, i) => {
    frequencies.forEach((frequency, j) => {
      cos[i * pairs + j] = Math.cos(position * frequency) * factor;
      sin[i * pairs + j] = Math.sin(position * frequency) * factor;
    });
  });
  return { pairs, cos, sin };
}

/** Radians per position of every pair. */
export function inverseFrequencies(rotary: RotarySpec, contextTokens: number): Float64Array {
  const { theta, dim, scaling } = rotary;
  switch (scaling?.kind) {
    case undefined:
      return powers(theta, dim);
    case 'linear':
      return powers(theta, dim).map((frequency) => frequency / scaling.factor);
    case 'dynamic': {
      const { factor, originalContext } = scaling;
      const length = Math.max(contextTokens, originalContext);
      const base = theta * ((factor * length) / originalContext - (factor - 1)) ** (dim / (dim - 2));
      return powers(base, dim);
    }
    case 'llama3':
      return powers(theta, dim).map((frequency) => llama3Frequency(frequency, scaling));
    case 'yarn':
      return yarnFrequencies(theta, dim, scaling);
    case 'longrope': {
      const factors = contextTokens > scaling.originalContext ? scaling.longFactor : scaling.shortFactor;
      return powers(theta, dim).map((frequency, i) => frequency / elementAt(factors, i));
    }
    case 'proportional':
      return powers(theta, dim).map((frequency, i) => (2 * i < scaling.rotatedDim ? frequency / scaling.factor : 0));
  }
}

/** What cos and sin are multiplied by: the attention factor of YaRN and LongRoPE, 1 elsewhere. */
export function rotaryFactor(scaling: RotaryScaling | null): number {
  if (scaling?.kind === 'yarn') {
    if (scaling.attentionFactor !== null) return scaling.attentionFactor;
    if (scaling.mscale && scaling.mscaleAllDim) {
      return yarnMscale(scaling.factor, scaling.mscale) / yarnMscale(scaling.factor, scaling.mscaleAllDim);
    }
    return yarnMscale(scaling.factor, 1);
  }
  if (scaling?.kind === 'longrope') {
    if (scaling.attentionFactor !== null) return scaling.attentionFactor;
    const factor = scaling.factor ?? 1;
    return factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(scaling.originalContext));
  }
  return 1;
}

/** YaRN's temperature: 0.1 · mscale · ln(factor) + 1, or 1 where the context is not extended. */
function yarnMscale(factor: number, mscale: number): number {
  return factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1;
}

/** base^(−2i/dim), i = 0 … dim/2 − 1 */
function powers(base: number, dim: number): Float64Array {
  return Float64Array.from({ length: dim / 2 }, (_, i) => base ** ((-2 * i) / dim));
}

function llama3Frequency(frequency: number, scaling: Extract<RotaryScaling, { kind: 'llama3' }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalContext } = scaling;
  const wavelength = (2 * Math.PI) / frequency;
  if (wavelength < originalContext / high) return frequency;
  if (wavelength > originalContext / low) return frequency / factor;
  const smooth = (originalContext / wavelength - low) / (high - low);
  return ((1 - smooth) * frequency) / factor + smooth * frequency;
}

function yarnFrequencies(theta: number, dim: number, scaling: Extract<RotaryScaling, { kind: 'yarn' }>): Float64Array {
  const { factor, betaFast, betaSlow, originalContext, truncate } = scaling;
  /** Pair that turns `rotations` times over the original context. */
  const pairOf = (rotations: number): number =>
    (dim * Math.log(originalContext / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  let low = pairOf(betaFast);
  let high = pairOf(betaSlow);
  if (truncate) [low, high] = [Math.floor(low), Math.ceil(high)];
  low = Math.max(low, 0);
  high = Math.min(high, dim - 1);
  if (low === high) high += 0.001;
  return powers(theta, dim).map((frequency, i) => {
    const interpolated = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (frequency / factor) * interpolated + frequency * (1 - interpolated);
  });
}
