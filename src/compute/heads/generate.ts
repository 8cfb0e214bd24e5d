/** Continuation of a prompt on a KV cache, through the decode programs: the whole stack, end to end. */

import type { Tensor } from '../../attention/onnx/graph';
import { stepInputs } from '../../attention/step/stepInputs';
import type { JsonValue } from '../../config/document';
import { chooseToken, GREEDY, type Sampling } from '../../insight/lens/sampling';
import { elementAt } from '../../model/elementAt';
import type { CacheStep } from '../../shared/lensContract';
import { RpcError } from '../../shared/rpcError';
import { tensorBytes } from '../../shared/transfer';
import { embed, logits } from '../../weights/plan/readPlan';
import type { Engine } from '../engines/engine';
import { BlockRunner, emptyPast, stepTokens } from './blockRun';
import type { HeadModel } from './headModel';
import { LayerReader, type WeightTensors } from './layerReader';
import { MemoryStore, widenedBytes } from './memoryStore';
import { ProgramCache } from './programs';
import { abortSignal, checkCancelled, type Watch } from './watch';

export interface Generated {
  /** The prompt and what follows it. */
  readonly ids: readonly number[];
  /** What follows it; its last id may be an end token. */
  readonly generated: readonly number[];
}

/** A model of at most this many bytes as float32 stays in memory; of a larger one every token reads every layer. */
const RESIDENT_BYTES = 1.5 * 1024 ** 3;

/** One step, for whoever looks on. */
export interface GeneratedStep {
  readonly id: number;
  /** Of all tokens, behind what was there before. */
  readonly logits: Float32Array;
  readonly cache: readonly CacheStep[];
}

/**
 * Up to `count` more tokens, each the likeliest (of equal ones the first) or by chance; ends early behind an end token of the model.
 * @param seen Is told of every token.
 * @throws WeightsError, RpcError `cancelled` or `invalidInput`.
 */
export async function generate(
  model: HeadModel,
  engine: Engine,
  prompt: readonly number[],
  count: number,
  watch: Watch,
  sampling: Sampling = GREEDY,
  seen: (step: GeneratedStep) => void = () => undefined,
): Promise<Generated> {
  if (prompt.length === 0) throw new RpcError('invalidInput', 'there are no tokens');
  const ends = endTokens(model);
  const decoder = new Decoder(model, engine, prompt.length + count);
  const ids = [...prompt];
  try {
    let fresh: readonly number[] = prompt;
    for (let step = 0; step < count; step++) {
      watch.progress({ message: `token ${step + 1} of ${count}`, fraction: step / count });
      const logits = await decoder.next(fresh, watch);
      const { id: next } = chooseToken(logits, sampling, ids.length);
      seen({ id: next, logits, cache: decoder.lastStep() });
      ids.push(next);
      if (ends.has(next)) break;
      fresh = [next];
    }
  } finally {
    await decoder.dispose();
  }
  return { ids, generated: ids.slice(prompt.length) };
}

/** The state of one sequence: a cache for every layer. */
export class Decoder {
  private readonly sessions: ProgramCache;
  private readonly resident: Map<number, WeightTensors> | null;
  private readonly store: MemoryStore | HeadModel['model']['store'];
  private readonly reader: LayerReader;
  private readonly runner: BlockRunner;
  /** Of each layer, by role. */
  private readonly caches: Map<string, Tensor>[];
  private seen = 0;
  private before: readonly number[] = [];
  private fresh = 0;

  /** @param resident A model of at most this many bytes as float32 stays in memory. */
  constructor(
    private readonly model: HeadModel,
    engine: Engine,
    private readonly context: number,
    resident = RESIDENT_BYTES,
  ) {
    const { store, plan } = model.model;
    this.sessions = new ProgramCache(engine, Infinity);
    const fits = widenedBytes(store) <= resident;
    this.resident = fits ? new Map() : null;
    this.store = fits ? new MemoryStore(store) : store;
    this.reader = new LayerReader(this.store, plan, !fits);
    this.runner = new BlockRunner(this.sessions, this.reader);
    this.caches = plan.layers.map(() => new Map());
  }

