/** Graphs in half precision: every float of a graph as float16, and numbers to and from it. */

import type { Graph, Tensor, TensorData, TensorType } from '../../attention/onnx/graph';
import { halfTable } from '../../weights/widen';

/** The largest finite float16. What lies beyond it stays finite: a mask's lowest number must not make a row of NaN. */
const LARGEST = 65504;

/**
 * Round to nearest, ties to even (IEEE 754 binary16).
 * @internal
 */
export function toHalf(values: Float32Array): Uint16Array {
  const result = new Uint16Array(values.length);
  const one = new Float32Array(1);
  const bits = new Uint32Array(one.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    one[0] = value > LARGEST ? LARGEST : value < -LARGEST ? -LARGEST : value;
    const word = bits[0] as number;
    const sign = (word >>> 16) & 0x8000;
    const magnitude = word & 0x7fffffff;
    if (magnitude > 0x7f800000) result[i] = 0x7e00;
    else if (magnitude >= 0x38800000)
      // Normal: 13 bits of the fraction go, and the exponent is counted from 15 instead of 127.
      result[i] = sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
    else {
      // Subnormal: multiples of 2^-24; adding 0.5 leaves them, rounded, in the lowest bits.
      one[0] = Math.abs(value) + 0.5;
      result[i] = sign | ((bits[0] as number) - 0x3f000000);
    }
  }
  return result;
}

/** @internal */
export function fromHalf(bits: Uint16Array): Float32Array {
  const table = halfTable();
  const result = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) result[i] = table[bits[i] as number] as number;
  return result;
}

/** A tensor as a graph in half precision takes it. */
export function halfTensor<T extends { readonly type: TensorType; readonly data: TensorData }>(tensor: T): T {
  if (tensor.type !== 'float32') return tensor;
  return { ...tensor, type: 'float16', data: toHalf(tensor.data as Float32Array) };
}

export function wholeTensor(tensor: Tensor): Tensor {
  if (tensor.type !== 'float16') return tensor;
  return { ...tensor, type: 'float32', data: fromHalf(tensor.data as Uint16Array) };
}

/** The same graph with float16 wherever it had float32. */
export function halfGraph(graph: Graph): Graph {
  const half = <T extends { readonly type: TensorType }>(value: T): T =>
    value.type === 'float32' ? { ...value, type: 'float16' } : value;
  return {
    ...graph,
    inputs: graph.inputs.map(half),
    outputs: graph.outputs.map(half),
    initializers: graph.initializers.map(halfTensor),
  };
}

/**
 * Takes `Float16Array` (Node 24) out of this process, which is ours alone, before onnxruntime looks for it: once, at its first tensor. With
 * it, onnxruntime-common 1.30 makes one of each tensor of half precision, and the native library reads these as empty.
 */
export function hideFloat16Array(): void {
  Reflect.deleteProperty(globalThis, 'Float16Array');
}
