/** How many dimensions a set of vectors uses. */

import type { Matrix } from './matrix';
import { singularValues } from './svd';

export interface Spectrum {
  /** Falling. */
  readonly singularValues: Float64Array;
  /** exp(−Σ p ln p), p = σ / Σσ (Roy & Vetterli 2007); between 1 and the rank; 0 for a matrix of zeros. */
  readonly effectiveRank: number;
  /** (Σσ²)² / Σσ⁴: dimensions that share the variance equally; 0 for a matrix of zeros. */
  readonly participationRatio: number;
}

/** @param vectors One per row (K, V or latent of the tokens). */
export function spectrum(vectors: Matrix): Spectrum {
  const values = singularValues(vectors);
  return {
    singularValues: values,
    effectiveRank: effectiveRank(values),
    participationRatio: participationRatio(values),
  };
}

export function effectiveRank(values: ArrayLike<number>): number {
  const list = Array.from(values);
  const total = list.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return 0;
  return Math.exp(list.reduce((sum, value) => (value > 0 ? sum - (value / total) * Math.log(value / total) : sum), 0));
}

export function participationRatio(values: ArrayLike<number>): number {
  const list = Array.from(values);
  const largest = Math.max(0, ...list);
  if (largest === 0) return 0;
  const squares = list.map((value) => (value / largest) ** 2);
  const sum = squares.reduce((total, value) => total + value, 0);
  return (sum * sum) / squares.reduce((total, value) => total + value * value, 0);
}
