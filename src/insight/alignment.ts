/** The turns that bring one head's K or V nearest to another's, of those that a model is free to make. */

import { Matrix as MlMatrix, SingularValueDecomposition } from 'ml-matrix';
import { crossProduct, type Matrix, multiply, zeros } from './matrix';

/** The orthogonal Q that brings X · Q nearest to Y: U · Vᵀ of the SVD of XᵀY (Schönemann 1966). */
export function procrustes(x: Matrix, y: Matrix): Matrix {
  const n = x.columns;
  const product = MlMatrix.from1DArray(n, n, crossProduct(x, y).data);
  const { leftSingularVectors, rightSingularVectors } = new SingularValueDecomposition(product);
  const turn = leftSingularVectors.mmul(rightSingularVectors.transpose());
  return { rows: n, columns: n, data: Float64Array.from(turn.to1DArray()) };
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
