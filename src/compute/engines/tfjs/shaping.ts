/** Operators that rearrange. https://onnx.ai/onnx/operators/ */

import type { Tensor } from '@tensorflow/tfjs-core';
import { elementCount } from '../../../attention/onnx/graph';
import { axisOf, type OperatorCall, type OperatorTable } from './operator';
import { type HostValue, hostNumbers, isHost, type Value } from './value';
import { elementAt } from '../../../model/elementAt';

export const SHAPING: OperatorTable = {
  Reshape: reshape,
  Transpose: (call) => call.tf.transpose(call.tensor(0), call.ints('perm')?.slice()),
  Concat: concat,
  Slice: slice,
  Split: split,
  Expand: expand,
  Unsqueeze: unsqueeze,
  Squeeze: squeeze,
  Shape: (call) => {
    const { shape } = call.value(0);
    return host(shape.slice(call.int('start', 0), call.int('end', shape.length)));
  },
};

function host(numbers: readonly number[]): HostValue {
  return { host: numbers, shape: [numbers.length] };
}

function withShape(call: OperatorCall, value: Value, shape: readonly number[]): Value {
  return isHost(value) ? { host: value.host, shape } : call.tf.reshape(value, [...shape]);
}

/** 0 copies the dimension at the same place, −1 is what remains. */
function reshape(call: OperatorCall): Value {
  const value = call.value(0);
  const asked = hostNumbers(call.value(1), 'the shape of Reshape').map((size, i) =>
    size === 0 ? elementAt(value.shape, i) : size,
  );
  const open = asked.indexOf(-1);
  if (open >= 0) {
    const known = asked.reduce((product, size) => (size === -1 ? product : product * size), 1);
    asked[open] = known === 0 ? 0 : elementCount(value.shape) / known;
  }
  return withShape(call, value, asked);
}

function concat(call: OperatorCall): Value {
  const values = call.inputs.map((_, i) => call.value(i));
  if (values.every(isHost)) return host(values.flatMap((value) => value.host));
  const tensors = values.map((_, i) => call.tensor(i));
  const filled = tensors.filter((tensor) => tensor.size > 0);
  const [first] = filled.length > 0 ? filled : tensors;
  if (!first || filled.length < 2) return call.tf.clone(first ?? call.tensor(0));
  return call.tf.concat(filled, axisOf(call.int('axis', 0), first.rank));
}

function slice(call: OperatorCall): Value {
  const value = call.value(0);
  const rank = value.shape.length;
  const starts = hostNumbers(call.value(1), 'starts of Slice');
  const ends = hostNumbers(call.value(2), 'ends of Slice');
  const axes = call.inputs[3] ? hostNumbers(call.inputs[3], 'axes of Slice') : starts.map((_, i) => i);
  if (call.inputs[4] && hostNumbers(call.inputs[4], 'steps of Slice').some((step) => step !== 1))
    throw new Error('Slice with steps is not supported');
  const begin = value.shape.map(() => 0);
  const size = [...value.shape];
  axes.forEach((given, i) => {
    const axis = axisOf(given, rank);
    const length = elementAt(value.shape, axis);
    const bound = (position: number): number =>
      Math.min(length, Math.max(0, position < 0 ? position + length : position));
    const start = bound(elementAt(starts, i));
    begin[axis] = start;
    size[axis] = Math.max(0, bound(ends[i] ?? length) - start);
  });
  if (isHost(value)) return host(value.host.slice(elementAt(begin, 0), elementAt(begin, 0) + elementAt(size, 0)));
  return call.tf.slice(value, begin, size);
}

function split(call: OperatorCall): readonly Value[] {
  const x = call.tensor(0);
  const axis = axisOf(call.int('axis', 0), x.rank);
  const sizes = call.inputs[1]
    ? [...hostNumbers(call.inputs[1], 'sizes of Split')]
    : call.int('num_outputs', call.node.outputs.length);
  return call.tf.split(x, sizes, axis);
}

/** Broadcasts both ways, unlike tfjs' broadcastTo. */
function expand(call: OperatorCall): Tensor {
  const x = call.tensor(0);
  const target = hostNumbers(call.value(1), 'the shape of Expand');
  const rank = Math.max(x.rank, target.length);
  const aligned = [...Array<number>(rank - x.rank).fill(1), ...x.shape];
  const asked = [...Array<number>(rank - target.length).fill(1), ...target];
  return call.tf.tile(
    call.tf.reshape(x, aligned),
    aligned.map((size, i) => (size === 1 ? elementAt(asked, i) : 1)),
  );
}

function unsqueeze(call: OperatorCall): Value {
  const value = call.value(0);
  const axes = hostNumbers(call.value(1), 'axes of Unsqueeze');
  const rank = value.shape.length + axes.length;
  const inserted = new Set(axes.map((axis) => axisOf(axis, rank)));
  const rest = [...value.shape];
  const shape = Array.from({ length: rank }, (_, i) => (inserted.has(i) ? 1 : (rest.shift() ?? 1)));
  return withShape(call, value, shape);
}

function squeeze(call: OperatorCall): Value {
  const value = call.value(0);
  const { shape } = value;
  const axes = call.inputs[1]
    ? hostNumbers(call.inputs[1], 'axes of Squeeze').map((axis) => axisOf(axis, shape.length))
    : null;
  return withShape(
    call,
    value,
    shape.filter((size, i) => !(axes ? axes.includes(i) : size === 1)),
  );
}
