/** The stages of larger models: whole layers as graphs, many runs at once, in float32; and predictions compared on the engine, too. */

import { BLOCK_OUTPUT } from '../../attention/onnx/buildBlock';
import { buildAttending, buildRest } from '../../attention/onnx/buildHalves';
import { GraphBuilder } from '../../attention/onnx/graphBuilder';
import type { Graph, Tensor } from '../../attention/onnx/graph';
import { headDims } from '../../attention/spec/layerSpec';
import type { WeightInfo } from '../../attention/spec/weightNames';
import { stepInputs } from '../../attention/step/stepInputs';
import type { Matrix } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import type { OpenModel } from '../../weights/openModel';
import type { Engine, LoadedProgram } from '../engines/engine';
import { BlockRunner, fitsAtOnce } from '../heads/blockRun';
import { LayerReader } from '../heads/layerReader';
import { ProgramCache } from '../heads/programs';
import { floats } from '../heads/tokenAxis';
import { abortSignal, checkCancelled, type Watch } from '../heads/watch';
import { engineLinear } from '../tradeoff/linear';
import { HEAD_ROWS, headInputs } from '../tradeoff/outputHead';
import { MatrixStages, stacked } from './matrixStages';
import type { Fed, Measured } from './stages';

/** Tokens of all runs that are computed side by side: matrices of so many rows keep the processor busy. */
const TOGETHER = 2048;
/** Numbers of scores of all runs, three times over (blockRun.ts), may take so much. */
const SCORE_BYTES = 192 * 1024 ** 2;

/** What is known of the unchanged prediction: ln Σ e^logit of each position. */
interface Reference {
  readonly logSums: Float64Array;
  readonly ready: Matrix;
  readonly loss: Float64Array;
}

export class GraphStages extends MatrixStages {
  private readonly programs: ProgramCache;
  private readonly runner: BlockRunner;
  private readonly references = new WeakMap<Matrix, Reference>();

  private readonly weightsOf: LayerReader;

  constructor(model: OpenModel, engine: Engine) {
    super(model, engineLinear(engine));
    this.programs = new ProgramCache(engine);
    this.weightsOf = new LayerReader(this.store, model.plan);
    this.runner = new BlockRunner(this.programs, this.weightsOf);
  }

  override batch(tokens: number): number {
    const heads = Math.max(...this.layers.map(({ queryHeads }) => queryHeads));
    const byScores = Math.floor(SCORE_BYTES / (12 * heads * tokens * tokens));
    return Math.max(1, Math.min(Math.floor(TOGETHER / tokens), byScores));
  }

  override async attend(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    const spec = this.block(layer);
    const { rows: tokens, columns } = elementAt(hidden, 0);
    if (!fitsAtOnce(spec, tokens)) return super.attend(layer, hidden, watch);
    const program = buildAttending(spec);
    const loaded = await this.programs.load(`heads ${JSON.stringify(spec)}`, program.graph);
    const step = { batch: hidden.length, newTokens: tokens, pastTokens: 0 };
    const feeds = stepInputs(spec.layer, program, step);
    feeds.set('hidden', tensorOf(stacked(hidden), [hidden.length, tokens, columns]));
    const [rows] = await this.half(layer, loaded, program.weightInputs, feeds, ['rows'], watch);
    const { queryHeads, valueDim } = headDims(spec.layer.attention);
    return matrices(rows, hidden.length, tokens, queryHeads * valueDim);
  }

