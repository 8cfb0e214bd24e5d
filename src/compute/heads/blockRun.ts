/**
 * One block over all tokens of one sequence. Short sequences run at once; long ones in steps on their own cache, so that
 * scores of all queries never exist together.
 */

import { BLOCK_OUTPUT, type BlockPrograms, buildBlockPrograms } from '../../attention/onnx/buildBlock';
import type { BlockSpec, MoeFeedForward } from '../../attention/spec/blockSpec';
import type { Tensor } from '../../attention/onnx/graph';
import { keyLimit } from '../../attention/spec/layerSpec';
import { runMixture } from '../../attention/step/mixture';
import type { AttentionProgram, CaptureName } from '../../attention/onnx/program';
import { stepInputs } from '../../attention/step/stepInputs';
import type { WeightInfo } from '../../attention/spec/weightNames';
import type { LoadedBlock, ProgramCache } from './programs';
import type { WeightTensors } from './layerReader';
import { RpcError } from '../../shared/rpcError';
import { allFinite } from '../../weights/finite';
import { floats, TokenRows, withoutBatch } from './tokenAxis';
import { abortSignal, checkCancelled, type Watch } from './watch';

export interface BlockAsk {
  /** Captures by name. `scores` and `weights` exist for short sequences only (`fitsAtOnce`). */
  readonly captures: readonly CaptureName[];
  /** Compute the block's output. Without it nothing is read or computed that the captures do not need. */
  readonly hidden: boolean;
}

export interface BlockResult {
  /** Shapes as in `CAPTURES`, without the batch axis. */
  readonly captures: ReadonlyMap<CaptureName, Tensor>;
  /** `[tokens, hidden]`, or null where it was not asked for. */
  readonly hidden: Float32Array | null;
}

/** Bytes that scores, masked scores and weights of one step may take together. */
const STEP_BYTES = 192 * 1024 ** 2;
const SCORE_TENSORS = 3;
const FLOAT_BYTES = 4;
const LEAST_STEP = 16;

/** Whether the layer's scores over all tokens are small enough to be computed, and kept, in one piece. */
export function fitsAtOnce(spec: BlockSpec, tokens: number, stepBytes?: number): boolean {
  return stepTokens(spec, tokens, stepBytes) >= tokens;
}

/** Tokens of one step, each with its scores over all tokens. */
export function stepTokens(spec: BlockSpec, tokens: number, stepBytes = STEP_BYTES): number {
  const perQuery = SCORE_TENSORS * FLOAT_BYTES * spec.layer.attention.queryHeads * tokens;
  return Math.max(LEAST_STEP, Math.floor(stepBytes / perQuery));
}

/** Where a block and its weights come from: `LayerReader` reads them from files. */
export interface BlockWeights {
  layer(index: number): { readonly block: BlockSpec };
  /** Valid until the next call. */
  read(index: number, infos: readonly WeightInfo[], signal?: AbortSignal): Promise<WeightTensors>;
  readExpert(index: number, expert: number, infos: readonly WeightInfo[], signal?: AbortSignal): Promise<WeightTensors>;
  /** The error about the first of the weights read that holds what is no number; weights of a seed hold none. */
  damaged?(index: number, expert: number | null, weights: WeightTensors): Error | null;
}

export class BlockRunner {
  constructor(
    private readonly sessions: ProgramCache,
    private readonly reader: BlockWeights,
    private readonly stepBytes = STEP_BYTES,
  ) {}

  /** @param input `[tokens, hidden]`, what enters the block. */
  async run(index: number, input: Float32Array, ask: BlockAsk, watch: Watch): Promise<BlockResult> {
    const spec = this.reader.layer(index).block;
    const tokens = input.length / spec.layer.hiddenSize;
    return fitsAtOnce(spec, tokens, this.stepBytes)
      ? this.atOnce(index, spec, input, tokens, ask, watch)
      : this.inSteps(index, spec, input, tokens, ask, watch);
  }

