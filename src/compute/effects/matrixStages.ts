/** The stages with attention in float64, and matrices by `Linear`: float64 too for small models, which makes what changes nothing exactly nothing. */

import type { BlockSpec } from '../../attention/spec/blockSpec';
import { elementCount } from '../../attention/onnx/graph';
import { headDims, type RunnableAttention } from '../../attention/spec/layerSpec';
import { blockWeights, feedForwardWeights, NORM_NAMES } from '../../attention/spec/weightNames';
import { gatedHeads } from '../../insight/conversion/distortion';
import { type LayerNumbers, need } from '../../insight/conversion/layerRows';
import { type Matrix, rowProductSteps } from '../../insight/matrix';
import { beforeNorm, type NormWeights, product } from '../../insight/effects/frozenNorm';
import { finish, paced } from '../../insight/steps';
import { attend, type Attending, attending } from '../../insight/tradeoff/attend';
import { runBlock, type BlockParts } from '../../insight/tradeoff/blockRun';
import { DamageMeter } from '../../insight/tradeoff/damage';
import { UNCHANGED } from '../../insight/tradeoff/method';
import type { ModelLayer } from '../../insight/tradeoff/modelLayer';
import { normOfRows, project, throughCache } from '../../insight/tradeoff/readLayer';
import { elementAt } from '../../model/elementAt';
import { MOST_EFFECT_TOKENS } from '../../shared/effectsContract';
import { RpcError } from '../../shared/rpcError';
import type { OpenModel } from '../../weights/openModel';
import { embed } from '../../weights/plan/readPlan';
import type { WeightStore } from '../../weights/weightStore';
import { LayerReader, type WeightTensors } from '../heads/layerReader';
import { MemoryStore, widenedBytes } from '../heads/memoryStore';
import { floats } from '../heads/tokenAxis';
import { abortSignal, checkCancelled, type Watch } from '../heads/watch';
import type { Linear } from '../tradeoff/linear';
import { headInputs, outputPieces } from '../tradeoff/outputHead';
import type { Fed, Measured, Metric, Stages } from './stages';

/** Models of at most so many bytes as float32 stay in memory. */
const RESIDENT_BYTES = 256 * 1024 ** 2;

/** What the output projection takes. */
const PROJECTION = (name: string): boolean => name.startsWith('o.');

/** Tokens of all runs that are computed side by side. */
const TOGETHER = 256;

/** Rows of the head that are kept: those of a prompt, and what is followed. */
const MOST_HEAD_ROWS = 2 * MOST_EFFECT_TOKENS;

/** In float64. Weights that are float64 already are used where they lie. */
export const WIDE: Linear = {
  map: (input, weight, bias) => {
    const data = weight instanceof Float64Array ? weight : new Float64Array(weight);
    const rows = data.length / input.columns;
    const product = finish(rowProductSteps(input, { rows, columns: input.columns, data }));
    if (bias !== null)
      for (let i = 0; i < product.data.length; i++)
        product.data[i] = (product.data[i] as number) + (bias[i % rows] as number);
    return Promise.resolve(product);
  },
  precision: 'float64',
  dispose: () => Promise.resolve(),
};

/** Patterns and values of a layer, for whoever asks which token a head took its row from. */
export interface LookedAt {
  readonly layer: ModelLayer;
  readonly input: Matrix;
  readonly attending: Attending;
}

export interface HeadsSeen {
  readonly looked: LookedAt;
  /** `[tokens, queryHeads · valueDim]`, before gate and norm, and behind them. */
  readonly heads: Matrix;
  readonly rows: Matrix;
}

export interface AttendedSeen extends HeadsSeen {
  /** What the output projection gives. */
  readonly output: Matrix;
}

/** How the end of the model reads the residual stream at one position. */
export interface Readout {
  /** The logit, or the difference of two. */
  readonly logit: number;
  /** logit = direction · what leaves the last layer + bias, with the norm's scale of this position. */
  readonly direction: Float64Array;
  readonly bias: number;
}

export class MatrixStages implements Stages {
  readonly layers: readonly RunnableAttention[];
  protected readonly store: WeightStore;
  private readonly resident: Map<number, LayerNumbers> | null;
  private readonly reader: LayerReader;
  /** What was read before and found to hold numbers only. */
  private readonly sound = new Set<string>();
  /** Rows of the head by token, for those that are asked for again and again. */
  private readonly headRows = new Map<number, Float32Array>();
  private headBias: Float32Array | null | undefined;
  /** Of a model that is not resident: stages of one layer follow each other. */
  private last: { readonly layer: number; readonly numbers: LayerNumbers } | null = null;

