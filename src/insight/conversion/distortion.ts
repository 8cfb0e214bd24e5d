/** What a conversion changes: patterns and outputs of a layer before and after, head by head, in float64. */

import { alibiBias } from '../../attention/spec/alibi';
import { sees } from '../../attention/step/mask';
import type { AttentionLayerSpec, RunnableAttention } from '../../attention/spec/layerSpec';
import { dot, type Matrix, zeros } from '../matrix';
import { paced, type Steps } from '../steps';
import { type HeadedSpec, type LayerSample, linear, linearSteps, need, normalize } from './layerRows';

/** An addend of the scores: q · k. */
export interface ScorePart {
  /** `[queryHeads, tokens, keyDim]` */
  readonly q: Float64Array;
  /** `[tokens, kvHeads · keyDim]` */
  readonly k: Matrix;
}

/** Keys and values as the heads of a layer read them. */
export interface ReadLayer {
  readonly parts: readonly ScorePart[];
  /** `[tokens, kvHeads · valueDim]` */
  readonly v: Matrix;
}

export interface HeadDistortion {
  readonly head: number;
  /** Its group before the conversion. */
  readonly group: number;
  /** Mean Jensen–Shannon distance of its patterns (rows i ≥ 1, base 2): 0 same, 1 disjoint. */
  readonly patternJsDistance: number;
  /** ‖after − before‖ ÷ ‖before‖ of what it puts out, before the output projection; null where that is nothing. */
  readonly outputRelativeError: number | null;
}

export interface Distortion {
  /** Mean over heads. */
  readonly patternJsDistance: number;
  /** ‖after − before‖ ÷ ‖before‖ of the layer's output, after the output projection and its bias; null where that is nothing. */
  readonly outputRelativeError: number | null;
  readonly heads: readonly HeadDistortion[];
}

/** Holds other readings of a layer's keys and values against its own. */
export class DistortionMeter {
  private readonly bias: Float64Array | null;
  private readonly sinks: Float32Array | Float64Array | null;
  private output: Matrix | undefined;

  constructor(
    private readonly sample: LayerSample,
    private readonly before: ReadLayer,
  ) {
    const { spec, tokens, weights } = sample;
    this.bias =
      spec.alibi === null
        ? null
        : alibiBias(
            spec.alibi,
            Int32Array.from({ length: tokens }, (_, i) => i),
            tokens - 1,
          );
    this.sinks = spec.sinks ? need(weights, 'sinks') : null;
  }

  /** @param done Is told how many heads are done, with parts of one; the output projection is one more. What it throws ends the work. */
  async distortionOf(converted: ReadLayer, done: (heads: number) => Promise<void>): Promise<Distortion> {
    const { sample } = this;
    const { queryHeads, valueDim } = sample.spec.attention;
    const outputs: Outputs = [zeros(sample.tokens, queryHeads * valueDim), zeros(sample.tokens, queryHeads * valueDim)];
    const heads: HeadDistortion[] = [];
    for (let head = 0; head < queryHeads; head++) {
      heads.push(await paced(this.head(head, converted, outputs), (fraction) => done(head + fraction)));
    }
    const projected = (which: Matrix, from: number): Promise<Matrix> =>
      paced(projectedOutput(sample, which), (fraction) => done(queryHeads + from + fraction / 2));
    this.output ??= await projected(outputs[0], 0);
    const after = await projected(outputs[1], 0.5);
    return {
      patternJsDistance: heads.reduce((sum, { patternJsDistance }) => sum + patternJsDistance, 0) / queryHeads,
      outputRelativeError: relativeError(this.output, after),
      heads,
    };
  }

  /** Fills the head's columns of both outputs, `[tokens, queryHeads · valueDim]`. */
  private *head(head: number, after: ReadLayer, outputs: Outputs): Steps<HeadDistortion> {
    const { before, bias, sinks } = this;
    const { spec, tokens } = this.sample;
    const { queryHeads, kvHeads, valueDim } = spec.attention;
    const group = Math.floor((head * kvHeads) / queryHeads);
    const rows = [new Float64Array(tokens), new Float64Array(tokens)] as const;
    let [distance, difference, size] = [0, 0, 0];
    for (let query = 0; query < tokens; query++) {
      const first = firstSeen(spec.attention, query);
      const of: RowOf = {
        head,
        group,
        query,
        first,
        bias: bias?.subarray(head * tokens, (head + 1) * tokens) ?? null,
        sink: sinks?.[head] ?? null,
      };
      for (const side of [0, 1] as const) {
        const layer = side === 0 ? before : after;
        weightsRow(spec, layer, of, rows[side]);
        weightedSum(layer.v, rows[side], of, valueDim, outputs[side]);
      }
      if (query > 0)
        distance += Math.sqrt(Math.max(0, rowDivergence(rows[0], rows[1], first, query + 1 - first) / Math.LN2));
      const at = (query * queryHeads + head) * valueDim;
      for (let i = at; i < at + valueDim; i++) {
        const [x, y] = [outputs[0].data[i] as number, outputs[1].data[i] as number];
        difference += (y - x) ** 2;
        size += x * x;
      }
      if (query % QUERIES === QUERIES - 1) yield query / tokens;
    }
    yield 1;
    return {
      head,
      group,
      patternJsDistance: tokens < 2 ? 0 : distance / (tokens - 1),
      outputRelativeError: size === 0 ? null : Math.sqrt(difference / size),
    };
  }
}