  private async atOnce(
    index: number,
    spec: BlockSpec,
    input: Float32Array,
    tokens: number,
    ask: BlockAsk,
    watch: Watch,
  ): Promise<BlockResult> {
    const captures = ask.captures.filter((name) => name !== 'hidden');
    const block = await this.sessions.block(spec, { mode: 'prefill', cache: 'none', captures, output: ask.hidden });
    const weights = await this.weights(index, spec, [block], ask.hidden, watch);
    checkCancelled(watch.signal);
    const feeds = stepInputs(spec.layer, block.programs.main, { newTokens: tokens, pastTokens: 0 });
    const { results, hidden } = await this.step(index, spec, block, weights, feeds, input, ask.hidden, watch);
    const found = Object.entries(block.programs.main.captures).map(
      ([name, output]) => [name as CaptureName, withoutBatch(tensorOf(results, output))] as const,
    );
    return withHidden(new Map(found), ask, hidden, spec.layer.hiddenSize);
  }

  private async inSteps(
    index: number,
    spec: BlockSpec,
    input: Float32Array,
    tokens: number,
    ask: BlockAsk,
    watch: Watch,
  ): Promise<BlockResult> {
    const { hiddenSize, attention } = spec.layer;
    const split = splitCaptures(spec, ask.captures);
    const load = (captures: readonly CaptureName[]): Promise<LoadedBlock> =>
      this.sessions.block(spec, { mode: 'decode', cache: 'append', captures, output: ask.hidden });
    const each = await load(split.each);
    const last = split.last.length === 0 ? each : await load([...split.each, ...split.last]);
    const weights = await this.weights(index, spec, [each, last], ask.hidden, watch);
    const limit = keyLimit(attention);
    const rows = new Map<string, TokenRows>();
    const keep = (key: string, tensor: Tensor, axis: number): void => {
      const shape = tensor.shape.map((size, i) => (i === axis ? tokens : size));
      let kept = rows.get(key);
      if (kept === undefined) rows.set(key, (kept = new TokenRows(shape, axis)));
      kept.add(tensor);
    };
    const whole = new Map<CaptureName, Tensor>();
    const size = stepTokens(spec, tokens, this.stepBytes);
    for (let start = 0; start < tokens; start += size) {
      checkCancelled(watch.signal);
      watch.progress({
        message: `tokens ${start} to ${Math.min(tokens, start + size)} of ${tokens}`,
        fraction: start / tokens,
      });
      const count = Math.min(size, tokens - start);
      const block = start + count === tokens ? last : each;
      const { main } = block.programs;
      const feeds = stepInputs(spec.layer, main, { newTokens: count, pastTokens: start, contextTokens: tokens });
      for (const { role, past, shape, tokenAxis } of main.cache) {
        if (past === null) continue;
        feeds.set(past, rows.get(`cache ${role}`)?.last(limit ?? undefined) ?? emptyPast(shape, tokenAxis));
      }
      const part = input.subarray(start * hiddenSize, (start + count) * hiddenSize);
      const { results, hidden } = await this.step(index, spec, block, weights, feeds, part, ask.hidden, watch);
      for (const { role, present, tokenAxis } of main.cache)
        if (present !== null) keep(`cache ${role}`, tensorOf(results, present), tokenAxis);
      for (const name of split.each)
        keep(name, tensorOf(results, main.captures[name] ?? ''), BY_TOKEN.has(name) ? 1 : 2);
      if (block === last)
        for (const name of split.last) whole.set(name, withoutBatch(tensorOf(results, main.captures[name] ?? '')));
      if (hidden !== null) keep('hidden', { type: 'float32', shape: [1, count, hiddenSize], data: hidden }, 1);
    }
    for (const name of split.each) whole.set(name, withoutBatch(finished(rows, name)));
    for (const [name, tensor] of cachedCaptures(spec, split.cached, rows)) whole.set(name, tensor);
    return withHidden(whole, ask, ask.hidden ? (finished(rows, 'hidden').data as Float32Array) : null, hiddenSize);
  }

