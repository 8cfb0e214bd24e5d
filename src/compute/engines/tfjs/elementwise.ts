/** Operators on elements. https://onnx.ai/onnx/operators/ */

import type { Tensor } from '@tensorflow/tfjs-core';
import type { OperatorCall, OperatorTable } from './operator';
import { isHost, type Tf } from './value';

const unary =
  (compute: (tf: Tf, x: Tensor) => Tensor) =>
  (call: OperatorCall): Tensor =>
    compute(call.tf, call.tensor(0));

const binary =
  (compute: (tf: Tf, a: Tensor, b: Tensor) => Tensor) =>
  (call: OperatorCall): Tensor =>
    compute(call.tf, call.tensor(0), call.tensor(1));

const DTYPES: Readonly<Record<number, 'float32' | 'int32' | 'bool'>> = {
  1: 'float32',
  6: 'int32',
  7: 'int32',
  9: 'bool',
};

export const ELEMENTWISE: OperatorTable = {
  Add: binary((tf, a, b) => tf.add(a, b)),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Mul: binary((tf, a, b) => tf.mul(a, b)),
  Div: binary((tf, a, b) => tf.div(a, b)),
  Pow: binary((tf, a, b) => tf.pow(a, b)),
  Min: (call) => fold(call, (a, b) => call.tf.minimum(a, b)),
  Max: (call) => fold(call, (a, b) => call.tf.maximum(a, b)),
  Equal: binary((tf, a, b) => tf.equal(a, b)),
  Less: binary((tf, a, b) => tf.less(a, b)),
  LessOrEqual: binary((tf, a, b) => tf.lessEqual(a, b)),
  Greater: binary((tf, a, b) => tf.greater(a, b)),
  GreaterOrEqual: binary((tf, a, b) => tf.greaterEqual(a, b)),
  And: binary((tf, a, b) => tf.logicalAnd(a, b)),
  Or: binary((tf, a, b) => tf.logicalOr(a, b)),
  Not: unary((tf, x) => tf.logicalNot(x)),
  Neg: unary((tf, x) => tf.neg(x)),
  Abs: unary((tf, x) => tf.abs(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Reciprocal: unary((tf, x) => tf.reciprocal(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Floor: unary((tf, x) => tf.floor(x)),
  Erf: unary((tf, x) => tf.erf(x)),
  Cos: unary((tf, x) => tf.cos(x)),
  Sin: unary((tf, x) => tf.sin(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Softplus: unary((tf, x) => tf.softplus(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  Gelu: (call) =>
    call.text('approximate', 'none') === 'tanh' ? geluTanh(call.tf, call.tensor(0)) : geluErf(call.tf, call.tensor(0)),
  Clip: clip,
  Where: (call) => call.tf.where(call.tensor(0), call.tensor(1), call.tensor(2)),
  Cast: cast,
  Identity: (call) => {
    const value = call.value(0);
    return isHost(value) ? value : call.tf.clone(value);
  },
};

function fold(call: OperatorCall, combine: (a: Tensor, b: Tensor) => Tensor): Tensor {
  let result = call.tensor(0);
  for (let i = 1; i < call.inputs.length; i++) result = combine(result, call.tensor(i));
  return result;
}

function clip(call: OperatorCall): Tensor {
  const [low, high] = [call.optionalTensor(1), call.optionalTensor(2)];
  let x = call.tensor(0);
  if (low) x = call.tf.maximum(x, low);
  return high ? call.tf.minimum(x, high) : x;
}

function geluErf(tf: Tf, x: Tensor): Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

function geluTanh(tf: Tf, x: Tensor): Tensor {
  const inner = tf.mul(tf.add(x, tf.mul(tf.mul(tf.mul(x, x), x), 0.044715)), Math.sqrt(2 / Math.PI));
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
}

function cast(call: OperatorCall): ReturnType<OperatorTable[string]> {
  const to = call.int('to', 1);
  const value = call.value(0);
  if (to === 7 && isHost(value)) return value;
  const dtype = DTYPES[to];
  if (!dtype) throw new Error(`Cast to ONNX type ${to} is not supported`);
  return call.tf.cast(call.tensor(0), dtype);
}