  override async rest(
    layer: number,
    hidden: readonly Matrix[],
    rows: readonly Matrix[],
    fed: Fed | null,
    watch: Watch,
  ): Promise<readonly Matrix[]> {
    const spec = this.block(layer);
    if (spec.feedForward.kind === 'moe') return super.rest(layer, hidden, rows, fed, watch);
    const { rows: tokens, columns } = elementAt(hidden, 0);
    const run = async (which: readonly number[], given: readonly Matrix[] | null): Promise<readonly Matrix[][]> => {
      const program = buildRest(spec, given === null ? 'computed' : 'given');
      const key = `rest, ${given === null ? '' : 'feed-forward given, '}${JSON.stringify(spec)}`;
      const loaded = await this.programs.load(key, program.graph);
      const of = (from: readonly Matrix[]): Matrix => stacked(which.map((at) => elementAt(from, at)));
      const shape = [which.length, tokens, columns];
      const feeds = new Map([
        ['hidden', tensorOf(of(hidden), shape)],
        ['rows', tensorOf(of(rows), [which.length, tokens, elementAt(rows, 0).columns])],
        ...(given === null ? [] : [['made', tensorOf(stacked(given), shape)] as const]),
      ]);
      const wanted = [BLOCK_OUTPUT, ...(fed !== null && given === null ? ['made'] : [])];
      const found = await this.half(layer, loaded, program.weightInputs, feeds, wanted, watch);
      return found.map((data) => matrices(data, which.length, tokens, columns));
    };
    const [leaving = [], made = []] = await run([...hidden.keys()], null);
    if (fed === null) return leaving;
    const given = made.map((own, at) => fed(at, own));
    const changed = [...given.keys()].filter((at) => given[at] !== made[at]);
    if (changed.length === 0) return leaving;
    const [again = []] = await run(
      changed,
      changed.map((at) => elementAt(given, at)),
    );
    return leaving.map((own, at) => again[changed.indexOf(at)] ?? own);
  }

  /** One of the halves of a block. @throws RpcError and WeightsError for numbers that are none. */
  private async half(
    layer: number,
    program: LoadedProgram,
    infos: readonly WeightInfo[],
    feeds: Map<string, Tensor>,
    outputs: readonly string[],
    watch: Watch,
  ): Promise<readonly Float32Array[]> {
    const weights = await this.weightsOf.read(layer, infos, abortSignal(watch.signal));
    checkCancelled(watch.signal);
    for (const [name, tensor] of weights) feeds.set(name, tensor);
    const results = await program.run(feeds, outputs);
    return outputs.map((name) => {
      const data = floats(results.get(name));
      this.runner.assertFinite(layer, null, data, weights);
      return data;
    });
  }

  /** From layer to layer in the engine's own numbers. */
  override async onward(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    const count = this.layers.length;
    const { rows: tokens, columns } = elementAt(hidden, 0);
    const left = Array.from({ length: count - layer }, (_, at) => layer + at);
    if (left.length === 0) return hidden;
    if (!left.every((at) => fitsAtOnce(this.block(at), tokens))) return super.onward(layer, hidden, watch);
    let states = new Float32Array(stacked(hidden).data);
    for (const at of left) {
      this.tell(at, watch);
      states = await this.whole(at, states, hidden.length, tokens, watch);
    }
    return matrices(states, hidden.length, tokens, columns);
  }

  override async through(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    const { rows: tokens, columns } = elementAt(hidden, 0);
    if (!fitsAtOnce(this.block(layer), tokens)) return super.through(layer, hidden, watch);
    const input = new Float32Array(stacked(hidden).data);
    return matrices(await this.whole(layer, input, hidden.length, tokens, watch), hidden.length, tokens, columns);
  }

  private async whole(
    layer: number,
    input: Float32Array,
    batch: number,
    tokens: number,
    watch: Watch,
  ): Promise<Float32Array<ArrayBuffer>> {
    const spec = this.block(layer);
    const block = await this.programs.block(spec, { mode: 'prefill', cache: 'none', captures: [], output: true });
    const weights = await this.runner.weights(layer, spec, [block], true, watch);
    checkCancelled(watch.signal);
    const feeds = stepInputs(spec.layer, block.programs.main, { batch, newTokens: tokens, pastTokens: 0 });
    const result = await this.runner.step(layer, spec, block, weights, feeds, input, true, watch, batch);
    if (result.hidden === null) throw new TypeError('the block gave no output');
    return result.hidden as Float32Array<ArrayBuffer>;
  }

