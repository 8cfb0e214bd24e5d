/**
 * RoPE gathered into few dims that all heads share (TransMLA, arXiv 2502.07864, §4): in every frequency's plane the heads are mixed by
 * the principal directions of their keys, which commutes with RoPE. Of the mixed pairs, those that matter most keep their
 * rotation and are cached as they are; the others lose it and go into the latent.
 */

import { symmetricEigen } from '../eigen';
import { type Matrix, zeros } from '../matrix';
import { pairDims, type RotaryPairs } from '../alignment';
import { type HeadedSpec, type LayerSample, pairsOf } from './layerRows';
import { ConversionRefused } from './target';
import { elementAt } from '../../model/elementAt';

/** A mixed pair: which direction of which frequency. */
interface Component {
  readonly pair: number;
  readonly direction: number;
}

/** Where the dims of all heads go: `[rotated | plain]`, an orthogonal change of basis. */
export class DecoupledRope {
  private constructor(
    private readonly spec: HeadedSpec,
    private readonly pairs: RotaryPairs,
    /** Of each pair, `[heads, heads]`, directions in columns. */
    private readonly mixes: readonly Matrix[],
    private readonly kept: readonly Component[],
    private readonly left: readonly Component[],
  ) {}

  /**
   * Chooses `ropeDim / 2` mixed pairs by what they contribute, or so many of each pair of RoPE as `counts` says.
   * @param key Keys before RoPE, `[tokens, kvHeads · keyDim]`.
   * @throws ConversionRefused where the layer has no RoPE, or something stands between projection and RoPE.
   */
  static of(sample: LayerSample, key: Matrix, ropeDim: number, counts: readonly number[] | null = null): DecoupledRope {
    const { spec } = sample;
    const { mixes, weights, pairs } = DecoupledRope.contributions(sample, key, ropeDim);
    const all = weights.flatMap((ofPair, pair) =>
      Array.from(ofPair, (weight, direction) => ({ component: { pair, direction }, weight })),
    );
    const order = all.sort((a, b) => b.weight - a.weight).map(({ component }) => component);
    if (counts === null)
      return new DecoupledRope(spec, pairs, mixes, order.slice(0, ropeDim / 2), order.slice(ropeDim / 2));
    // So many of each pair, in the order of the pairs: the frequencies are the same in every layer.
    const kept: Component[] = [];
    counts.forEach((count, pair) => kept.push(...order.filter((one) => one.pair === pair).slice(0, count)));
    return new DecoupledRope(
      spec,
      pairs,
      mixes,
      kept,
      order.filter((one) => !kept.includes(one)),
    );
  }

  /**
   * What each mixed pair contributes: the size of its keys times that of its queries (the 2-norm rule of MHA2MLA).
   * @param key Keys before RoPE, `[tokens, kvHeads · keyDim]`.
   * @throws ConversionRefused as `of`.
   */
  static contributions(
    sample: LayerSample,
    key: Matrix,
    ropeDim: number,
  ): { readonly pairs: RotaryPairs; readonly mixes: readonly Matrix[]; readonly weights: readonly Float64Array[] } {
    const { spec } = sample;
    const { kvHeads } = spec.attention;
    const rotary = spec.rotary;
    if (rotary === null) throw new ConversionRefused('this layer has no RoPE: a latent alone is enough (mla:R)');
    if (ropeDim % 2 !== 0) throw new ConversionRefused(`${ropeDim} RoPE dims do not form pairs`);
    if (ropeDim > kvHeads * rotary.dim)
      throw new ConversionRefused(
        `${ropeDim} RoPE dims are more than the ${kvHeads * rotary.dim} that the keys of this layer have`,
      );
    if (spec.keyNorm !== null || spec.clip !== null || spec.queryNorm?.stage === 'after-rope') {
      throw new ConversionRefused(
        'sharing RoPE mixes the heads, but this layer normalises or clips each head first: only a latent without RoPE can be measured (mla:R)',
      );
    }
    const pairs = pairsOf(rotary);
    const mixes: Matrix[] = [];
    const weights: Float64Array[] = [];
    for (let pair = 0; pair < pairs.dim / 2; pair++) {
      const { values, vectors } = symmetricEigen(headGram(key, spec, pairs, pair));
      mixes.push(vectors);
      const queries = queryEnergies(sample, vectors, pairs, pair);
      weights.push(values.map((value, direction) => Math.max(0, value) * elementAt(queries, direction)));
    }
    return { pairs, mixes, weights };
  }

  /** Of each pair of columns that keeps its rotation: the dims that it is in a head, which pair of RoPE that is, and each KV head's share. */
  get keptPairs(): readonly {
    readonly dims: readonly [number, number];
    readonly pair: number;
    readonly shares: readonly number[];
  }[] {
    const { kvHeads } = this.spec.attention;
    return this.kept.map(({ pair, direction }) => ({
      dims: pairDims(this.pairs, pair),
      pair,
      shares: Array.from({ length: kvHeads }, (_, head) =>
        elementAt((this.mixes[pair] as Matrix).data, head * kvHeads + direction),
      ),
    }));
  }

  /** Columns that keep their rotation. */
  get ropeDim(): number {
    return 2 * this.kept.length;
  }

