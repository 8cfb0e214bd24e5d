/** Keys and values of all heads as one latent vector a token: MLA made of heads. */

import { type Eigen, eigenSteps } from '../eigen';
import { dot, type Matrix, multiply, rowProductSteps, transpose, zeros } from '../matrix';
import { type Steps, within } from '../steps';
import type { KeyValueRows } from './layerRows';
import { type ConversionMethod, ConversionRefused } from './target';
import { elementAt } from '../../model/elementAt';

/** Larger matrices are not taken apart: 2,048 take about a minute. */
const MOST_EIGEN = 2048;

/** What a latent is fitted to. Columns of rows and rows of weights are the same dims; biases stay outside. */
export interface LatentSource {
  /** Eigenvectors that were found for it: they do not depend on how many are kept. */
  readonly found: Map<string, Eigen>;
  /** `[tokens, dims]`, without biases. */
  readonly rows: KeyValueRows;
  /** `[dims, hidden]` */
  readonly weights: KeyValueRows;
}

export type LatentMethod = Extract<ConversionMethod, 'joint-svd' | 'split-svd' | 'activation-pca'>;

/**
 * The rows as `latentDim` numbers a token give them back.
 * @throws ConversionRefused for a latent that is larger than what it stands for, and for matrices that are too large.
 */
export function* throughLatent(source: LatentSource, latentDim: number, method: LatentMethod): Steps<KeyValueRows> {
  const [keyDims, valueDims] = [source.rows.key.columns, source.rows.value.columns];
  if (latentDim > keyDims + valueDims)
    throw new ConversionRefused(
      `a latent of ${latentDim} would be larger than the ${keyDims + valueDims} values that it replaces`,
    );
  if (method === 'split-svd') {
    const ofKeys = Math.min(
      keyDims,
      Math.max(latentDim - valueDims, Math.round((latentDim * keyDims) / (keyDims + valueDims))),
    );
    const { key, value } = source.weights;
    const keys = yield* within(0, 0.5, leading(source, 'keys', key, ofKeys));
    const values = yield* within(0.5, 1, leading(source, 'values', value, latentDim - ofKeys));
    return { key: projected(source.rows.key, keys), value: projected(source.rows.value, values) };
  }
  if (method === 'joint-svd') {
    const basis = yield* leading(source, method, above(source.weights), latentDim);
    return apart(projected(beside(source.rows), basis), keyDims);
  }
  const ratio = balance(source.rows);
  const scaled = beside({ key: times(source.rows.key, 1 / ratio), value: source.rows.value });
  const basis = yield* leading(source, method, transpose(scaled), latentDim);
  const found = apart(projected(scaled, basis), keyDims);
  return { key: times(found.key, ratio), value: found.value };
}

/**
 * Mean size of a token's keys over that of its values, so that one set of directions serves both; 1 where either is nothing. TransMLA's
 * code takes the mean over dims, which differs where few dims are large.
 */
function balance({ key, value }: KeyValueRows): number {
  const size = ({ rows, columns, data }: Matrix): number => {
    let sum = 0;
    for (let r = 0; r < rows; r++) sum += Math.sqrt(dot(data, r * columns, data, r * columns, columns));
    return sum;
  };
  const [keys, values] = [size(key), size(value)];
  return keys > 0 && values > 0 ? keys / values : 1;
}

/** The first left singular vectors of A, `[rows, count]` or fewer where A has no more: orthonormal columns. */
function* leading({ found }: LatentSource, name: string, a: Matrix, count: number): Steps<Matrix> {
  const wide = a.rows <= a.columns;
  const size = wide ? a.rows : a.columns;
  if (size > MOST_EIGEN)
    throw new ConversionRefused(
      `singular vectors of a ${a.rows} × ${a.columns} matrix take too long here (at most ${MOST_EIGEN} rows or columns): use activation-pca with a prompt of at most ${MOST_EIGEN} tokens`,
    );
  const lying = wide ? a : transpose(a);
  let eigen = found.get(name);
  if (eigen === undefined) {
    const squares = yield* within(0, 0.2, rowProductSteps(lying, lying));
    eigen = yield* within(0.2, 0.8, eigenSteps(squares));
    found.set(name, eigen);
  }
  const kept = firstColumns(eigen.vectors, Math.min(count, size));
  // From the right side: A · v is u times its singular value; what vanishes with it is no direction.
  if (wide) return kept;
  const sized = yield* within(0.8, 0.9, rowProductSteps(a, transpose(kept)));
  return yield* within(0.9, 1, orthonormal(sized, eigen.values));
}

