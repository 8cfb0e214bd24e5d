/** Rewrites of a graph before it is interpreted. */

import type { Graph, GraphNode } from '../../../attention/onnx/graph';
import { swapsLastTwo } from '../../columnCache';
import { elementAt } from '../../../model/elementAt';

/**
 * A transposition of the last two axes that only matrix products use becomes a flag of theirs (`transA`, `transB`,
 * which our MatMul understands and ONNX's has not): nothing is copied.
 */
export function foldTransposes(graph: Graph): readonly GraphNode[] {
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const uses = new Map<string, GraphNode[]>();
  for (const node of graph.nodes) for (const input of node.inputs) uses.set(input, [...(uses.get(input) ?? []), node]);
  const folded = new Map<string, string>();
  for (const node of graph.nodes) {
    if (!swapsLastTwo(node)) continue;
    const [output, source] = [elementAt(node.outputs, 0), elementAt(node.inputs, 0)];
    if (outputs.has(output)) continue;
    if ((uses.get(output) ?? []).every((user) => user.op === 'MatMul')) folded.set(output, source);
  }
  return graph.nodes
    .filter((node) => !folded.has(elementAt(node.outputs, 0)))
    .map((node) => {
      if (node.op !== 'MatMul' || !node.inputs.some((input) => folded.has(input))) return node;
      const [a = '', b = ''] = node.inputs;
      const attributes = { transA: folded.has(a) ? 1 : 0, transB: folded.has(b) ? 1 : 0 };
      return { ...node, inputs: [folded.get(a) ?? a, folded.get(b) ?? b], attributes };
    });
}
