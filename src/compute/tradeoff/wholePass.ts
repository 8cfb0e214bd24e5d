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
import { isLatentMethod, type LayerMethod, methodLabel, UNCHANGED } from '../../insight/tradeoff/method';
import {
  cachedNumbers,
  cachedParts,
  isHeaded,
  layerCacheBytes,
  type ModelLayer,
  typeOf,
} from '../../insight/tradeoff/modelLayer';
import { NARROW_NOTE, narrowedLayer } from '../../insight/tradeoff/narrowLatent';
import { askedIds, askedRows, type Probe, probeResult, type ProbeResult } from '../../insight/tradeoff/probes';
import { latentRowsOf, type Projected, project, throughCache } from '../../insight/tradeoff/readLayer';
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
import { type OutputPiece, outputPieces } from './outputHead';

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
  /** The same of each probe of the baseline. */
  readonly probes: readonly Matrix[];
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
  /** Texts of their own, which run through every layer as it was fitted on the text. */
  readonly probes: readonly ProbeBaseline[];
  /** Of each layer, what each pair of RoPE contributes; null where one has no such pairs. */
  readonly rope: readonly (readonly Float64Array[])[] | null;
  cacheBytes(tokens: number): number;
  readonly layers: readonly LayerDamage[];
}

export interface ProbeBaseline {
  readonly probe: Probe;
  readonly final: Matrix;
  readonly states: readonly Matrix[] | null;
}

/** What a changed cache does to the text, and to each probe. */
export interface Measured {
  readonly positions: PositionDamage;
  readonly probes: readonly ProbeResult[];
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

  get vocabularySize(): number {
    return this.model.plan.vocabularySize;
  }

  /** What leaves the last layer as logits, piece by piece. */
  logits(final: Matrix, { signal }: Watch): AsyncGenerator<OutputPiece> {
    return outputPieces(this.store, this.model.plan, [final], this.linear.map, abortSignal(signal));
  }

  /** Without weights: their shapes. */
  layers(): readonly ModelLayer[] {
    return this.model.plan.layers.map(({ block }) => ownLayer(block, new Map()));
  }

