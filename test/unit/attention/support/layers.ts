/** Layers of the test grid: one small spec per feature. */

import { bloomSlopes, mptSlopes } from '../../../../src/attention/spec/alibi';
import { type AttentionLayerSpec, PLAIN_LAYER, type RunnableAttention } from '../../../../src/attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../../../../src/attention/spec/normSpec';
import type { RotaryScaling, RotarySpec } from '../../../../src/attention/spec/rotarySpec';
import type { HeadLayout, LatentAttention } from '../../../../src/model/attention';

export const RMS: NormSpec = { kind: 'rms', epsilon: 1e-6, weight: 'plain', bias: false };
export const LAYER: NormSpec = { kind: 'layer', epsilon: 1e-5, weight: 'plain', bias: true };

const layout = (queryHeads: number, kvHeads: number, keyDim: number, valueDim = keyDim): HeadLayout => ({
  queryHeads,
  kvHeads,
  keyDim,
  valueDim,
});

export const heads = (...sizes: Parameters<typeof layout>): RunnableAttention => ({
  kind: 'full',
  ...layout(...sizes),
});

export const rope = (
  dim: number,
  layout: RotarySpec['layout'] = 'half',
  scaling: RotaryScaling | null = null,
): RotarySpec => ({
  theta: 10000,
  dim,
  layout,
  scaling,
});

export const LATENT: LatentAttention = {
  kind: 'latent',
  queryHeads: 3,
  latentDim: 10,
  ropeDim: 4,
  nopeDim: 6,
  valueDim: 5,
  queryLatentDim: null,
};

export function layer(attention: RunnableAttention, extra: Partial<AttentionLayerSpec> = {}): AttentionLayerSpec {
  const keyDim = attention.kind === 'latent' ? attention.nopeDim + attention.ropeDim : attention.keyDim;
  return { ...PLAIN_LAYER, attention, hiddenSize: 20, scale: keyDim ** -0.5, ...extra };
}

const norm = (
  extent: HeadNormSpec['extent'],
  spec: NormSpec,
  stage: HeadNormSpec['stage'] = 'before-rope',
): HeadNormSpec => ({
  norm: spec,
  extent,
  stage,
});

const qkNorm = (spec: HeadNormSpec): Partial<AttentionLayerSpec> => ({
  queryNorm: spec,
  keyNorm: spec,
  rotary: rope(8),
});
const scaled = (scaling: RotaryScaling): AttentionLayerSpec =>
  layer(heads(4, 2, 8), { rotary: rope(8, 'half', scaling) });
const latent = (extra: Partial<AttentionLayerSpec> = {}, shape: Partial<LatentAttention> = {}): AttentionLayerSpec =>
  layer(
    { ...LATENT, ...shape },
    {
      rotary: rope(4, 'interleaved'),
      latentNorms: { query: shape.queryLatentDim ? RMS : null, latent: RMS },
      ...extra,
    },
  );

