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
  return keyTurn(x, y, pairs)(x);
}

/** That turn, to be applied to rows of the same dims. */
export function keyTurn(x: Matrix, y: Matrix, pairs: RotaryPairs): (rows: Matrix) => Matrix {
  const { rows, columns } = x;
  const turns: (readonly [number, number])[] = [];
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
    turns.push(norm === 0 ? [1, 0] : [cosine / norm, sine / norm]);
  }
  const rest = columns - pairs.dim;
  const orthogonal = rest > 0 ? procrustes(columnsFrom(x, pairs.dim), columnsFrom(y, pairs.dim)) : null;
  return (of) => {
    const result = zeros(of.rows, columns);
    turns.forEach(([c, s], pair) => {
      const [a, b] = pairDims(pairs, pair);
      for (let at = 0; at < of.data.length; at += columns) {
        const [x1, x2] = [of.data[at + a] as number, of.data[at + b] as number];
        result.data[at + a] = c * x1 - s * x2;
        result.data[at + b] = s * x1 + c * x2;
      }
    });
    if (orthogonal !== null) {
      const turned = multiply(columnsFrom(of, pairs.dim), orthogonal);
      for (let r = 0; r < of.rows; r++)
        result.data.set(turned.data.subarray(r * rest, (r + 1) * rest), r * columns + pairs.dim);
    }
    return result;
  };
}

function columnsFrom({ rows, columns, data }: Matrix, first: number): Matrix {
  const result = zeros(rows, columns - first);
  for (let r = 0; r < rows; r++)
    result.data.set(data.subarray(r * columns + first, (r + 1) * columns), r * (columns - first));
  return result;
}
