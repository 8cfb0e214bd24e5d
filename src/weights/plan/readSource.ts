/** Reading one weight from where a plan says it is: row ranges, strided rows, transposition, experts, several tensors. */

import { elementCount } from '../../attention/onnx/graph';
import { scaleNames } from '../blockScale';
import type { FileSpan } from '../partsFile';
import { WeightsError } from '../weightsError';
import type { WeightStore } from '../weightStore';
import type { Part, RowBlocks, WeightSource } from '../../families/kit/weightSource';

export interface SplitName {
  readonly base: string;
  readonly kind: 'weight' | 'bias';
}

/** `q.bias` → q, bias. Names without either ending are weights. */
export function splitName(name: string): SplitName {
  const match = /^(.*)\.(weight|bias)$/.exec(name);
  return match?.[1] === undefined
    ? { base: name, kind: 'weight' }
    : { base: match[1], kind: match[2] === 'bias' ? 'bias' : 'weight' };
}

function partsOf(source: WeightSource): readonly Part[] {
  return 'base' in source ? [source] : source;
}

function tensorName(prefix: string, part: Part, kind: SplitName['kind']): string {
  const { weight, bias } = part.suffix ?? { weight: '.weight', bias: '.bias' };
  if (part.packed !== undefined && kind === 'weight') return `${prefix}${part.base}_blocks`;
  return prefix + part.base + (kind === 'bias' ? bias : weight);
}

/** The scales beside packed blocks. */
function scalesName(blocks: string): string {
  return blocks.replace(/_blocks$/, '_scales');
}

/** Names of the stored tensors behind a weight. */
export function sourceTensors(prefix: string, source: WeightSource, name: string): readonly string[] {
  const { kind } = splitName(name);
  return partsOf(source).flatMap((part) => {
    const tensor = tensorName(prefix, part, kind);
    return part.packed !== undefined && kind === 'weight' ? [tensor, scalesName(tensor)] : [tensor];
  });
}

/** Where one part of the plan's tensors is read: of a tensor that holds many (experts in one), the rows that are its own. */
export function sourceSpans(
  store: WeightStore,
  prefix: string,
  source: WeightSource,
  name: string,
): readonly FileSpan[] {
  const { kind } = splitName(name);
  return partsOf(source).flatMap((part) => {
    const tensor = tensorName(prefix, part, kind);
    if (!store.has(tensor)) return [];
    const isPacked = part.packed !== undefined && kind === 'weight';
    const rows = part.index === undefined ? undefined : viewOf(store, tensor, part, kind).stored;
    return [
      store.span(tensor, rows),
      ...(isPacked ? [store.span(scalesName(tensor), rows)] : []),
      ...scaleNames(tensor).flatMap((each) => (store.has(each) ? [store.span(each)] : [])),
    ];
  });
}

/** Elements that share a scale. */
const MXFP4_GROUP = 32;
/** Values of E2M1. */
const FP4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6] as const;

/** The matrix (or vector: one column) that a part takes its rows from, after slicing and transposition. */
interface View {
  readonly rows: number;
  readonly columns: number;
  /** Rows of the stored tensor's first dimension that hold it. */
  readonly stored: readonly [start: number, end: number];
}

function viewOf(store: WeightStore, tensor: string, part: Part, kind: SplitName['kind']): View {
  const { shape, file } = store.info(tensor);
  const fail = (): never => {
    throw new WeightsError({
      file,
      tensor,
      problem: `its shape [${shape.join(', ')}] does not fit the config.`,
      fix: 'Check that config.json and the weights belong together.',
    });
  };
  let dims = shape;
  let stored: readonly [number, number] = [0, shape[0] ?? 1];
  if (part.index !== undefined) {
    const [first = 0, ...rest] = shape;
    if (part.slices === undefined) {
      if (part.index >= first || rest.length === 0) return fail();
      dims = rest;
      stored = [part.index, part.index + 1];
    } else {
      const rows = first / part.slices;
      if (!Number.isInteger(rows) || part.index >= part.slices) return fail();
      dims = [rows, ...rest];
      stored = [part.index * rows, (part.index + 1) * rows];
    }
  }
  if (part.packed !== undefined && kind === 'weight') {
    const [rows = 0, groups = 0, bytes = 0] = dims;
    const { shape: scales } = store.info(scalesName(tensor));
    if (
      dims.length !== 3 ||
      bytes !== MXFP4_GROUP / 2 ||
      scales.length !== 3 ||
      scales[1] !== rows ||
      scales[2] !== groups
    )
      return fail();
    return { rows, columns: groups * MXFP4_GROUP, stored };
  }
  if (kind === 'bias' || dims.length <= 1) return { rows: elementCount(dims), columns: 1, stored };
  const [rows = 0] = dims;
  const columns = elementCount(dims) / Math.max(1, rows);
  return part.transposed === true ? { rows: columns, columns: rows, stored } : { rows, columns, stored };
}

