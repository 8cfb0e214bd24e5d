/** A float64 tensor of the reference, row-major. */

export class Tensor64 {
  readonly data: Float64Array;

  constructor(
    readonly shape: readonly number[],
    data?: ArrayLike<number>,
  ) {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    if (data && data.length !== size) throw new Error(`${data.length} elements for shape [${shape.join(', ')}].`);
    this.data = data ? Float64Array.from(data) : new Float64Array(size);
  }

  /** The vector along the last axis at the given indexes of the others; writing to it writes to the tensor. */
  row(...indexes: number[]): Float64Array {
    const width = this.shape.at(-1) ?? 1;
    let offset = 0;
    indexes.forEach((index, axis) => {
      offset = offset * (this.shape[axis] ?? 1) + index;
    });
    return this.data.subarray(offset * width, (offset + 1) * width);
  }

  size(axis: number): number {
    return this.shape.at(axis) ?? 1;
  }
}
