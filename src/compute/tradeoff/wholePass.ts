/**
 * A whole model with its caches changed: layer after layer, each read, converted, run and dropped. Attention is computed in float64, so that what
 * changes nothing shows as nothing.
 */

import type { BlockSpec } from '../../attention/spec/blockSpec';
import { blockWeights, feedForwardWeights, type WeightInfo } from '../../attention/spec/weightNames';
import { DecoupledRope } from '../../insight/conversion/decoupledRope';
import { gatedHeads, relativeError } from '../../insight/conversion/distortion';
import { type LayerNumbers, type LayerSample, need, projectedRows } from '../../insight/conversion/layerRows';
import { ConversionRefused } from '../../insight/conversion/target';
import type { Matrix } from '../../insight/matrix';
import { paced } from '../../insight/steps';
import { attend, type Attending, attending } from '../../insight/tradeoff/attend';
import { runBlock } from '../../insight/tradeoff/blockRun';
import { refusedByEngine } from '../../insight/tradeoff/cacheTypes';
import { DamageMeter, firstMeasured, type PositionDamage } from '../../insight/tradeoff/damage';
import { convertedLayer, type RopeChoice, ropeChoice } from '../../insight/tradeoff/designs';
import { type LayerMethod, methodLabel, UNCHANGED } from '../../insight/tradeoff/method';
import {
  cachedNumbers,
  cachedParts,
  isHeaded,
  layerCacheBytes,
  type ModelLayer,
  typeOf,
} from '../../insight/tradeoff/modelLayer';
import { type Projected, project, throughCache } from '../../insight/tradeoff/readLayer';
import { elementAt } from '../../model/elementAt';
import { RpcError } from '../../shared/rpcError';
import type { OpenModel } from '../../weights/openModel';
import { embed } from '../../weights/plan/readPlan';
import type { WeightStore } from '../../weights/weightStore';
import { LayerReader, type WeightTensors } from '../heads/layerReader';
import { MemoryStore, widenedBytes } from '../heads/memoryStore';
import { floats } from '../heads/tokenAxis';
import { abortSignal, checkCancelled, type Watch } from '../heads/watch';
import type { Linear } from './linear';
import { outputPieces } from './outputHead';

/** Models of at most so many bytes as float32 stay in memory between runs; of larger ones every run reads every layer. */
const RESIDENT_BYTES = 512 * 1024 ** 2;
/** What entered each layer of the unchanged model is kept up to here. */
const STATE_BYTES = 512 * 1024 ** 2;
/** Logits of the unchanged model are kept up to here, and computed again beyond. */
const LOGIT_BYTES = 256 * 1024 ** 2;

export interface LayerDamage {
  readonly layer: number;
  /** Of what the attention puts out, after the output projection: ‖after − before‖ ÷ ‖before‖, both for the input that it gets in this run. */
  readonly outputRelativeError: number | null;
  /** Mean over heads and queries of the Jensen–Shannon distance of the patterns, base 2. */
  readonly patternJsDistance: number;
  /** Numbers cached of a token, and bytes of the layer's cache at the end of the text. */
  readonly cachedNumbers: number;
  readonly cacheBytes: number;
}

export interface WholeRun {
  /** What leaves the last layer, `[tokens, hidden]`. */
  readonly final: Matrix;
  readonly layers: readonly LayerDamage[];
  /** What must be known to read the numbers. */
  readonly notes: readonly string[];
  /** Bytes of all caches at any length. */
  cacheBytes(tokens: number): number;
}

/** The unchanged model on a text. */
export interface Baseline {
  readonly ids: readonly number[];
  readonly final: Matrix;
  /** What enters each layer; null where it is too much to keep. */
  readonly states: readonly Matrix[] | null;
  /** Of each layer, what each pair of RoPE contributes; null where one has no such pairs. */
  readonly rope: readonly (readonly Float64Array[])[] | null;
  cacheBytes(tokens: number): number;
  readonly layers: readonly LayerDamage[];
}

/** Is told each layer as it was run. */
export type LayerSeen = (index: number, layer: ModelLayer, weights: LayerNumbers) => Promise<void>;

export class WholePass {
  private readonly store: WeightStore;
  private readonly resident: Map<number, LayerNumbers> | null;
  private ownLogits: readonly Matrix[] | null = null;
  private ownLogitsOf: Matrix | null = null;

