/** Rows of tensors along their axis of tokens: cut into steps, and joined again. */

import { elementCount, type Tensor } from '../../attention/onnx/graph';
import { elementAt } from '../../model/elementAt';

/** A tensor `[outer…, tokens, inner]` that is filled step by step. */
export class TokenRows {
  readonly data: Float32Array<ArrayBuffer>;
  private filled = 0;

  /** @param shape The whole tensor's; `axis` is that of the tokens. */
  constructor(
    readonly shape: readonly number[],
    private readonly axis: number,
  ) {
    this.data = new Float32Array(elementCount(shape));
  }

  get tokens(): number {
    return this.filled;
  }

  /** Adds the rows of a step, a tensor of the same shape but for the tokens. */
  add(step: Tensor): void {
    const source = floats(step);
    const { outer, all, inner } = this.sizes();
    const count = source.length / (outer * inner);
    for (let o = 0; o < outer; o++) {
      this.data.set(source.subarray(o * count * inner, (o + 1) * count * inner), (o * all + this.filled) * inner);
    }
    this.filled += count;
  }

  /** The last `limit` rows that were added (all of them by default), tight. */
  last(limit: number = this.filled): Tensor {
    const { outer, all, inner } = this.sizes();
    const count = Math.min(limit, this.filled);
    const shape = this.shape.map((size, axis) => (axis === this.axis ? count : size));
    if (count === all) return { type: 'float32', shape, data: this.data };
    const data = new Float32Array(outer * count * inner);
    for (let o = 0; o < outer; o++) {
      const start = (o * all + this.filled - count) * inner;
      data.set(this.data.subarray(start, start + count * inner), o * count * inner);
    }
    return { type: 'float32', shape, data };
  }

  whole(): Tensor {
    return { type: 'float32', shape: this.shape, data: this.data };
  }

  private sizes(): { readonly outer: number; readonly all: number; readonly inner: number } {
    const { shape, axis } = this;
    return {
      outer: elementCount(shape.slice(0, axis)),
      all: elementAt(shape, axis),
      inner: elementCount(shape.slice(axis + 1)),
    };
  }
}

/** The numbers of a float tensor. */
export function floats(tensor: Tensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new TypeError('a tensor of floats was expected');
}

/** A tensor without its leading axis of size one. */
export function withoutBatch({ type, shape, data }: Tensor): Tensor {
  return { type, shape: shape.slice(1), data };
}
