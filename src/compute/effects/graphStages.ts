/** The stages of larger models: whole layers as graphs, many runs at once, in float32; and predictions compared on the engine, too. */

import { GraphBuilder } from '../../attention/onnx/graphBuilder';
import type { Graph, Tensor } from '../../attention/onnx/graph';
import { stepInputs } from '../../attention/step/stepInputs';
import type { Matrix } from '../../insight/matrix';
import { elementAt } from '../../model/elementAt';
import type { OpenModel } from '../../weights/openModel';
import type { Engine } from '../engines/engine';
import { BlockRunner, fitsAtOnce } from '../heads/blockRun';
import { LayerReader } from '../heads/layerReader';
import { ProgramCache } from '../heads/programs';
import { floats } from '../heads/tokenAxis';
import { abortSignal, checkCancelled, type Watch } from '../heads/watch';
import { engineLinear } from '../tradeoff/linear';
import { HEAD_ROWS, headInputs } from '../tradeoff/outputHead';
import { apart, MatrixStages, stacked } from './matrixStages';
import type { Measured } from './stages';

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

  constructor(model: OpenModel, engine: Engine) {
    super(model, engineLinear(engine));
    this.programs = new ProgramCache(engine);
    this.runner = new BlockRunner(this.programs, new LayerReader(this.store, model.plan));
  }

  override batch(tokens: number): number {
    const heads = Math.max(...this.layers.map(({ queryHeads }) => queryHeads));
    const byScores = Math.floor(SCORE_BYTES / (12 * heads * tokens * tokens));
    return Math.max(1, Math.min(Math.floor(TOGETHER / tokens), byScores));
  }

  override async through(layer: number, hidden: readonly Matrix[], watch: Watch): Promise<readonly Matrix[]> {
    const spec = this.block(layer);
    const tokens = elementAt(hidden, 0).rows;
    if (!fitsAtOnce(spec, tokens)) return super.through(layer, hidden, watch);
    const block = await this.programs.block(spec, { mode: 'prefill', cache: 'none', captures: [], output: true });
    const weights = await this.runner.weights(layer, spec, [block], true, watch);
    checkCancelled(watch.signal);
    const feeds = stepInputs(spec.layer, block.programs.main, {
      batch: hidden.length,
      newTokens: tokens,
      pastTokens: 0,
    });
    const input = new Float32Array(stacked(hidden).data);
    const result = await this.runner.step(layer, spec, block, weights, feeds, input, true, watch, hidden.length);
    if (result.hidden === null) throw new TypeError('the block gave no output');
    const { columns } = elementAt(hidden, 0);
    return apart({ rows: hidden.length * tokens, columns, data: new Float64Array(result.hidden) }, hidden);
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
    const { head, bias, multiplier, softcap } = this.model.plan.output;
    const signal = abortSignal(watch.signal);
    const added = bias === null ? null : await this.store.read(bias, { signal });
    const result = inputs.map(() => new Float64Array(Math.max(0, ids.length - 1)));
    for (let position = 0; position + 1 < ids.length; position++) {
      const next = elementAt(ids, position + 1);
      const row = await this.store.read(head, { rows: [next, next + 1], signal });
      inputs.forEach(({ columns, data }, run) => {
        let sum = added === null ? 0 : (added[next] as number);
        for (let i = 0, at = position * columns; i < columns; i++, at++)
          sum += (row[i] as number) * (data[at] as number);
        const logit = sum * multiplier;
        elementAt(result, run)[position] = softcap === null ? logit : softcap * Math.tanh(logit / softcap);
      });
    }
    return result;
  }
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
