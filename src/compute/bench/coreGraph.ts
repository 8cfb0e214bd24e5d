/** The attention core of a layer's graph: what lies between its projections. */

import type { Graph, GraphNode, ValueInfo } from '../../attention/onnx/graph';
import { elementAt } from '../../model/elementAt';

/** Products with these weights are taken away; what they gave becomes an input of the width given, `core_<name>`. */
const INPUT_MAPS = ['q', 'k', 'v', 'q_b', 'kv_a'] as const;
const OUTPUT_MAP = 'o.weight';
/** Absorbed MLA: what goes into the last product of a head, where that one is counted as part of the output projection. */
const LATENT_OUTPUT_MAP = 'w_uv';
const LATENT_INPUT_MAP = 'w_uk';

export interface CoreGraph {
  readonly graph: Graph;
  /** Inputs that stand for projections: [batch, tokens, width], or per head [batch, heads, tokens, width]. */
  readonly projected: readonly ValueInfo[];
}

export interface CoreOptions {
  /** Shape of a weight, by its name. */
  readonly shape: (weight: string) => readonly number[];
  /** Absorbed MLA: W_UK and W_UV belong to the projections. */
  readonly folded?: boolean;
}

/** A graph without an output projection (new rows of a cache alone) keeps its outputs. */
export function attentionCore(graph: Graph, { shape, folded = false }: CoreOptions): CoreGraph {
  const heads = productWith(graph, folded ? LATENT_OUTPUT_MAP : OUTPUT_MAP)?.inputs[0];
  const projected: ValueInfo[] = [];
  const renamed = new Map<string, string>();
  const replace = (name: string, weight: string, dims: () => ValueInfo['shape']): void => {
    const value = productWith(graph, weight)?.outputs[0];
    if (value === undefined) return;
    renamed.set(value, `core_${name}`);
    projected.push({ name: `core_${name}`, type: 'float32', shape: dims() });
  };
  for (const name of INPUT_MAPS)
    replace(name, `${name}.weight`, () => ['batch', 'tokens', elementAt(shape(`${name}.weight`), 0)]);
  const [queryHeads = 0, , latentDim = 0] = shape(LATENT_INPUT_MAP);
  if (folded) replace(LATENT_INPUT_MAP, LATENT_INPUT_MAP, () => ['batch', queryHeads, 'tokens', latentDim]);
  const main =
    heads === undefined
      ? []
      : [
          {
            name: heads,
            type: 'float32' as const,
            shape: folded ? ['batch', queryHeads, 'tokens', latentDim] : ['batch', 'tokens', 'heads'],
          },
        ];
  const outputs = [...main, ...graph.outputs.filter(({ name }) => name !== 'output')];
  const nodes = needed(
    graph.nodes
      .filter((node) => !renamed.has(elementAt(node.outputs, 0)))
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
    projected: projected.filter(({ name }) => used.has(name)),
  };
}

/** The product that a weight goes into, directly or through its transposition. */
function productWith(graph: Graph, weight: string): GraphNode | undefined {
  const aliases = new Set([weight]);
  for (const node of graph.nodes)
    if (node.op === 'Transpose' && aliases.has(node.inputs[0] ?? '')) aliases.add(elementAt(node.outputs, 0));
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