  constructor(
    private readonly model: OpenModel,
    private readonly linear: Linear,
  ) {
    const small = widenedBytes(model.store) <= RESIDENT_BYTES;
    this.store = small ? new MemoryStore(model.store) : model.store;
    this.resident = small ? new Map() : null;
  }

  get layerCount(): number {
    return this.model.plan.layers.length;
  }

  get precision(): Linear['precision'] {
    return this.linear.precision;
  }

  /** Without weights: their shapes. */
  layers(): readonly ModelLayer[] {
    return this.model.plan.layers.map(({ block }) => ownLayer(block, new Map()));
  }

  /** @throws WeightsError for ids outside the vocabulary and damaged files, RpcError `cancelled`. */
  async baseline(ids: readonly number[], watch: Watch): Promise<Baseline> {
    if (firstMeasured(ids.length) < 1 || ids.length < 4)
      throw new RpcError('invalidInput', `${ids.length} tokens of text are too few: half of them are measured`);
    const first = await this.embeddings(ids);
    const keep = this.layerCount * first.data.byteLength <= STATE_BYTES;
    const states: Matrix[] = [];
    const rope: (readonly Float64Array[])[] = [];
    const run = await this.through({
      ids,
      methods: Array.from({ length: this.layerCount }, () => UNCHANGED),
      from: { layer: 0, hidden: first },
      rope: null,
      watch,
      entering: (hidden) => {
        if (keep) states.push(hidden);
      },
      sampled: (sample) => {
        const found = ropeContributions(sample);
        if (found !== null) rope.push(found);
      },
    });
    const alike = rope.length === this.layerCount && rope.every(({ length }) => length === rope[0]?.length);
    return {
      ids,
      final: run.final,
      states: keep ? states : null,
      rope: alike ? rope : null,
      cacheBytes: (tokens) => run.cacheBytes(tokens),
      layers: run.layers,
    };
  }

  /**
   * The model with a method for each layer. Methods are fitted on the first half of the text, on what the layer gets in this run: layers before
   * it are converted already.
   * @throws ConversionRefused where a layer cannot have its method.
   */
  async run(
    methods: readonly LayerMethod[],
    { ids, states, rope }: Baseline,
    watch: Watch,
    seen?: LayerSeen,
  ): Promise<WholeRun> {
    if (methods.length !== this.layerCount)
      throw new RangeError(`${methods.length} methods for ${this.layerCount} layers`);
    const changed = methods.findIndex((method) => methodLabel(method) !== methodLabel(UNCHANGED));
    // Layers before the first change do what they did.
    const start = seen === undefined && states !== null ? Math.max(0, changed < 0 ? this.layerCount - 1 : changed) : 0;
    const hidden = states?.[start] ?? (await this.embeddings(ids));
    const dims = methods.flatMap(({ design }) =>
      design.kind === 'converted' && design.target.kind === 'mla' && design.target.ropeDim > 0
        ? [design.target.ropeDim]
        : [],
    );
    const choices = new Map(
      rope === null ? [] : [...new Set(dims)].map((dim) => [dim, ropeChoice(rope, dim)] as const),
    );
    return this.through({
      ids,
      methods,
      from: { layer: states === null ? 0 : start, hidden },
      rope: choices,
      watch,
      ...(seen === undefined ? {} : { seen }),
    });
  }

  /** @throws RpcError `cancelled`. */
  async damage({ ids, final: before }: Baseline, { final: after }: WholeRun, watch: Watch): Promise<PositionDamage> {
    const { plan } = this.model;
    const meter = new DamageMeter(ids);
    const signal = abortSignal(watch.signal);
    const keep = ids.length * plan.vocabularySize * 8 <= LOGIT_BYTES;
    if (keep && this.ownLogitsOf !== before) {
      const pieces: Matrix[] = [];
      for await (const { rows } of outputPieces(this.store, plan, [before], this.linear.map, signal))
        pieces.push(elementAt(rows, 0));
      [this.ownLogits, this.ownLogitsOf] = [pieces, before];
    }
    const known = keep ? this.ownLogits : null;
    let piece = 0;
    for await (const { first, rows } of outputPieces(
      this.store,
      plan,
      known === null ? [after, before] : [after],
      this.linear.map,
      signal,
    )) {
      checkCancelled(watch.signal);
      meter.add(first, known === null ? elementAt(rows, 1) : elementAt(known, piece), elementAt(rows, 0));
      piece++;
    }
    return meter.result();
  }

