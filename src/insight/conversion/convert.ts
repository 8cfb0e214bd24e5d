/** A layer with keys and values per head as GQA, MQA or MLA, without training: what it would cache, and what it loses. */

import { queryFactors } from '../../attention/positionFactor';
import { matrix, type Matrix, transpose } from '../matrix';
import { DecoupledRope } from './decoupledRope';
import { type Distortion, distortionOf, type ReadLayer } from './distortion';
import { throughLatent, type LatentMethod } from './latent';
import { finishedKeys, finishedValues, type KeyValueNorms, type KeyValueRows, type LayerSample, need, normsOf, projectedRows, ropeFactor } from './layerRows';
import { alignedPooled, meanPooled, pooledNorms, poolingError, type Pools, poolsOf, unrelatedPoolingError } from './pooling';
import { type ConversionMethod, ConversionRefused, type ConversionTarget, methodsFor, targetLabel } from './target';

export interface Conversion extends Distortion {
  readonly target: ConversionTarget;
  readonly method: ConversionMethod;
  /** Numbers that the layer caches of a token, before and after. */
  readonly cachedBefore: number;
  readonly cachedPerToken: number;
  /** Pooling alone: ‖W − pooled W‖ ÷ ‖W‖, and what it would be for heads that have nothing in common. */
  readonly pooling: { readonly key: number; readonly value: number; readonly unrelated: number } | null;
  /** What must be known to read the numbers. */
  readonly notes: readonly string[];
}

export interface ConversionWatch {
  /** What is done now, and how far it is (0…1). May throw, which ends the work. */
  stage(message: string, fraction: number): Promise<void>;
}

/**
 * Converts and measures. Queries are kept as they are: what a method does to them (absorbing turns) is taken into what they read.
 * @throws ConversionRefused where this layer cannot be converted so.
 */
export async function convertLayer(sample: LayerSample, target: ConversionTarget, method: ConversionMethod, watch: ConversionWatch): Promise<Conversion> {
  if (!methodsFor(target).includes(method)) throw new ConversionRefused(`${method} does not make ${targetLabel(target)}: it takes ${methodsFor(target).join(', ')}`);
  const { kvHeads, keyDim, valueDim, queryHeads } = sample.spec.attention;
  const cachedBefore = kvHeads * (keyDim + valueDim);
  await watch.stage('keys and values', 0);
  const rows = projectedRows(sample);
  const norms = normsOf(sample);
  const before = read(sample, rows, norms);
  await watch.stage(method, 0.2);
  const { layer, cachedPerToken, pooling, notes } = target.kind === 'mla' ? asLatent(sample, rows, norms, target, method as LatentMethod) : asPooled(sample, rows, norms, target, method);
  await watch.stage('attention', 0.5);
  const distortion = await distortionOf(sample, before, layer, (heads) => watch.stage(`head ${heads} of ${queryHeads}`, 0.5 + (0.4 * heads) / queryHeads));
  return { ...distortion, target, method, cachedBefore, cachedPerToken, pooling, notes };
}

interface Converted {
  readonly layer: ReadLayer;
  readonly cachedPerToken: number;
  readonly pooling: Conversion['pooling'];
  readonly notes: readonly string[];
}

/** With the layer's own queries. */
function read(sample: LayerSample, rows: KeyValueRows, norms: KeyValueNorms): ReadLayer {
  return { parts: [{ q: Float64Array.from(sample.q), k: finishedKeys(rows.key, sample, norms) }], v: finishedValues(rows.value, sample, norms) };
}

function asPooled(sample: LayerSample, rows: KeyValueRows, norms: KeyValueNorms, target: Exclude<ConversionTarget, { kind: 'mla' }>, method: ConversionMethod): Converted {
  const { spec } = sample;
  const { keyDim, valueDim } = spec.attention;
  const pools: Pools = poolsOf(spec, target.kind === 'gqa' ? target.groups : 1);
  const layer = method === 'mean-pool' ? read(sample, meanPooled(rows, pools), pooledNorms(norms, pools)) : read(sample, alignedPooled(rows, pools, spec), norms);
  const weights = weightMatrices(sample);
  return {
    layer,
    cachedPerToken: pools.groups * (keyDim + valueDim),
    pooling: { key: poolingError(weights.key, pools), value: poolingError(weights.value, pools), unrelated: unrelatedPoolingError(pools) },
    notes: method === 'aligned-pool' ? ['heads were aligned on the tokens that are measured'] : [],
  };
}

