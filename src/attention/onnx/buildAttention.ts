/** AttentionProgram of a layer: its graph with inputs, outputs and cache. */

import { canFuse, fusedLayer } from './fusedGraph';
import { GraphBuilder, type Value } from './graphBuilder';
import { GraphWeights } from './graphWeights';
import { headedLayer } from './headedGraph';
import { latentLayer } from './latentGraph';
import { BATCH, type Captures, type GraphCache, type LayerContext, type LayerResult, TOKENS } from './layerContext';
import type { AttentionLayerSpec } from '../spec/layerSpec';
import { type AttentionProgram, type CaptureName, keptTokens, type LatentForm, type ProgramOptions } from './program';
import { layerWeights, type WeightInfo } from '../spec/weightNames';

/** The program of one attention layer: `hidden` [B,T,hidden] (normed already) → `output` [B,T,hidden]. */
export function buildAttentionProgram(spec: AttentionLayerSpec, options: ProgramOptions): AttentionProgram {
  const g = new GraphBuilder();
  const weights = new GraphWeights(g, layerWeights(spec, options.weightLayout), options);
  const x = g.input('hidden', [BATCH, TOKENS, spec.hiddenSize]);
  const context = layerContext(g, weights, spec, options);
  const layer = addLayer(context, x);
  const captures: Captures = {
    ...layer.captures,
    attentionInput: () => ({ value: x, shape: [BATCH, TOKENS, spec.hiddenSize] }),
    output: () => ({ value: layer.output, shape: [BATCH, TOKENS, spec.hiddenSize] }),
  };
  return finishProgram(
    context,
    captures,
    { capture: 'output', output: 'output' },
    layer.cache,
    `attention ${spec.attention.kind} ${options.mode}`,
  );
}

export function layerContext(
  g: GraphBuilder,
  weights: GraphWeights,
  spec: AttentionLayerSpec,
  options: ProgramOptions,
): LayerContext {
  return {
    g,
    weights,
    spec,
    options,
    form: latentForm(spec, options),
    fused: options.fused === true && canFuse(spec, options),
  };
}

function latentForm(spec: AttentionLayerSpec, options: ProgramOptions): LatentForm | null {
  if (spec.attention.kind !== 'latent') return null;
  return options.form ?? (options.mode === 'decode' ? 'absorbed' : 'expanded');
}

export function addLayer(context: LayerContext, x: Value): LayerResult {
  const { attention } = context.spec;
  if (attention.kind === 'latent') return latentLayer(context, attention, x);
  return context.fused ? fusedLayer(context, x) : headedLayer(context, x);
}

/** The capture that is the program's main output, and the name of that output. */
export interface MainOutput {
  readonly capture: CaptureName;
  readonly output: string;
}

/** Outputs in order: the main one, the captures, the caches. What none of them needs is left out. */
export function finishProgram(
  context: LayerContext,
  captures: Captures,
  main: MainOutput | null,
  cache: readonly GraphCache[],
  name: string,
): AttentionProgram {
  const { g, spec, options, weights } = context;
  const wanted = new Set<CaptureName>(options.captures ?? []);
  const shown = options.output === false ? null : main;
  const outputs: Partial<Record<CaptureName, string>> = {};
  for (const capture of shown ? new Set([shown.capture, ...wanted]) : wanted) {
    const make = captures[capture];
    if (!make) throw new Error(`The attention of this layer has no "${capture}" to show.`);
    const { value, shape } = make();
    const name = capture === main?.capture ? main.output : capture;
    g.output(name, value, shape);
    if (wanted.has(capture)) outputs[capture] = name;
  }
  for (const { tensor, presentValue } of cache) {
    if (presentValue !== null && tensor.present !== null) g.output(tensor.present, presentValue, tensor.shape);
  }
  const graph = g.finish(name);
  const used = new Set(graph.inputs.map((input) => input.name));
  const weightNames = new Set(weights.infos.map((info) => info.name));
  const weightInputs: readonly WeightInfo[] = weights.infos.filter((info) => used.has(info.name));
  return {
    graph,
    inputs: graph.inputs.filter((input) => !weightNames.has(input.name)),
    weightInputs,
    mainOutput: shown?.output ?? null,
    captures: outputs,
    cache: cache.map(({ tensor }) => ({
      ...tensor,
      past: tensor.past !== null && used.has(tensor.past) ? tensor.past : null,
    })),
    cacheLimit: keptTokens(spec.attention, options.cacheRule),
    room: options.cache === 'inPlace' ? (options.room ?? null) : null,
    form: context.form,
    fused: context.fused,
  };
}
