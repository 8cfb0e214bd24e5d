// Conversions against the float64 reference of attention: what is measured is what a layer with such weights would do.
import { Matrix as MlMatrix, SingularValueDecomposition } from 'ml-matrix';
import { describe, expect, it, test } from 'vitest';
import type { AttentionLayerSpec } from '../../../src/attention/spec/layerSpec';
import { referenceLayer } from '../../oracle/layer';
import { Tensor64 } from '../../oracle/tensor64';
import { layerWeights, type WeightMap } from '../../../src/attention/spec/weightNames';
import { type Conversion, LayerConverter } from '../../../src/insight/conversion/convert';
import { DecoupledRope } from '../../../src/insight/conversion/decoupledRope';
import {
  scoreKeys,
  summedValues,
  type HeadedSpec,
  type LayerSample,
  normsOf,
  projectedRows,
} from '../../../src/insight/conversion/layerRows';
import { type ConversionMethod, type ConversionTarget, methodsFor } from '../../../src/insight/conversion/target';
import { symmetricEigen } from '../../../src/insight/eigen';
import { matrix, type Matrix, multiply, transpose } from '../../../src/insight/matrix';
import { heads, layer, LAYERS, rope } from '../attention/support/layers';
import { randomFloats, randomWeights, seeded } from '../attention/support/random';
import { someOf } from '../support/cases';

const TOKENS = 40;
const UNWATCHED = { stage: () => Promise.resolve() };
const EXACT = 1e-11;

const isHeaded = (spec: AttentionLayerSpec): spec is HeadedSpec => spec.attention.kind !== 'latent';
const HEADED = Object.entries(LAYERS).filter((entry): entry is [string, HeadedSpec] => isHeaded(entry[1]));
const plain = (extra: Partial<AttentionLayerSpec> = {}): HeadedSpec =>
  layer(heads(8, 4, 8), { rotary: rope(8), ...extra }) as HeadedSpec;

interface Made {
  readonly sample: LayerSample;
  readonly hidden: Tensor64;
  readonly reference: ReturnType<typeof referenceLayer>;
}

function made(
  spec: HeadedSpec,
  seed = 7,
  change: (weights: Map<string, Float32Array>) => void = () => undefined,
  tokens = TOKENS,
): Made {
  const next = seeded(seed);
  const weights = new Map(randomWeights(layerWeights(spec), next));
  change(weights);
  const hidden = new Tensor64([1, tokens, spec.hiddenSize], randomFloats(next, tokens * spec.hiddenSize));
  const reference = referenceLayer(spec, weights, hidden);
  const { q, qRaw } = reference.captures;
  if (!q || !qRaw) throw new Error('no queries');
  return {
    sample: { spec, tokens, input: Float32Array.from(hidden.data), q: q.data, qRaw: qRaw.data, weights },
    hidden,
    reference,
  };
}

const convert = (
  sample: LayerSample,
  target: ConversionTarget,
  method: ConversionMethod = methodsFor(target)[0],
): Promise<Conversion> => new LayerConverter(sample).convert({ target, method }, UNWATCHED);
const latent = (latentDim: number, ropeDim = 0): ConversionTarget => ({ kind: 'mla', latentDim, ropeDim });
const gqa = (groups: number): ConversionTarget => ({ kind: 'gqa', groups });

/** What the reference says of a layer with other weights. */
function against(
  before: Made,
  spec: AttentionLayerSpec,
  weights: WeightMap,
): { readonly outputRelativeError: number; readonly patternJsDistance: number } {
  const after = referenceLayer(spec, weights, before.hidden);
  const [x, y] = [before.reference.output.data, after.output.data];
  const size = Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));
  const difference = Math.sqrt(x.reduce((sum, value, i) => sum + ((y[i] ?? 0) - value) ** 2, 0));
  const [p, q] = [before.reference.captures.weights, after.captures.weights];
  if (!p || !q) throw new Error('no patterns');
  const { queryHeads } = spec.attention;
  const square = TOKENS * TOKENS;
  let distance = 0;
  for (let head = 0; head < queryHeads; head++) {
    distance +=
      jensenShannonDistance(
        p.data.subarray(head * square, (head + 1) * square),
        q.data.subarray(head * square, (head + 1) * square),
        TOKENS,
      ) / queryHeads;
  }
  return { outputRelativeError: difference / size, patternJsDistance: distance };
}