  /**
   * The block's output for the tokens from `from` on, `[tokens − from, hidden]`. Of those before only K and V are computed.
   * @param input `[tokens, hidden]`, what enters the block.
   */
  async resume(index: number, input: Float32Array, from: number, watch: Watch): Promise<Float32Array> {
    const spec = this.reader.layer(index).block;
    const { hiddenSize, attention } = spec.layer;
    const tokens = input.length / hiddenSize;
    const load = (output: boolean): Promise<LoadedBlock> =>
      this.sessions.block(spec, { mode: 'decode', cache: 'append', captures: [], output });
    const [before, after] = [await load(false), await load(true)];
    const weights = await this.weights(index, spec, [before, after], true, watch);
    const limit = keyLimit(attention);
    const caches = new Map<string, TokenRows>();
    const result = new Float32Array((tokens - from) * hiddenSize);
    const size = stepTokens(spec, tokens, this.stepBytes);
    for (let start = 0; start < tokens; ) {
      checkCancelled(watch.signal);
      const isKnown = start < from;
      const count = Math.min(size, (isKnown ? from : tokens) - start);
      const block = isKnown ? before : after;
      const feeds = stepInputs(spec.layer, block.programs.main, {
        newTokens: count,
        pastTokens: start,
        contextTokens: tokens,
      });
      for (const { role, past, shape, tokenAxis } of block.programs.main.cache) {
        if (past !== null) feeds.set(past, caches.get(role)?.last(limit ?? undefined) ?? emptyPast(shape, tokenAxis));
      }
      const part = input.subarray(start * hiddenSize, (start + count) * hiddenSize);
      const { results, hidden } = await this.step(index, spec, block, weights, feeds, part, !isKnown, watch);
      for (const { role, present, tokenAxis } of block.programs.main.cache) {
        if (present === null) continue;
        const rows = tensorOf(results, present);
        const kept =
          caches.get(role) ??
          new TokenRows(
            rows.shape.map((dim, axis) => (axis === tokenAxis ? tokens : dim)),
            tokenAxis,
          );
        caches.set(role, kept);
        kept.add(rows);
      }
      if (hidden !== null) result.set(hidden, (start - from) * hiddenSize);
      start += count;
    }
    return result;
  }

  /** One run of the block's graphs on the given tokens. @param batch Sequences that `input` holds, one after the other. */
  async step(
    index: number,
    spec: BlockSpec,
    block: LoadedBlock,
    weights: WeightTensors,
    feeds: Map<string, Tensor>,
    input: Float32Array,
    wantHidden: boolean,
    watch: Watch,
    batch = 1,
  ): Promise<{ readonly results: ReadonlyMap<string, Tensor>; readonly hidden: Float32Array | null }> {
    const { main, tail } = block.programs;
    const { hiddenSize } = spec.layer;
    const shape = [batch, input.length / hiddenSize / batch, hiddenSize];
    feeds.set('hidden', { type: 'float32', shape, data: input });
    addWeights(feeds, main, weights);
    const results = await block.main.run(
      feeds,
      main.graph.outputs.map(({ name }) => name),
    );
    for (const [name, { data }] of results)
      if (name !== main.captures.scores && data instanceof Float32Array) this.assertFinite(index, null, data, weights);
    if (!wantHidden) return { results, hidden: null };
    if (tail === null || spec.feedForward.kind !== 'moe') return { results, hidden: floats(results.get(BLOCK_OUTPUT)) };
    const mixture = await this.mixture(index, spec.feedForward, block, weights, results, watch);
    const ends = new Map<string, Tensor>([
      ['mixture', { type: 'float32', shape, data: mixture }],
      ['residual', tensorOf(results, 'residual')],
    ]);
    for (const { name } of tail.weightInputs) ends.set(name, tensorOf(weights, name));
    const tailResults = await (await block.tail()).run(ends, [BLOCK_OUTPUT]);
    const hidden = floats(tailResults.get(BLOCK_OUTPUT));
    this.assertFinite(index, null, hidden, weights);
    return { results, hidden };
  }

