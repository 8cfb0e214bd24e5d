/**
 * Direct logit attribution: what each part of the model writes to the residual stream, read as a token's logit. Norms between are taken as the
 * linear maps that they are at this position (their scales frozen), a soft cap as the factor that it is there; then the parts sum to the logit.
 * Elhage et al. 2021, A Mathematical Framework for Transformer Circuits; TransformerLens `logit_attrs`.
 */

import type { BlockNorms } from '../../attention/spec/blockSpec';
import { type AttentionLayerSpec, headDims } from '../../attention/spec/layerSpec';
import { NORM_NAMES } from '../../attention/spec/weightNames';
import { gatedHeads } from '../../insight/conversion/distortion';
import { type LayerNumbers, need } from '../../insight/conversion/layerRows';
import { beforeNorm, type NormWeights, product } from '../../insight/effects/frozenNorm';
import type { Matrix } from '../../insight/matrix';
import { weightsRow } from '../../insight/tradeoff/attend';
import { elementAt } from '../../model/elementAt';
import type { Contribution } from '../../shared/effectsContract';
import { RpcError } from '../../shared/rpcError';
import { checkCancelled, type Watch } from '../heads/watch';
import type { Metric } from './stages';
import { type LookedAt, type MatrixStages, transposedProduct } from './matrixStages';

export interface AttributionAsk extends Metric {
  readonly ids: readonly number[];
  /** Behind which token. */
  readonly position: number;
  readonly bySource: boolean;
}

export interface Attribution {
  /** The logit, or the difference. */
  readonly logit: number;
  readonly sum: number;
  readonly contributions: readonly Contribution[];
  readonly notes: readonly string[];
}

/** What a layer did at the position. */
interface Seen {
  /** `[queryHeads · valueDim]`, before gate and norm; and the gate, ones where there is none. */
  readonly heads: Float64Array;
  readonly gate: Float64Array;
  /** Of each head, how much each token counts; null where it was not asked for. */
  readonly patterns: readonly Float64Array[] | null;
  /** `[tokens, groups · valueDim]` */
  readonly values: Matrix;
  /** What entered each norm of the block. */
  readonly norms: ReadonlyMap<keyof BlockNorms, Float64Array>;
  /** What the feed-forward put out. */
  readonly made: Float64Array;
}

/** @throws RpcError `invalidInput`, `cancelled` */
export async function attribute(stages: MatrixStages, ask: AttributionAsk, watch: Watch): Promise<Attribution> {
  const { ids, position } = ask;
  if (position >= ids.length)
    throw new RpcError('invalidInput', `there is no position ${position}: the prompt has ${ids.length} tokens`);
  let hidden = await stages.embed(ids);
  const first = rowOf(hidden, position);
  const seen: Seen[] = [];
  for (let layer = 0; layer < stages.layers.length; layer++) {
    checkCancelled(watch.signal);
    watch.progress({
      message: `layer ${layer + 1} of ${stages.layers.length}`,
      fraction: layer / stages.layers.length,
    });
    const { looked, heads, output } = await stages.attendSeen(layer, hidden, watch);
    const norms = new Map<keyof BlockNorms, Float64Array>();
    let made = new Float64Array(0);
    hidden = await stages.restOf(layer, hidden, output, watch, {
      entersNorm: (place, rows) => norms.set(place, rowOf(rows, position)),
      fed: (rows) => {
        made = rowOf(rows, position);
        return rows;
      },
    });
    // Rows only: weights that do not stay in memory are read again on the way back.
    seen.push({
      heads: rowOf(heads, position),
      gate: gateOf(looked, heads.columns, position),
      patterns: ask.bySource ? patternsOf(looked, position) : null,
      values: looked.attending.cache.freshValue,
      norms,
      made,
    });
  }
  return walkedBack(stages, ask, first, seen, rowOf(hidden, position), watch);
}