/** Mean over rows i ≥ 1 of the square root of the Jensen–Shannon divergence in bits: H((p + q) / 2) − (H(p) + H(q)) / 2. */
function jensenShannonDistance(p: Float64Array, q: Float64Array, tokens: number): number {
  const entropy = (row: Float64Array): number => row.reduce((sum, a) => sum - (a > 0 ? a * Math.log2(a) : 0), 0);
  let sum = 0;
  for (let row = 1; row < tokens; row++) {
    const [a, b] = [p, q].map((pattern) => pattern.subarray(row * tokens, (row + 1) * tokens)) as [
      Float64Array,
      Float64Array,
    ];
    const mean = a.map((value, i) => (value + (b[i] ?? Number.NaN)) / 2);
    sum += Math.sqrt(Math.max(0, entropy(mean) - (entropy(a) + entropy(b)) / 2));
  }
  return sum / (tokens - 1);
}

/** Left singular vectors, one a column. */
function leftSingular(a: Matrix): Matrix {
  const u = new SingularValueDecomposition(MlMatrix.from1DArray(a.rows, a.columns, a.data), { autoTranspose: true })
    .leftSingularVectors;
  return matrix(u.rows, u.columns, u.to1DArray());
}

/** [heads, T, dim] of the reference as rows of tokens. */
function byToken(tensor: Tensor64 | undefined): Float64Array {
  const [, count = 0, tokens = 0, dim = 0] = tensor?.shape ?? [];
  const result = new Float64Array(count * tokens * dim);
  for (let head = 0; head < count; head++)
    for (let t = 0; t < tokens; t++) result.set(tensor?.row(0, head, t) ?? [], (t * count + head) * dim);
  return result;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs((a[i] as number) - (b[i] as number)));
  return largest;
}

describe.each(someOf(HEADED))('a layer with %s', (_, spec) => {
  const { kvHeads, keyDim, valueDim } = spec.attention;
  const layerOf = made(spec);
  const { sample } = layerOf;

  test('has the keys and values of the reference', () => {
    const rows = projectedRows(sample);
    const norms = normsOf(sample);
    const { k, v } = layerOf.reference.captures;
    expect(largestDifference(scoreKeys(rows.key, sample, norms).data, byToken(k))).toBeLessThan(EXACT);
    expect(largestDifference(summedValues(rows.value, sample, norms).data, byToken(v))).toBeLessThan(EXACT);
  });

  test('loses nothing where nothing is left out', async () => {
    const targets: [ConversionTarget, ConversionMethod][] = [
      [gqa(kvHeads), 'mean-pool'],
      ...(['joint-svd', 'split-svd', 'activation-pca'] as const).map((method): [ConversionTarget, ConversionMethod] => [
        latent(kvHeads * (keyDim + valueDim)),
        method,
      ]),
    ];
    for (const [target, method] of targets) {
      const { patternJsDistance, outputRelativeError, cachedPerToken, cachedBefore } = await convert(
        sample,
        target,
        method,
      );
      expect(outputRelativeError, method).toBeLessThan(EXACT);
      // The distance is a root of what rounding leaves.
      expect(patternJsDistance, method).toBeLessThan(1e-6);
      expect(cachedPerToken).toBe(cachedBefore);
    }
  });

  test('as MQA by the mean is the layer with the mean of its weights', async () => {
    const pooled = new Map(sample.weights);
    const mean = (name: string, dim: number): void => {
      const found = sample.weights.get(name);
      if (!found || found.length % (kvHeads * dim) !== 0) return;
      const width = found.length / kvHeads;
      pooled.set(
        name,
        Float32Array.from({ length: width }, (_, i) =>
          Array.from({ length: kvHeads }, (__, head) => (found[head * width + i] ?? 0) / kvHeads).reduce(
            (a, b) => a + b,
          ),
        ),
      );
    };
    for (const part of ['weight', 'bias']) {
      mean(`k.${part}`, keyDim);
      mean(`v.${part}`, valueDim);
      if (spec.keyNorm && spec.keyNorm.extent !== 'head') mean(`k_norm.${part}`, keyDim);
      if (spec.valueNorm && spec.valueNorm.extent !== 'head') mean(`v_norm.${part}`, valueDim);
    }
    const expected = against(layerOf, { ...spec, attention: { ...spec.attention, kvHeads: 1 } }, pooled);
    const found = await convert(sample, { kind: 'mqa' });
    // The reference's weights are float32, the mean here is not.
    expect(found.outputRelativeError).toBeCloseTo(expected.outputRelativeError, 5);
    expect(found.patternJsDistance).toBeCloseTo(expected.patternJsDistance, 5);
    expect(found.cachedPerToken).toBe(keyDim + valueDim);
  });

  test('through a latent is the layer with weights of that rank', async () => {
    const dims = kvHeads * (keyDim + valueDim);
    const rank = Math.max(1, Math.floor(Math.min(dims, spec.hiddenSize) / 2));
    const [k, v] = ['k.weight', 'v.weight'].map((name) => sample.weights.get(name) ?? new Float32Array());
    const both = matrix(dims, spec.hiddenSize, [...(k ?? []), ...(v ?? [])]);
    const u = leftSingular(both);
    const kept: Matrix = matrix(
      dims,
      rank,
      Array.from({ length: dims * rank }, (_, i) => u.data[Math.floor(i / rank) * u.columns + (i % rank)] ?? 0),
    );
    const reduced = multiply(kept, multiply(transpose(kept), both)).data;
    const keys = kvHeads * keyDim * spec.hiddenSize;
    const weights = new Map(sample.weights)
      .set('k.weight', Float32Array.from(reduced.subarray(0, keys)))
      .set('v.weight', Float32Array.from(reduced.subarray(keys)));
    const expected = against(layerOf, spec, weights);
    const found = await convert(sample, latent(rank));
    expect(found.outputRelativeError).toBeCloseTo(expected.outputRelativeError, 5);
    expect(found.patternJsDistance).toBeCloseTo(expected.patternJsDistance, 5);
    expect(found.cachedPerToken).toBe(rank);
  });

  test('with decoupled RoPE loses nothing where all of it is kept, or is refused in words', async () => {
    const rotary = spec.rotary;
    const target = latent(kvHeads * (keyDim - (rotary?.dim ?? 0)) + kvHeads * valueDim, kvHeads * (rotary?.dim ?? 2));
    const refused = rotary === null || spec.keyNorm !== null || spec.clip !== null;
    if (refused) await expect(convert(sample, target)).rejects.toThrow(/no RoPE|normalises or clips/);
    else expect((await convert(sample, target)).outputRelativeError).toBeLessThan(EXACT);
  });
});

