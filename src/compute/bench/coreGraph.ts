/** The attention core of a layer's graph: what lies between its projections. */

import type { Graph, GraphNode, ValueInfo } from '../../attention/graph';

/** Products with these weights are taken away; what they gave becomes an input of the width given, `core_<name>`. */
const INPUT_MAPS = ['q', 'k', 'v', 'q_b', 'kv_a'] as const;
const OUTPUT_MAP = 'o';

export interface CoreGraph {
  readonly graph: Graph;
  /** Inputs that stand for projections, [batch, tokens, width]. */
  readonly projected: readonly ValueInfo[];
}

/** `width`: rows of a weight, by its name. */
export function attentionCore(graph: Graph, width: (weight: string) => number): CoreGraph {
  const outputNode = productWith(graph, `${OUTPUT_MAP}.weight`);
  const heads = outputNode?.inputs[0];
  if (heads === undefined) throw new Error('the layer has no output projection');
  const projected: ValueInfo[] = [];
  const renamed = new Map<string, string>();
  for (const name of INPUT_MAPS) {
    const product = productWith(graph, `${name}.weight`);
    const value = product?.outputs[0];
    if (value === undefined) continue;
    renamed.set(value, `core_${name}`);
    projected.push({ name: `core_${name}`, type: 'float32', shape: ['batch', 'tokens', width(`${name}.weight`)] });
  }
  const outputs = [{ name: heads, type: 'float32' as const, shape: ['batch', 'tokens', 'heads'] }, ...graph.outputs.filter(({ name }) => name !== 'output')];
  const nodes = needed(
    graph.nodes
      .filter((node) => !renamed.has(node.outputs[0] ?? ''))
      .map((node) => ({ ...node, inputs: node.inputs.map((input) => renamed.get(input) ?? input) })),
    outputs.map(({ name }) => name),
  );
  const used = new Set(nodes.flatMap((node) => node.inputs));
  return {
    graph: {
      ...graph,
      nodes,
      outputs,
      inputs: [...graph.inputs, ...projected].filter(({ name }) => used.has(name)),
      initializers: graph.initializers.filter(({ name }) => used.has(name)),
    },
    projected,
  };
}

/** The product that a weight goes into, directly or through its transposition. */
function productWith(graph: Graph, weight: string): GraphNode | undefined {
  const aliases = new Set([weight]);
  for (const node of graph.nodes) if (node.op === 'Transpose' && aliases.has(node.inputs[0] ?? '')) aliases.add(node.outputs[0] ?? '');
  return graph.nodes.find((node) => node.op === 'MatMul' && aliases.has(node.inputs[1] ?? ''));
}

function needed(nodes: readonly GraphNode[], outputs: readonly string[]): readonly GraphNode[] {
  const wanted = new Set(outputs);
  const kept: GraphNode[] = [];
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((output) => wanted.has(output))) continue;
    for (const input of node.inputs) wanted.add(input);
    kept.unshift(node);
  }
  return kept;
}