  override async measure(
    ids: readonly number[],
    unchanged: Matrix,
    final: readonly Matrix[],
    watch: Watch,
  ): Promise<readonly Measured[]> {
    const signal = abortSignal(watch.signal);
    const { plan } = this.model;
    const { output } = plan;
    const { logSums, ready, loss } = await this.reference(ids, unchanged, watch);
    const inputs = await headInputs(this.store, plan, final, this.linear.map, signal);
    const [tokens, width] = [ids.length, ready.columns];
    const program = await this.programs.load('predictions compared', comparison(output, width));
    const vocabulary = elementAt(this.store.info(output.head).shape, 0);
    const bias = output.bias === null ? null : await this.store.read(output.bias, { signal });
    const feed = (rows: Matrix, batch: number): Tensor => ({
      type: 'float32',
      shape: [batch, tokens, width],
      data: new Float32Array(rows.data),
    });
    const [after, before] = [feed(stacked(inputs), inputs.length), feed(ready, 1)];
    // Of each run and position: Σ p (e^d − 1) and Σ p d, d the change of a logit.
    const grown = new Float64Array(inputs.length * tokens);
    const moved = new Float64Array(inputs.length * tokens);
    const buffer = new Float32Array(Math.min(vocabulary, HEAD_ROWS) * width);
    for (let first = 0; first < vocabulary; first += HEAD_ROWS) {
      checkCancelled(watch.signal);
      const end = Math.min(vocabulary, first + HEAD_ROWS);
      const piece = await this.store.read(output.head, { rows: [first, end], into: buffer, signal });
      const feeds = new Map<string, Tensor>([
        ['after', after],
        ['before', before],
        ['head', { type: 'float32', shape: [end - first, width], data: piece }],
        ['log_sums', { type: 'float32', shape: [1, tokens, 1], data: new Float32Array(logSums) }],
      ]);
      if (bias !== null) feeds.set('bias', { type: 'float32', shape: [end - first], data: bias.slice(first, end) });
      const results = await program.run(feeds, ['grown', 'moved']);
      add(grown, floats(results.get('grown')));
      add(moved, floats(results.get('moved')));
    }
    const targets = await this.targets(ids, inputs, watch);
    const result: Measured[] = [];
    for (const [run, rows] of final.entries()) {
      const at = run * tokens;
      const [own, shift] = [grown.subarray(at, at + tokens), moved.subarray(at, at + tokens)];
      if (!own.every(Number.isFinite) || !shift.every(Number.isFinite)) {
        // Logits that leave what e^d holds in float32.
        result.push(...(await super.measure(ids, unchanged, [rows], watch)));
        continue;
      }
      const target = elementAt(targets, run);
      result.push({
        kl: own.map((value, i) => Math.max(0, Math.log1p(value) - (shift[i] as number))),
        lossBefore: loss,
        // In this order: what changes nothing is to be nothing.
        lossAfter: target.map((logit, i) => (logSums[i] as number) - logit + Math.log1p(own[i] as number)),
      });
    }
    return result;
  }

  override async losses(ids: readonly number[], unchanged: Matrix, watch: Watch): Promise<Float64Array> {
    return (await this.reference(ids, unchanged, watch)).loss;
  }

  override async dispose(): Promise<void> {
    await this.programs.dispose();
    await super.dispose();
  }

