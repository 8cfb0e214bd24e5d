/** Small pieces that family descriptions are made of. */

import type { Activation, GatedFeedForward, PlainFeedForward } from '../../attention/blockSpec';
import type { HeadNormSpec, NormSpec } from '../../attention/normSpec';
import type { HfConfig } from './hfConfig';
import type { Part, RowBlocks } from './plan';

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

export function activation(config: HfConfig, key = 'hidden_act'): Activation {
  const name = config.string(key);
  const known = Object.hasOwn(ACTIVATION_NAMES, name) ? ACTIVATION_NAMES[name] : undefined;
  return known ?? config.unsupported(`the activation ${name}`);
}

export function gated(width: number, activationOf: Activation, bias = false): GatedFeedForward {
  return { kind: 'gated', width, activation: activationOf, biasIn: bias, biasOut: bias, clampedSwiglu: null };
}

export function plain(width: number, activationOf: Activation, bias = true): PlainFeedForward {
  return { kind: 'plain', width, activation: activationOf, biasIn: bias, biasOut: bias };
}

export function part(base: string): Part {
  return { base };
}

/** Consecutive row ranges of one tensor, by their sizes. */
export function sections<const N extends readonly number[]>(base: string, sizes: N): { [K in keyof N]: Part } {
  let start = 0;
  const parts = sizes.map((count): Part => {
    const rows: RowBlocks = { start, count };
    start += count;
    return { base, rows: [rows] };
  });
  return parts as unknown as { [K in keyof N]: Part };
}

/**
 * q, k, v of a fused tensor whose rows come in `groups` runs of [`queries` × q, k, v], each a head of `dim` rows:
 * NeoX, BLOOM, Persimmon (1 query a group); Falcon's new decoder.
 */
export function groupedQkv(base: string, groups: number, queries: number, dim: number): { q: Part; k: Part; v: Part } {
  const stride = (queries + 2) * dim;
  const block = (start: number, count: number): Part => ({ base, rows: [{ start, count, times: groups, stride }] });
  return { q: block(0, queries * dim), k: block(queries * dim, dim), v: block((queries + 1) * dim, dim) };
}
