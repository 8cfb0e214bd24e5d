/** Small pieces that blocks are made of: norms, activations, feed-forwards. */

import type { Activation, BlockNorms, GatedFeedForward, PlainFeedForward } from '../../attention/spec/blockSpec';
import type { HeadNormSpec, NormSpec } from '../../attention/spec/normSpec';
import type { BlockInput } from '../facets';

export function rmsNorm(epsilon: number): NormSpec {
  return { kind: 'rms', epsilon, weight: 'plain', bias: false };
}

/** Gemma: x̂ × (1 + weight). */
export function rmsNormPlusOne(epsilon: number): NormSpec {
  return { kind: 'rms', epsilon, weight: 'plus-one', bias: false };
}

export function layerNorm(epsilon: number, bias = true): NormSpec {
  return { kind: 'layer', epsilon, weight: 'plain', bias };
}

export function headNorm(
  norm: NormSpec,
  extent: HeadNormSpec['extent'] = 'head',
  stage: HeadNormSpec['stage'] = 'before-rope',
): HeadNormSpec {
  return { norm, extent, stage };
}

/** Names of `ACT2FN` in transformers. */
const ACTIVATION_NAMES: Readonly<Record<string, Activation>> = {
  silu: 'silu',
  swish: 'silu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu-tanh',
  gelu_fast: 'gelu-tanh',
  gelu_pytorch_tanh: 'gelu-tanh',
  gelu_accurate: 'gelu-tanh',
  gelu_python_tanh: 'gelu-tanh',
  quick_gelu: 'quick-gelu',
  relu: 'relu',
  relu2: 'relu2',
  tanh: 'tanh',
  sigmoid: 'sigmoid',
  linear: 'identity',
};

export function activation(
  { config, cannotRun }: Pick<BlockInput, 'config' | 'cannotRun'>,
  key = 'hidden_act',
): Activation {
  const name = config.text(key);
  const known = Object.hasOwn(ACTIVATION_NAMES, name) ? ACTIVATION_NAMES[name] : undefined;
  return known ?? cannotRun(`the activation ${name}`) ?? 'identity';
}

export function gated(width: number, activationOf: Activation, bias = false): GatedFeedForward {
  return { kind: 'gated', width, activation: activationOf, biasIn: bias, biasOut: bias, clampedSwiglu: null };
}

export function plain(width: number, activationOf: Activation, bias = true): PlainFeedForward {
  return { kind: 'plain', width, activation: activationOf, biasIn: bias, biasOut: bias };
}

/** Norms only on the outputs of attention and feed-forward (OLMo 2). */
export function outputNorms(norm: NormSpec): Partial<BlockNorms> {
  return { attentionOutput: norm, feedForwardOutput: norm };
}

/** Norms before and after attention and feed-forward (Gemma 2). */
export function fourNorms(norm: NormSpec): Partial<BlockNorms> {
  return { attention: norm, attentionOutput: norm, feedForward: norm, feedForwardOutput: norm };
}
