/** What an operator's implementation receives. */

import type { AttributeValue, GraphNode } from '../../../attention/onnx/graph';
import type { Tf, Value } from './value';
import { onDevice } from './value';
import type { Tensor } from '@tensorflow/tfjs-core';

export class OperatorCall {
  constructor(
    readonly tf: Tf,
    readonly node: GraphNode,
    /** Undefined: an input left out. */
    readonly inputs: readonly (Value | undefined)[],
  ) {}

  value(index: number): Value {
    const value = this.inputs[index];
    if (!value) throw new Error(`${this.node.op} ${this.node.name} lacks input ${index}`);
    return value;
  }

  tensor(index: number): Tensor {
    return onDevice(this.tf, this.value(index));
  }

  optionalTensor(index: number): Tensor | null {
    const value = this.inputs[index];
    return value ? onDevice(this.tf, value) : null;
  }

  int(name: string, fallback: number): number {
    const value = this.attribute(name);
    return typeof value === 'number' ? value : fallback;
  }

  ints(name: string): readonly number[] | null {
    const value = this.attribute(name);
    return Array.isArray(value) ? (value as readonly number[]) : null;
  }

  private attribute(name: string): AttributeValue | undefined {
    return Object.hasOwn(this.node.attributes, name) ? this.node.attributes[name] : undefined;
  }
}

export type Operator = (call: OperatorCall) => Value | readonly Value[];
export type OperatorTable = Readonly<Record<string, Operator>>;

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
