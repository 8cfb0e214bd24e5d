/** The streaming forward pass: embeddings, then one layer after the other, each read, run and dropped. */

import { elementCount } from '../../attention/onnx/graph';
import type { AttentionLayerSpec, RunnableAttention } from '../../attention/spec/layerSpec';
import { blockWeights, feedForwardWeights, type WeightInfo } from '../../attention/spec/weightNames';
import { RpcError } from '../../shared/rpcError';
import { type FileSpan, LackingBytes } from '../../weights/partsFile';
import { embed, embeddingSpans, logits, logitsSpans } from '../../weights/plan/readPlan';
import { sourceSpans, sourceTensors, splitName } from '../../weights/plan/readSource';
import type { LayerPlan } from '../../weights/plan/weightPlan';
import { scaleNames } from '../../weights/blockScale';
import type { OpenModel } from '../../weights/openModel';
import { assertFits } from '../memory';
import type { Engine } from '../engines/engine';
import { type BlockAsk, BlockRunner, fitsAtOnce, weightsToRead } from './blockRun';
import { HiddenCache, type Known } from './hiddenCache';
import type { CaptureAsk, ForwardLimits, LayerCapture, LayerPass } from './layerPass';
import { LayerReader, type WeightTensors } from './layerReader';
import { ProgramCache } from './programs';
import { floats } from './tokenAxis';
import { abortSignal, checkCancelled, type Watch } from './watch';

/** Kinds of RoPE scaling whose frequencies change with the length of the prompt. */
const BY_LENGTH: ReadonlySet<string> = new Set(['dynamic', 'longrope']);

export class ForwardPass implements LayerPass {
  readonly sessions: ProgramCache;
  readonly memoryCeiling: number;
  /** Layers that were run so far, and tokens that they were run for. */
  work: { readonly layers: number; readonly tokens: number } = { layers: 0, tokens: 0 };
  private readonly states = new HiddenCache();
  /** Whether a token's state depends on the tokens before it alone: some kinds of RoPE depend on how many there are. */
  private readonly causal: boolean;

  constructor(
    private readonly model: OpenModel,
    readonly engine: Engine,
    private readonly limits: ForwardLimits = {},
  ) {
    this.sessions = new ProgramCache(engine);
    this.memoryCeiling = limits.memoryCeiling ?? Infinity;
    this.causal = model.plan.layers.every(({ block }) => !BY_LENGTH.has(block.layer.rotary?.scaling?.kind ?? ''));
  }

  attention(layer: number): RunnableAttention | undefined {
    return this.model.plan.layers[layer]?.block.layer.attention;
  }

  atOnce(layer: number, tokens: number): boolean {
    const block = this.model.plan.layers[layer]?.block;
    return block === undefined || fitsAtOnce(block, tokens, this.limits.stepBytes);
  }

  /**
   * @throws WeightsError for ids outside the vocabulary and anything wrong with the files; RpcError `invalidInput` for a
   *   layer that is not there, `cancelled`, `tooLarge`.
   */
  async capture(ask: CaptureAsk, watch: Watch): Promise<LayerCapture> {
    const { ids, layer } = ask;
    const { plan, store } = this.model;
    const count = plan.layers.length;
    const spec = plan.layers[layer]?.block.layer;
    if (spec === undefined)
      throw new RpcError('invalidInput', `there is no layer ${layer}: the model has layers 0 to ${count - 1}`);
    if (ids.length === 0) throw new RpcError('invalidInput', 'there are no tokens');
    const signal = abortSignal(watch.signal);
    const reader = new LayerReader(store, plan);
    const runner = new BlockRunner(this.sessions, reader, this.limits.stepBytes);
    const end = ask.logits ? count : layer + 1;
    const stage = (index: number): Watch => ({
      signal: watch.signal,
      progress: ({ message, fraction = 0 }) =>
        watch.progress({ message: `layer ${index}: ${message}`, fraction: (index + fraction) / end }),
    });
    let { layer: index, hidden } = this.states.nearest(ids, layer, this.causal) ?? {
      layer: 0,
      hidden: await this.embeddings(ids),
    };
    for (; index < layer; index++) {
      hidden = await this.through(runner, index, hidden, stage(index), this.states.known(ids, index + 1, this.causal));
      this.states.add(ids, index + 1, hidden);
    }
    const wantHidden = ask.logits || ask.captures.includes('hidden');
    if (wantHidden) this.assertLayerFits(index);
    stage(index).progress({ message: 'reading and running' });
    const result = await runner.run(index, hidden, { captures: ask.captures, hidden: wantHidden }, stage(index));
    this.count(ids.length);
    const sinks = spec.sinks
      ? floats((await reader.read(index, [{ name: 'sinks', shape: [spec.attention.queryHeads] }], signal)).get('sinks'))
      : null;
    let last: Float32Array | null = null;
    if (result.hidden !== null) {
      hidden = result.hidden;
      if (index + 1 < count) this.states.add(ids, index + 1, hidden);
      if (ask.logits) {
        for (index++; index < count; index++) hidden = await this.through(runner, index, hidden, stage(index));
        watch.progress({ message: 'logits', fraction: 1 });
        last = await logits(store, plan, hidden.slice(hidden.length - plan.hiddenSize), signal);
      }
    }
    return { ids, layer, spec, tensors: result.captures, sinks, logits: last };
  }

