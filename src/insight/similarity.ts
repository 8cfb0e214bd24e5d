/** How similar two heads' K, V or outputs are, as they are and after the turns that a model is free to make. */

import { centred, crossProduct, type Matrix, meanRowCosine, multiply, squaredNorm, transpose, zeros } from './matrix';
import { svd } from './svd';

/**
 * Linear centred kernel alignment (Kornblith et al. 2019): ‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖) of centred columns; 1 for the same
 * up to rotation, shift and scale. 0 where one is constant.
 * @param x,y One vector a row, the same tokens in both.
 */
export function linearCka(x: Matrix, y: Matrix): number {
  if (x.rows !== y.rows) throw new RangeError('different numbers of tokens');
  const [a, b] = [centred(x), centred(y)];
  const denominator = Math.sqrt(squaredNorm(crossProduct(a, a)) * squaredNorm(crossProduct(b, b)));
  return denominator > 0 ? squaredNorm(crossProduct(b, a)) / denominator : 0;
}

/** Mean cosine of rows, as they are. Misleading alone: the basis of a head is arbitrary. */
export function rawSimilarity(x: Matrix, y: Matrix): number {
  return meanRowCosine(x, y);
}

/** The orthogonal Q that brings X · Q nearest to Y: U · Vᵀ of the SVD of XᵀY (Schönemann 1966). */
export function procrustes(x: Matrix, y: Matrix): Matrix {
  const { u, v } = completed(crossProduct(x, y));
  return multiply(u, transpose(v));
}

/** SVD whose U is orthogonal also where singular values vanish: missing columns are filled in. */
function completed(a: Matrix): { readonly u: Matrix; readonly v: Matrix } {
  const { u, values, v } = svd(a);
  const n = a.rows;
  const tolerance = (values[0] ?? 0) * n * 1e-14;
  for (let column = 0; column < n; column++) {
    if ((values[column] ?? 0) > tolerance) continue;
    fillColumn(u, column, n);
  }
  return { u, v };
}

/** A unit vector orthogonal to the columns before `column`: of the axis that sticks out of them the most. */
function fillColumn(u: Matrix, column: number, n: number): void {
  let [best, most] = [0, -1];
  for (let axis = 0; axis < n; axis++) {
    // What is left of a unit vector after its shares in orthonormal columns.
    let left = 1;
    for (let c = 0; c < column; c++) left -= (u.data[axis * n + c] as number) ** 2;
    if (left > most) [best, most] = [axis, left];
  }
  const filled = new Float64Array(n);
  filled[best] = 1;
  for (let pass = 0; pass < 2; pass++) {
    for (let c = 0; c < column; c++) {
      let share = 0;
      for (let i = 0; i < n; i++) share += (filled[i] as number) * (u.data[i * n + c] as number);
      for (let i = 0; i < n; i++) filled[i] = (filled[i] as number) - share * (u.data[i * n + c] as number);
    }
  }
  const norm = Math.hypot(...filled);
  for (let i = 0; i < n; i++) u.data[i * n + column] = (filled[i] as number) / norm;
}

/** Similarity of two V heads after the best orthogonal turn: any turn of V is absorbed by the output projection. */
export function alignedValueSimilarity(x: Matrix, y: Matrix): number {
  return meanRowCosine(multiply(x, procrustes(x, y)), y);
}

/** Which dims of a head RoPE turns together. */
export interface RotaryPairs {
  readonly layout: 'half' | 'interleaved';
  /** Rotated dims, from the first; the rest has no RoPE. */
  readonly dim: number;
}

/** Indexes of the dims of pair `index`. */
export function pairDims({ layout, dim }: RotaryPairs, index: number): readonly [number, number] {
  return layout === 'half' ? [index, index + dim / 2] : [2 * index, 2 * index + 1];
}

/**
 * X turned towards Y by what commutes with RoPE: one rotation (determinant +1) in every pair's plane, and any orthogonal
 * turn of the dims without RoPE.
 */
export function alignKeys(x: Matrix, y: Matrix, pairs: RotaryPairs): Matrix {
  const { rows, columns } = x;
  const result = zeros(rows, columns);
  for (let pair = 0; pair < pairs.dim / 2; pair++) {
    const [a, b] = pairDims(pairs, pair);
    let [cosine, sine] = [0, 0];
    for (let r = 0; r < rows; r++) {
      const [x1, x2] = [x.data[r * columns + a] as number, x.data[r * columns + b] as number];
      const [y1, y2] = [y.data[r * columns + a] as number, y.data[r * columns + b] as number];
      cosine += x1 * y1 + x2 * y2;
      sine += x1 * y2 - x2 * y1;
    }
    const norm = Math.hypot(cosine, sine);
    const [c, s] = norm === 0 ? [1, 0] : [cosine / norm, sine / norm];
    for (let r = 0; r < rows; r++) {
      const [x1, x2] = [x.data[r * columns + a] as number, x.data[r * columns + b] as number];
      result.data[r * columns + a] = c * x1 - s * x2;
      result.data[r * columns + b] = s * x1 + c * x2;
    }
  }
  if (pairs.dim < columns) {
    const rest = columns - pairs.dim;
    const turned = multiply(
      columnsFrom(x, pairs.dim),
      procrustes(columnsFrom(x, pairs.dim), columnsFrom(y, pairs.dim)),
    );
    for (let r = 0; r < rows; r++)
      for (let i = 0; i < rest; i++) result.data[r * columns + pairs.dim + i] = turned.data[r * rest + i] as number;
  }
  return result;
}

function columnsFrom({ rows, columns, data }: Matrix, first: number): Matrix {
  const result = zeros(rows, columns - first);
  for (let r = 0; r < rows; r++)
    result.data.set(data.subarray(r * columns + first, (r + 1) * columns), r * (columns - first));
  return result;
}

/** Similarity of two K heads after the best turn that RoPE allows. */
export function alignedKeySimilarity(x: Matrix, y: Matrix, pairs: RotaryPairs): number {
  return meanRowCosine(alignKeys(x, y, pairs), y);
}