  private async reference(ids: readonly number[], unchanged: Matrix, watch: Watch): Promise<Reference> {
    const known = this.references.get(unchanged);
    if (known !== undefined) return known;
    const most = new Float64Array(ids.length).fill(-Infinity);
    const sums = new Float64Array(ids.length);
    for await (const { rows } of this.pieces([unchanged], watch)) {
      const { columns, data } = elementAt(rows, 0);
      for (let position = 0; position < ids.length; position++) {
        const row = data.subarray(position * columns, (position + 1) * columns);
        const top = row.reduce((a, b) => Math.max(a, b), most[position] as number);
        let sum = (sums[position] as number) * Math.exp((most[position] as number) - top);
        for (let i = 0; i < columns; i++) sum += Math.exp((row[i] as number) - top);
        most[position] = top;
        sums[position] = sum;
      }
    }
    const logSums = most.map((value, i) => value + Math.log(sums[i] as number));
    const signal = abortSignal(watch.signal);
    const inputs = await headInputs(this.store, this.model.plan, [unchanged], this.linear.map, signal);
    const [target] = await this.targets(ids, inputs, watch);
    const reference: Reference = {
      logSums,
      ready: elementAt(inputs, 0),
      loss: (target ?? new Float64Array(0)).map((logit, i) => (logSums[i] as number) - logit),
    };
    this.references.set(unchanged, reference);
    return reference;
  }

  /** Of each run, the logit of the token that follows each position. */
  private async targets(
    ids: readonly number[],
    inputs: readonly Matrix[],
    watch: Watch,
  ): Promise<readonly Float64Array[]> {
    const result = inputs.map(() => new Float64Array(Math.max(0, ids.length - 1)));
    for (let position = 0; position + 1 < ids.length; position++) {
      const logit = await this.logitRow(elementAt(ids, position + 1), watch);
      inputs.forEach(({ data }, run) => {
        elementAt(result, run)[position] = logit(data, position);
      });
    }
    return result;
  }
}

function tensorOf({ data }: Matrix, shape: readonly number[]): Tensor {
  return { type: 'float32', shape, data: new Float32Array(data) };
}

/** `[runs, rows, columns]` as a matrix for each run. */
function matrices(data: Float32Array | undefined, runs: number, rows: number, columns: number): Matrix[] {
  const wide = new Float64Array(data ?? []);
  return Array.from({ length: runs }, (_, run) => {
    return { rows, columns, data: wide.subarray(run * rows * columns, (run + 1) * rows * columns) };
  });
}

function add(to: Float64Array, from: Float32Array): void {
  for (let i = 0; i < to.length; i++) to[i] = (to[i] as number) + (from[i] as number);
}

/** Σ p (e^d − 1) and Σ p d over a piece of the vocabulary, d = logit after − before. */
function comparison({ bias, multiplier, softcap }: OpenModel['plan']['output'], width: number): Graph {
  const g = new GraphBuilder();
  const head = g.input('head', ['piece', width]);
  const turned = g.transpose(head, [1, 0], 'head/transpose');
  const added = bias === null ? null : g.input('bias', ['piece']);
  const logits = (name: string, batch: number | string): string => {
    const product = g.matmul(g.input(name, [batch, 'tokens', width]), turned, `${name}/product`);
    const shifted = added === null ? product : g.add(product, added, `${name}/bias`);
    const scaled = g.times(shifted, multiplier, `${name}/multiplier`);
    if (softcap === null) return scaled;
    return g.times(
      g.op('Tanh', [g.times(scaled, 1 / softcap, `${name}/over_cap`)], {}, `${name}/tanh`),
      softcap,
      `${name}/cap`,
    );
  };
  const before = logits('before', 1);
  const change = g.op('Sub', [logits('after', 'batch'), before], {}, 'change');
  const sums = g.input('log_sums', [1, 'tokens', 1]);
  const shares = g.op('Exp', [g.op('Sub', [before, sums], {}, 'log_shares')], {}, 'shares');
  const growth = g.op('Sub', [g.op('Exp', [change], {}, 'change/exp'), g.scalar(1)], {}, 'growth');
  const sum = (of: string, name: string): void => {
    const products = g.mul(shares, of, `${name}/products`);
    g.output(name, g.op('ReduceSum', [products, g.int64s([-1])], { keepdims: 0 }, `${name}/sum`), ['batch', 'tokens']);
  };
  sum(growth, 'grown');
  sum(change, 'moved');
  return g.finish('predictions compared');
}
