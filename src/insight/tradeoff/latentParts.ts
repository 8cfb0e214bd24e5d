/** What layers made latent and latent layers made smaller have in common. */

import { inverseFrequencies, rotaryFactor } from '../../attention/step/rotaryTables';
import type { RotarySpec } from '../../attention/spec/rotarySpec';
import { type LatentBasis, latentRows, type LatentSource } from '../conversion/latent';
import { type Matrix, transpose } from '../matrix';

/** W_latent, `[latentDim, inputs]`: of the hidden state, or of a larger latent. */
export function downWeight(source: LatentSource, basis: LatentBasis): Matrix {
  return transpose(latentRows({ key: transpose(source.weights.key), value: transpose(source.weights.value) }, basis));
}

/**
 * RoPE of the pairs that are kept, as a LongRoPE with a factor for each: the one published form that takes any frequencies.
 * @param tokens That frequencies are asked for.
 */
export function keptRotary(rotary: RotarySpec, pairs: readonly number[], tokens: number): RotarySpec {
  const all = inverseFrequencies(rotary, tokens);
  const dim = 2 * pairs.length;
  const factors = pairs.map((pair, i) => {
    const frequency = all[pair] as number;
    // A pair that does not turn (frequency 0) turns immeasurably slowly.
    return rotary.theta ** ((-2 * i) / dim) / Math.max(frequency, 1e-30);
  });
  return {
    theta: rotary.theta,
    dim,
    layout: 'interleaved',
    scaling: {
      kind: 'longrope',
      shortFactor: factors,
      longFactor: factors,
      originalContext: 1_048_576,
      factor: null,
      attentionFactor: rotaryFactor(rotary.scaling),
    },
  };
}
