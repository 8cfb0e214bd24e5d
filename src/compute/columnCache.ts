/**
 * A decode graph whose cached K and V lie by columns, [B,G,dim,tokens]. Where a few queries share a key (GQA),
 * onnxruntime's CPU products read such a cache about twice as fast as one by rows: with few rows on the left they
 * repack the whole right side first, at every step. With many (absorbed MLA: 128) that no longer matters.
 */

import type { Graph, GraphNode, Initializer } from '../attention/onnx/graph';
import type { AttentionProgram } from '../attention/onnx/program';
import { elementAt } from '../model/elementAt';

/** Up to this many queries a key, single rows were faster than a product that repacks its right side. */
const FEW_QUERIES = 8;

/** `sharing`: queries of one new token that share a key. Null where nothing is gained. */
export function withColumnCache(program: Pick<AttentionProgram, 'graph' | 'cache'>, sharing: number): Graph | null {
  const pasts = program.cache.flatMap(({ past }) => (past === null ? [] : [past]));
  if (pasts.length === 0 || sharing < 2 || sharing > FEW_QUERIES) return null;
  return pasts.reduce((graph: Graph | null, past) => graph && turnInput(graph, past), program.graph);
}

/** Null where the graph uses the input in a way that is not known here. */
function turnInput(graph: Graph, past: string): Graph | null {
  const transposes = new Set<string>();
  for (const node of graph.nodes)
    if (swapsLastTwo(node) && node.inputs[0] === past) transposes.add(elementAt(node.outputs, 0));
  const label = `columns/${past}`;
  let known = true;
  const nodes = graph.nodes.flatMap((node): readonly GraphNode[] => {
    const right = node.inputs[1] ?? '';
    if (transposes.has(elementAt(node.outputs, 0))) return [];
    if (node.op === 'MatMul' && transposes.has(right)) return rowByRow(node, past, label);
    if (node.op === 'MatMul' && right === past) return fromTheLeft(node, label);
    if (!node.inputs.some((input) => input === past || transposes.has(input))) return [node];
    // The number of cached tokens is asked for by axis.
    if (node.op === 'Shape') return [{ ...node, attributes: nextAxis(node) }];
    known = false;
    return [node];
  });
  if (!known) return null;
  const inputs = graph.inputs.map((input) => (input.name === past ? { ...input, shape: swapped(input.shape) } : input));
  const constants = [AXIS_2, AXIS_3].filter(
    ({ name }) => !graph.initializers.some((initializer) => initializer.name === name),
  );
  return { ...graph, nodes, inputs, initializers: [...graph.initializers, ...constants] };
}

function swapped<T>(shape: readonly T[]): readonly T[] {
  return [...shape.slice(0, -2), ...shape.slice(-1), ...shape.slice(-2, -1)];
}

function nextAxis({ attributes: { start, end } }: GraphNode): GraphNode['attributes'] {
  return { start: Number(start) + 1, end: Number(end) + 1 };
}

export function swapsLastTwo(node: GraphNode): boolean {
  const { perm } = node.attributes;
  if (node.op !== 'Transpose' || !Array.isArray(perm)) return false;
  const rank = perm.length;
  return (
    rank >= 2 && perm.every((axis: number, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i))
  );
}

const axis = (value: number): Initializer => ({
  name: `columns/axis_${value}`,
  type: 'int64',
  shape: [1],
  data: BigInt64Array.of(BigInt(value)),
});
const AXIS_2 = axis(2);
const AXIS_3 = axis(3);

const node = (
  op: string,
  name: string,
  inputs: readonly string[],
  output: string,
  attributes: GraphNode['attributes'] = {},
): GraphNode => ({
  op,
  domain: '',
  name,
  inputs,
  outputs: [output],
  attributes,
});

/** [B,G,r,D] · [B,G,D,S] as r products of one row each: that kernel reads the right side as it lies. */
function rowByRow(product: GraphNode, key: string, label: string): readonly GraphNode[] {
  const [rows = ''] = product.inputs;
  const [output = ''] = product.outputs;
  return [
    node('Unsqueeze', `${label}/rows`, [rows, AXIS_3.name], `${label}/rows`),
    node('Unsqueeze', `${label}/key`, [key, AXIS_2.name], `${label}/key`),
    node('MatMul', `${label}/product`, [`${label}/rows`, `${label}/key`], `${label}/product`),
    node('Squeeze', `${label}/flat`, [`${label}/product`, AXIS_3.name], output),
  ];
}

/** w·V as (Vᵀ·wᵀ)ᵀ: the cache is on the left, which is never repacked. */
function fromTheLeft(product: GraphNode, label: string): readonly GraphNode[] {
  const [weights = '', cache = ''] = product.inputs;
  const [output = ''] = product.outputs;
  const perm = [0, 1, 3, 2];
  return [
    node('Transpose', `${label}/weights`, [weights], `${label}/weights`, { perm }),
    node('MatMul', `${label}/sums`, [cache, `${label}/weights`], `${label}/sums`),
    node('Transpose', `${label}/sums_back`, [`${label}/sums`], output, { perm }),
  ];
}
