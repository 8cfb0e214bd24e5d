/**
 * Tensors on the wire. A view is sent with its whole buffer by some transports (VS Code's webview port), and one that
 * came through Node's IPC shares the buffer of the whole message: what is sent or kept is copied to a tight one.
 */

import { elementCount, type Tensor, type TensorType } from '../attention/graph';
import { array, type Check, integer, invalid, oneOf } from './validate';

export type TensorData = Tensor['data'];

const TYPES: readonly TensorType[] = ['float32', 'int64', 'int32', 'bool'];
const ELEMENT_BYTES: Readonly<Record<TensorType, number>> = { float32: 4, int64: 8, int32: 4, bool: 1 };

/** No tensor has more dimensions. */
const MAX_RANK = 8;

export function tensorBytes(tensor: Pick<Tensor, 'type' | 'shape'>): number {
  return elementCount(tensor.shape) * ELEMENT_BYTES[tensor.type];
}

/** The same numbers in a buffer of exactly their size; the argument itself where it is that already. */
export function tightData<T extends TensorData>(data: T): T {
  if (data.byteOffset === 0 && data.byteLength === data.buffer.byteLength) return data;
  return data.slice() as T;
}

export function tightTensor(tensor: Tensor): Tensor {
  return { type: tensor.type, shape: [...tensor.shape], data: tightData(tensor.data) };
}

export function tightTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tightTensor(tensor)]));
}

/** A tensor whose data fit its type and shape. */
export function tensorCheck(maximumElements: number): Check<Tensor> {
  const shapeCheck = array(integer(0, maximumElements), MAX_RANK);
  const typeCheck = oneOf(...TYPES);
  return (value, path) => {
    if (typeof value !== 'object' || value === null) throw invalid(path, 'a tensor');
    const { type, shape, data } = value as Partial<Record<keyof Tensor, unknown>>;
    const checkedType = typeCheck(type, `${path}.type`);
    const checkedShape = shapeCheck(shape, `${path}.shape`);
    const count = elementCount(checkedShape);
    if (count > maximumElements) throw invalid(path, `a tensor of at most ${maximumElements} elements`);
    if (!isDataOf(checkedType, data) || data.length !== count) {
      throw invalid(`${path}.data`, `${count} elements of ${checkedType}`);
    }
    return { type: checkedType, shape: checkedShape, data };
  };
}

function isDataOf(type: TensorType, data: unknown): data is TensorData {
  switch (type) {
    case 'float32':
      return data instanceof Float32Array;
    case 'int64':
      return data instanceof BigInt64Array;
    case 'int32':
      return data instanceof Int32Array;
    case 'bool':
      return data instanceof Uint8Array;
  }
}
