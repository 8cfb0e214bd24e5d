/** Dense feed-forward layers and activations as nodes. */

import type { Activation, DenseFeedForward } from '../spec/blockSpec';
import type { GraphBuilder, Value } from './graphBuilder';
import type { GraphWeights } from './graphWeights';

/** x [...,hidden] → [...,hidden]; `prefix` stands before the names of its weights. */
export function feedForwardGraph(
  g: GraphBuilder,
  weights: GraphWeights,
  spec: DenseFeedForward,
  x: Value,
  prefix = '',
): Value {
  const up = weights.linear(x, `${prefix}up`);
  let inner: Value;
  if (spec.kind === 'plain') {
    inner = activationGraph(g, spec.activation, up);
  } else {
    const gate = weights.linear(x, `${prefix}gate_proj`);
    inner = spec.clampedSwiglu
      ? clampedSwiglu(g, gate, up, spec.clampedSwiglu)
      : g.mul(activationGraph(g, spec.activation, gate), up, 'feed_forward/gated');
    if (spec.innerNorm) inner = weights.normalize(inner, `${prefix}inner_norm`, spec.innerNorm);
  }
  return weights.linear(inner, `${prefix}down`);
}

/** gpt-oss: gate · sigmoid(alpha · gate) · (up + 1), both clamped before. */
function clampedSwiglu(
  g: GraphBuilder,
  gate: Value,
  up: Value,
  { alpha, limit }: { alpha: number; limit: number },
): Value {
  const low = g.op('Min', [gate, g.scalar(limit)], {}, 'feed_forward/gate_clamped');
  const bounded = g.op('Clip', [up, g.scalar(-limit), g.scalar(limit)], {}, 'feed_forward/up_clamped');
  const glu = g.mul(low, g.op('Sigmoid', [g.times(low, alpha)], {}, 'feed_forward/sigmoid'), 'feed_forward/glu');
  return g.mul(g.add(bounded, g.scalar(1), 'feed_forward/up_plus_one'), glu, 'feed_forward/gated');
}

function activationGraph(g: GraphBuilder, activation: Activation, x: Value): Value {
  const label = 'activation';
  if (typeof activation === 'object') {
    const { alphaPositive, alphaNegative, beta, epsilon } = activation;
    const linear = g.times(x, beta, `${label}/linear`);
    const positive = g.times(g.mul(x, x, `${label}/square`), alphaPositive);
    const limited = g.op('Min', [x, g.scalar(epsilon)], {}, `${label}/limited`);
    const grown = g.op('Sub', [g.op('Exp', [limited], {}, `${label}/exp`), g.scalar(1)], {}, `${label}/expm1`);
    const negative = g.times(g.op('Sub', [grown, x], {}, `${label}/below`), alphaNegative);
    const isPositive = g.op('Greater', [x, g.scalar(0)], {}, `${label}/positive`);
    return g.add(g.op('Where', [isPositive, positive, negative], {}, `${label}/branch`), linear, label);
  }
  const sigmoidOf = (value: Value): Value => g.op('Sigmoid', [value], {}, `${label}/sigmoid`);
  switch (activation) {
    case 'silu':
      return g.mul(x, sigmoidOf(x), label);
    case 'quick-gelu':
      return g.mul(x, sigmoidOf(g.times(x, 1.702)), label);
    case 'gelu': {
      const erf = g.op('Erf', [g.times(x, Math.SQRT1_2)], {}, `${label}/erf`);
      return g.mul(g.times(x, 0.5), g.add(erf, g.scalar(1)), label);
    }
    case 'gelu-tanh': {
      const cubed = g.times(g.mul(g.mul(x, x), x), 0.044715);
      const tanh = g.op('Tanh', [g.times(g.add(x, cubed), Math.sqrt(2 / Math.PI))], {}, `${label}/tanh`);
      return g.mul(g.times(x, 0.5), g.add(tanh, g.scalar(1)), label);
    }
    case 'relu':
      return g.op('Relu', [x], {}, label);
    case 'relu2': {
      const positive = g.op('Relu', [x], {}, `${label}/relu`);
      return g.mul(positive, positive, label);
    }
    case 'tanh':
      return g.op('Tanh', [x], {}, label);
    case 'sigmoid':
      return sigmoidOf(x);
    case 'identity':
      return x;
  }
}
