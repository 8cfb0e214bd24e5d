/** A layer's description as it crosses to the compute process and back; what its fields mean stands where they are declared. */

import * as v from 'valibot';
import type { AlibiSpec, AttentionLayerSpec, LatentNorms, TemperatureSpec } from '../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../attention/spec/normSpec';
import type { RotaryScaling, RotarySpec } from '../attention/spec/rotarySpec';
import type {
  ChunkedAttention,
  FullAttention,
  IndexerSpec,
  LatentAttention,
  SlidingAttention,
} from '../model/attention';
import { count, finite, list, type SchemasOf, size } from './schema';

const heads = { queryHeads: size, kvHeads: size, keyDim: size, valueDim: count };
const indexer = v.exactOptional(
  v.strictObject({
    headDim: size,
    heads: v.nullable(size),
    topK: v.nullable(size),
    owned: v.boolean(),
    pool: v.exactOptional(size),
    enginePool: v.exactOptional(size),
  } satisfies SchemasOf<IndexerSpec>),
);

const attention = v.variant('kind', [
  v.strictObject({ kind: v.literal('full'), ...heads, indexer } satisfies SchemasOf<FullAttention>),
  v.strictObject({ kind: v.literal('sliding'), ...heads, window: size } satisfies SchemasOf<SlidingAttention>),
  v.strictObject({ kind: v.literal('chunked'), ...heads, chunk: size } satisfies SchemasOf<ChunkedAttention>),
  v.strictObject({
    kind: v.literal('latent'),
    queryHeads: size,
    latentDim: size,
    ropeDim: count,
    nopeDim: count,
    valueDim: size,
    queryLatentDim: v.nullable(size),
    indexer,
  } satisfies SchemasOf<LatentAttention>),
]);

const norm = v.strictObject({
  kind: v.picklist(['rms', 'layer']),
  epsilon: finite,
  weight: v.picklist(['none', 'plain', 'plus-one']),
  bias: v.boolean(),
} satisfies SchemasOf<NormSpec>);

const headNorm = v.strictObject({
  norm,
  extent: v.picklist(['head', 'head-own', 'projection']),
  stage: v.picklist(['before-rope', 'after-rope']),
} satisfies SchemasOf<HeadNormSpec>);

type Scaling<K extends RotaryScaling['kind']> = SchemasOf<Extract<RotaryScaling, { kind: K }>>;
const factors = list(finite, 4096);
const scaling = v.variant('kind', [
  v.strictObject({ kind: v.literal('linear'), factor: finite } satisfies Scaling<'linear'>),
  v.strictObject({ kind: v.literal('dynamic'), factor: finite, originalContext: finite } satisfies Scaling<'dynamic'>),
  v.strictObject({
    kind: v.literal('llama3'),
    factor: finite,
    lowFrequencyFactor: finite,
    highFrequencyFactor: finite,
    originalContext: finite,
  } satisfies Scaling<'llama3'>),
  v.strictObject({
    kind: v.literal('yarn'),
    factor: finite,
    originalContext: finite,
    betaFast: finite,
    betaSlow: finite,
    mscale: v.nullable(finite),
    mscaleAllDim: v.nullable(finite),
    attentionFactor: v.nullable(finite),
    truncate: v.boolean(),
  } satisfies Scaling<'yarn'>),
  v.strictObject({
    kind: v.literal('longrope'),
    shortFactor: factors,
    longFactor: factors,
    originalContext: finite,
    factor: v.nullable(finite),
    attentionFactor: v.nullable(finite),
  } satisfies Scaling<'longrope'>),
  v.strictObject({
    kind: v.literal('proportional'),
    rotatedDim: size,
    factor: finite,
  } satisfies Scaling<'proportional'>),
]);

export const attentionLayer = v.strictObject({
  attention,
  hiddenSize: size,
  scale: finite,
  softcap: v.nullable(finite),
  sinks: v.boolean(),
  biases: v.strictObject({ q: v.boolean(), k: v.boolean(), v: v.boolean(), o: v.boolean() }),
  clip: v.nullable(finite),
  clipAfterNorm: v.exactOptional(v.boolean()),
  queryNorm: v.nullable(headNorm),
  keyNorm: v.nullable(headNorm),
  valueNorm: v.nullable(headNorm),
  rotary: v.nullable(
    v.strictObject({
      theta: finite,
      dim: size,
      layout: v.picklist(['half', 'interleaved', 'interleaved-to-half']),
      scaling: v.nullable(scaling),
    } satisfies SchemasOf<RotarySpec>),
  ),
  alibi: v.nullable(
    v.strictObject({
      slopes: list(finite, 65536),
      factor: finite,
      rounding: v.picklist(['none', 'bfloat16']),
      origin: v.picklist(['first', 'last']),
    } satisfies SchemasOf<AlibiSpec>),
  ),
  temperature: v.nullable(
    v.strictObject({ scale: finite, interval: finite, offset: finite } satisfies SchemasOf<TemperatureSpec>),
  ),
  outputGate: v.picklist(['none', 'element', 'head']),
  outputNorm: v.nullable(norm),
  outputNormWidth: v.exactOptional(size),
  latentNorms: v.nullable(
    v.strictObject({
      query: v.nullable(norm),
      latent: v.nullable(norm),
      queryFactor: v.exactOptional(finite),
      latentFactor: v.exactOptional(finite),
    } satisfies SchemasOf<LatentNorms>),
  ),
} satisfies SchemasOf<AttentionLayerSpec>);