function asLatent(sample: LayerSample, rows: KeyValueRows, norms: KeyValueNorms, { latentDim, ropeDim }: Extract<ConversionTarget, { kind: 'mla' }>, method: LatentMethod): Converted {
  const notes: string[] = [];
  if (method === 'activation-pca') {
    notes.push('the latent was fitted to the tokens that are measured');
    if (latentDim >= sample.tokens) notes.push(`a latent of ${latentDim} dims can hold ${sample.tokens} tokens whatever they are: measure with a longer prompt`);
  }
  const cachedPerToken = latentDim + ropeDim;
  if (ropeDim > 0) return { layer: decoupled(sample, rows, norms, latentDim, ropeDim, method), cachedPerToken, pooling: null, notes };
  if (sample.spec.rotary !== null) notes.push('RoPE is applied to the keys that the latent gives back, so they cannot be absorbed into the queries: mla:R+D measures a latent beside decoupled RoPE');
  if (sample.spec.keyNorm !== null) notes.push('the keys that the latent gives back are normalised as before, which cannot be absorbed into the queries');
  const weights = weightMatrices(sample);
  const bias = biases(sample);
  const found = throughLatent({ rows: shifted(rows, bias, -1), weights }, latentDim, method);
  return { layer: read(sample, shifted(found, bias, 1), norms), cachedPerToken, pooling: null, notes };
}

/** A latent beside RoPE dims that are cached as they are. */
function decoupled(sample: LayerSample, rows: KeyValueRows, norms: KeyValueNorms, latentDim: number, ropeDim: number, method: LatentMethod): ReadLayer {
  const { spec, tokens } = sample;
  const { kvHeads, keyDim, queryHeads } = spec.attention;
  const basis = DecoupledRope.of(sample, rows.key, ropeDim);
  const { rotated, plain } = basis.split(rows.key);
  const weights = weightMatrices(sample);
  const bias = biases(sample);
  const plainBias: KeyValueRows = { key: basis.split(bias.key).plain, value: bias.value };
  const source = { rows: shifted({ key: plain, value: rows.value }, plainBias, -1), weights: { key: transpose(basis.split(transpose(weights.key)).plain), value: weights.value } };
  const found = shifted(throughLatent(source, latentDim, method), plainBias, 1);
  const turned = finishedKeys(basis.spreadRotated(rotated), sample, norms);
  const still = basis.spreadPlain(found.key);
  // What loses its rotation keeps the factor that comes with it (YaRN, LongRoPE), once for keys and once for queries.
  const { rotary } = spec;
  const factor = rotary === null ? 1 : ropeFactor(rotary, tokens) ** 2;
  if (rotary !== null && factor !== 1) for (let i = 0; i < still.data.length; i++) if (i % keyDim < rotary.dim) still.data[i] = (still.data[i] as number) * factor;
  const q = Float64Array.from(sample.qRaw);
  if (spec.temperature) {
    const factors = queryFactors(spec.temperature, Int32Array.from({ length: tokens }, (_, i) => i));
    for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * (factors[Math.floor(i / keyDim) % tokens] as number);
  }
  if (q.length !== queryHeads * tokens * keyDim || still.columns !== kvHeads * keyDim) throw new RangeError('queries and keys of different sizes');
  return { parts: [{ q: Float64Array.from(sample.q), k: turned }, { q, k: still }], v: finishedValues(found.value, sample, norms) };
}

function weightMatrices({ spec, weights }: LayerSample): KeyValueRows {
  const read = (name: string, dims: number): Matrix => matrix(dims, spec.hiddenSize, need(weights, `${name}.weight`));
  const { kvHeads, keyDim, valueDim } = spec.attention;
  return { key: read('k', kvHeads * keyDim), value: read('v', kvHeads * valueDim) };
}

/** One row each; zeros where a projection has none. */
function biases({ spec, weights }: LayerSample): KeyValueRows {
  const { kvHeads, keyDim, valueDim } = spec.attention;
  const read = (name: string, dims: number): Matrix => matrix(1, dims, weights.get(`${name}.bias`) ?? new Float64Array(dims));
  return { key: read('k', kvHeads * keyDim), value: read('v', kvHeads * valueDim) };
}

function shifted({ key, value }: KeyValueRows, bias: KeyValueRows, sign: 1 | -1): KeyValueRows {
  const shift = (rows: Matrix, by: Matrix): Matrix => ({ ...rows, data: rows.data.map((number, i) => number + sign * (by.data[i % rows.columns] as number)) });
  return { key: shift(key, bias.key), value: shift(value, bias.value) };
}
