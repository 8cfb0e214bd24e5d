/** The ends of a model: embeddings and logits. Its layers are read by compute/heads/layerReader.ts. */

import type { NormSpec } from '../../attention/spec/normSpec';
import { elementAt } from '../../model/elementAt';
import { allFinite, notFinite } from '../finite';
import type { FileSpan } from '../partsFile';
import { WeightsError } from '../weightsError';
import type { WeightStore } from '../weightStore';
import type { ModelPlan } from './weightPlan';

/**
 * What enters layer 0, `[tokens, hidden]`: embeddings × multiplier, projected, plus positions, normalised. Only the rows
 * that occur are read.
 * @param firstPosition Position of the first token.
 * @throws WeightsError for ids outside the vocabulary and positions outside a learned table.
 */
export async function embed(
  store: WeightStore,
  plan: ModelPlan,
  ids: readonly number[],
  firstPosition = 0,
): Promise<Float32Array<ArrayBuffer>> {
  const { embedding, hiddenSize } = plan;
  const table = await readRows(store, embedding.tensor, ids, 'token id');
  assertFinite(store, embedding.tensor, table);
  for (let i = 0; i < table.length; i++) table[i] = (table[i] as number) * embedding.multiplier;
  const hidden =
    embedding.projection === null
      ? table
      : linear(table, await store.read(embedding.projection), embedding.width, hiddenSize);
  const { positions } = embedding;
  if (positions !== null) {
    const rows = ids.map((_, index) => index + firstPosition + positions.offset);
    const added =
      positions.kind === 'learned'
        ? await readRows(store, positions.tensor, rows, 'position')
        : sines(rows, hiddenSize);
    for (let i = 0; i < hidden.length; i++) hidden[i] = (hidden[i] as number) + (added[i] as number);
  }
  if (embedding.norm !== null) await normalizeRows(store, embedding.norm, hidden, hiddenSize);
  return hidden;
}

/** Where `embed` reads. */
export function embeddingSpans(store: WeightStore, plan: ModelPlan, ids: readonly number[]): readonly FileSpan[] {
  const { embedding } = plan;
  const { positions } = embedding;
  const row = (tensor: string, at: number): readonly FileSpan[] =>
    at >= 0 && at < elementAt(store.info(tensor).shape, 0) ? [store.span(tensor, [at, at + 1])] : [];
  return [
    ...[...new Set(ids)].flatMap((id) => row(embedding.tensor, id)),
    ...(embedding.projection === null ? [] : [store.span(embedding.projection)]),
    ...(positions?.kind === 'learned' ? ids.flatMap((_, at) => row(positions.tensor, at + positions.offset)) : []),
    ...normSpans(store, embedding.norm),
  ];
}

/** Where `logits` reads. */
export function logitsSpans(store: WeightStore, plan: ModelPlan): readonly FileSpan[] {
  const { head, projection, bias, norm } = plan.output;
  const whole = [head, projection, bias].filter((name) => name !== null);
  return [...whole.map((name) => store.span(name)), ...normSpans(store, norm)];
}

function normSpans(store: WeightStore, norm: ModelPlan['output']['norm']): readonly FileSpan[] {
  if (norm === null) return [];
  return [`${norm.base}.weight`, `${norm.base}.bias`].filter((name) => store.has(name)).map((name) => store.span(name));
}

/** Rows of the output head read at a time. */
const HEAD_ROWS = 4096;

/**
 * Logits of one token, `[vocabulary]`, from the last block's output (`[hidden]`); the head is read in pieces and never held.
 */
export async function logits(
  store: WeightStore,
  plan: ModelPlan,
  hidden: Float32Array,
  signal?: AbortSignal,
): Promise<Float32Array<ArrayBuffer>> {
  const { output, hiddenSize, embedding } = plan;
  let state = Float32Array.from(hidden);
  if (output.norm !== null) await normalizeRows(store, output.norm, state, hiddenSize);
  if (output.projection !== null)
    state = linear(state, await store.read(output.projection), hiddenSize, embedding.width);
  const rows = elementAt(store.info(output.head).shape, 0);
  const bias = output.bias === null ? null : await readFinite(store, output.bias);
  const result = new Float32Array(rows);
  const buffer = new Float32Array(Math.min(rows, HEAD_ROWS) * embedding.width);
  for (let start = 0; start < rows; start += HEAD_ROWS) {
    const end = Math.min(rows, start + HEAD_ROWS);
    const piece = await store.read(output.head, {
      rows: [start, end],
      into: buffer,
      ...(signal === undefined ? {} : { signal }),
    });
    const part = linear(state, piece, embedding.width, end - start);
    if (!allFinite(part)) assertFinite(store, output.head, piece);
    result.set(part, start);
  }
  for (let i = 0; i < rows; i++) {
    const value = ((result[i] as number) + (bias === null ? 0 : (bias[i] as number))) * output.multiplier;
    result[i] = output.softcap === null ? value : output.softcap * Math.tanh(value / output.softcap);
  }
  return result;
}