export const LAYERS: Readonly<Record<string, AttentionLayerSpec>> = {
  mha: layer(heads(4, 4, 8), { rotary: rope(8) }),
  'gqa 2': layer(heads(6, 3, 8), { rotary: rope(8) }),
  'gqa 3': layer(heads(6, 2, 8), { rotary: rope(8) }),
  mqa: layer(heads(5, 1, 8), { rotary: rope(8) }),
  'odd dims, values narrower': layer(heads(3, 1, 6, 5), { rotary: rope(6) }),
  'learned positions': layer(heads(4, 4, 5), { biases: { q: true, k: true, v: true, o: true } }),
  'qkv biases': layer(heads(4, 2, 8), { rotary: rope(8), biases: { q: true, k: true, v: true, o: false } }),
  sliding: layer({ ...layout(4, 2, 8), kind: 'sliding', window: 4 }, { rotary: rope(8) }),
  chunked: layer({ ...layout(4, 2, 8), kind: 'chunked', chunk: 4 }, { rotary: rope(8) }),
  sinks: layer({ ...layout(4, 2, 8), kind: 'sliding', window: 3 }, { rotary: rope(8), sinks: true }),
  'sinks, full': layer(heads(4, 2, 8), { rotary: rope(8), sinks: true }),
  softcap: layer(heads(4, 2, 8), { rotary: rope(8), softcap: 1.5, scale: 20 ** -0.5 }),
  'qk norm per head': layer(heads(4, 2, 8), qkNorm(norm('head', RMS))),
  'qk norm 1 + w': layer(heads(4, 2, 8), qkNorm(norm('head', { ...RMS, weight: 'plus-one' }))),
  'qk norm own weights': layer(heads(4, 2, 8), qkNorm(norm('head-own', { ...LAYER, bias: false }))),
  'qk norm over projection': layer(heads(4, 2, 8), qkNorm(norm('projection', RMS))),
  'qk layer norm': layer(heads(4, 2, 8), qkNorm(norm('head', LAYER))),
  'qk norm after rope': layer(heads(4, 2, 8), qkNorm(norm('head', { ...RMS, weight: 'none' }, 'after-rope'))),
  'own qk norm after rope': layer(heads(4, 2, 8), qkNorm(norm('head-own', RMS, 'after-rope'))),
  'value norm': layer(heads(4, 2, 8), { rotary: rope(8), valueNorm: norm('head', { ...RMS, weight: 'none' }) }),
  clip: layer(heads(4, 2, 8), { rotary: rope(8), clip: 0.6 }),
  'clip after norm': layer(heads(4, 2, 8), { ...qkNorm(norm('projection', RMS)), clip: 0.6, clipAfterNorm: true }),
  'partial rotary': layer(heads(4, 2, 8), { rotary: rope(4) }),
  'interleaved rotary': layer(heads(4, 2, 8), { rotary: rope(8, 'interleaved') }),
  'partial interleaved rotary': layer(heads(4, 2, 8), { rotary: rope(4, 'interleaved') }),
  'regrouped rotary': layer(heads(4, 2, 8), { rotary: rope(8, 'interleaved-to-half') }),
  'linear rope': scaled({ kind: 'linear', factor: 4 }),
  'dynamic rope': scaled({ kind: 'dynamic', factor: 2, originalContext: 4 }),
  'llama3 rope': scaled({
    kind: 'llama3',
    factor: 8,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContext: 64,
  }),
  'yarn rope': scaled({
    kind: 'yarn',
    factor: 8,
    originalContext: 32,
    betaFast: 32,
    betaSlow: 1,
    mscale: 1,
    mscaleAllDim: 0.7,
    attentionFactor: null,
    truncate: true,
  }),
  'long rope': scaled({
    kind: 'longrope',
    shortFactor: [1, 1.1, 1.2, 1.3],
    longFactor: [1.5, 2, 4, 8],
    originalContext: 5,
    factor: 4,
    attentionFactor: null,
  }),
  'proportional rope': scaled({ kind: 'proportional', rotatedDim: 4, factor: 2 }),
  'alibi, 6 heads': layer(heads(6, 6, 4), {
    alibi: { slopes: bloomSlopes(6), factor: 1, rounding: 'none', origin: 'first' },
  }),
  'alibi, mpt': layer(heads(3, 3, 4), {
    alibi: { slopes: mptSlopes(3), factor: 1, rounding: 'none', origin: 'last' },
    clip: 1,
  }),
  'alibi, falcon': layer(heads(4, 1, 4), {
    alibi: { slopes: bloomSlopes(4), factor: 0.5, rounding: 'bfloat16', origin: 'first' },
  }),
  temperature: layer(heads(4, 2, 8), { temperature: { scale: 0.1, interval: 3, offset: 1 } }),
  'gate per element': layer(heads(4, 2, 8), { rotary: rope(8), outputGate: 'element' }),
  'gate per head': layer(heads(4, 2, 8), { rotary: rope(8), outputGate: 'head' }),
  'output norm': layer(heads(4, 2, 8), { rotary: rope(8), outputNorm: RMS }),
  latent: latent(),
  'latent, q compressed': latent({ biases: { q: true, k: true, v: false, o: true } }, { queryLatentDim: 7 }),
  'latent, regrouped': latent({
    rotary: rope(4, 'interleaved-to-half'),
    temperature: { scale: 0.1, interval: 3, offset: 0 },
  }),
  'latent, factors': latent(
    { latentNorms: { query: RMS, latent: RMS, queryFactor: 1.5, latentFactor: 0.7 } },
    { queryLatentDim: 7 },
  ),
};