/** Of a head, between two pauses. */
const QUERIES = 256;

type Outputs = readonly [before: Matrix, after: Matrix];

interface RowOf {
  readonly head: number;
  readonly group: number;
  readonly query: number;
  readonly first: number;
  readonly bias: Float64Array | null;
  readonly sink: number | null;
}

/** The first key that a query sees: keys from there to the query's own are seen without a gap. */
export function firstSeen(attention: RunnableAttention, query: number): number {
  let first = attention.kind === 'sliding' ? Math.max(0, query - attention.window + 1) : 0;
  while (!sees(attention, query, first)) first++;
  return first;
}

function weightsRow(
  { scale, softcap, attention: { keyDim } }: HeadedSpec,
  { parts }: ReadLayer,
  { head, group, query, first, bias, sink }: RowOf,
  row: Float64Array,
): void {
  let largest = sink ?? -Infinity;
  for (let key = first; key <= query; key++) {
    let score = 0;
    for (const { q, k } of parts) {
      const tokens = k.rows;
      score += dot(q, (head * tokens + query) * keyDim, k.data, key * k.columns + group * keyDim, keyDim);
    }
    score *= scale;
    if (softcap !== null) score = softcap * Math.tanh(score / softcap);
    if (bias !== null) score += bias[key] as number;
    row[key] = score;
    largest = Math.max(largest, score);
  }
  let sum = sink === null ? 0 : Math.exp(sink - largest);
  for (let key = first; key <= query; key++) sum += row[key] = Math.exp((row[key] as number) - largest);
  for (let key = first; key <= query; key++) row[key] = (row[key] as number) / sum;
}

function weightedSum(
  v: Matrix,
  row: Float64Array,
  { head, group, query, first }: RowOf,
  valueDim: number,
  to: Matrix,
): void {
  const at = query * to.columns + head * valueDim;
  for (let key = first; key <= query; key++) {
    const weight = row[key] as number;
    const from = key * v.columns + group * valueDim;
    for (let i = 0; i < valueDim; i++)
      to.data[at + i] = (to.data[at + i] as number) + weight * (v.data[from + i] as number);
  }
}

/** Gate, norm and output projection: `[tokens, hidden]`. */
function* projectedOutput(sample: LayerSample, heads: Matrix): Steps<Matrix> {
  const { tokens, weights } = sample;
  const rows = gatedHeads(sample, heads, sample.spec.attention);
  return yield* linearSteps(rows.data, tokens, need(weights, 'o.weight'), weights.get('o.bias') ?? null);
}

/** What the output projection receives: the heads' outputs after gate and norm. */
export function gatedHeads(
  {
    spec,
    tokens,
    input,
    weights,
  }: Pick<LayerSample, 'tokens' | 'input' | 'weights'> & { readonly spec: AttentionLayerSpec },
  heads: Matrix,
  { queryHeads, valueDim }: { readonly queryHeads: number; readonly valueDim: number },
): Matrix {
  let rows = heads;
  if (spec.outputGate !== 'none') {
    const gate = linear(input, tokens, need(weights, 'gate.weight'), null);
    const perGate = spec.outputGate === 'head' ? valueDim : 1;
    rows = {
      ...rows,
      data: rows.data.map((value, i) => value / (1 + Math.exp(-(gate.data[Math.floor(i / perGate)] as number)))),
    };
  }
  if (spec.outputNorm !== null) {
    const width = queryHeads * valueDim;
    const [weight, bias] = ['weight', 'bias']
      .map((part) => weights.get(`o_norm.${part}`))
      .map((found) => (found === undefined ? null : Float64Array.from(found)));
    const result = zeros(rows.rows, width);
    for (let token = 0; token < tokens; token++)
      normalize(rows.data, result.data, token * width, width, spec.outputNorm, weight ?? null, bias ?? null, 0);
    rows = result;
  }
  return rows;
}

export function relativeError(before: Matrix, after: Matrix): number | null {
  let [difference, size] = [0, 0];
  before.data.forEach((value, i) => {
    difference += ((after.data[i] as number) - value) ** 2;
    size += value * value;
  });
  return size === 0 ? null : Math.sqrt(difference / size);
}

/** Jensen–Shannon divergence of one row, in nats. */
export function rowDivergence(p: Float64Array, q: Float64Array, start: number, length: number): number {
  let sum = 0;
  for (let i = start; i < start + length; i++) {
    const [a, b] = [p[i] as number, q[i] as number];
    const mean = (a + b) / 2;
    if (a > 0) sum += 0.5 * a * Math.log(a / mean);
    if (b > 0) sum += 0.5 * b * Math.log(b / mean);
  }
  return sum;
}
