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

export const ELEMENTWISE: OperatorTable = {
  Add: binary((tf, a, b) => tf.add(a, b)),
  Sub: binary((tf, a, b) => tf.sub(a, b)),
  Mul: binary((tf, a, b) => tf.mul(a, b)),
  Div: binary((tf, a, b) => tf.div(a, b)),
  Pow: binary((tf, a, b) => tf.pow(a, b)),
  Min: (call) => fold(call, (a, b) => call.tf.minimum(a, b)),
  Max: (call) => fold(call, (a, b) => call.tf.maximum(a, b)),
  Greater: binary((tf, a, b) => tf.greater(a, b)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Log: unary((tf, x) => tf.log(x)),
  Erf: unary((tf, x) => tf.erf(x)),
  Tanh: unary((tf, x) => tf.tanh(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  Clip: clip,
  Where: (call) => call.tf.where(call.tensor(0), call.tensor(1), call.tensor(2)),
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
