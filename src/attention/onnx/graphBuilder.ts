/** Builds graphs node by node. Values are their names; what no output needs is left out at the end. */

import type { AttributeValue, Dimension, Graph, GraphNode, Initializer, TensorType, ValueInfo } from './graph';
import { elementAt } from '../../model/elementAt';

export const OPSET = 23;
const END = 2n ** 63n - 1n;

/** Name of a value in the graph under construction. */
export type Value = string;
type Attributes = Readonly<Record<string, AttributeValue>>;

export class GraphBuilder {
  private readonly inputs: ValueInfo[] = [];
  private readonly outputs: ValueInfo[] = [];
  private readonly initializers = new Map<string, Initializer>();
  private readonly nodes: GraphNode[] = [];
  private readonly renamed = new Map<Value, string>();
  private readonly taken = new Map<string, number>();

  input(name: string, shape: readonly Dimension[], type: TensorType = 'float32'): Value {
    this.inputs.push({ name, type, shape });
    return name;
  }

  hasInput(name: string): boolean {
    return this.inputs.some((input) => input.name === name);
  }

  initializer(name: string, shape: readonly number[], data: Float32Array): Value {
    this.initializers.set(name, { name, type: 'float32', shape, data });
    return name;
  }

  /**
   * Makes `value` a graph output of that name. The value is renamed rather than copied by an Identity, which for a
   * cache would be megabytes a step; only inputs and values that are outputs already need one.
   */
  output(name: string, value: Value, shape: readonly Dimension[], type: TensorType = 'float32'): void {
    if (this.outputs.some((output) => output.name === name)) return;
    this.outputs.push({ name, type, shape });
    if (this.renamed.has(value) || this.hasInput(value)) {
      this.nodes.push({
        op: 'Identity',
        domain: '',
        name: `${name}/copy`,
        inputs: [value],
        outputs: [name],
        attributes: {},
      });
    } else {
      this.renamed.set(value, name);
    }
  }

  /** One node with one output. */
  op(op: string, inputs: readonly Value[], attributes: Attributes = {}, label = op): Value {
    return elementAt(this.node(op, inputs, 1, attributes, label), 0);
  }

  node(
    op: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Attributes = {},
    label = op,
    domain: GraphNode['domain'] = '',
  ): Value[] {
    const name = this.fresh(label);
    // Inner values have a slash in their names, inputs and outputs have none: they never meet.
    const value = name.includes('/') ? name : `${name}/value`;
    const names = outputs === 1 ? [value] : Array.from({ length: outputs }, (_, i) => `${value}:${i}`);
    this.nodes.push({ op, domain, name, inputs, outputs: names, attributes });
    return names;
  }

  /** A float scalar. */
  scalar(value: number): Value {
    return this.constant(`float:${value}`, { type: 'float32', shape: [], data: Float32Array.of(value) });
  }

  floats(label: string, shape: readonly number[], data: Float32Array): Value {
    return this.constant(label, { type: 'float32', shape, data });
  }

  int64s(values: readonly (number | bigint)[]): Value {
    const data = BigInt64Array.from(values, BigInt);
    return this.constant(`int64:${values.join(',')}`, { type: 'int64', shape: [values.length], data });
  }

  /** 0 copies the dimension at the same place, −1 is what remains. */
  reshape(value: Value, shape: readonly number[], label = 'reshape'): Value {
    return this.op('Reshape', [value, this.int64s(shape)], {}, label);
  }

  transpose(value: Value, perm: readonly number[], label = 'transpose'): Value {
    return this.op('Transpose', [value], { perm }, label);
  }

  /** Elements start … end − 1 of an axis; negative numbers count from the end, `end` undefined goes to the end. */
  slice(value: Value, axis: number, start: number, end?: number, label = 'slice'): Value {
    const inputs = [value, this.int64s([start]), this.int64s([end ?? END]), this.int64s([axis])];
    return this.op('Slice', inputs, {}, label);
  }

  concat(values: readonly Value[], axis: number, label = 'concat'): Value {
    return this.op('Concat', values, { axis }, label);
  }

  matmul(a: Value, b: Value, label = 'matmul'): Value {
    return this.op('MatMul', [a, b], {}, label);
  }

  add(a: Value, b: Value, label = 'add'): Value {
    return this.op('Add', [a, b], {}, label);
  }

  mul(a: Value, b: Value, label = 'mul'): Value {
    return this.op('Mul', [a, b], {}, label);
  }

  /** value × factor, or value itself where the factor is 1. */
  times(value: Value, factor: number, label = 'scale'): Value {
    return factor === 1 ? value : this.mul(value, this.scalar(factor), label);
  }

  /** The graph of what the outputs need: other nodes, inputs and initializers are dropped. */
  finish(name: string): Graph {
    const needed = new Set(this.outputs.map((output) => output.name));
    const nodes: GraphNode[] = [];
    const final = (value: Value): string => this.renamed.get(value) ?? value;
    for (const node of this.nodes.toReversed()) {
      const outputs = node.outputs.map(final);
      if (!outputs.some((output) => needed.has(output))) continue;
      const inputs = node.inputs.map(final);
      for (const input of inputs) needed.add(input);
      nodes.unshift({ ...node, inputs, outputs });
    }
    return {
      name,
      inputs: this.inputs.filter((input) => needed.has(input.name)),
      outputs: this.outputs,
      initializers: [...this.initializers.values()].filter((initializer) => needed.has(initializer.name)),
      nodes,
      opset: OPSET,
    };
  }

  private constant(name: string, tensor: Omit<Initializer, 'name'>): Value {
    if (!this.initializers.has(name)) this.initializers.set(name, { name, ...tensor });
    return name;
  }

  private fresh(label: string): string {
    const count = this.taken.get(label) ?? 0;
    this.taken.set(label, count + 1);
    return count === 0 ? label : `${label}_${count + 1}`;
  }
}
