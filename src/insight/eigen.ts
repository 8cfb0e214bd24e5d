/** Eigenvectors of symmetric matrices. */

import { EigenvalueDecomposition, Matrix as MlMatrix } from 'ml-matrix';
import { type Matrix, zeros } from './matrix';
import { elementAt } from '../model/elementAt';

export interface Eigen {
  /** Falling. */
  readonly values: Float64Array;
  /** `[n, n]`, one eigenvector a column, in the order of `values`; orthonormal. */
  readonly vectors: Matrix;
}

/** @param a Symmetric. Takes about 9 n³ operations. */
export function symmetricEigen(a: Matrix): Eigen {
  const n = a.rows;
  if (n === 0) return { values: new Float64Array(0), vectors: zeros(0, 0) };
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(MlMatrix.from1DArray(n, n, a.data), {
    assumeSymmetric: true,
  });
  const order = realEigenvalues
    .map((_, index) => index)
    .sort((x, y) => elementAt(realEigenvalues, y) - elementAt(realEigenvalues, x));
  const vectors = zeros(n, n);
  order.forEach((from, to) => {
    for (let row = 0; row < n; row++) vectors.data[row * n + to] = eigenvectorMatrix.get(row, from);
  });
  return { values: Float64Array.from(order, (index) => elementAt(realEigenvalues, index)), vectors };
}