  constructor(
    protected readonly model: OpenModel,
    protected readonly linear: Linear,
  ) {
    const small = widenedBytes(model.store) <= RESIDENT_BYTES;
    this.store = small ? new MemoryStore(model.store) : model.store;
    this.resident = small ? new Map() : null;
    this.reader = new LayerReader(this.store, model.plan, !small);
    this.layers = model.plan.layers.map(({ block }) => block.layer.attention);
  }

  get precision(): Linear['precision'] {
    return this.linear.precision;
  }

  /** Few at a time: whoever stops loses little. @param tokens Of each run. */
  batch(tokens: number): number {
    return Math.max(1, Math.floor(TOGETHER / tokens));
  }

  async embed(ids: readonly number[]): Promise<Matrix> {
    const { plan } = this.model;
    const data = new Float64Array(await embed(this.store, plan, ids));
    return { rows: ids.length, columns: plan.hiddenSize, data };
  }

  block(layer: number): BlockSpec {
    return elementAt(this.model.plan.layers, layer).block;
  }

  get headLayers(): number {
    const weights = this.model.plan.layers.reduce(
      (sum, { block }) => sum + blockWeights(block).reduce((all, { shape }) => all + elementCount(shape), 0),
      0,
    );
    return (elementCount(this.store.info(this.model.plan.output.head).shape) / weights) * this.layers.length;
  }

  async attend(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    const found: Matrix[] = [];
    for (const one of hidden) found.push((await this.headsSeen(layer, one, watch)).rows);
    return found;
  }

  /** The same of one run, with what it was made from and what it gives. */
  async attendSeen(layer: number, hidden: Matrix, watch: Watch): Promise<AttendedSeen> {
    const seen = await this.headsSeen(layer, hidden, watch);
    return { ...seen, output: await this.output(await this.weights(layer, watch), seen.rows) };
  }

  private async headsSeen(layer: number, hidden: Matrix, watch: Watch): Promise<HeadsSeen> {
    const weights = await this.weights(layer, watch);
    const looked = await this.look(layer, hidden, watch);
    const { input, layer: own } = looked;
    const { heads } = await paced(attend(looked.attending, null), async () => {
      await new Promise((resolve) => setImmediate(resolve));
      checkCancelled(watch.signal);
    });
    const { queryHeads, valueDim } = headDims(own.spec.attention);
    const sample = { spec: own.spec, tokens: input.rows, input: input.data, weights };
    const rows = gatedHeads(sample, heads, { queryHeads, valueDim });
    return { looked, heads, rows };
  }

  private async look(layer: number, hidden: Matrix, watch: Watch): Promise<LookedAt> {
    const weights = await this.weights(layer, watch);
    const { layer: spec, norms } = this.block(layer);
    const own: ModelLayer = { spec, sees: spec.attention, weights, lowRank: null, queryOrder: null, narrow: null };
    const norm = NORM_NAMES.attention;
    const input = normOfRows(
      hidden,
      norms.attention,
      weights.get(`${norm}.weight`) ?? null,
      weights.get(`${norm}.bias`) ?? null,
    );
    const cache = throughCache(await project(own, input, this.linear.map), UNCHANGED);
    return { layer: own, input, attending: attending(own, cache, UNCHANGED.keep, input.rows) };
  }

  async project(layer: number, rows: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    if (rows.length === 0) return [];
    const weights = this.known(layer) ?? (await this.read(layer, PROJECTION, watch));
    return apart(await this.output(weights, stacked(rows)), rows);
  }

  async rest(
    layer: number,
    hidden: readonly Matrix[],
    rows: readonly Matrix[],
    fed: Fed | null,
    watch: Watch,
  ): Promise<readonly Matrix[]> {
    // What is behind the attention takes each row by itself: all runs go through together.
    const together = (made: Matrix): Matrix =>
      fed === null ? made : stacked(apart(made, hidden).map((own, run) => fed(run, own)));
    const output = await this.output(await this.weights(layer, watch), stacked(rows));
    return apart(await this.restOf(layer, stacked(hidden), output, watch, { fed: together }), hidden);
  }

  /** The same of one run. @param hooks What is to be seen of it, and changed. */
  async restOf(
    layer: number,
    hidden: Matrix,
    output: Matrix,
    watch: Watch,
    hooks: Pick<BlockParts, 'fed' | 'entersNorm'>,
  ): Promise<Matrix> {
    const spec = this.block(layer);
    const result = await runBlock(
      {
        spec,
        weights: await this.weights(layer, watch),
        linear: this.linear.map,
        expert: (which) => this.expert(layer, which, watch),
        attention: () => Promise.resolve(output),
        ...hooks,
      },
      hidden,
    );
    if (!result.data.every(Number.isFinite))
      throw new RpcError('invalidInput', `layer ${layer}: its numbers leave the range of ${this.precision}`);
    return result;
  }