function firstColumns({ rows, columns, data }: Matrix, count: number): Matrix {
  const result = zeros(rows, count);
  for (let r = 0; r < rows; r++) result.data.set(data.subarray(r * columns, r * columns + count), r * count);
  return result;
}

/** A column that is this much shorter than the longest, once what is known of it is taken away, is rounding. */
const NOTHING = 1e-10;
/** Ratio of squares up to which rounding (1e-16) leaves columns of A · V orthogonal to 12 digits. */
const ALIKE = 1e-4;
/** Where less of a column is left, what is left is orthogonal to so many digits fewer (Kahan and Parlett: twice is enough). */
const LITTLE = 0.7;

/**
 * Gram and Schmidt, again for columns of which little is left; columns without a direction of their own are left out. Where all are about as
 * long they are orthogonal already, and need only be made units.
 * @param squares Squared lengths of the columns, falling; there may be more.
 */
function* orthonormal(a: Matrix, squares: Float64Array): Steps<Matrix> {
  const [longest, shortest] = [elementAt(squares, 0), elementAt(squares, a.columns - 1)];
  if (shortest > ALIKE * longest)
    return { ...a, data: a.data.map((value, i) => value / Math.sqrt(squares[i % a.columns] as number)) };
  const columns = transpose(a);
  const kept: Float64Array[] = [];
  let most = 0;
  for (let c = 0; c < columns.rows; c++) {
    const column = columns.data.slice(c * columns.columns, (c + 1) * columns.columns);
    const before = Math.sqrt(dot(column, 0, column, 0, column.length));
    most = Math.max(most, before);
    let length = before;
    for (let pass = 0, start = Infinity; pass < 3 && length < start * LITTLE; pass++) {
      start = length;
      for (const other of kept) {
        const share = dot(column, 0, other, 0, column.length);
        for (let i = 0; i < column.length; i++) column[i] = (column[i] as number) - share * (other[i] as number);
      }
      length = Math.sqrt(dot(column, 0, column, 0, column.length));
    }
    if (length > NOTHING * most) kept.push(column.map((value) => value / length));
    yield (c / columns.rows) ** 2;
  }
  const result = zeros(kept.length, columns.columns);
  kept.forEach((column, i) => result.data.set(column, i * columns.columns));
  return transpose(result);
}

/** Rows · U · Uᵀ */
function projected(rows: Matrix, basis: Matrix): Matrix {
  return multiply(multiply(rows, basis), transpose(basis));
}

function times(a: Matrix, factor: number): Matrix {
  return { ...a, data: a.data.map((value) => value * factor) };
}

/** [K | V] */
function beside({ key, value }: KeyValueRows): Matrix {
  const columns = key.columns + value.columns;
  const result = zeros(key.rows, columns);
  for (let r = 0; r < key.rows; r++) {
    result.data.set(key.data.subarray(r * key.columns, (r + 1) * key.columns), r * columns);
    result.data.set(value.data.subarray(r * value.columns, (r + 1) * value.columns), r * columns + key.columns);
  }
  return result;
}

/** W_K over W_V. */
function above({ key, value }: KeyValueRows): Matrix {
  const result = zeros(key.rows + value.rows, key.columns);
  result.data.set(key.data);
  result.data.set(value.data, key.data.length);
  return result;
}

function apart(rows: Matrix, keyDims: number): KeyValueRows {
  const valueDims = rows.columns - keyDims;
  const [key, value] = [zeros(rows.rows, keyDims), zeros(rows.rows, valueDims)];
  for (let r = 0; r < rows.rows; r++) {
    const at = r * rows.columns;
    key.data.set(rows.data.subarray(at, at + keyDims), r * keyDims);
    value.data.set(rows.data.subarray(at + keyDims, at + rows.columns), r * valueDims);
  }
  return { key, value };
}
