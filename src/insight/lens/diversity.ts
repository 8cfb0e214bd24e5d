/** How different the heads of a layer are, and how many directions its cache uses. */

import { elementAt } from '../../model/elementAt';
import { rowDivergence } from '../conversion/distortion';
import { symmetricEigen } from '../eigen';
import { crossProduct, dot, type Matrix, multiply, transpose } from '../matrix';

/**
 * Linear CKA of two sets of rows for the same tokens, 0 (nothing in common) to 1 (the same up to a turn and a scale): Kornblith et al. 2019
 * (arXiv 1905.00414), ‖YᵀX‖² / (‖XᵀX‖ · ‖YᵀY‖) of centred columns. With fewer tokens than dims it is high for noise too. Null where one of
 * them does not change from token to token.
 */
export function linearCka(x: Matrix, y: Matrix): number | null {
  const [a, b] = [centred(x), centred(y)];
  const size = ({ data }: Matrix): number => dot(data, 0, data, 0, data.length);
  // What is left of numbers that are all the same is rounding.
  if (size(a) <= NOTHING * size(x) || size(b) <= NOTHING * size(y)) return null;
  const [own, other] = [Math.sqrt(size(crossProduct(a, a))), Math.sqrt(size(crossProduct(b, b)))];
  return Math.min(1, size(crossProduct(b, a)) / (own * other));
}

/** A share of a sum of squares in float64 that is no number of its own. */
const NOTHING = 1e-24;

/** Every column minus its mean. */
function centred({ rows, columns, data }: Matrix): Matrix {
  const means = new Float64Array(columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) means[c] = elementAt(means, c) + (data[r * columns + c] as number) / rows;
  return { rows, columns, data: data.map((value, i) => value - elementAt(means, i % columns)) };
}

/**
 * How many directions rows use, as if they used them alike: exp of the entropy of the singular values as shares of their sum (Roy and Vetterli
 * 2007, "The effective rank"). Rows as they are, not centred. 0 where all are zero.
 */
export function effectiveRank(rows: Matrix): number {
  const gram = rows.rows < rows.columns ? multiply(rows, transpose(rows)) : crossProduct(rows, rows);
  // Eigenvalues below the rounding of the largest are no directions.
  const { values } = symmetricEigen(gram);
  const floor = elementAt(values, 0) * gram.rows * Number.EPSILON;
  const sizes = Array.from(values, (value) => (value > floor ? Math.sqrt(value) : 0));
  const sum = sizes.reduce((all, size) => all + size, 0);
  if (sum === 0) return 0;
  return Math.exp(-sizes.reduce((all, size) => all + (size > 0 ? (size / sum) * Math.log(size / sum) : 0), 0));
}

/** Means over pairs of heads: of one group, of different groups, and of all. Null where there is no such pair. */
export interface PairMeans {
  readonly inside: number | null;
  readonly between: number | null;
  readonly all: number | null;
}

/** @param of The measure of two heads; null is left out. */
export function pairMeans(groups: readonly number[], of: (first: number, second: number) => number | null): PairMeans {
  const sums = { inside: 0, between: 0 };
  const counts = { inside: 0, between: 0 };
  for (let first = 0; first < groups.length; first++)
    for (let second = first + 1; second < groups.length; second++) {
      const value = of(first, second);
      if (value === null) continue;
      const side = groups[first] === groups[second] ? 'inside' : 'between';
      sums[side] += value;
      counts[side]++;
    }
  const mean = (sum: number, count: number): number | null => (count === 0 ? null : sum / count);
  return {
    inside: mean(sums.inside, counts.inside),
    between: mean(sums.between, counts.between),
    all: mean(sums.inside + sums.between, counts.inside + counts.between),
  };
}

/**
 * How far the patterns of heads are apart: the Jensen–Shannon distance of two heads, in base 2 (0 same, 1 disjoint), a mean over queries from
 * the second on.
 */
export class PatternDistances {
  private readonly sums: Float64Array;
  private query = 0;

  constructor(private readonly heads: number) {
    this.sums = new Float64Array(heads * heads);
  }

  /** Rows of all heads, `[heads, rows, keys]`, first rows first. */
  add(block: Float32Array, rows: number): void {
    const keys = block.length / (this.heads * rows);
    for (let row = 0; row < rows; row++) {
      const query = this.query++;
      if (query === 0) continue;
      const seen = Array.from({ length: this.heads }, (_, head) => {
        const start = (head * rows + row) * keys;
        return Float64Array.from(block.subarray(start, start + query + 1));
      });
      for (const [a, p] of seen.entries())
        for (let b = a + 1; b < this.heads; b++) {
          const nats = rowDivergence(p, seen[b] as Float64Array, 0, query + 1);
          const at = a * this.heads + b;
          this.sums[at] = elementAt(this.sums, at) + Math.sqrt(Math.max(0, nats) / Math.LN2);
        }
    }
  }

  /** Null with a single token. */
  of(first: number, second: number): number | null {
    if (this.query < 2) return null;
    const [a, b] = first < second ? [first, second] : [second, first];
    return elementAt(this.sums, a * this.heads + b) / (this.query - 1);
  }
}
