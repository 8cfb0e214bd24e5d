/** Norms as linear maps: with the scale that one row got, a norm is linear in it (TransformerLens: direct logit attribution). */

import type { NormSpec } from '../../attention/spec/normSpec';

type Numbers = Float32Array | Float64Array;

export interface NormWeights {
  readonly spec: NormSpec;
  readonly weight: Numbers | null;
  readonly bias: Numbers | null;
}

export interface Direction {
  /** For what enters: the same number for every row that the norm scales alike. */
  readonly entering: Float64Array;
  /** What the norm's own bias adds. */
  readonly bias: number;
}

/**
 * A direction behind a norm as one before it: d · norm(x) = entering · x + bias.
 * @param norm Null where there is none. @param row What entered the norm, which gives its scale.
 */
export function beforeNorm(norm: NormWeights | null, row: Float64Array, direction: Float64Array): Direction {
  if (norm === null) return { entering: direction, bias: 0 };
  const { spec, weight, bias } = norm;
  const width = row.length;
  const mean = spec.kind === 'layer' ? row.reduce((sum, value) => sum + value, 0) / width : 0;
  const squares = row.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const scale = 1 / Math.sqrt(squares / width + spec.epsilon);
  const one = spec.weight === 'plus-one' ? 1 : 0;
  const entering = direction.map((value, i) => {
    const factor = spec.weight === 'none' || weight === null ? 1 : (weight[i] as number) + one;
    return value * factor * scale;
  });
  if (spec.kind === 'layer') {
    const shift = entering.reduce((sum, value) => sum + value, 0) / width;
    for (let i = 0; i < width; i++) entering[i] = (entering[i] as number) - shift;
  }
  return { entering, bias: spec.bias && bias !== null ? product(direction, bias) : 0 };
}

/** Σ a[i] · b[i] */
export function product(a: Numbers, b: Numbers): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}
