/**
 * Programs of a transformer block. A dense block is one graph. A mixture of experts is three, because which experts are
 * computed is known only after routing: `main` up to the router (with the shared expert), `expert` for the rows of one
 * expert, `tail` from the mixture's sum to the block's output; `mixture.ts` runs them in turn.
 */

import type { BlockNorms, BlockSpec, MoeFeedForward } from '../spec/blockSpec';
import { addLayer, finishProgram, layerContext } from './buildAttention';
import { feedForwardGraph } from './feedForwardGraph';
import type { Graph } from './graph';
import { GraphBuilder, type Value } from './graphBuilder';
import { GraphWeights } from './graphWeights';
import { BATCH, type Captures, TOKENS } from './layerContext';
import type { AttentionProgram, ProgramOptions } from './program';
import { blockWeights, feedForwardWeights, NORM_NAMES, type WeightInfo } from '../spec/weightNames';

/** A small graph beside the main one. */
export interface PartProgram {
  readonly graph: Graph;
  readonly weightInputs: readonly WeightInfo[];
}

export interface BlockPrograms {
  /**
   * `hidden` [B,T,hidden], the block's input → `hidden_out`; for a mixture → `feedForwardInput`, `routerLogits`,
   * `residual` (what the mixture's output joins) and, with a shared expert, `shared`, all [B,T,·].
   */
  readonly main: AttentionProgram;
  /** Mixtures only: `rows` [n,hidden] → `result` [n,hidden], with the weights of one expert. */
  readonly expert: PartProgram | null;
  /** Mixtures only: `mixture` and `residual` [B,T,hidden] → `hidden_out`. */
  readonly tail: PartProgram | null;
}

/** Name of the block's output in `main` and `tail`. */
export const BLOCK_OUTPUT = 'hidden_out';

type WeightOptions = Pick<ProgramOptions, 'weights' | 'weightData' | 'weightLayout'>;

export function buildBlockPrograms(spec: BlockSpec, options: ProgramOptions): BlockPrograms {
  const moe = spec.feedForward.kind === 'moe' ? spec.feedForward : null;
  return {
    main: buildMain(spec, options, moe),
    expert: moe && buildExpert(moe, spec.layer.hiddenSize, options.weightLayout),
    tail: moe && buildTail(spec, options),
  };
}

function buildMain(spec: BlockSpec, options: ProgramOptions, moe: MoeFeedForward | null): AttentionProgram {
  const g = new GraphBuilder();
  const weights = new GraphWeights(g, blockWeights(spec, options.weightLayout), options);
  const hidden = spec.layer.hiddenSize;
  const shape = [BATCH, TOKENS, hidden];
  const input = g.input('hidden', shape);
  const attentionInput = normAt(weights, spec, 'attention', input);
  const context = layerContext(g, weights, spec.layer, options);
  const layer = addLayer(context, attentionInput);
  const { feedForwardInput, residual } = afterAttention(g, weights, spec, { input, attentionInput }, layer.output);
  const captures: Captures = {
    ...layer.captures,
    attentionInput: () => ({ value: attentionInput, shape }),
    output: () => ({ value: layer.output, shape }),
    feedForwardInput: () => ({ value: feedForwardInput, shape }),
  };
  const name = `block ${spec.layer.attention.kind} ${options.mode}`;
  if (!moe) {
    const mlp = spec.feedForward.kind === 'moe' ? null : spec.feedForward;
    if (!mlp) throw new Error('Unreachable: a dense block without its feed-forward.');
    const out = finishBlock(g, weights, spec, residual, feedForwardGraph(g, weights, mlp, feedForwardInput));
    return finishProgram(
      context,
      { ...captures, hidden: () => ({ value: out, shape }) },
      { capture: 'hidden', output: BLOCK_OUTPUT },
      layer.cache,
      name,
    );
  }
  const logits = (): Value => weights.linear(feedForwardInput, 'router');
  if (options.output !== false) {
    g.output('feedForwardInput', feedForwardInput, shape);
    g.output('routerLogits', logits(), [BATCH, TOKENS, moe.router.experts]);
    g.output('residual', residual, shape);
    if (moe.shared) g.output('shared', sharedExpert(g, weights, moe.shared, feedForwardInput), shape);
  }
  const all: Captures = {
    ...captures,
    routerLogits: () => ({ value: logits(), shape: [BATCH, TOKENS, moe.router.experts] }),
  };
  return finishProgram(context, all, null, layer.cache, `${name}, up to the experts`);
}