function rowCount(blocks: readonly RowBlocks[]): number {
  return blocks.reduce((sum, { count, times }) => sum + count * (times ?? 1), 0);
}

function lastRow(blocks: readonly RowBlocks[]): number {
  return Math.max(...blocks.map(({ start, count, times = 1, stride = 0 }) => start + (times - 1) * stride + count));
}

/**
 * Checks, from headers alone, that a weight of `shape` can be read.
 * @throws WeightsError for a missing tensor or one of another shape.
 */
export function checkSource(
  store: WeightStore,
  prefix: string,
  source: WeightSource,
  name: string,
  shape: readonly number[],
): void {
  const { kind } = splitName(name);
  let elements = 0;
  let first = '';
  for (const part of partsOf(source)) {
    const tensor = tensorName(prefix, part, kind);
    first ||= tensor;
    const view = viewOf(store, tensor, part, kind);
    if (part.rows !== undefined && lastRow(part.rows) > view.rows) {
      throw new WeightsError({
        file: store.info(tensor).file,
        tensor,
        problem: `it has ${view.rows} rows; the config needs ${lastRow(part.rows)}.`,
        fix: 'Check that config.json and the weights belong together.',
      });
    }
    const last = shape.at(-1) ?? 1;
    if (
      kind === 'weight' &&
      shape.length > 1 &&
      view.columns !== 1 &&
      view.columns !== last &&
      elementCount(shape) !== view.rows * view.columns
    )
      mismatch(store, tensor, shape);
    elements += (part.rows === undefined ? view.rows : rowCount(part.rows)) * view.columns;
  }
  if (elements !== elementCount(shape)) mismatch(store, first, shape);
}

function mismatch(store: WeightStore, tensor: string, shape: readonly number[]): never {
  const info = store.info(tensor);
  throw new WeightsError({
    file: info.file,
    tensor,
    problem: `its shape [${info.shape.join(', ')}] does not give the [${shape.join(', ')}] that the config needs.`,
    fix: 'Check that config.json and the weights belong together.',
  });
}

/** Tensors that several weights of a layer take rows from, while the layer is read. */
export type TensorCache = Map<string, Promise<Float32Array<ArrayBuffer>>>;

/**
 * Reads a weight, row-major, rows = outputs.
 * @param cache Keeps fused tensors between the weights of one layer.
 * @param into Gives a buffer of their number that the values may go to: one that is used again layer after layer. Called only if it will be used.
 */