  private async embeddings(ids: readonly number[]): Promise<Matrix> {
    const { plan } = this.model;
    const hidden = await embed(this.store, plan, ids);
    return { rows: ids.length, columns: plan.hiddenSize, data: Float64Array.from(hidden) };
  }

  private async through({ ids, methods, from, rope, watch, entering, sampled, seen }: Walk): Promise<WholeRun> {
    const { plan } = this.model;
    const reader = new LayerReader(this.store, plan, this.resident === null);
    const signal = abortSignal(watch.signal);
    const layers: LayerDamage[] = [];
    const notes = new Set<string>();
    const sizes: ((tokens: number) => number)[] = [];
    let hidden = from.hidden;
    let leader: { readonly method: LayerMethod; readonly projected: Projected } | null = null;
    for (let index = 0; index < this.layerCount; index++) {
      const { block } = elementAt(plan.layers, index);
      const method = elementAt(methods, index);
      if (index < from.layer) {
        const layer = ownLayer(block, new Map());
        const bytes = (tokens: number): number => layerCacheBytes(layer, UNCHANGED, tokens, false);
        sizes.push(bytes);
        layers.push({
          layer: index,
          outputRelativeError: 0,
          patternJsDistance: 0,
          cachedNumbers: cachedNumbers(layer),
          cacheBytes: bytes(ids.length),
        });
        continue;
      }
      checkCancelled(watch.signal);
      const tell = (message: string, fraction = 0): void =>
        watch.progress({
          message: `layer ${index + 1} of ${this.layerCount}${message}`,
          fraction: (index + fraction) / this.layerCount,
        });
      tell('');
      // Lets a cancellation in, and the progress out.
      await new Promise((resolve) => setImmediate(resolve));
      const weights = await this.weights(reader, index, blockWeights(block), signal);
      entering?.(hidden);
      const follower = method.design.kind === 'share' && index % method.design.layers !== 0;
      let result: LayerDamage | null = null;
      hidden = await runBlock(
        {
          spec: block,
          weights,
          linear: this.linear.map,
          expert: async (which) => {
            const moe = block.feedForward;
            if (moe.kind !== 'moe') throw new TypeError('no experts here');
            return numbersOf(
              await reader.readExpert(index, which, feedForwardWeights(moe.expert, plan.hiddenSize), signal),
            );
          },
          attention: async (input) => {
            const own = ownLayer(block, weights);
            const ownProjected = await project(own, input, this.linear.map);
            if (sampled !== undefined && isHeaded(own)) sampled(sampleOf(own, input, ownProjected, input.rows));
            const layer = this.converted(own, input, ownProjected, method, rope);
            const projected = layer === own ? ownProjected : await project(layer, input, this.linear.map);
            if (!follower) leader = { method, projected };
            const shared = follower ? leader : null;
            if (shared !== null && JSON.stringify(shared.projected.layer.sees) !== JSON.stringify(layer.sees))
              throw new ConversionRefused('layers that share a cache must see the same tokens');
            const cache = throughCache(projected, method, shared?.projected.cached);
            noted(layer, method).forEach((note) => notes.add(note));
            const prompt = firstMeasured(input.rows);
            const after = attending(layer, cache, method.keep, prompt);
            const isSame = methodLabel(method) === methodLabel(UNCHANGED);
            const before: Attending | null = isSame
              ? null
              : attending(own, throughCache(ownProjected, UNCHANGED), UNCHANGED.keep, prompt);
            const attended = await paced(attend(after, before), async (fraction) => {
              tell('', fraction / 2);
              await new Promise((resolve) => setImmediate(resolve));
              checkCancelled(watch.signal);
            });
            const output = await this.projectedOutput(layer, input, attended.heads);
            const was = attended.before === null ? null : await this.projectedOutput(own, input, attended.before);
            const bytes = (tokens: number): number => layerCacheBytes(layer, method, tokens, follower);
            sizes.push(bytes);
            result = {
              layer: index,
              outputRelativeError: was === null ? 0 : relativeError(was, output),
              patternJsDistance: attended.patternJsDistance ?? 0,
              cachedNumbers: follower ? 0 : cachedNumbers(layer),
              cacheBytes: bytes(ids.length),
            };
            await seen?.(index, layer, weights);
            return output;
          },
        },
        hidden,
      );
      if (result === null) throw new TypeError('the block ran without its attention');
      layers.push(result);
      if (!hidden.data.every(Number.isFinite))
        throw new RpcError('invalidInput', `layer ${index}: its numbers leave the range of ${this.precision}`);
    }
    return {
      final: hidden,
      layers,
      notes: [...notes],
      cacheBytes: (tokens) => sizes.reduce((sum, size) => sum + size(tokens), 0),
    };
  }