/** @throws WeightsError where values of a tensor are no numbers. */
function assertFinite(store: WeightStore, tensor: string, data: Float32Array): void {
  const error = notFinite(store.info(tensor).file, tensor, data);
  if (error) throw error;
}

async function readFinite(store: WeightStore, tensor: string): Promise<Float32Array<ArrayBuffer>> {
  const data = await store.read(tensor);
  assertFinite(store, tensor, data);
  return data;
}

/** Rows of a table in the order asked; neighbours are read together. */
async function readRows(
  store: WeightStore,
  tensor: string,
  rows: readonly number[],
  what: string,
): Promise<Float32Array<ArrayBuffer>> {
  const { shape, file } = store.info(tensor);
  const [count, width] = [elementAt(shape, 0), elementAt(shape, 1)];
  const wrong = rows.find((row) => !(Number.isInteger(row) && row >= 0 && row < count));
  if (wrong !== undefined) {
    throw new WeightsError({
      file,
      tensor,
      problem: `there is no row for ${what} ${wrong}; it has ${count}.`,
      fix: `Use a ${what} below ${count}.`,
    });
  }
  const result = new Float32Array(rows.length * width);
  const distinct = [...new Set(rows)].sort((a, b) => a - b);
  const at = new Map<number, Float32Array>();
  for (let i = 0; i < distinct.length; ) {
    let j = i + 1;
    while (j < distinct.length && distinct[j] === elementAt(distinct, j - 1) + 1) j++;
    const first = elementAt(distinct, i);
    const read = await store.read(tensor, { rows: [first, first + j - i] });
    for (let k = i; k < j; k++) at.set(elementAt(distinct, k), read.subarray((k - i) * width, (k - i + 1) * width));
    i = j;
  }
  rows.forEach((row, index) => {
    const values = at.get(row);
    if (values === undefined) throw new RangeError(`row ${row} was not read`);
    result.set(values, index * width);
  });
  return result;
}

/** XGLM's table: sines of all frequencies, then cosines; θ = 10,000, exponent over half − 1. */
function sines(rows: readonly number[], width: number): Float32Array<ArrayBuffer> {
  const half = Math.floor(width / 2);
  const result = new Float32Array(rows.length * width);
  rows.forEach((row, index) => {
    for (let i = 0; i < half; i++) {
      const angle = row * Math.exp((-Math.log(10_000) / (half - 1)) * i);
      result[index * width + i] = Math.sin(angle);
      result[index * width + half + i] = Math.cos(angle);
    }
  });
  return result;
}

async function normalizeRows(
  store: WeightStore,
  { spec, base }: { readonly spec: NormSpec; readonly base: string },
  values: Float32Array,
  width: number,
): Promise<void> {
  const weight = spec.weight === 'none' ? null : await readFinite(store, `${base}.weight`);
  const bias = spec.bias ? await readFinite(store, `${base}.bias`) : null;
  for (let start = 0; start < values.length; start += width) {
    const row = values.subarray(start, start + width);
    const mean = spec.kind === 'layer' ? row.reduce((sum, value) => sum + value, 0) / width : 0;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const scale = 1 / Math.sqrt(variance + spec.epsilon);
    for (let i = 0; i < width; i++) {
      const factor = weight === null ? 1 : (weight[i] as number) + (spec.weight === 'plus-one' ? 1 : 0);
      row[i] = ((row[i] as number) - mean) * scale * factor + (bias === null ? 0 : (bias[i] as number));
    }
  }
}

/** y = W x for every row of x; W `[out, in]`; summed in float64. */
function linear(x: Float32Array, weight: Float32Array, inSize: number, outSize: number): Float32Array<ArrayBuffer> {
  const rows = x.length / inSize;
  const result = new Float32Array(rows * outSize);
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < outSize; o++) {
      let sum = 0;
      for (let i = 0, w = o * inSize, at = r * inSize; i < inSize; i++, w++, at++)
        sum += (weight[w] as number) * (x[at] as number);
      result[r * outSize + o] = sum;
    }
  }
  return result;
}