  async through(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    return this.rest(layer, hidden, await this.attend(layer, hidden, watch), null, watch);
  }

  async onward(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    let states = hidden;
    for (let at = layer; at < this.layers.length; at++) {
      this.tell(at, watch);
      states = await this.through(at, states, watch);
    }
    return states;
  }

  protected tell(layer: number, watch: Watch): void {
    checkCancelled(watch.signal);
    const count = this.layers.length;
    watch.progress({ message: `layer ${layer + 1} of ${count}`, fraction: layer / count });
  }

  async measure(
    ids: readonly number[],
    unchanged: Matrix,
    final: readonly Matrix[],
    watch: Watch,
  ): Promise<readonly Measured[]> {
    const meters = final.map(() => new DamageMeter(ids));
    for await (const { first, rows } of this.pieces([unchanged, ...final], watch))
      meters.forEach((meter, i) => meter.add(first, elementAt(rows, 0), elementAt(rows, i + 1)));
    return meters.map((meter) => meter.result());
  }

  async losses(ids: readonly number[], unchanged: Matrix, watch: Watch): Promise<Float64Array> {
    const [own] = await this.measure(ids, unchanged, [unchanged], watch);
    return own?.lossBefore ?? new Float64Array(0);
  }

  async logits(final: readonly Matrix[], watch: Watch): Promise<readonly Float64Array[]> {
    const last = final.map(({ rows, columns, data }): Matrix => {
      return { rows: 1, columns, data: data.subarray((rows - 1) * columns) };
    });
    const vocabulary = elementAt(this.store.info(this.model.plan.output.head).shape, 0);
    const result = final.map(() => new Float64Array(vocabulary));
    for await (const { first, rows } of this.pieces([stacked(last)], watch))
      apart(elementAt(rows, 0), last).forEach(({ data }, i) => {
        elementAt(result, i).set(data, first);
      });
    return result;
  }

  async logitsOf(tokens: readonly number[], final: readonly Matrix[], watch: Watch): Promise<readonly Float64Array[]> {
    const last = final.map(({ rows, columns, data }): Matrix => {
      return { rows: 1, columns, data: data.subarray((rows - 1) * columns) };
    });
    const result = final.map(() => new Float64Array(tokens.length));
    if (tokens.length === 0) return result;
    const signal = abortSignal(watch.signal);
    const inputs = await headInputs(this.store, this.model.plan, last, this.linear.map, signal);
    for (const [at, token] of tokens.entries()) {
      const logit = await this.logitRow(token, watch);
      inputs.forEach(({ data }, run) => {
        elementAt(result, run)[at] = logit(data, 0);
      });
    }
    return result;
  }

  /** The logit of a token from a row of what the head is multiplied with. */
  protected async logitRow(token: number, watch: Watch): Promise<(rows: Float64Array, at: number) => number> {
    const { head, bias, multiplier, softcap } = this.model.plan.output;
    const signal = abortSignal(watch.signal);
    this.headBias ??= bias === null ? null : await this.store.read(bias, { signal });
    let row = this.headRows.get(token);
    if (row === undefined) {
      if (this.headRows.size >= MOST_HEAD_ROWS) this.headRows.clear();
      row = await this.store.read(head, { rows: [token, token + 1], signal });
      this.headRows.set(token, row);
    }
    const own = row;
    const added = this.headBias === null ? 0 : (this.headBias[token] as number);
    return (rows, at) => {
      let sum = added;
      for (let i = 0, from = at * own.length; i < own.length; i++, from++)
        sum += (own[i] as number) * (rows[from] as number);
      const logit = sum * multiplier;
      return softcap === null ? logit : softcap * Math.tanh(logit / softcap);
    };
  }

  get isCapped(): boolean {
    return this.model.plan.output.softcap !== null;
  }