  /** @throws WeightsError for ids outside the vocabulary and damaged files, RpcError `cancelled`. */
  async baseline(ids: readonly number[], watch: Watch, probes: readonly Probe[] = []): Promise<Baseline> {
    if (firstMeasured(ids.length) < 1 || ids.length < 4)
      throw new RpcError('invalidInput', `${ids.length} tokens of text are too few: half of them are measured`);
    const texts = [ids, ...probes.map((probe) => probe.ids)];
    const hidden = await Promise.all(texts.map((text) => this.embeddings(text)));
    const size = hidden.reduce((sum, { data }) => sum + data.byteLength, 0);
    const keep = this.layerCount * size <= STATE_BYTES;
    const states = texts.map((): Matrix[] => []);
    const rope: (readonly Float64Array[])[] = [];
    const run = await this.through({
      prompts: [firstMeasured(ids.length), ...probes.map(({ prompt }) => prompt)],
      methods: Array.from({ length: this.layerCount }, () => UNCHANGED),
      from: { layer: 0, hidden },
      rope: null,
      watch,
      entering: (which, entered) => {
        if (keep) elementAt(states, which).push(entered);
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
      states: keep ? elementAt(states, 0) : null,
      probes: probes.map((probe, i) => ({
        probe,
        final: elementAt(run.probes, i),
        states: keep ? elementAt(states, i + 1) : null,
      })),
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
    { ids, states, probes, rope }: Baseline,
    watch: Watch,
    seen?: LayerSeen,
  ): Promise<WholeRun> {
    if (methods.length !== this.layerCount)
      throw new RangeError(`${methods.length} methods for ${this.layerCount} layers`);
    const changed = methods.findIndex((method) => methodLabel(method) !== methodLabel(UNCHANGED));
    // Layers before the first change do what they did.
    const start = seen === undefined && states !== null ? Math.max(0, changed < 0 ? this.layerCount - 1 : changed) : 0;
    const hidden = [
      states?.[start] ?? (await this.embeddings(ids)),
      ...(await Promise.all(probes.map(async (one) => one.states?.[start] ?? (await this.embeddings(one.probe.ids))))),
    ];
    const dims = methods.flatMap(({ design }) =>
      design.kind === 'converted' && design.target.kind === 'mla' && design.target.ropeDim > 0
        ? [design.target.ropeDim]
        : [],
    );
    const choices = new Map(
      rope === null ? [] : [...new Set(dims)].map((dim) => [dim, ropeChoice(rope, dim)] as const),
    );
    return this.through({
      prompts: [firstMeasured(ids.length), ...probes.map(({ probe }) => probe.prompt)],
      methods,
      from: { layer: states === null ? 0 : start, hidden },
      rope: choices,
      watch,
      ...(seen === undefined ? {} : { seen }),
    });
  }

  /** @throws RpcError `cancelled`. */
  async damage(baseline: Baseline, run: WholeRun, watch: Watch): Promise<PositionDamage> {
    return (await this.measure({ ...baseline, probes: [] }, { ...run, probes: [] }, watch)).positions;
  }

  /** The text and the probes in one reading of the output head. @throws RpcError `cancelled`. */
  async measure(baseline: Baseline, run: WholeRun, watch: Watch): Promise<Measured> {
    const { ids, final: before } = baseline;
    const { plan } = this.model;
    const signal = abortSignal(watch.signal);
    const keep = ids.length * plan.vocabularySize * 8 <= LOGIT_BYTES;
    if (keep && this.ownLogitsOf !== before) {
      const pieces: Matrix[] = [];
      for await (const { rows } of outputPieces(this.store, plan, [before], this.linear.map, signal))
        pieces.push(elementAt(rows, 0));
      [this.ownLogits, this.ownLogitsOf] = [pieces, before];
    }
    const known = keep ? this.ownLogits : null;
    const meter = new DamageMeter(ids);
    const asked = baseline.probes.map(({ probe, final }, i) => ({
      probe,
      meter: new DamageMeter(askedIds(probe)),
      states: [askedRows(probe, final), askedRows(probe, elementAt(run.probes, i))] as const,
    }));
    let piece = 0;
    for await (const { first, rows } of outputPieces(
      this.store,
      plan,
      [run.final, ...asked.flatMap(({ states }) => states), ...(known === null ? [before] : [])],
      this.linear.map,
      signal,
    )) {
      checkCancelled(watch.signal);
      meter.add(first, elementAt(known ?? rows, known === null ? rows.length - 1 : piece), elementAt(rows, 0));
      asked.forEach((one, i) => one.meter.add(first, elementAt(rows, 2 * i + 1), elementAt(rows, 2 * i + 2)));
      piece++;
    }
    return {
      positions: meter.result(),
      probes: asked.map(({ probe, meter: own }) => probeResult(probe, own.result())),
    };
  }

  private async embeddings(ids: readonly number[]): Promise<Matrix> {
    const { plan } = this.model;
    const hidden = await embed(this.store, plan, ids);
    return { rows: ids.length, columns: plan.hiddenSize, data: Float64Array.from(hidden) };
  }

  private async through({ prompts, methods, from, rope, watch, entering, sampled, seen }: Walk): Promise<WholeRun> {
    const { plan } = this.model;
    const reader = new LayerReader(this.store, plan, this.resident === null);
    const signal = abortSignal(watch.signal);
    const layers: LayerDamage[] = [];
    const notes = new Set<string>();
    const sizes: ((tokens: number) => number)[] = [];
    const hidden = [...from.hidden];
    const tokens = elementAt(hidden, 0).rows;
    // Of the text and of each probe: whose cache following layers may share.
    const leaders: (Projected | null)[] = hidden.map(() => null);
    for (let index = 0; index < this.layerCount; index++) {
      const { block } = elementAt(plan.layers, index);
      const method = elementAt(methods, index);
      if (index < from.layer) {
        const layer = ownLayer(block, new Map());
        const bytes = (of: number): number => layerCacheBytes(layer, UNCHANGED, of, false);
        sizes.push(bytes);
        layers.push({
          layer: index,
          outputRelativeError: 0,
          patternJsDistance: 0,
          cachedNumbers: cachedNumbers(layer),
          cacheBytes: bytes(tokens),
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
      const follower = method.design.kind === 'share' && index % method.design.layers !== 0;
      const own = ownLayer(block, weights);
      // Fitted on the text, which goes first.
      let layer = own;
      let result: LayerDamage | null = null;
      for (const which of hidden.keys()) {
        entering?.(which, elementAt(hidden, which));
        hidden[which] = await runBlock(
          {
            spec: block,
            weights,
            linear: this.linear.map,
            expert: async (expert) => {
              const moe = block.feedForward;
              if (moe.kind !== 'moe') throw new TypeError('no experts here');
              return numbersOf(
                await reader.readExpert(index, expert, feedForwardWeights(moe.expert, plan.hiddenSize), signal),
              );
            },
            attention: async (input) => {
              const ownProjected = which > 0 && layer !== own ? null : await project(own, input, this.linear.map);
              if (which === 0 && ownProjected !== null) {
                if (sampled !== undefined && isHeaded(own)) sampled(sampleOf(own, input, ownProjected, input.rows));
                layer = await this.converted(own, input, ownProjected, method, rope);
              }
              const projected =
                layer === own && ownProjected !== null ? ownProjected : await project(layer, input, this.linear.map);
              if (!follower) leaders[which] = projected;
              const shared = follower ? elementAt(leaders, which) : null;
              if (shared !== null && JSON.stringify(shared.layer.sees) !== JSON.stringify(layer.sees))
                throw new ConversionRefused('layers that share a cache must see the same tokens');
              const cache = throughCache(projected, method, shared?.cached);
              const prompt = elementAt(prompts, which);
              const after = attending(layer, cache, method.keep, prompt);
              const isSame = which > 0 || methodLabel(method) === methodLabel(UNCHANGED);
              const before: Attending | null =
                isSame || ownProjected === null
                  ? null
                  : attending(own, throughCache(ownProjected, UNCHANGED), UNCHANGED.keep, prompt);
              const attended = await paced(attend(after, before), async (fraction) => {
                tell('', (which + fraction) / (2 * hidden.length));
                await new Promise((resolve) => setImmediate(resolve));
                checkCancelled(watch.signal);
              });
              const output = await this.projectedOutput(layer, input, attended.heads);
              if (which > 0) return output;
              noted(layer, method).forEach((note) => notes.add(note));
              const was = attended.before === null ? null : await this.projectedOutput(own, input, attended.before);
              const run = layer;
              const bytes = (of: number): number => layerCacheBytes(run, method, of, follower);
              sizes.push(bytes);
              result = {
                layer: index,
                outputRelativeError: was === null ? 0 : relativeError(was, output),
                patternJsDistance: attended.patternJsDistance ?? 0,
                cachedNumbers: follower ? 0 : cachedNumbers(layer),
                cacheBytes: bytes(tokens),
              };
              await seen?.(index, layer, weights);
              return output;
            },
          },
          elementAt(hidden, which),
        );
      }
      if (result === null) throw new TypeError('the block ran without its attention');
      layers.push(result);
      if (!hidden.every(({ data }) => data.every(Number.isFinite)))
        throw new RpcError('invalidInput', `layer ${index}: its numbers leave the range of ${this.precision}`);
    }
    return {
      final: elementAt(hidden, 0),
      probes: hidden.slice(1),
      layers,
      notes: [...notes],
      cacheBytes: (of) => sizes.reduce((sum, size) => sum + size(of), 0),
    };
  }

  private async converted(
    own: ModelLayer,
    input: Matrix,
    projected: Projected,
    { design }: LayerMethod,
    rope: ReadonlyMap<number, RopeChoice> | null,
  ): Promise<ModelLayer> {
    if (design.kind !== 'converted') return own;
    const tokens = firstMeasured(input.rows);
    const { target, method } = design;
    if (isHeaded(own)) {
      const choice = target.kind === 'mla' && target.ropeDim > 0 ? (rope?.get(target.ropeDim) ?? null) : null;
      return convertedLayer(own, sampleOf(own, input, projected, tokens), design, choice);
    }
    if (target.kind !== 'mla' || !isLatentMethod(method))
      throw new ConversionRefused('latent attention (MLA) is not made of heads that could be pooled');
    const fitted: Matrix = { ...input, rows: tokens, data: input.data.subarray(0, tokens * input.columns) };
    const rows = await latentRowsOf(own, (name) =>
      this.linear.map(fitted, need(own.weights, `${name}.weight`), own.weights.get(`${name}.bias`) ?? null),
    );
    const q = firstTokens(projected.qRaw, own.spec.attention.queryHeads, input.rows, tokens);
    return narrowedLayer(own, { ...rows, q }, target, method);
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
  /** Of the text and of each probe: tokens of its prompt, what enters the first layer that is run. */
  readonly prompts: readonly number[];
  readonly methods: readonly LayerMethod[];
  readonly from: { readonly layer: number; readonly hidden: readonly Matrix[] };
  readonly rope: ReadonlyMap<number, RopeChoice> | null;
  readonly watch: Watch;
  readonly entering?: (which: number, hidden: Matrix) => void;
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
  return { spec: layer, sees: layer.attention, weights, lowRank: null, narrow: null, queryOrder: null };
}

function numbersOf(read: WeightTensors): LayerNumbers {
  return new Map([...read].map(([name, tensor]) => [name, floats(tensor)]));
}

/** `[heads, rows, dim]` → `[heads, tokens, dim]` */
function firstTokens(of: Float64Array, heads: number, rows: number, tokens: number): Float64Array {
  if (tokens === rows) return of;
  const size = of.length / heads;
  const dim = size / rows;
  const result = new Float64Array(heads * tokens * dim);
  for (let head = 0; head < heads; head++)
    result.set(of.subarray(head * size, head * size + tokens * dim), head * tokens * dim);
  return result;
}

/** The layer with its first `tokens` tokens. */
function sampleOf(layer: ModelLayer, input: Matrix, { q, qRaw }: Projected, tokens: number): LayerSample {
  if (!isHeaded(layer)) throw new TypeError('no heads');
  const { queryHeads } = layer.spec.attention;
  const first = (of: Float64Array): Float64Array => firstTokens(of, queryHeads, input.rows, tokens);
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
  return [
    ...types,
    ...(layer.narrow === null ? [] : [NARROW_NOTE]),
    ...(one ? [`the latent is stored as one row per token, in the type of keys (${method.key})`] : []),
  ];
}
