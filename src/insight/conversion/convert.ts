/** A layer with keys and values per head as GQA, MQA or MLA, without training: what it would cache, and what it loses. */

import { queryFactors } from '../../attention/step/positionFactor';
import { rotaryFactor } from '../../attention/step/rotaryTables';
import { matrix, type Matrix, transpose } from '../matrix';
import { paced } from '../steps';
import { DecoupledRope } from './decoupledRope';
import { type Distortion, DistortionMeter, type ReadLayer } from './distortion';
import { type LatentMethod, type LatentSource, throughLatent } from './latent';
import {
  scoreKeys,
  summedValues,
  type KeyValueNorms,
  type KeyValueRows,
  type LayerSample,
  need,
  normsOf,
  projectedRows,
  projectedRowSteps,
} from './layerRows';
import {
  alignedPooled,
  meanPooled,
  pooledNorms,
  poolingError,
  type Pools,
  poolsOf,
  unrelatedPoolingError,
} from './pooling';
import {
  type ConversionMethod,
  ConversionRefused,
  type ConversionRequest,
  type ConversionTarget,
  methodsFor,
  targetLabel,
} from './target';

export interface Conversion extends ConversionRequest, Distortion {
  /** Numbers that the layer caches of a token, before and after. */
  readonly cachedBefore: number;
  readonly cachedPerToken: number;
  /** Pooling alone: ‖W − pooled W‖ ÷ ‖W‖, and what it would be for heads that have nothing in common. */
  readonly pooling: { readonly key: number; readonly value: number; readonly unrelated: number } | null;
  /** The latent was fitted to the tokens that are measured, and could hold as many whatever they are: its losses say nothing. */
  readonly fitsAnything: boolean;
  /** What must be known to read the numbers. */
  readonly notes: readonly string[];
}

export interface ConversionProgress {
  /** What is done now, and how far it is (0…1). May throw, which ends the work. */
  stage(message: string, fraction: number): Promise<void>;
}

/** Is told how far it is (0…1). */
type Pause = (fraction: number) => Promise<void>;

interface Converted {
  readonly layer: ReadLayer;
  readonly cachedPerToken: number;
  readonly pooling: Conversion['pooling'];
  readonly notes: readonly string[];
}

type MlaTarget = Extract<ConversionTarget, { kind: 'mla' }>;

/**
 * Converts one layer in several ways; what they share is computed once. Queries are kept as they are: what a method would do to
 * them (absorbing turns) is taken into what they read.
 */
export class LayerConverter {
  /** Of the layer, as every conversion asks with them. */
  private readonly q: Float64Array;
  private readonly norms: KeyValueNorms;
  private readonly weights: KeyValueRows;
  /** One row each. */
  private readonly bias: KeyValueRows;
  private readonly meter: DistortionMeter;
  private whole: LatentSource | undefined;
  /** By RoPE dims. */
  private readonly apart = new Map<
    number,
    {
      readonly basis: DecoupledRope;
      readonly source: LatentSource;
      readonly bias: KeyValueRows;
      readonly keys: Matrix;
    }
  >();

  constructor(
    private readonly sample: LayerSample,
    private readonly rows: KeyValueRows = projectedRows(sample),
  ) {
    this.q = Float64Array.from(sample.q);
    this.norms = normsOf(sample);
    this.weights = weightMatrices(sample);
    this.bias = biases(sample);
    this.meter = new DistortionMeter(sample, this.read(this.rows, this.norms));
  }

  /** As the constructor, with pauses. */
  static async of(sample: LayerSample, progress: ConversionProgress): Promise<LayerConverter> {
    const rows = await paced(projectedRowSteps(sample), (fraction) =>
      progress.stage(`keys and values: ${Math.floor(100 * fraction)} %`, 0),
    );
    return new LayerConverter(sample, rows);
  }

