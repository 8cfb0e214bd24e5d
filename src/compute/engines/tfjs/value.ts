/**
 * Values of a graph under interpretation. Floats are tensors of the backend; int64 values are shapes, axes and indexes
 * and stay numbers in JavaScript, where tfjs has no such type.
 */

import type * as tfjs from '@tensorflow/tfjs-core';
import type { Tensor } from '../../../attention/onnx/graph';

/** tfjs-core's namespace, whichever backend it computes on. */
export type Tf = typeof tfjs;

export interface HostValue {
  readonly host: readonly number[];
  readonly shape: readonly number[];
}

export type Value = tfjs.Tensor | HostValue;

export function isHost(value: Value): value is HostValue {
  return 'host' in value;
}

export function fromTensor(tf: Tf, { type, shape, data }: Tensor): Value {
  if (type === 'int64') return { host: Array.from(data, Number), shape };
  if (type === 'float16') throw new Error('tfjs has no float16');
  if (data instanceof BigInt64Array) throw new Error(`a tensor of ${type} holds 64-bit integers`);
  return tf.tensor(data, [...shape], type);
}

/** Waits for the device. */
export async function toTensor(value: Value): Promise<Tensor> {
  if (isHost(value)) return { type: 'int64', shape: value.shape, data: BigInt64Array.from(value.host, BigInt) };
  const data = await value.data();
  const { shape, dtype } = value;
  if (dtype === 'float32' && data instanceof Float32Array) return { type: 'float32', shape: [...shape], data };
  if (dtype === 'int32' && data instanceof Int32Array) return { type: 'int32', shape: [...shape], data };
  if (dtype === 'bool' && data instanceof Uint8Array) return { type: 'bool', shape: [...shape], data };
  throw new Error(`tfjs gave a tensor of type ${dtype}`);
}

/** The value on the device; host numbers become int32. */
export function onDevice(tf: Tf, value: Value): tfjs.Tensor {
  return isHost(value) ? tf.tensor([...value.host], [...value.shape], 'int32') : value;
}

/** Numbers of a value that must be known before computing (shapes, axes). */
export function hostNumbers(value: Value | undefined, what: string): readonly number[] {
  if (!value || !isHost(value)) throw new Error(`${what} must be int64 constants`);
  return value.host;
}