export async function readSource(
  store: WeightStore,
  prefix: string,
  source: WeightSource,
  name: string,
  cache: TensorCache,
  signal?: AbortSignal,
  into?: () => Float32Array<ArrayBuffer>,
): Promise<Float32Array<ArrayBuffer>> {
  const { kind } = splitName(name);
  const parts = partsOf(source);
  const target = parts.length === 1 ? into : undefined;
  const read = parts.map((part) => readPart(store, tensorName(prefix, part, kind), part, kind, cache, signal, target));
  const pieces = await Promise.all(read);
  const [only] = pieces;
  if (pieces.length === 1 && only !== undefined) return only;
  const whole = new Float32Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

async function readPart(...args: Parameters<typeof readRows>): Promise<Float32Array<ArrayBuffer>> {
  const values = await readRows(...args);
  const { factor } = args[2];
  return factor === undefined ? values : values.map((value) => value * factor);
}

async function readRows(
  store: WeightStore,
  tensor: string,
  part: Part,
  kind: SplitName['kind'],
  cache: TensorCache,
  signal: AbortSignal | undefined,
  into: (() => Float32Array<ArrayBuffer>) | undefined,
): Promise<Float32Array<ArrayBuffer>> {
  const view = viewOf(store, tensor, part, kind);
  const options = signal === undefined ? {} : { signal };
  const blocks = part.rows;
  const transposed = part.transposed === true && kind === 'weight' && view.columns > 1;
  const [only] = blocks ?? [];
  const direct =
    !transposed && (blocks === undefined || (blocks.length === 1 && only !== undefined && (only.times ?? 1) === 1));
  if (direct && part.index === undefined && part.transposedBlocks === undefined) {
    const rows: readonly [number, number] | undefined =
      only === undefined || view.columns === 1 ? undefined : [only.start, only.start + only.count];
    const reuse = into !== undefined && (rows !== undefined || only === undefined) ? { into: into() } : {};
    const values = await store.read(tensor, { ...options, ...reuse, ...(rows === undefined ? {} : { rows }) });
    return only !== undefined && rows === undefined ? values.slice(only.start, only.start + only.count) : values;
  }
  const key = `${tensor} ${part.index ?? ''}`;
  let pending = cache.get(key);
  if (pending === undefined) {
    pending =
      part.packed !== undefined && kind === 'weight'
        ? unpack(store, tensor, view, options)
        : store.read(tensor, { ...options, rows: view.stored });
    cache.set(key, pending);
  }
  const values = await pending;
  const ordered =
    part.transposedBlocks === undefined
      ? values
      : transposeBlocks(values, part.transposedBlocks, store.info(tensor).shape);
  return gather(ordered, view, blocks ?? [{ start: 0, count: view.rows }], transposed, into);
}

/** MXFP4: two elements a byte, the low nibble first; a power of two per 32 elements, stored + 127. */
async function unpack(
  store: WeightStore,
  tensor: string,
  view: View,
  options: { readonly signal?: AbortSignal },
): Promise<Float32Array<ArrayBuffer>> {
  const bytes = await store.read(tensor, { ...options, rows: view.stored });
  const scales = await store.read(scalesName(tensor), { ...options, rows: view.stored });
  const result = new Float32Array(view.rows * view.columns);
  scales.forEach((exponent, group) => {
    const scale = 2 ** (exponent - 127);
    for (let i = 0; i < MXFP4_GROUP / 2; i++) {
      const byte = bytes[(group * MXFP4_GROUP) / 2 + i] as number;
      result[group * MXFP4_GROUP + 2 * i] = scale * (FP4[byte & 15] as number);
      result[group * MXFP4_GROUP + 2 * i + 1] = scale * (FP4[byte >> 4] as number);
    }
  });
  return result;
}

/** Copies rows in order; of a transposed store, columns. */
/** Columns of a matrix that are transposed together: a line of the processor's cache, in float32. */
const TURNED_AT_ONCE = 16;

function gather(
  values: Float32Array,
  view: View,
  blocks: readonly RowBlocks[],
  transposed: boolean,
  into: (() => Float32Array<ArrayBuffer>) | undefined,
): Float32Array<ArrayBuffer> {
  const { columns, rows } = view;
  const result = into?.() ?? new Float32Array(rowCount(blocks) * columns);
  let at = 0;
  for (const { start, count, times = 1, stride = 0 } of blocks) {
    for (let block = 0; block < times; block++) {
      const first = start + block * stride;
      if (transposed) {
        // Stored [in, out]: a few inputs at a time, so that both reads and writes stay near each other.
        for (let left = 0; left < columns; left += TURNED_AT_ONCE) {
          const right = Math.min(columns, left + TURNED_AT_ONCE);
          for (let row = 0; row < count; row++) {
            const to = at + row * columns;
            for (let column = left; column < right; column++)
              result[to + column] = values[column * rows + first + row] as number;
          }
        }
      } else {
        result.set(values.subarray(first * columns, (first + count) * columns), at);
      }
      at += count * columns;
    }
  }
  return result;
}

/** `[blocks, a, b]` → `[blocks, b, a]`. */
function transposeBlocks(values: Float32Array, blocks: number, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const columns = shape.at(-1) ?? 1;
  const rows = values.length / blocks / columns;
  const result = new Float32Array(values.length);
  for (let block = 0; block < blocks; block++) {
    const base = block * rows * columns;
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++)
        result[base + column * rows + row] = values[base + row * columns + column] as number;
    }
  }
  return result;
}