  /** Rows in the new basis: those columns that keep RoPE, and the others. @param rows `[any, kvHeads · keyDim]` */
  split(rows: Matrix): { readonly rotated: Matrix; readonly plain: Matrix } {
    const { kvHeads, keyDim } = this.spec.attention;
    const rotated = zeros(rows.rows, this.ropeDim);
    const plain = zeros(rows.rows, kvHeads * keyDim - this.ropeDim);
    for (let r = 0; r < rows.rows; r++) {
      this.kept.forEach((component, i) => this.mix(rows, r, component, rotated, 2 * i));
      this.left.forEach((component, i) => this.mix(rows, r, component, plain, 2 * i));
      this.withoutRope((dim, i) => (plain.data[r * plain.columns + i] = rows.data[r * rows.columns + dim] as number));
    }
    return { rotated, plain };
  }

  /** The columns that keep RoPE, as every head reads them: `[any, kvHeads · keyDim]`. */
  spreadRotated(rotated: Matrix): Matrix {
    return this.spread(rotated, this.kept);
  }

  /** The others, as every head reads them. */
  spreadPlain(plain: Matrix): Matrix {
    const result = this.spread(plain, this.left);
    for (let r = 0; r < plain.rows; r++)
      this.withoutRope(
        (dim, i) => (result.data[r * result.columns + dim] = plain.data[r * plain.columns + i] as number),
      );
    return result;
  }

  /** One component of one row: Σ over heads of the direction's share × the head's pair. */
  private mix(rows: Matrix, row: number, { pair, direction }: Component, to: Matrix, column: number): void {
    const { kvHeads, keyDim } = this.spec.attention;
    const [a, b] = pairDims(this.pairs, pair);
    const mix = this.mixes[pair] as Matrix;
    let [x, y] = [0, 0];
    for (let head = 0; head < kvHeads; head++) {
      const share = mix.data[head * kvHeads + direction] as number;
      const at = row * rows.columns + head * keyDim;
      x += share * (rows.data[at + a] as number);
      y += share * (rows.data[at + b] as number);
    }
    to.data[row * to.columns + column] = x;
    to.data[row * to.columns + column + 1] = y;
  }

  private spread(from: Matrix, components: readonly Component[]): Matrix {
    const { kvHeads, keyDim } = this.spec.attention;
    const result = zeros(from.rows, kvHeads * keyDim);
    for (let r = 0; r < from.rows; r++) {
      components.forEach(({ pair, direction }, i) => {
        const [a, b] = pairDims(this.pairs, pair);
        const mix = this.mixes[pair] as Matrix;
        const [x, y] = [
          from.data[r * from.columns + 2 * i] as number,
          from.data[r * from.columns + 2 * i + 1] as number,
        ];
        for (let head = 0; head < kvHeads; head++) {
          const share = mix.data[head * kvHeads + direction] as number;
          const at = r * result.columns + head * keyDim;
          result.data[at + a] = (result.data[at + a] as number) + share * x;
          result.data[at + b] = (result.data[at + b] as number) + share * y;
        }
      });
    }
    return result;
  }

  /** Dims of heads that never had RoPE (partial rotary), and where they stand in the plain columns. */
  private withoutRope(each: (dim: number, column: number) => void): void {
    const { kvHeads, keyDim } = this.spec.attention;
    let column = 2 * this.left.length;
    for (let head = 0; head < kvHeads; head++)
      for (let dim = this.pairs.dim; dim < keyDim; dim++) each(head * keyDim + dim, column++);
  }
}

/** Σ over tokens of ZᵀZ, Z the two dims of a pair over all heads: `[heads, heads]`. */
function headGram(
  key: Matrix,
  { attention: { kvHeads, keyDim } }: HeadedSpec,
  pairs: RotaryPairs,
  pair: number,
): Matrix {
  const result = zeros(kvHeads, kvHeads);
  const [a, b] = pairDims(pairs, pair);
  for (let token = 0; token < key.rows; token++) {
    const at = token * key.columns;
    for (let i = 0; i < kvHeads; i++) {
      const [x, y] = [key.data[at + i * keyDim + a] as number, key.data[at + i * keyDim + b] as number];
      for (let j = 0; j < kvHeads; j++) {
        const product = x * (key.data[at + j * keyDim + a] as number) + y * (key.data[at + j * keyDim + b] as number);
        result.data[i * kvHeads + j] = (result.data[i * kvHeads + j] as number) + product;
      }
    }
  }
  return result;
}

/** Of each direction: Σ over query heads of (its group's share)² × the size of the head's queries in this pair. */
function queryEnergies(
  { spec, tokens, qRaw }: LayerSample,
  mix: Matrix,
  pairs: RotaryPairs,
  pair: number,
): Float64Array {
  const { queryHeads, kvHeads, keyDim } = spec.attention;
  const [a, b] = pairDims(pairs, pair);
  const result = new Float64Array(kvHeads);
  for (let head = 0; head < queryHeads; head++) {
    let energy = 0;
    for (let token = 0; token < tokens; token++) {
      const at = (head * tokens + token) * keyDim;
      energy += (qRaw[at + a] as number) ** 2 + (qRaw[at + b] as number) ** 2;
    }
    const group = Math.floor((head * kvHeads) / queryHeads);
    for (let d = 0; d < kvHeads; d++)
      result[d] = (result[d] as number) + energy * (mix.data[group * kvHeads + d] as number) ** 2;
  }
  return result;
}