describe('alignment', () => {
  /** Heads that differ by turns which W_Q and W_O could take back: RoPE's planes for K, anything for V. */
  const turned = (weights: Map<string, Float32Array>): void => {
    const [k, v] = [weights.get('k.weight'), weights.get('v.weight')];
    if (!k || !v) throw new Error('no weights');
    const [dim, hidden] = [8, 20];
    const next = seeded(3);
    for (let head = 1; head < 4; head++) {
      for (let pair = 0; pair < dim / 2; pair++) {
        const angle = next() * 6;
        for (let i = 0; i < hidden; i++) {
          const [x, y] = [k[pair * hidden + i] ?? 0, k[(pair + dim / 2) * hidden + i] ?? 0];
          k[(head * dim + pair) * hidden + i] = Math.cos(angle) * x - Math.sin(angle) * y;
          k[(head * dim + pair + dim / 2) * hidden + i] = Math.sin(angle) * x + Math.cos(angle) * y;
        }
      }
      const turn = leftSingular(matrix(dim, dim, randomFloats(next, dim * dim)));
      v.set(multiply(turn, matrix(dim, hidden, v.subarray(0, dim * hidden))).data, head * dim * hidden);
    }
  };

  it('finds heads that are turns of each other, of which the mean alone knows nothing', async () => {
    const { sample } = made(plain(), 5, turned);
    const aligned = await convert(sample, { kind: 'mqa' }, 'aligned-pool');
    const mean = await convert(sample, { kind: 'mqa' }, 'mean-pool');
    // Weights of turned heads are rounded to float32.
    expect(aligned.outputRelativeError).toBeLessThan(1e-5);
    expect(mean.outputRelativeError).toBeGreaterThan(0.3);
  });

  it('is no worse than the mean for heads that have nothing in common', async () => {
    for (const seed of [1, 2, 3]) {
      const { sample } = made(plain(), seed);
      for (const groups of [1, 2]) {
        const [aligned, mean] = [
          await convert(sample, gqa(groups), 'aligned-pool'),
          await convert(sample, gqa(groups), 'mean-pool'),
        ];
        expect(aligned.outputRelativeError).toBeLessThan(mean.outputRelativeError ?? 0);
      }
    }
  });

  it('is refused where a norm or a clip stands in between', async () => {
    for (const name of ['qk norm per head', 'value norm', 'clip']) {
      const spec = LAYERS[name];
      if (!spec || !isHeaded(spec)) throw new Error(name);
      await expect(convert(made(spec).sample, { kind: 'mqa' }, 'aligned-pool')).rejects.toThrow(/use mean-pool/);
    }
  });
});