  /** Logits behind the last of the given tokens, which follow those seen before. */
  async next(ids: readonly number[], watch: Watch): Promise<Float32Array> {
    const { plan } = this.model.model;
    const step = Math.min(...plan.layers.map(({ block }) => stepTokens(block, this.context)));
    let last = new Float32Array(0);
    this.before = plan.layers.map((_, layer) => this.held(layer));
    const known = this.seen;
    for (let start = 0; start < ids.length; start += step) {
      const hidden = await this.through(ids.slice(start, start + step), watch);
      last = hidden.slice(hidden.length - plan.hiddenSize);
    }
    this.fresh = this.seen - known;
    return logits(this.store, plan, last, abortSignal(watch.signal));
  }

  /** What `next` read of the caches and wrote into them. */
  lastStep(): readonly CacheStep[] {
    return this.model.model.plan.layers.map(({ block }, layer) => ({
      layer,
      kind: block.layer.attention.kind,
      read: elementAt(this.before, layer),
      written: this.fresh,
      held: this.held(layer),
      bytes: [...(this.caches[layer]?.values() ?? [])].reduce((sum, tensor) => sum + tensorBytes(tensor), 0),
    }));
  }

  /** Tokens in a layer's cache; all its tensors have as many. Latent rows have no axis of heads. */
  private held(layer: number): number {
    const [tensor] = this.caches[layer]?.values() ?? [];
    return tensor === undefined ? 0 : elementAt(tensor.shape, tensor.shape.length - 2);
  }

  dispose(): Promise<void> {
    return this.sessions.dispose();
  }

  private async through(ids: readonly number[], watch: Watch): Promise<Float32Array> {
    const { plan } = this.model.model;
    let hidden: Float32Array = await embed(this.store, plan, ids, this.seen);
    for (let index = 0; index < plan.layers.length; index++) {
      checkCancelled(watch.signal);
      hidden = await this.layer(index, hidden, ids.length, watch);
    }
    this.seen += ids.length;
    return hidden;
  }

  private async layer(index: number, input: Float32Array, tokens: number, watch: Watch): Promise<Float32Array> {
    const spec = this.reader.layer(index).block;
    const block = await this.sessions.block(spec, { mode: 'decode', cache: 'present', captures: [], output: true });
    const { main } = block.programs;
    const weights = this.resident?.get(index) ?? (await this.runner.weights(index, spec, [block], true, watch));
    this.resident?.set(index, weights);
    const feeds = stepInputs(spec.layer, main, { newTokens: tokens, pastTokens: this.seen });
    const cache = this.caches[index];
    if (cache === undefined) throw new RangeError(`no layer ${index}`);
    for (const { role, past, shape, tokenAxis } of main.cache) {
      if (past !== null) feeds.set(past, cache.get(role) ?? emptyPast(shape, tokenAxis));
    }
    const { results, hidden } = await this.runner.step(index, spec, block, weights, feeds, input, true, watch);
    for (const { role, present } of main.cache) {
      const tensor = present === null ? undefined : results.get(present);
      if (tensor !== undefined) cache.set(role, tensor);
    }
    if (hidden === null) throw new TypeError('the block gave no output');
    return hidden;
  }
}

/** Ids behind which the model is done: those of its config, or of the GGUF file. */
export function endTokens(model: HeadModel): ReadonlySet<number> {
  const { reading, store } = model.model;
  const metadata = 'metadata' in store ? (store.metadata as Readonly<Record<string, unknown>>) : {};
  const node = reading.document.objectAt(reading.location.path);
  const config = node && reading.document.valueOf(node);
  const own =
    typeof config === 'object' && config !== null && !Array.isArray(config)
      ? (config as Readonly<Record<string, JsonValue>>)['eos_token_id']
      : undefined;
  const given = metadata['tokenizer.ggml.eos_token_id'] ?? own;
  const list: readonly unknown[] = Array.isArray(given) ? given : [given];
  return new Set(list.filter((id): id is number => typeof id === 'number'));
}