  /** @throws ConversionRefused where this layer cannot be converted so. */
  async convert({ target, method }: ConversionRequest, progress: ConversionProgress): Promise<Conversion> {
    if (!methodsFor(target).includes(method))
      throw new ConversionRefused(
        `${method} cannot make ${targetLabel(target)}; these methods can: ${methodsFor(target).join(', ')}`,
      );
    const { kvHeads, keyDim, valueDim, queryHeads } = this.sample.spec.attention;
    const doing = `${targetLabel(target)}, ${method}`;
    await progress.stage(doing, 0);
    const making: Pause = (fraction) =>
      progress.stage(`${doing}: ${Math.floor(100 * fraction)} % converted`, fraction / 2);
    const { layer, cachedPerToken, pooling, notes } =
      target.kind === 'mla'
        ? await this.asLatent(target, method as LatentMethod, making)
        : await this.asPooled(target, method, making);
    const distortion = await this.meter.distortionOf(layer, (heads) => {
      const part = heads < queryHeads ? `head ${Math.floor(heads) + 1} of ${queryHeads}` : 'output';
      return progress.stage(`${doing}: ${part}`, 0.5 + (0.5 * heads) / (queryHeads + 1));
    });
    const fitsAnything = method === 'activation-pca' && target.kind === 'mla' && target.latentDim >= this.sample.tokens;
    return {
      ...distortion,
      target,
      method,
      cachedBefore: kvHeads * (keyDim + valueDim),
      cachedPerToken,
      pooling,
      fitsAnything,
      notes,
    };
  }

  /** With the layer's own queries. */
  private read(rows: KeyValueRows, norms: KeyValueNorms): ReadLayer {
    const { sample } = this;
    return {
      parts: [{ q: this.q, k: scoreKeys(rows.key, sample, norms) }],
      v: summedValues(rows.value, sample, norms),
    };
  }

  private async asPooled(
    target: Exclude<ConversionTarget, MlaTarget>,
    method: ConversionMethod,
    making: Pause,
  ): Promise<Converted> {
    const { rows, norms, weights } = this;
    const { spec } = this.sample;
    const { keyDim, valueDim } = spec.attention;
    const pools: Pools = poolsOf(spec, target.kind === 'gqa' ? target.groups : 1);
    return {
      layer:
        method === 'mean-pool'
          ? this.read(meanPooled(rows, pools), pooledNorms(norms, pools))
          : this.read(await paced(alignedPooled(rows, pools, spec), making), norms),
      cachedPerToken: pools.groups * (keyDim + valueDim),
      pooling: {
        key: poolingError(weights.key, pools),
        value: poolingError(weights.value, pools),
        unrelated: unrelatedPoolingError(pools),
      },
      notes: method === 'aligned-pool' ? ['heads were aligned on the same tokens that the loss is measured on'] : [],
    };
  }

  private async asLatent({ latentDim, ropeDim }: MlaTarget, method: LatentMethod, making: Pause): Promise<Converted> {
    const { spec, tokens } = this.sample;
    const notes: string[] = [];
    if (method === 'activation-pca') {
      notes.push('the latent was fitted to the same tokens that the loss is measured on');
      if (latentDim >= tokens)
        notes.push(
          `a latent of ${latentDim} dims can hold all ${tokens} tokens without any loss: measure with a longer prompt`,
        );
    }
    const { hiddenSize } = spec;
    if (latentDim >= hiddenSize && method !== 'split-svd')
      notes.push(
        `a latent of ${latentDim} dims holds the layer's whole input of ${hiddenSize}, so only RoPE can cause a loss`,
      );
    const cachedPerToken = latentDim + ropeDim;
    if (ropeDim > 0) {
      const layer = await this.decoupled(latentDim, ropeDim, method, making);
      return { layer, cachedPerToken, pooling: null, notes };
    }
    if (spec.rotary !== null)
      notes.push(
        'RoPE is applied to the keys made from the latent, so their weight cannot be absorbed into the queries; mla:R+D measures a latent with decoupled RoPE',
      );
    if (spec.keyNorm !== null)
      notes.push(
        'the keys made from the latent are normalised as before, so their weight cannot be absorbed into the queries',
      );
    this.whole ??= { rows: shifted(this.rows, this.bias, -1), weights: this.weights, found: new Map() };
    const found = await paced(throughLatent(this.whole, latentDim, method), making);
    return { layer: this.read(shifted(found, this.bias, 1), this.norms), cachedPerToken, pooling: null, notes };
  }