describe('pooling', () => {
  it('says how far weights are from their mean, beside what strangers would be', async () => {
    const { pooling } = await convert(made(plain({ hiddenSize: 400 })).sample, gqa(2));
    expect(pooling?.unrelated).toBeCloseTo(Math.SQRT1_2, 12);
    expect(pooling?.key).toBeCloseTo(Math.SQRT1_2, 1);
    expect(pooling?.value).toBeCloseTo(Math.SQRT1_2, 1);
  });

  it('refuses groups that do not come out even', async () => {
    const { sample } = made(plain());
    await expect(convert(sample, gqa(3))).rejects.toThrow('3 does not divide the 4 KV heads');
    await expect(convert(sample, gqa(8))).rejects.toThrow('this layer has 4 KV heads');
    await expect(convert(sample, gqa(2), 'joint-svd')).rejects.toThrow('joint-svd cannot make GQA-2');
  });
});

describe('a latent', () => {
  it('of the rank that weights have loses nothing', async () => {
    const rank = 6;
    const lowRank = (weights: Map<string, Float32Array>): void => {
      const next = seeded(9);
      const down = matrix(rank, 20, randomFloats(next, rank * 20));
      for (const name of ['k.weight', 'v.weight'])
        weights.set(name, Float32Array.from(multiply(matrix(32, rank, randomFloats(next, 32 * rank)), down).data));
    };
    const { sample } = made(plain(), 4, lowRank);
    // The product is rounded to float32.
    expect((await convert(sample, latent(rank))).outputRelativeError).toBeLessThan(1e-5);
    expect((await convert(sample, latent(rank), 'activation-pca')).outputRelativeError).toBeLessThan(1e-5);
    expect((await convert(sample, latent(rank - 1))).outputRelativeError).toBeGreaterThan(1e-3);
    expect((await convert(sample, latent(rank), 'split-svd')).outputRelativeError).toBeGreaterThan(1e-3);
  });

  it('with more dims loses less', async () => {
    const { sample } = made(plain({ hiddenSize: 80 }), 8);
    for (const method of methodsFor(latent(1))) {
      const errors: number[] = [];
      for (const dims of [8, 24, 40, 56, 64])
        errors.push((await convert(sample, latent(dims), method)).outputRelativeError ?? NaN);
      expect(
        errors.toSorted((a, b) => b - a),
        method,
      ).toEqual(errors);
    }
  });

  it('says what its numbers do not say', async () => {
    const { sample } = made(plain());
    expect((await convert(sample, latent(45), 'activation-pca')).notes.join(' ')).toMatch(
      /fitted to the same tokens.*can hold all 40 tokens without any loss/,
    );
    expect((await convert(sample, latent(16))).notes.join(' ')).toMatch(/cannot be absorbed.*mla:R\+D/);
    expect((await convert(sample, latent(16, 8))).notes).toEqual([]);
    expect((await convert(sample, latent(20, 8))).notes).toEqual([
      "a latent of 20 dims holds the layer's whole input of 20, so only RoPE can cause a loss",
    ]);
    // Half of it for keys, half for values.
    expect((await convert(sample, latent(20, 8), 'split-svd')).notes).toEqual([]);
  });

  it('is refused where it would be larger than what it stands for', async () => {
    const { sample } = made(plain());
    await expect(convert(sample, latent(65))).rejects.toThrow(
      'a latent of 65 would be larger than the 64 values that it replaces',
    );
    await expect(convert(sample, latent(57, 8))).rejects.toThrow('larger than the 56 values');
    await expect(convert(sample, latent(8, 7))).rejects.toThrow('7 RoPE dims do not form pairs');
    await expect(convert(sample, latent(8, 34))).rejects.toThrow('more than the 32');
  });
});

