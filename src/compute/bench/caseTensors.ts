/** The tensors of a case, as recipes that a peer in any language can follow: all peers compute the same. */

import { buildAttentionProgram } from '../../attention/buildAttention';
import type { Graph } from '../../attention/graph';
import { headDims } from '../../attention/layerSpec';
import type { AttentionProgram } from '../../attention/program';
import { layerWeights } from '../../attention/weightNames';
import { type NoiseRecipe, noiseStream, weightRecipe } from '../seededWeights';
import type { BenchCase } from './cases';
import { attentionCore } from './coreGraph';

const SEED = 1;

export interface CaseTensors {
  readonly program: AttentionProgram;
  /** The layer's graph, or that of its core. */
  readonly graph: Graph;
  /** Name of the output that is compared. */
  readonly output: string;
  /** Weights, out-in. */
  readonly weights: Readonly<Record<string, NoiseRecipe>>;
  /** `hidden`, or what the projections would have given. */
  readonly inputs: Readonly<Record<string, NoiseRecipe>>;
  /** Past tensors by role, [1, heads, past, dim] or [1, past, dim]. */
  readonly past: Readonly<Record<string, NoiseRecipe>>;
}

export function caseTensors(test: BenchCase, weightLayout: 'out-in' | 'in-out' = 'out-in'): CaseTensors {
  const { layer, tokens, past, form } = test;
  const program = buildAttentionProgram(layer, {
    mode: past === 0 ? 'prefill' : 'decode',
    cache: past === 0 ? 'present' : 'append',
    // One token sees all that was before it.
    mask: past === 0,
    weightLayout,
    ...(form ? { form } : {}),
  });
  const rows = new Map(layerWeights(layer).map(({ name, shape }) => [name, shape[0] ?? 0]));
  const core = test.core ? attentionCore(program.graph, (name) => rows.get(name) ?? 0) : null;
  const graph = core?.graph ?? program.graph;
  const used = new Set(graph.inputs.map(({ name }) => name));
  const weights = layerWeights(layer).filter(({ name }) => used.has(name));
  const noise = (name: string, shape: readonly number[]): NoiseRecipe => ({ shape, stream: noiseStream(name, SEED), scale: 1, plus: 0 });
  const inputs = core
    ? core.projected.map(({ name, shape }) => [name, noise(name, [1, tokens, Number(shape[2])])] as const)
    : [['hidden', noise('hidden', [1, tokens, layer.hiddenSize])] as const];
  return {
    program,
    graph,
    output: graph.outputs[0]?.name ?? '',
    weights: Object.fromEntries(weights.map((info) => [info.name, weightRecipe(info, SEED)])),
    inputs: Object.fromEntries(inputs),
    past: Object.fromEntries(past === 0 ? [] : program.cache.map(({ role }) => [role, noise(`past_${role}`, pastShape(test, role))])),
  };
}

function pastShape({ layer, past }: BenchCase, role: string): readonly number[] {
  const { attention } = layer;
  if (attention.kind === 'latent') return [1, past, attention.latentDim + attention.ropeDim];
  const { kvHeads, keyDim, valueDim } = headDims(attention);
  return [1, kvHeads, past, role === 'key' ? keyDim : valueDim];
}
