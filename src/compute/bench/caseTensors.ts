/** The tensors of a case, as recipes that a peer in any language can follow: all peers compute the same. */

import { buildAttentionProgram } from '../../attention/onnx/buildAttention';
import type { Graph } from '../../attention/onnx/graph';
import { headDims, keyLimit } from '../../attention/spec/layerSpec';
import { type AttentionProgram, keptTokens, type ProgramOptions } from '../../attention/onnx/program';
import { ringSlots } from '../../attention/step/ring';
import { layerWeights } from '../../attention/spec/weightNames';
import { type NoiseRecipe, noiseStream, weightRecipe } from '../seededWeights';
import type { BenchCase } from './cases';
import { attentionCore, type CoreGraph } from './coreGraph';

const SEED = 1;

/** A program and its graph, which may be the core alone. */
export interface CaseGraph {
  readonly program: AttentionProgram;
  readonly graph: Graph;
}

export interface CaseTensors extends CaseGraph {
  /** Where the cache is written in place: the graph of the new rows, which runs before. */
  readonly rows: CaseGraph | null;
  /** Name of the output that is compared. */
  readonly output: string;
  /** Weights, out-in. */
  readonly weights: Readonly<Record<string, NoiseRecipe>>;
  /** `hidden`, or what the projections would have given. */
  readonly inputs: Readonly<Record<string, NoiseRecipe>>;
  /** Past tensors by role, [1, heads, past, dim] or [1, past, dim]. */
  readonly past: Readonly<Record<string, NoiseRecipe>>;
}

export interface CaseOptions {
  readonly weightLayout?: 'out-in' | 'in-out';
  /** The runner writes new rows into the cache itself; decode steps only. */
  readonly written?: boolean;
  /** The graph writes new rows into the cache itself; decode steps only. */
  readonly inPlace?: boolean;
  /** Fused operators, where the layer allows: prefill, and decode steps whose cache is written in place. */
  readonly fused?: boolean;
}

export function caseTensors(
  test: BenchCase,
  { weightLayout = 'out-in', written = false, inPlace = false, fused = false }: CaseOptions = {},
): CaseTensors {
  const { layer, tokens, past, form, batch = 1 } = test;
  const prefill = past === 0;
  const shapes = new Map(layerWeights(layer).map(({ name, shape }) => [name, shape]));
  const build = (options: Partial<ProgramOptions>): CaseGraph & Partial<CoreGraph> => {
    const program = buildAttentionProgram(layer, {
      mode: prefill ? 'prefill' : 'decode',
      // One token sees all that was before it, where nothing is forgotten.
      mask: prefill || keyLimit(layer.attention) !== null,
      // What is behind the window of the next token is not there.
      cacheRule: 'transformers',
      weightLayout,
      ...(form ? { form } : {}),
      ...options,
    });
    if (!test.core) return { program, graph: program.graph };
    return {
      program,
      ...attentionCore(program.graph, { shape: (name) => shapes.get(name) ?? [], folded: test.folded }),
    };
  };
  const main = build({
    cache: prefill ? 'present' : written ? 'written' : inPlace ? 'inPlace' : 'append',
    ...(inPlace && !prefill ? { room: { batch, tokens: ringSlots(layer.attention, past + tokens, tokens) } } : {}),
    fused: fused && (prefill || inPlace),
  });
  const rows = written ? build({ cache: 'append', output: false }) : null;
  const used = new Set([main, ...(rows ? [rows] : [])].flatMap(({ graph }) => graph.inputs.map(({ name }) => name)));
  const weights = layerWeights(layer).filter(({ name }) => used.has(name));
  const noise = (name: string, shape: readonly number[]): NoiseRecipe => ({
    shape,
    stream: noiseStream(name, SEED),
    scale: 1,
    plus: 0,
  });
  const sizes: Readonly<Record<string, number>> = { batch, tokens };
  const projected = [...(main.projected ?? []), ...(rows?.projected ?? [])];
  const inputs = test.core
    ? projected.map(
        ({ name, shape }) =>
          [
            name,
            noise(
              name,
              shape.map((size) => (typeof size === 'number' ? size : (sizes[size] ?? 1))),
            ),
          ] as const,
      )
    : [['hidden', noise('hidden', [batch, tokens, layer.hiddenSize])] as const];
  return {
    program: main.program,
    graph: main.graph,
    rows,
    output: main.graph.outputs[0]?.name ?? '',
    weights: Object.fromEntries(weights.map((info) => [info.name, weightRecipe(info, SEED)])),
    inputs: Object.fromEntries(inputs),
    past: Object.fromEntries(
      prefill ? [] : main.program.cache.map(({ role }) => [role, noise(`past_${role}`, pastShape(test, role))]),
    ),
  };
}

function pastShape({ layer, past, batch = 1 }: BenchCase, role: string): readonly number[] {
  const { attention } = layer;
  if (attention.kind === 'latent') return [batch, past, attention.latentDim + attention.ropeDim];
  const { kvHeads, keyDim, valueDim } = headDims(attention);
  const held = Math.min(past, keptTokens(attention, 'transformers') ?? past);
  return [batch, kvHeads, held, role === 'key' ? keyDim : valueDim];
}
