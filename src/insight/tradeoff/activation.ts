/** Activation functions in float64. */

import type { Activation } from '../../attention/spec/blockSpec';

export function activated(activation: Activation, x: number): number {
  if (typeof activation === 'object') {
    const { alphaPositive, alphaNegative, beta, epsilon } = activation;
    if (x > 0) return (alphaPositive * x + beta) * x;
    return alphaNegative * (Math.expm1(Math.min(x, epsilon)) - x) + beta * x;
  }
  switch (activation) {
    case 'silu':
      return x * logistic(x);
    case 'gelu':
      return x * normalBelow(x);
    case 'gelu-tanh':
      return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));
    case 'quick-gelu':
      return x * logistic(1.702 * x);
    case 'relu':
      return Math.max(0, x);
    case 'relu2':
      return Math.max(0, x) ** 2;
    case 'tanh':
      return Math.tanh(x);
    case 'sigmoid':
      return logistic(x);
    case 'identity':
      return x;
  }
}

export function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

/** Share of a normal distribution below x (Abramowitz and Stegun 26.2.10, 26.2.14), to about 1e-14. */
function normalBelow(x: number): number {
  const size = Math.abs(x);
  if (size > 38) return x > 0 ? 1 : 0;
  const density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
  if (size < 3) {
    // x + x³/3 + x⁵/(3·5) + …
    let term = x;
    let sum = x;
    for (let n = 3; Math.abs(term) > 1e-18; n += 2) sum += term *= (x * x) / n;
    return 0.5 + density * sum;
  }
  let fraction = size;
  for (let n = 120; n > 0; n--) fraction = size + n / fraction;
  return x > 0 ? 1 - density / fraction : density / fraction;
}