  async lacking(
    { ids, layer, captures, logits: wantLogits }: CaptureAsk,
    beside?: (spec: AttentionLayerSpec) => readonly WeightInfo[],
  ): Promise<number> {
    const { plan, store } = this.model;
    const count = plan.layers.length;
    const asked = plan.layers[layer];
    if (asked === undefined) return 0;
    const known = this.states.nearest(ids, layer, this.causal);
    const spans: FileSpan[] = known === null ? [...embeddingSpans(store, plan, ids)] : [];
    const hidden = wantLogits || captures.includes('hidden');
    const through = { captures: [], hidden: true };
    const runs = [
      ...indexes(known?.layer ?? 0, layer).map((index) => ({ index, ask: through })),
      { index: layer, ask: { captures, hidden } },
      ...(wantLogits ? indexes(layer + 1, count).map((index) => ({ index, ask: through })) : []),
    ];
    for (const { index, ask } of runs) spans.push(...this.layerSpans(index, ids.length, ask));
    if (wantLogits) spans.push(...logitsSpans(store, plan));
    for (const { name } of beside?.(asked.block.layer) ?? []) spans.push(...this.weightSpans(asked, name));
    const lacking = new LackingBytes();
    let bytes = await lacking.of(spans);
    for (const { index, ask } of runs) if (ask.hidden) bytes += await this.lackingExperts(index, ids.length, lacking);
    return bytes;
  }

  /** What a run of a block reads, its experts apart. */
  private layerSpans(index: number, tokens: number, ask: BlockAsk): readonly FileSpan[] {
    const layer = this.model.plan.layers[index];
    if (layer === undefined) return [];
    const infos = weightsToRead(layer.block, tokens, ask, this.limits.stepBytes);
    const names = [...infos.map((info) => info.name), ...(layer.block.layer.sinks ? ['sinks'] : [])];
    return names.flatMap((name) => this.weightSpans(layer, name));
  }

  private weightSpans({ prefix, sources }: LayerPlan, name: string): readonly FileSpan[] {
    const { store } = this.model;
    const source = sources[splitName(name).base];
    if (source === undefined) return [];
    const tensors = sourceTensors(prefix, source, name);
    return [...new Set(tensors.flatMap((tensor) => [tensor, ...scaleNames(tensor)]))]
      .filter((tensor) => store.has(tensor))
      .map((tensor) => store.span(tensor));
  }

  /** Which experts a prompt needs is known when it has run: as many as its tokens can choose are counted, those that lack most. */
  private async lackingExperts(index: number, tokens: number, lacking: LackingBytes): Promise<number> {
    const { plan, store } = this.model;
    const layer = plan.layers[index];
    const mlp = layer?.block.feedForward;
    if (layer === undefined || mlp?.kind !== 'moe') return 0;
    const { prefix, expert: sourcesOf } = layer;
    if (sourcesOf === null) return 0;
    const infos = feedForwardWeights(mlp.expert, layer.block.layer.hiddenSize);
    const sizes: number[] = [];
    for (const expert of indexes(0, mlp.router.experts)) {
      const sources = sourcesOf(expert);
      const spans = infos.flatMap(({ name }) => {
        const source = sources[splitName(name).base];
        return source === undefined ? [] : sourceSpans(store, prefix, source, name);
      });
      sizes.push(await lacking.of(spans));
    }
    return sizes
      .sort((a, b) => b - a)
      .slice(0, tokens * mlp.router.topK)
      .reduce((sum, bytes) => sum + bytes, 0);
  }

  /** @throws WeightsError where one of them holds what is no number. */
  async weights(layer: number, infos: readonly WeightInfo[], watch: Watch): Promise<WeightTensors> {
    const { plan, store } = this.model;
    const reader = new LayerReader(store, plan);
    const read = await reader.read(layer, infos, abortSignal(watch.signal));
    const damaged = reader.damaged(layer, null, read);
    if (damaged) throw damaged;
    return read;
  }

  dispose(): Promise<void> {
    return this.sessions.dispose();
  }

  private embeddings(ids: readonly number[]): Promise<Float32Array> {
    const { plan, store } = this.model;
    return embed(store, plan, ids);
  }

  /** @param known The output of the first tokens, from an earlier prompt that began alike. */
  private async through(
    runner: BlockRunner,
    index: number,
    hidden: Float32Array,
    watch: Watch,
    known: Known | null = null,
  ): Promise<Float32Array> {
    checkCancelled(watch.signal);
    this.assertLayerFits(index);
    watch.progress({ message: 'reading and running' });
    const { hiddenSize } = this.model.plan;
    const tokens = hidden.length / hiddenSize;
    const from = known?.tokens ?? 0;
    this.count(tokens - from);
    if (known !== null) {
      const output = new Float32Array(hidden.length);
      output.set(known.hidden);
      output.set(await runner.resume(index, hidden, from, watch), from * hiddenSize);
      return output;
    }
    const result = await runner.run(index, hidden, { captures: [], hidden: true }, watch);
    if (result.hidden === null) throw new TypeError('the block gave no output');
    return result.hidden;
  }

  private count(tokens: number): void {
    this.work = { layers: this.work.layers + 1, tokens: this.work.tokens + tokens };
  }

  private assertLayerFits(index: number): void {
    const block = this.model.plan.layers[index]?.block;
    if (block !== undefined)
      assertFits(
        blockWeights(block).reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0),
        this.memoryCeiling,
      );
  }
}

/** Whole numbers from one to before another. */
function indexes(from: number, to: number): readonly number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at);
}