  /** A latent beside RoPE dims that are cached as they are. */
  private async decoupled(latentDim: number, ropeDim: number, method: LatentMethod, making: Pause): Promise<ReadLayer> {
    const { sample, norms } = this;
    const { spec, tokens } = sample;
    const { keyDim } = spec.attention;
    const { basis, source, bias, keys } = this.decoupledSource(ropeDim);
    const found = shifted(await paced(throughLatent(source, latentDim, method), making), bias, 1);
    const still = basis.spreadPlain(found.key);
    // What loses its rotation keeps the factor that comes with it (YaRN, LongRoPE), once for keys and once for queries.
    const { rotary } = spec;
    const factor = rotary === null ? 1 : rotaryFactor(rotary.scaling) ** 2;
    if (rotary !== null && factor !== 1)
      for (let i = 0; i < still.data.length; i++)
        if (i % keyDim < rotary.dim) still.data[i] = (still.data[i] as number) * factor;
    const q = Float64Array.from(sample.qRaw);
    if (spec.temperature) {
      const factors = queryFactors(
        spec.temperature,
        Int32Array.from({ length: tokens }, (_, i) => i),
      );
      for (let i = 0; i < q.length; i++) q[i] = (q[i] as number) * (factors[Math.floor(i / keyDim) % tokens] as number);
    }
    return {
      parts: [
        { q: this.q, k: keys },
        { q, k: still },
      ],
      v: summedValues(found.value, sample, norms),
    };
  }

  private decoupledSource(ropeDim: number): {
    readonly basis: DecoupledRope;
    readonly source: LatentSource;
    readonly bias: KeyValueRows;
    readonly keys: Matrix;
  } {
    const known = this.apart.get(ropeDim);
    if (known !== undefined) return known;
    const { rows, weights } = this;
    const basis = DecoupledRope.of(this.sample, rows.key, ropeDim);
    const { rotated, plain } = basis.split(rows.key);
    const bias: KeyValueRows = { key: basis.split(this.bias.key).plain, value: this.bias.value };
    const source: LatentSource = {
      rows: shifted({ key: plain, value: rows.value }, bias, -1),
      weights: { key: transpose(basis.split(transpose(weights.key)).plain), value: weights.value },
      found: new Map(),
    };
    const made = { basis, source, bias, keys: scoreKeys(basis.spreadRotated(rotated), this.sample, this.norms) };
    this.apart.set(ropeDim, made);
    return made;
  }
}

function weightMatrices({ spec, weights }: LayerSample): KeyValueRows {
  const read = (name: string, dims: number): Matrix => matrix(dims, spec.hiddenSize, need(weights, `${name}.weight`));
  const { kvHeads, keyDim, valueDim } = spec.attention;
  return { key: read('k', kvHeads * keyDim), value: read('v', kvHeads * valueDim) };
}

/** Zeros where a projection has none. */
function biases({ spec, weights }: LayerSample): KeyValueRows {
  const { kvHeads, keyDim, valueDim } = spec.attention;
  const read = (name: string, dims: number): Matrix =>
    matrix(1, dims, weights.get(`${name}.bias`) ?? new Float64Array(dims));
  return { key: read('k', kvHeads * keyDim), value: read('v', kvHeads * valueDim) };
}

function shifted({ key, value }: KeyValueRows, bias: KeyValueRows, sign: 1 | -1): KeyValueRows {
  const shift = (rows: Matrix, by: Matrix): Matrix => ({
    ...rows,
    data: rows.data.map((number, i) => number + sign * (by.data[i % rows.columns] as number)),
  });
  return { key: shift(key, bias.key), value: shift(value, bias.value) };
}
