/**
 * A block in two halves, open where a head or a feed-forward is taken out: up to what the output projection receives, and from there on.
 * Both take a mixture of experts no further than its attention: which experts are computed is known only after routing.
 */

import type { BlockSpec } from '../spec/blockSpec';
import { headDims } from '../spec/layerSpec';
import { blockWeights } from '../spec/weightNames';
import { addLayer, finishProgram, layerContext } from './buildAttention';
import { afterAttention, BLOCK_OUTPUT, finishBlock, normAt, part, type PartProgram } from './buildBlock';
import { feedForwardGraph } from './feedForwardGraph';
import { GraphBuilder } from './graphBuilder';
import { GraphWeights } from './graphWeights';
import { BATCH, TOKENS } from './layerContext';
import type { AttentionProgram, ProgramOptions } from './program';

const OPTIONS: ProgramOptions = { mode: 'prefill', cache: 'none' };

/** `hidden` [B,T,hidden], what enters the block → `rows` [B,T,H·valueDim], behind gate and norm of the heads. */
export function buildAttending(spec: BlockSpec): AttentionProgram {
  const g = new GraphBuilder();
  const weights = new GraphWeights(g, blockWeights(spec), OPTIONS);
  const input = g.input('hidden', [BATCH, TOKENS, spec.layer.hiddenSize]);
  const context = layerContext(g, weights, spec.layer, OPTIONS);
  const { rows } = addLayer(context, normAt(weights, spec, 'attention', input));
  const shown = { output: () => ({ value: rows, shape: [BATCH, TOKENS, rowWidth(spec)] }) };
  return finishProgram(context, shown, { capture: 'output', output: 'rows' }, [], 'block, its heads');
}

/**
 * `hidden` and `rows` → `made` [B,T,hidden], what the feed-forward puts out, and the block's output.
 * @param made `given`: it is an input, and computed no more.
 */
export function buildRest(spec: BlockSpec, made: 'computed' | 'given'): PartProgram {
  const { feedForward } = spec;
  if (feedForward.kind === 'moe') throw new TypeError('a mixture of experts is no half of a graph');
  const g = new GraphBuilder();
  const weights = new GraphWeights(g, blockWeights(spec), OPTIONS);
  const shape = [BATCH, TOKENS, spec.layer.hiddenSize];
  const input = g.input('hidden', shape);
  const rows = g.input('rows', [BATCH, TOKENS, rowWidth(spec)]);
  const entry = { input, attentionInput: normAt(weights, spec, 'attention', input) };
  const { feedForwardInput, residual } = afterAttention(g, weights, spec, entry, weights.linear(rows, 'o'));
  const fed = made === 'given' ? g.input('made', shape) : feedForwardGraph(g, weights, feedForward, feedForwardInput);
  if (made === 'computed') g.output('made', fed, shape);
  g.output(BLOCK_OUTPUT, finishBlock(g, weights, spec, residual, fed), shape);
  return part(g, weights, 'block, behind its heads');
}

function rowWidth({ layer: { attention } }: BlockSpec): number {
  const { queryHeads, valueDim } = headDims(attention);
  return queryHeads * valueDim;
}