async function walkedBack(
  stages: MatrixStages,
  ask: AttributionAsk,
  first: Float64Array,
  seen: readonly Seen[],
  last: Float64Array,
  watch: Watch,
): Promise<Attribution> {
  const end = await stages.readout(ask, last, watch);
  const contributions: Contribution[] = [];
  const add = (
    writer: Contribution['writer'],
    layer: number,
    value: number,
    index = 0,
    sources: number[] | null = null,
  ) => contributions.push({ writer, layer, index, value, sources });
  add('output', stages.layers.length, end.bias);
  let direction = end.direction;
  for (let layer = stages.layers.length - 1; layer >= 0; layer--) {
    checkCancelled(watch.signal);
    const { heads, gate, patterns, values, norms, made } = elementAt(seen, layer);
    const weights = await stages.weights(layer, watch);
    const spec = stages.block(layer);
    let bias = 0;
    const back = (place: keyof BlockNorms, behind: Float64Array): Float64Array => {
      const row = norms.get(place);
      if (row === undefined) return behind;
      const before = beforeNorm(normAt(weights, place, spec.norms[place]), row, behind);
      bias += before.bias;
      return before.entering;
    };
    const times = (by: number, of: Float64Array): Float64Array => (by === 1 ? of : of.map((value) => value * by));
    direction = back('feedForwardResidual', times(spec.outputMultiplier ?? 1, direction));
    const toFed = back('feedForwardOutput', times(spec.residualMultiplier, direction));
    add('mlp', layer, product(toFed, made));
    const onNormed = spec.residualFrom === 'normed';
    if (onNormed && spec.arrangement !== 'parallel') direction = back('feedForward', direction);
    direction = back('attentionResidual', direction);
    const toOutput = back('attentionOutput', times(spec.residualMultiplier, direction));
    const outputBias = weights.get('o.bias');
    if (outputBias !== undefined) bias += product(toOutput, outputBias);
    const { queryHeads, kvHeads, valueDim } = headDims(spec.layer.attention);
    const toHeads = beforeGateAndNorm(
      spec.layer,
      weights,
      heads,
      gate,
      transposedProduct(need(weights, 'o.weight'), toOutput),
    );
    bias += toHeads.bias;
    for (let head = 0; head < queryHeads; head++) {
      const at = head * valueDim;
      const own = toHeads.direction.subarray(at, at + valueDim);
      const group = Math.floor((head * kvHeads) / queryHeads);
      const pattern = patterns?.[head];
      const sources = pattern === undefined ? null : bySource(pattern, values, group * valueDim, own);
      add('head', layer, product(own, heads.subarray(at, at + valueDim)), head, sources);
    }
    if (onNormed) direction = back('attention', direction);
    add('bias', layer, bias);
  }
  add('embedding', 0, product(direction, first));
  contributions.reverse();
  return {
    logit: end.logit,
    sum: contributions.reduce((sum, { value }) => sum + value, 0),
    contributions,
    notes: notesOf(stages),
  };
}

/** What each token's V, by the weight that the head gave it, adds. */
function bySource(pattern: Float64Array, values: Matrix, first: number, direction: Float64Array): number[] {
  return Array.from(pattern, (weight, token) => {
    const at = token * values.columns + first;
    return weight === 0 ? 0 : weight * product(direction, values.data.subarray(at, at + direction.length));
  });
}

function patternsOf({ attending }: LookedAt, position: number): readonly Float64Array[] {
  const { queryHeads } = attending.cache;
  return Array.from({ length: queryHeads }, (_, head) => {
    const row = new Float64Array(position + 1);
    weightsRow(attending, head, position, row, null);
    return row;
  });
}

function gateOf({ layer, input }: LookedAt, width: number, position: number): Float64Array {
  const { spec, weights } = layer;
  const ones = { rows: 1, columns: width, data: new Float64Array(width).fill(1) };
  const sample = { spec: { ...spec, outputNorm: null }, tokens: 1, input: rowOf(input, position), weights };
  return gatedHeads(sample, ones, headDims(spec.attention)).data;
}

function beforeGateAndNorm(
  { outputNorm }: AttentionLayerSpec,
  weights: LayerNumbers,
  heads: Float64Array,
  gate: Float64Array,
  behind: Float64Array,
): { readonly direction: Float64Array; readonly bias: number } {
  const norm = outputNorm && {
    spec: outputNorm,
    weight: weights.get('o_norm.weight') ?? null,
    bias: weights.get('o_norm.bias') ?? null,
  };
  const gated = heads.map((value, i) => value * (gate[i] as number));
  const { entering, bias } = beforeNorm(norm, gated, behind);
  return { direction: entering.map((value, i) => value * (gate[i] as number)), bias };
}

function normAt(weights: LayerNumbers, place: keyof BlockNorms, spec: NormWeights['spec'] | null): NormWeights | null {
  if (spec === null) return null;
  const name = NORM_NAMES[place];
  return { spec, weight: weights.get(`${name}.weight`) ?? null, bias: weights.get(`${name}.bias`) ?? null };
}

function rowOf({ columns, data }: Matrix, row: number): Float64Array<ArrayBuffer> {
  return Float64Array.from(data.subarray(row * columns, (row + 1) * columns));
}

function notesOf(stages: MatrixStages): readonly string[] {
  const blocks = stages.layers.map((_, layer) => stages.block(layer));
  const isNormed = blocks.some(({ norms }) =>
    [norms.attentionOutput, norms.feedForwardOutput, norms.attentionResidual, norms.feedForwardResidual].some(
      (norm) => norm !== null,
    ),
  );
  return [
    'norms behind what is written are taken with the scale that they had at this position',
    ...(isNormed
      ? ['this model also normalises what its layers write, or their sum: these scales are frozen too']
      : []),
    ...(stages.isCapped ? ['logits are soft-capped: the cap is taken as the factor that it was for each token'] : []),
  ];
}