describe('RoPE that all heads share', () => {
  it.each([rope(8), rope(4), rope(8, 'interleaved'), rope(4, 'interleaved')])(
    'is another basis of the same keys: $layout, $dim dims',
    (rotary) => {
      const { sample } = made(plain({ rotary }));
      const { key } = projectedRows(sample);
      const basis = DecoupledRope.of(sample, key, 6);
      const { rotated, plain: rest } = basis.split(key);
      expect([rotated.columns, rest.columns]).toEqual([6, 26]);
      const [a, b] = [basis.spreadRotated(rotated).data, basis.spreadPlain(rest).data];
      expect(
        largestDifference(
          key.data,
          a.map((value, i) => value + (b[i] ?? 0)),
        ),
      ).toBeLessThan(EXACT);
    },
  );

  it('costs nothing where positions hardly turn anything', async () => {
    for (const scaling of [{ kind: 'linear', factor: 1e13 }] as const) {
      const { sample } = made(
        plain({ rotary: rope(8, 'half', scaling), temperature: { scale: 0.1, interval: 3, offset: 1 } }),
      );
      const { outputRelativeError, cachedPerToken } = await convert(sample, latent(60, 4));
      expect(outputRelativeError).toBeLessThan(1e-10);
      expect(cachedPerToken).toBe(64);
    }
  });

  it('keeps the factor of YaRN where it takes the rotation away', async () => {
    // Frequencies of nothing: all that is left of RoPE is its factor.
    const scaling = {
      kind: 'yarn',
      factor: 1e15,
      originalContext: 4,
      betaFast: 1e-30,
      betaSlow: 1e-31,
      mscale: null,
      mscaleAllDim: null,
      attentionFactor: 1.7,
      truncate: false,
    } as const;
    const { sample } = made(plain({ rotary: rope(8, 'half', scaling) }));
    expect((await convert(sample, latent(60, 4))).outputRelativeError).toBeLessThan(1e-8);
  });

  it('keeps those pairs that matter: more of them lose less', async () => {
    const { sample } = made(plain({ hiddenSize: 64 }), 6);
    const errors: number[] = [];
    for (const dims of [2, 8, 16, 24, 32])
      errors.push((await convert(sample, latent(64 - dims, dims))).outputRelativeError ?? NaN);
    expect(errors.at(-1)).toBeLessThan(EXACT);
    expect(errors[0]).toBeGreaterThan(errors[3] ?? 0);
  });
});

describe('eigenvectors', () => {
  it('put a symmetric matrix together again, falling', () => {
    const next = seeded(2);
    for (const n of [1, 2, 5, 17]) {
      const half = matrix(n, n, randomFloats(next, n * n));
      const a = multiply(half, transpose(half));
      const { values, vectors } = symmetricEigen(a);
      const scaled = matrix(
        n,
        n,
        vectors.data.map((value, i) => value * (values[i % n] ?? 0)),
      );
      expect(largestDifference(multiply(scaled, transpose(vectors)).data, a.data)).toBeLessThan(1e-12);
      expect([...values].toSorted((x, y) => y - x)).toEqual([...values]);
    }
  });
});

describe('a conversion that takes long', () => {
  const { sample } = made(layer(heads(16, 16, 16), { rotary: rope(16) }) as HeadedSpec);

  test.each([
    ['joint-svd', latent(64, 16)],
    ['split-svd', latent(64)],
    ['activation-pca', latent(16)],
    ['aligned-pool', gqa(4)],
  ] as const)('%s says how far it is while it is made and while it is measured', async (method, target) => {
    const said: { readonly message: string; readonly fraction: number }[] = [];
    const stage = (message: string, fraction: number): Promise<void> => {
      said.push({ message, fraction });
      return Promise.resolve();
    };
    const converter = await LayerConverter.of(sample, { stage });
    expect(said.every(({ message }) => /^keys and values: \d+ %$/.test(message))).toBe(true);
    expect(said.length).toBeGreaterThan(1);
    said.length = 0;
    const found = await converter.convert({ target, method }, { stage });
    expect(found).toEqual(await new LayerConverter(sample).convert({ target, method }, UNWATCHED));
    const made = said.filter(({ message }) => /: \d+ % converted$/.test(message));
    expect(new Set(made.map(({ message }) => message)).size).toBeGreaterThan(10);
    expect(said.filter(({ message }) => /: head 16 of 16$/.test(message)).length).toBeGreaterThan(0);
    const fractions = said.map(({ fraction }) => fraction);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.at(-1)).toBe(1);
  });

  test('can be stopped while it is made', async () => {
    let left = 5;
    const stage = (): Promise<void> => (left-- > 0 ? Promise.resolve() : Promise.reject(new Error('stop')));
    await expect(
      new LayerConverter(sample).convert({ target: latent(64), method: 'joint-svd' }, { stage }),
    ).rejects.toThrow('stop');
  });
});