/** What a block's two parts start from: its input, bare and normed. */
export interface BlockEntry {
  readonly input: Value;
  readonly attentionInput: Value;
}

/** From the attention's output to the feed-forward: what it receives, and what its own output joins. */
export function afterAttention(
  g: GraphBuilder,
  weights: GraphWeights,
  spec: BlockSpec,
  { input, attentionInput }: BlockEntry,
  output: Value,
): { readonly feedForwardInput: Value; readonly residual: Value } {
  const normed = (place: keyof BlockNorms, x: Value): Value => normAt(weights, spec, place, x);
  const attended = join(
    g,
    spec,
    spec.residualFrom === 'normed' ? attentionInput : input,
    normed('attentionOutput', output),
  );
  const middle = normed('attentionResidual', attended);
  const parallel = spec.arrangement === 'parallel';
  const ownNorm = spec.norms.feedForward !== null;
  const feedForwardInput = parallel
    ? ownNorm
      ? normed('feedForward', input)
      : attentionInput
    : normed('feedForward', middle);
  const residual = !parallel && spec.residualFrom === 'normed' ? feedForwardInput : middle;
  return { feedForwardInput, residual };
}

function sharedExpert(
  g: GraphBuilder,
  weights: GraphWeights,
  shared: NonNullable<MoeFeedForward['shared']>,
  x: Value,
): Value {
  const result = feedForwardGraph(g, weights, shared.expert, x, 'shared.');
  if (!shared.gate) return result;
  return g.mul(result, g.op('Sigmoid', [weights.linear(x, 'shared_gate')], {}, 'shared_gate/sigmoid'), 'shared/gated');
}

function buildExpert(moe: MoeFeedForward, hiddenSize: number, layout: ProgramOptions['weightLayout']): PartProgram {
  const g = new GraphBuilder();
  const options: WeightOptions = layout ? { weightLayout: layout } : {};
  const weights = new GraphWeights(g, feedForwardWeights(moe.expert, hiddenSize, layout), options);
  const rows = g.input('rows', ['rows', hiddenSize]);
  g.output('result', feedForwardGraph(g, weights, moe.expert, rows), ['rows', hiddenSize]);
  return part(g, weights, 'expert');
}

function buildTail(spec: BlockSpec, options: WeightOptions): PartProgram {
  const g = new GraphBuilder();
  const weights = new GraphWeights(g, blockWeights(spec, options.weightLayout), options);
  const shape = [BATCH, TOKENS, spec.layer.hiddenSize];
  const residual = g.input('residual', shape);
  g.output(BLOCK_OUTPUT, finishBlock(g, weights, spec, residual, g.input('mixture', shape)), shape);
  return part(g, weights, 'block, after the experts');
}

export function part(g: GraphBuilder, weights: GraphWeights, name: string): PartProgram {
  const graph = g.finish(name);
  const used = new Set(graph.inputs.map((input) => input.name));
  return { graph, weightInputs: weights.infos.filter((info) => used.has(info.name)) };
}

/** From the feed-forward's output to the block's. */
export function finishBlock(
  g: GraphBuilder,
  weights: GraphWeights,
  spec: BlockSpec,
  residual: Value,
  fed: Value,
): Value {
  const summed = join(g, spec, residual, normAt(weights, spec, 'feedForwardOutput', fed));
  return g.times(normAt(weights, spec, 'feedForwardResidual', summed), spec.outputMultiplier ?? 1, 'block/multiplier');
}

export function normAt(weights: GraphWeights, spec: BlockSpec, place: keyof BlockNorms, x: Value): Value {
  const norm = spec.norms[place];
  return norm ? weights.normalize(x, NORM_NAMES[place], norm) : x;
}

function join(g: GraphBuilder, spec: BlockSpec, base: Value, branch: Value): Value {
  return g.add(base, g.times(branch, spec.residualMultiplier, 'residual/multiplier'), 'residual/sum');
}