  private converted(
    own: ModelLayer,
    input: Matrix,
    projected: Projected,
    { design }: LayerMethod,
    rope: ReadonlyMap<number, RopeChoice> | null,
  ): ModelLayer {
    if (design.kind !== 'converted') return own;
    if (!isHeaded(own))
      throw new ConversionRefused('latent attention (MLA) is not made of heads that could be pooled or made latent');
    const choice =
      design.target.kind === 'mla' && design.target.ropeDim > 0 ? (rope?.get(design.target.ropeDim) ?? null) : null;
    return convertedLayer(own, sampleOf(own, input, projected, firstMeasured(input.rows)), design, choice);
  }

  /** Gate, norm, output projection. */
  private async projectedOutput(layer: ModelLayer, input: Matrix, heads: Matrix): Promise<Matrix> {
    const { spec, weights } = layer;
    const { queryHeads, valueDim } = spec.attention;
    const rows = gatedHeads({ spec, tokens: input.rows, input: input.data, weights }, heads, { queryHeads, valueDim });
    return this.linear.map(rows, need(weights, 'o.weight'), weights.get('o.bias') ?? null);
  }

  private async weights(
    reader: LayerReader,
    index: number,
    infos: readonly WeightInfo[],
    signal: AbortSignal,
  ): Promise<LayerNumbers> {
    const known = this.resident?.get(index);
    if (known !== undefined) return known;
    const read = await reader.read(index, infos, signal);
    const damaged = reader.damaged(index, null, read);
    if (damaged) throw damaged;
    const numbers = numbersOf(read);
    this.resident?.set(index, numbers);
    return numbers;
  }
}

interface Walk {
  readonly ids: readonly number[];
  readonly methods: readonly LayerMethod[];
  readonly from: { readonly layer: number; readonly hidden: Matrix };
  readonly rope: ReadonlyMap<number, RopeChoice> | null;
  readonly watch: Watch;
  readonly entering?: (hidden: Matrix) => void;
  readonly sampled?: (sample: LayerSample) => void;
  readonly seen?: LayerSeen;
}

/** What each pair of RoPE contributes, its largest direction first; null where the layer has no pairs that could be shared. */
function ropeContributions(sample: LayerSample): readonly Float64Array[] | null {
  try {
    // Two dims: whether there are pairs at all is what may be refused.
    const { weights } = DecoupledRope.contributions(sample, projectedRows(sample).key, 2);
    return weights.map((ofPair) => ofPair.toSorted((a, b) => b - a));
  } catch (error) {
    if (error instanceof ConversionRefused) return null;
    throw error;
  }
}

function ownLayer({ layer }: BlockSpec, weights: LayerNumbers): ModelLayer {
  return { spec: layer, sees: layer.attention, weights, lowRank: null, queryOrder: null };
}

function numbersOf(read: WeightTensors): LayerNumbers {
  return new Map([...read].map(([name, tensor]) => [name, floats(tensor)]));
}

/** The layer with its first `tokens` tokens. */
function sampleOf(layer: ModelLayer, input: Matrix, { q, qRaw }: Projected, tokens: number): LayerSample {
  if (!isHeaded(layer)) throw new TypeError('no heads');
  const { queryHeads, keyDim } = layer.spec.attention;
  const first = (of: Float64Array): Float64Array => {
    if (tokens === input.rows) return of;
    const result = new Float64Array(queryHeads * tokens * keyDim);
    for (let head = 0; head < queryHeads; head++) {
      const at = head * input.rows * keyDim;
      result.set(of.subarray(at, at + tokens * keyDim), head * tokens * keyDim);
    }
    return result;
  };
  return {
    spec: layer.spec,
    tokens,
    input: input.data.subarray(0, tokens * input.columns),
    q: first(q),
    qRaw: first(qRaw),
    weights: layer.weights,
  };
}

function noted(layer: ModelLayer, method: LayerMethod): readonly string[] {
  const types = cachedParts(layer).flatMap(({ side, dim }) => refusedByEngine(typeOf(side, method), dim) ?? []);
  const one = cachedParts(layer).length === 1 && method.key !== method.value;
  return [...types, ...(one ? [`the latent is stored as one row per token, in the type of keys (${method.key})`] : [])];
}
