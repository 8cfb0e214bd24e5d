/** Keys and values of all heads as one latent vector a token: MLA made of heads. */

import { type Eigen, eigenSteps } from '../eigen';
import { dot, type Matrix, multiply, rowProductSteps, transpose, zeros } from '../matrix';
import { randomRange } from './randomRange';
import { type Steps, within } from '../steps';
import type { KeyValueRows } from './layerRows';
import { type ConversionMethod, ConversionRefused } from './target';
import { elementAt } from '../../model/elementAt';

/** Larger matrices are not taken apart: 2,048 take about a minute. */
const MOST_EIGEN = 2048;
/** Up to here all vectors are found at once, exactly. */
const QUICK_EIGEN = 768;
/** Of larger ones so small a part is looked for at random. */
const FEW = 3;

/** What a latent is fitted to. Columns of rows and rows of weights are the same dims; biases stay outside. */
export interface LatentSource {
  /** Eigenvectors that were found for it: they do not depend on how many are kept. */
  readonly found: Map<string, Eigen>;
  /** `[tokens, dims]`, without biases. */
  readonly rows: KeyValueRows;
  /** `[dims, hidden]` */
  readonly weights: KeyValueRows;
}

/**
 * Those of `convert`, and `whitened-svd`: a truncated SVD of the weights after what the tokens make of them, so that errors count where inputs are
 * (SVD-LLM, arXiv 2403.07378; Palu, arXiv 2407.21118), with as much of the weights themselves that few tokens do not decide alone.
 */
export type LatentMethod = Extract<ConversionMethod, 'joint-svd' | 'split-svd' | 'activation-pca'> | 'whitened-svd';

/** How keys and values become a latent, and what it gives back: latent = K ÷ ratio · key + V · value; K′ = ratio · latent · keyᵀ, V′ = latent · valueᵀ. */
export interface LatentBasis {
  /** `[keyDims, latentDim]`, and `[valueDims, latentDim]`: orthonormal columns, one above the other; zeros where there are fewer directions. */
  readonly key: Matrix;
  readonly value: Matrix;
  readonly ratio: number;
}

/**
 * The rows as `latentDim` numbers a token give them back.
 * @throws ConversionRefused for a latent that is larger than what it stands for, and for matrices that are too large.
 */
export function* throughLatent(source: LatentSource, latentDim: number, method: LatentMethod): Steps<KeyValueRows> {
  const basis = yield* latentBasis(source, latentDim, method);
  return fromLatent(latentRows(source.rows, basis), basis);
}

/** @param rows `[any, dims]` */
export function latentRows({ key, value }: KeyValueRows, basis: LatentBasis): Matrix {
  const [ofKeys, ofValues] = [multiply(key, basis.key), multiply(value, basis.value)];
  return {
    ...ofKeys,
    data: ofKeys.data.map((number, i) => number / basis.ratio + (ofValues.data[i] as number)),
  };
}

/** What a latent gives back. @param latent `[any, latentDim]` */
export function fromLatent(latent: Matrix, { key, value, ratio }: LatentBasis): KeyValueRows {
  return { key: times(multiply(latent, transpose(key)), ratio), value: multiply(latent, transpose(value)) };
}

/** @throws ConversionRefused as `throughLatent`. */
export function* latentBasis(source: LatentSource, latentDim: number, method: LatentMethod): Steps<LatentBasis> {
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
    return { key: columnsAt(keys, 0, latentDim), value: columnsAt(values, keys.columns, latentDim), ratio: 1 };
  }
  if (method === 'joint-svd') {
    const basis = yield* leading(source, method, above(source.weights), latentDim);
    return { ...halves(columnsAt(basis, 0, latentDim), keyDims), ratio: 1 };
  }
  const ratio = balance(source.rows);
  const scaled = beside({ key: times(source.rows.key, 1 / ratio), value: source.rows.value });
  const seen = method === 'whitened-svd' ? withWeights(scaled, source.weights, ratio) : scaled;
  const basis = yield* leading(source, method, transpose(seen), latentDim);
  return { ...halves(columnsAt(basis, 0, latentDim), keyDims), ratio };
}

/** Share of all squares that the weights themselves have in what is factored. */
const OF_WEIGHTS = 0.1;

/** Rows, and under them those that inputs of no direction in particular would give. */
function withWeights(rows: Matrix, { key, value }: KeyValueRows, ratio: number): Matrix {
  const across = beside({ key: times(transpose(key), 1 / ratio), value: transpose(value) });
  const squares = ({ data }: Matrix): number => dot(data, 0, data, 0, data.length);
  const [ofRows, ofWeights] = [squares(rows), squares(across)];
  const by = ofWeights === 0 ? 0 : Math.sqrt((OF_WEIGHTS * ofRows) / ofWeights);
  const result = zeros(rows.rows + across.rows, rows.columns);
  result.data.set(rows.data);
  result.data.set(times(across, by === 0 ? 1 : by).data, rows.data.length);
  return result;
}

/** The first `count` rows, and the others. */
function halves({ rows, columns, data }: Matrix, count: number): KeyValueRows {
  return {
    key: { rows: count, columns, data: data.subarray(0, count * columns) },
    value: { rows: rows - count, columns, data: data.subarray(count * columns) },
  };
}

/** Columns from `first` on of a matrix with `columns`; the others are zero. */
function columnsAt(of: Matrix, first: number, columns: number): Matrix {
  const result = zeros(of.rows, columns);
  for (let r = 0; r < of.rows; r++)
    result.data.set(of.data.subarray(r * of.columns, (r + 1) * of.columns), r * columns + first);
  return result;
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
  // Few of many: all of them would take a minute, and these much less.
  if (size > QUICK_EIGEN && count * FEW <= size) return yield* randomRange(a, count);
  if (size > MOST_EIGEN)
    throw new ConversionRefused(
      `${count} singular vectors of a ${a.rows} × ${a.columns} matrix take too long here (at most ${MOST_EIGEN} rows or columns, or a third of the vectors): use a smaller latent, or activation-pca with a prompt of at most ${MOST_EIGEN} tokens`,
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
