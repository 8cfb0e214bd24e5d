/** Validation of a layer's description as it arrives in the compute process. */

import type { AttentionLayerSpec, RunnableAttention } from '../attention/layerSpec';
import type { HeadNormSpec, NormSpec } from '../attention/normSpec';
import type { RotaryScaling, RotarySpec } from '../attention/rotarySpec';
import type { IndexerSpec } from '../model/attention';
import { array, boolean, type Check, finite, integer, nullable, object, oneOf, optional, union } from './validate';

const MOST = 2 ** 24;
const size = integer(1, MOST);
const sizeOrNone = integer(0, MOST);

const indexer: Check<IndexerSpec> = object({
  headDim: size,
  heads: nullable(size),
  topK: nullable(size),
  owned: boolean,
});
const heads = { queryHeads: size, kvHeads: size, keyDim: size, valueDim: sizeOrNone };

const attention: Check<RunnableAttention> = union<RunnableAttention>('kind', {
  full: object({ kind: oneOf('full'), ...heads, indexer: optional(indexer) }),
  sliding: object({ kind: oneOf('sliding'), ...heads, window: size }),
  chunked: object({ kind: oneOf('chunked'), ...heads, chunk: size }),
  latent: object({
    kind: oneOf('latent'),
    queryHeads: size,
    latentDim: size,
    ropeDim: sizeOrNone,
    nopeDim: sizeOrNone,
    valueDim: size,
    queryLatentDim: nullable(size),
    indexer: optional(indexer),
  }),
});

const norm: Check<NormSpec> = object({
  kind: oneOf('rms', 'layer'),
  epsilon: finite,
  weight: oneOf('none', 'plain', 'plus-one'),
  bias: boolean,
});

const headNorm: Check<HeadNormSpec> = object({
  norm,
  extent: oneOf('head', 'head-own', 'projection'),
  stage: oneOf('before-rope', 'after-rope'),
});

const factors = array(finite, 4096);
const scaling: Check<RotaryScaling> = union<RotaryScaling>('kind', {
  linear: object({ kind: oneOf('linear'), factor: finite }),
  dynamic: object({ kind: oneOf('dynamic'), factor: finite, originalContext: finite }),
  llama3: object({
    kind: oneOf('llama3'),
    factor: finite,
    lowFrequencyFactor: finite,
    highFrequencyFactor: finite,
    originalContext: finite,
  }),
  yarn: object({
    kind: oneOf('yarn'),
    factor: finite,
    originalContext: finite,
    betaFast: finite,
    betaSlow: finite,
    mscale: nullable(finite),
    mscaleAllDim: nullable(finite),
    attentionFactor: nullable(finite),
    truncate: boolean,
  }),
  longrope: object({
    kind: oneOf('longrope'),
    shortFactor: factors,
    longFactor: factors,
    originalContext: finite,
    factor: nullable(finite),
    attentionFactor: nullable(finite),
  }),
  proportional: object({ kind: oneOf('proportional'), rotatedDim: size, factor: finite }),
});

const rotary: Check<RotarySpec> = object({
  theta: finite,
  dim: size,
  layout: oneOf('half', 'interleaved', 'interleaved-to-half'),
  scaling: nullable(scaling),
});

export const layerCheck: Check<AttentionLayerSpec> = object({
  attention,
  hiddenSize: size,
  scale: finite,
  softcap: nullable(finite),
  sinks: boolean,
  biases: object({ q: boolean, k: boolean, v: boolean, o: boolean }),
  clip: nullable(finite),
  clipAfterNorm: optional(boolean),
  queryNorm: nullable(headNorm),
  keyNorm: nullable(headNorm),
  valueNorm: nullable(headNorm),
  rotary: nullable(rotary),
  alibi: nullable(
    object({
      slopes: array(finite, 65536),
      factor: finite,
      rounding: oneOf('none', 'bfloat16'),
      origin: oneOf('first', 'last'),
    }),
  ),
  temperature: nullable(object({ scale: finite, interval: finite, offset: finite })),
  outputGate: oneOf('none', 'element', 'head'),
  outputNorm: nullable(norm),
  latentNorms: nullable(
    object({
      query: nullable(norm),
      latent: nullable(norm),
      queryFactor: optional(finite),
      latentFactor: optional(finite),
    }),
  ),
});
