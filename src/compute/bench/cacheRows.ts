/** A cache that lies in memory of ours: by rows or by columns, with room for new tokens, written in place. */

import type { Tensor } from '../../attention/onnx/graph';
import { slotOf } from '../../attention/step/ring';

/** […, tokens, dim] with room for `more` tokens behind those that are there. */
export function withRoom({ shape, data }: Tensor, more: number): Tensor {
  const { heads, tokens, dim, outer } = layoutOf(shape);
  const result = new Float32Array(heads * (tokens + more) * dim);
  for (let head = 0; head < heads; head++) {
    result.set(
      (data as Float32Array).subarray(head * tokens * dim, (head + 1) * tokens * dim),
      head * (tokens + more) * dim,
    );
  }
  return { type: 'float32', shape: [...outer, tokens + more, dim], data: result };
}

/** […, held, dim], the last rows of a cache after `tokens` tokens, in a ring of `slots` (`attention/step/ring.ts`). */
export function inRing({ shape, data }: Tensor, slots: number, tokens: number): Tensor {
  const { heads, tokens: held, dim, outer } = layoutOf(shape);
  const result = new Float32Array(heads * slots * dim);
  const first = tokens - held;
  for (let head = 0; head < heads; head++) {
    for (let row = Math.max(0, held - slots); row < held; row++) {
      const from = (head * held + row) * dim;
      const to = (head * slots + slotOf(first + row, slots)) * dim;
      result.set((data as Float32Array).subarray(from, from + dim), to);
    }
  }
  return { type: 'float32', shape: [...outer, slots, dim], data: result };
}

/** […, tokens, dim] → […, dim, tokens] */
export function byColumns({ shape, data }: Tensor): Tensor {
  const { heads, tokens, dim, outer } = layoutOf(shape);
  const size = tokens * dim;
  const result = new Float32Array(data.length);
  for (let head = 0; head < heads; head++) {
    const part = (data as Float32Array).subarray(head * size, (head + 1) * size);
    result.set(transposed({ type: 'float32', shape: [tokens, dim], data: part }).data as Float32Array, head * size);
  }
  return { type: 'float32', shape: [...outer, dim, tokens], data: result };
}

/** Writes `rows` […, count, dim] into a buffer that has them from token `first` on. */
export function writeRows(buffer: Tensor, rows: Tensor, first: number, columns: boolean): void {
  const { heads, tokens: count, dim } = layoutOf(rows.shape);
  const [source, target] = [rows.data as Float32Array, buffer.data as Float32Array];
  const tokens = target.length / (heads * dim);
  for (let head = 0; head < heads; head++) {
    const [from, to] = [head * count * dim, head * tokens * dim];
    if (!columns) {
      target.set(source.subarray(from, from + count * dim), to + first * dim);
      continue;
    }
    for (let row = 0; row < count; row++) {
      for (let i = 0; i < dim; i++) target[to + i * tokens + first + row] = source[from + row * dim + i] as number;
    }
  }
}

/** [rows, columns] → [columns, rows], in blocks that stay in the processor's cache. */
export function transposed({ shape, data }: Tensor): Tensor {
  const [rows = 0, columns = 0] = shape;
  const result = new Float32Array(rows * columns);
  const source = data as Float32Array;
  const block = 64;
  for (let r0 = 0; r0 < rows; r0 += block) {
    for (let c0 = 0; c0 < columns; c0 += block) {
      for (let r = r0; r < Math.min(rows, r0 + block); r++) {
        for (let c = c0; c < Math.min(columns, c0 + block); c++)
          result[c * rows + r] = source[r * columns + c] as number;
      }
    }
  }
  return { type: 'float32', shape: [columns, rows], data: result };
}

function layoutOf(shape: readonly number[]): {
  readonly heads: number;
  readonly tokens: number;
  readonly dim: number;
  readonly outer: readonly number[];
} {
  const outer = shape.slice(0, -2);
  const [tokens = 1, dim = 1] = shape.slice(-2);
  return { heads: outer.reduce((product, size) => product * size, 1), tokens, dim, outer };
}