  /** The experts that some token chose; only theirs are read. */
  private async mixture(
    index: number,
    moe: MoeFeedForward,
    block: LoadedBlock,
    weights: WeightTensors,
    results: ReadonlyMap<string, Tensor>,
    watch: Watch,
  ): Promise<Float32Array> {
    const { expert } = block.programs;
    if (expert === null) throw new TypeError('this block has no experts');
    const program = await block.expert();
    const correction = weights.get('router.correction');
    const shared = results.get('shared');
    const input = {
      rows: floats(results.get('feedForwardInput')),
      logits: floats(results.get('routerLogits')),
      ...(correction === undefined ? {} : { correction: floats(correction) }),
      ...(shared === undefined ? {} : { shared: floats(shared) }),
    };
    const signal = abortSignal(watch.signal);
    return runMixture(moe, input, async (which, rows, count) => {
      checkCancelled(watch.signal);
      const feeds = new Map(await this.reader.readExpert(index, which, expert.weightInputs, signal));
      feeds.set('rows', { type: 'float32', shape: [count, rows.length / count], data: rows });
      const result = floats((await program.run(feeds, ['result'])).get('result'));
      this.assertFinite(index, which, result, feeds);
      return result;
    });
  }

  /** @throws WeightsError naming the tensor, RpcError where the weights are fine and the numbers left their range. */
  assertFinite(index: number, expert: number | null, data: Float32Array, weights: WeightTensors): void {
    if (allFinite(data)) return;
    throw (
      this.reader.damaged?.(index, expert, weights) ??
      new RpcError('invalidInput', `layer ${index}: its values overflow float32, although its weights are finite`)
    );
  }

  /** What the loaded graphs take, and no more. */
  weights(
    index: number,
    spec: BlockSpec,
    blocks: readonly LoadedBlock[],
    hidden: boolean,
    watch: Watch,
  ): Promise<WeightTensors> {
    const infos = weightInfos(
      spec,
      blocks.map(({ programs }) => programs),
      hidden,
    );
    return this.reader.read(index, infos, abortSignal(watch.signal));
  }
}

function weightInfos(spec: BlockSpec, programs: readonly BlockPrograms[], hidden: boolean): readonly WeightInfo[] {
  const infos = new Map<string, WeightInfo>();
  for (const { main, tail } of programs) {
    for (const info of main.weightInputs) infos.set(info.name, info);
    if (hidden) for (const info of tail?.weightInputs ?? []) infos.set(info.name, info);
  }
  const mlp = spec.feedForward;
  if (hidden && mlp.kind === 'moe' && mlp.router.correctionBias)
    infos.set('router.correction', { name: 'router.correction', shape: [mlp.router.experts] });
  return [...infos.values()];
}

/** The weights that a run of a block reads, those of its experts apart. */
export function weightsToRead(
  spec: BlockSpec,
  tokens: number,
  { captures, hidden }: BlockAsk,
  stepBytes?: number,
): readonly WeightInfo[] {
  const asked = captures.filter((name) => name !== 'hidden');
  const build = (mode: 'prefill' | 'decode', wanted: readonly CaptureName[]): BlockPrograms =>
    buildBlockPrograms(spec, { mode, cache: mode === 'prefill' ? 'none' : 'append', captures: wanted, output: hidden });
  if (fitsAtOnce(spec, tokens, stepBytes)) return weightInfos(spec, [build('prefill', asked)], hidden);
  const { each, last } = splitCaptures(spec, asked);
  return weightInfos(spec, [build('decode', each), build('decode', [...each, ...last])], hidden);
}