  /**
   * @param row What leaves the last layer.
   * @throws RpcError `invalidInput` for a token that is not there.
   */
  async readout({ token, against }: Metric, row: Float64Array, watch: Watch): Promise<Readout> {
    const { head, bias, norm, projection, multiplier, softcap } = this.model.plan.output;
    const signal = abortSignal(watch.signal);
    const read = async (name: string, rows?: [number, number]): Promise<Float64Array> =>
      new Float64Array(await this.store.read(name, { signal, ...(rows && { rows }) }));
    const part = async (name: string): Promise<Float64Array | null> => (this.store.has(name) ? read(name) : null);
    const weights: NormWeights | null = norm && {
      spec: norm.spec,
      weight: await part(`${norm.base}.weight`),
      bias: await part(`${norm.base}.bias`),
    };
    const vocabulary = elementAt(this.store.info(head).shape, 0);
    const down = projection === null ? null : await read(projection);
    const result = { logit: 0, direction: new Float64Array(row.length), bias: 0 };
    for (const [which, sign] of [[token, 1] as const, ...(against === null ? [] : [[against, -1] as const])]) {
      if (which >= vocabulary)
        throw new RpcError('invalidInput', `there is no token ${which}: the model has ids 0 to ${vocabulary - 1}`);
      const own = await read(head, [which, which + 1]);
      const wide = down === null ? own : transposedProduct(down, own);
      const before = beforeNorm(weights, row, wide);
      const added = before.bias + (bias === null ? 0 : elementOf(await read(bias), which));
      const raw = (product(before.entering, row) + added) * multiplier;
      const logit = softcap === null ? raw : softcap * Math.tanh(raw / softcap);
      const factor = sign * multiplier * (raw === 0 ? 1 : logit / raw);
      result.logit += sign * logit;
      result.bias += factor * added;
      before.entering.forEach((value, i) => {
        result.direction[i] = (result.direction[i] as number) + factor * value;
      });
    }
    return result;
  }

  dispose(): Promise<void> {
    return this.linear.dispose();
  }

  protected async *pieces(states: readonly Matrix[], watch: Watch): ReturnType<typeof outputPieces> {
    const { plan } = this.model;
    for await (const piece of outputPieces(this.store, plan, states, this.linear.map, abortSignal(watch.signal))) {
      checkCancelled(watch.signal);
      yield piece;
    }
  }

  private output(weights: LayerNumbers, rows: Matrix): Promise<Matrix> {
    return this.linear.map(rows, need(weights, 'o.weight'), weights.get('o.bias') ?? null);
  }

  async weights(layer: number, watch: Watch): Promise<LayerNumbers> {
    const known = this.known(layer);
    if (known !== undefined) return known;
    const numbers = await this.read(layer, () => true, watch);
    this.resident?.set(layer, numbers);
    this.last = { layer, numbers };
    return numbers;
  }

  private known(layer: number): LayerNumbers | undefined {
    return this.resident?.get(layer) ?? (this.last?.layer === layer ? this.last.numbers : undefined);
  }

  private async read(layer: number, wanted: (name: string) => boolean, watch: Watch): Promise<LayerNumbers> {
    // What was read last may lie where this one is read to.
    this.last = null;
    const infos = blockWeights(this.block(layer)).filter(({ name }) => wanted(name));
    const read = await this.reader.read(layer, infos, abortSignal(watch.signal));
    if (!this.sound.has(`${layer} ${infos.length}`)) {
      const damaged = this.reader.damaged(layer, null, read);
      if (damaged) throw damaged;
      this.sound.add(`${layer} ${infos.length}`);
    }
    return this.numbers(read);
  }

  private async expert(layer: number, which: number, watch: Watch): Promise<LayerNumbers> {
    const { feedForward } = this.block(layer);
    if (feedForward.kind !== 'moe') throw new TypeError('no experts here');
    const infos = feedForwardWeights(feedForward.expert, this.model.plan.hiddenSize);
    return this.numbers(await this.reader.readExpert(layer, which, infos, abortSignal(watch.signal)));
  }

  private numbers(read: WeightTensors): LayerNumbers {
    const wide = this.precision === 'float64';
    return new Map([...read].map(([name, t]) => [name, wide ? new Float64Array(floats(t)) : floats(t)] as const));
  }
}

/** Wᵀ · y for W `[out, in]`. */
export function transposedProduct(weight: Float32Array | Float64Array, direction: Float64Array): Float64Array {
  const width = weight.length / direction.length;
  const result = new Float64Array(width);
  direction.forEach((value, row) => {
    for (let i = 0, at = row * width; i < width; i++, at++)
      result[i] = (result[i] as number) + value * (weight[at] as number);
  });
  return result;
}

function elementOf(values: Float64Array, index: number): number {
  const found = values[index];
  if (found === undefined) throw new RangeError(`no ${index} of ${values.length}`);
  return found;
}

/** Rows of all, one after the other. */
export function stacked(parts: readonly Matrix[]): Matrix {
  const [first, second] = parts;
  const columns = first?.columns ?? 0;
  if (first !== undefined && second === undefined) return first;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  const data = new Float64Array(rows * columns);
  let at = 0;
  for (const part of parts) {
    data.set(part.data, at);
    at += part.data.length;
  }
  return { rows, columns, data };
}

/** The reverse: as many rows each as `like` has. */
function apart({ columns, data }: Matrix, like: readonly Matrix[]): readonly Matrix[] {
  let row = 0;
  return like.map(({ rows }) => {
    const own = data.subarray(row * columns, (row + rows) * columns);
    row += rows;
    return { rows, columns, data: own };
  });
}
