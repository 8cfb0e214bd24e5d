/**
 * Tensors on the wire. A view is sent with its whole buffer by some transports (VS Code's webview port), and one that
 * came through Node's IPC shares the buffer of the whole message: what is sent or kept is copied to a tight one.
 */

import * as v from 'valibot';
import { elementCount, type Tensor, type TensorData, type TensorType } from '../attention/onnx/graph';
import { bytes, floats, list, type Schema, whole } from './schema';

const ELEMENT_BYTES: Readonly<Record<TensorType, number>> = {
  float32: 4,
  float16: 2,
  int64: 8,
  int32: 4,
  bool: 1,
};

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

function tightTensor(tensor: Tensor): Tensor {
  return { type: tensor.type, shape: [...tensor.shape], data: tightData(tensor.data) };
}

export function tightTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tightTensor(tensor)]));
}

/** A tensor whose data fit its type and shape. */
export function tensor(mostElements = 2 ** 31): Schema<Tensor> {
  const shape = list(whole(0, mostElements), MAX_RANK);
  return v.pipe(
    v.variant('type', [
      v.strictObject({ type: v.literal('float32'), shape, data: floats }),
      v.strictObject({ type: v.literal('int64'), shape, data: v.instance(BigInt64Array, 'a BigInt64Array') }),
      v.strictObject({ type: v.literal('int32'), shape, data: v.instance(Int32Array, 'an Int32Array') }),
      v.strictObject({ type: v.literal('bool'), shape, data: bytes }),
    ]),
    v.check(({ data }) => data.length <= mostElements, `a tensor of at most ${mostElements} elements`),
    v.check(
      ({ shape, data }) => elementCount(shape) === data.length,
      'a tensor with as many elements as its shape has',
    ),
  );
}