/** Captures `[batch, tokens, width]`; the others have heads before the tokens. */
// biome-ignore format: names fill their lines
const BY_TOKEN: ReadonlySet<CaptureName> = new Set<CaptureName>([
  'attentionInput', 'output', 'feedForwardInput', 'routerLogits', 'latent', 'ropeKey',
]);

interface SplitCaptures {
  /** Rows of the step's tokens. */
  readonly each: readonly CaptureName[];
  /** All keys, asked of the last step alone. */
  readonly last: readonly CaptureName[];
  /** Taken from the cache that the steps left. */
  readonly cached: readonly CaptureName[];
}

/** How each capture is put together from steps. */
function splitCaptures(spec: BlockSpec, captures: readonly CaptureName[]): SplitCaptures {
  const latent = spec.layer.attention.kind === 'latent';
  const ofKeys = (name: CaptureName): boolean => name === 'k' || name === 'v';
  const ofRows = (name: CaptureName): boolean => name === 'latent' || name === 'ropeKey';
  const each = captures.filter((name) => name !== 'hidden' && !ofKeys(name) && !ofRows(name));
  if (each.includes('scores') || each.includes('weights'))
    throw new RangeError(
      'the scores of this many tokens are too large to be read at once: read them in tiles, or use a shorter prompt',
    );
  return {
    each,
    last: latent ? captures.filter(ofKeys) : [],
    cached: captures.filter((name) => ofRows(name) || (!latent && ofKeys(name))),
  };
}

function cachedCaptures(
  spec: BlockSpec,
  names: readonly CaptureName[],
  rows: ReadonlyMap<string, TokenRows>,
): [CaptureName, Tensor][] {
  const { attention } = spec.layer;
  return names.map((name) => {
    if (attention.kind !== 'latent')
      return [name, withoutBatch(finished(rows, name === 'k' ? 'cache key' : 'cache value'))];
    const row = finished(rows, 'cache latent');
    const [start, width] = name === 'latent' ? [0, attention.latentDim] : [attention.latentDim, attention.ropeDim];
    return [name, columns(row, start, width)];
  });
}

/** The past of a cache that holds nothing yet, for one sequence. */
export function emptyPast(shape: readonly (number | string)[], tokenAxis: number): Tensor {
  return {
    type: 'float32',
    shape: shape.map((dim, axis) => (axis === tokenAxis ? 0 : typeof dim === 'number' ? dim : 1)),
    data: new Float32Array(0),
  };
}

/** Columns of a `[1, tokens, all]` tensor: `[tokens, width]`. */
function columns({ shape, data }: Tensor, start: number, width: number): Tensor {
  const [, tokens = 0, all = 0] = shape;
  const result = new Float32Array(tokens * width);
  for (let token = 0; token < tokens; token++)
    result.set(data.subarray(token * all + start, token * all + start + width) as Float32Array, token * width);
  return { type: 'float32', shape: [tokens, width], data: result };
}

function finished(rows: ReadonlyMap<string, TokenRows>, name: string): Tensor {
  const found = rows.get(name);
  if (found === undefined) throw new TypeError(`the steps gave no ${name}`);
  return found.whole();
}

function tensorOf(results: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const found = results.get(name);
  if (found === undefined) throw new TypeError(`the graph gave no ${name}`);
  return found;
}

function addWeights(feeds: Map<string, Tensor>, program: AttentionProgram, weights: WeightTensors): void {
  for (const { name } of program.weightInputs) feeds.set(name, tensorOf(weights, name));
}

function withHidden(
  captures: Map<CaptureName, Tensor>,
  ask: BlockAsk,
  hidden: Float32Array | null,
  width: number,
): BlockResult {
  if (hidden !== null && ask.captures.includes('hidden'))
    captures.set('hidden', { type: 'float32', shape: [hidden.length / width, width], data: hidden });
  return { captures, hidden };
}
