/** Runs a graph node by node with tfjs-core, on whichever backend it is set to. */

import type { Tensor as TfTensor } from '@tensorflow/tfjs-core';
import type { Graph, GraphNode, Tensor } from '../../../attention/onnx/graph';
import type { LoadedProgram, LoadOptions, TensorMap } from '../engine';
import { ELEMENTWISE } from './elementwise';
import { foldTransposes } from './foldTransposes';
import { OperatorCall, type OperatorTable } from './operator';
import { PRODUCTS } from './products';
import { SHAPING } from './shaping';
import { fromTensor, isHost, type Tf, toTensor, type Value } from './value';
import { elementAt } from '../../../model/elementAt';

const OPERATORS: OperatorTable = { ...ELEMENTWISE, ...SHAPING, ...PRODUCTS };

/** Operators of a graph that the interpreter does not have. */
function missingOperators(graph: Graph): readonly string[] {
  const missing = graph.nodes.filter((node) => node.domain !== '' || !Object.hasOwn(OPERATORS, node.op));
  return [...new Set(missing.map((node) => (node.domain === '' ? node.op : `${node.domain}.${node.op}`)))];
}

export function loadGraph(
  tf: Tf,
  graph: Graph,
  { constants, resident, inPlace, precision = 'float32' }: LoadOptions,
): LoadedProgram {
  if (precision !== 'float32') throw new Error(`tensorflow computes in float32 here, not in ${precision}`);
  if (inPlace) throw new Error('tensorflow cannot write in place');
  const missing = missingOperators(graph);
  if (missing.length > 0) throw new Error(`tensorflow has no ${missing.join(', ')} here`);
  return new InterpretedProgram(tf, graph, new Map([...constants, ...(resident ?? [])]));
}

class InterpretedProgram implements LoadedProgram {
  readonly wholeOnDevice = true;
  private readonly nodes: readonly GraphNode[];
  private readonly kept = new Map<string, Value>();
  /** Values by the index of the node that uses them last. */
  private readonly lastUses: readonly (readonly string[])[];

  constructor(
    private readonly tf: Tf,
    graph: Graph,
    fixed: TensorMap,
  ) {
    this.nodes = foldTransposes(graph);
    this.lastUses = lastUses(this.nodes);
    for (const [name, tensor] of fixed) this.kept.set(name, fromTensor(tf, tensor));
    for (const initializer of graph.initializers) this.kept.set(initializer.name, fromTensor(tf, initializer));
  }

  async run(inputs: TensorMap, outputs: readonly string[]): Promise<Map<string, Tensor>> {
    const results = this.compute(inputs, outputs);
    try {
      const tensors = await Promise.all(results.map(toTensor));
      return new Map(outputs.map((name, i) => [name, tensors[i] as Tensor]));
    } finally {
      for (const value of results) if (!isHost(value)) value.dispose();
    }
  }

  dispose(): Promise<void> {
    for (const value of this.kept.values()) if (!isHost(value)) value.dispose();
    this.kept.clear();
    return Promise.resolve();
  }

  private compute(inputs: TensorMap, outputs: readonly string[]): Value[] {
    const { tf } = this;
    const results: Value[] = [];
    tf.tidy(() => {
      const values = new Map(this.kept);
      for (const [name, tensor] of inputs) values.set(name, fromTensor(tf, tensor));
      const wanted = new Set(outputs);
      this.nodes.forEach((node, index) => {
        const found = node.inputs.map((name) => (name === '' ? undefined : values.get(name)));
        // What an operator makes on its way is gone when it returns.
        const made = this.apply(node, found);
        node.outputs.forEach((name, i) => {
          const value = made[i];
          if (value) values.set(name, value);
        });
        for (const name of elementAt(this.lastUses, index)) {
          const value = values.get(name);
          if (value && !isHost(value) && !this.kept.has(name) && !wanted.has(name)) value.dispose();
        }
      });
      for (const name of outputs) {
        const value = values.get(name);
        if (!value) throw new Error(`the graph has no value ${name}`);
        results.push(isHost(value) ? value : tf.keep(tf.clone(value)));
      }
    });
    return results;
  }

  private apply(node: GraphNode, inputs: readonly (Value | undefined)[]): readonly Value[] {
    const operator = OPERATORS[node.op];
    if (!operator) throw new Error(`no operator ${node.op}`);
    const { tf } = this;
    let made: readonly Value[] = [];
    tf.tidy((): TfTensor[] => {
      const result = operator(new OperatorCall(tf, node, inputs));
      made = Array.isArray(result) ? (result as readonly Value[]) : [result as Value];
      return made.filter((value): value is TfTensor => !isHost(value));
    });
    return made;
  }
}

function lastUses(nodes: readonly GraphNode[]): readonly (readonly string[])[] {
  const last = new Map<string, number>();
  nodes.forEach((node, index) => {
    for (const name of node.inputs) last.set(name, index);
  });
  const result: string[][] = nodes.map(() => []);
  for (const [name, index] of last) if (name !== '') result[index]?.push(name);
  return result;
}
