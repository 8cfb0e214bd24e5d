/** Matrix products and reductions. https://onnx.ai/onnx/operators/ */

import type { Tensor, Tensor2D } from '@tensorflow/tfjs-core';
import { axisOf, type OperatorCall, type OperatorTable } from './operator';
import { hostNumbers, type Tf } from './value';
import { elementAt } from '../../../model/elementAt';

export const PRODUCTS: OperatorTable = {
  MatMul: (call) =>
    matMul(call.tf, call.tensor(0), call.tensor(1), call.int('transA', 0) === 1, call.int('transB', 0) === 1),
  Softmax: softmax,
  ReduceMean: (call) => call.tf.mean(call.tensor(0), axes(call), call.int('keepdims', 1) === 1),
  ReduceSum: (call) => call.tf.sum(call.tensor(0), axes(call), call.int('keepdims', 1) === 1),
  ReduceMax: (call) => call.tf.max(call.tensor(0), axes(call), call.int('keepdims', 1) === 1),
};

/** A matrix on the right takes all rows of the left in one product: faster than one product per batch. */
function matMul(tf: Tf, a: Tensor, b: Tensor, transposeA: boolean, transposeB: boolean): Tensor {
  const inner = elementAt(a.shape, a.rank - 1);
  if (b.rank === 2 && a.rank > 2 && !transposeA) {
    const rows = a.size === 0 ? 0 : a.size / inner;
    const columns = elementAt(b.shape, transposeB ? 0 : 1);
    const flat = tf.matMul(tf.reshape(a, [rows, inner]) as Tensor2D, b as Tensor2D, false, transposeB);
    return tf.reshape(flat, [...a.shape.slice(0, -1), columns]);
  }
  return tf.matMul(a, b, transposeA, transposeB);
}

function softmax(call: OperatorCall): Tensor {
  const x = call.tensor(0);
  const axis = axisOf(call.int('axis', -1), x.rank);
  if (axis === x.rank - 1) return call.tf.softmax(x, axis);
  const exponentials = call.tf.exp(call.tf.sub(x, call.tf.max(x, axis, true)));
  return call.tf.div(exponentials, call.tf.sum(exponentials, axis, true));
}

function axes(call: OperatorCall): number[] | undefined {
  const given = call.inputs[1] ? hostNumbers(call.inputs[1], `axes of ${call.node.op}`) : call.ints('axes');
  return given?.slice();
}
