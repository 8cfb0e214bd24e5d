/** All methods on one model and text, one after the other; what was found before is taken from where it is kept. */

import { ConversionRefused } from '../../insight/conversion/target';
import { allocate } from '../../insight/tradeoff/budget';
import { launchOption } from '../../insight/tradeoff/cacheTypes';
import { firstMeasured, type PositionDamage, summarised } from '../../insight/tradeoff/damage';
import { type LayerMethod, methodKind, methodLabel, parseMethod, UNCHANGED } from '../../insight/tradeoff/method';
import { isRefused, type MethodResult, type Sweep, type SweptMethod } from '../../insight/tradeoff/result';
import type { Probe, ProbeResult } from '../../insight/tradeoff/probes';
import { elementAt } from '../../model/elementAt';
import { RpcError } from '../../shared/rpcError';
import type { OpenModel } from '../../weights/openModel';
import type { Watch } from '../heads/watch';
import { ModelExport } from './exportModel';
import { modelKey, textKey } from './identity';
import type { ResultStore } from './resultStore';
import { between } from './siblings';
import type { Baseline, WholePass, WholeRun } from './wholePass';

export interface SweepAsk {
  readonly name: string;
  readonly ids: readonly number[];
  readonly text: { readonly name: string; readonly ofTokens: number };
  /** As one writes them. */
  readonly methods: readonly string[];
  /** Each method in each layer by itself, the rest untouched, in place of all layers. */
  readonly alone: boolean;
  /** Run beside the text, for methods in all layers. */
  readonly probes?: readonly Probe[];
  /** Is told each result as it is found; `kept`: it was found before. */
  found?(result: SweptMethod, kept: boolean): void;
}

/** Lengths that sizes are kept for. */
const LONGEST = 2 ** 20;

/** Runs methods on one model and text. */
export class Sweeper {
  private unchanged: Promise<Baseline> | undefined;

  private constructor(
    private readonly model: OpenModel,
    private readonly pass: WholePass,
    private readonly store: ResultStore,
    private readonly ask: SweepAsk,
    private readonly keys: { readonly model: string; readonly text: string },
    private readonly watch: Watch,
  ) {}

  static async of(
    model: OpenModel,
    pass: WholePass,
    store: ResultStore,
    ask: SweepAsk,
    watch: Watch,
  ): Promise<Sweeper> {
    const keys = { model: await modelKey(model), text: textKey(ask.ids, ask.probes) };
    return new Sweeper(model, pass, store, ask, keys, watch);
  }

  /** @throws MethodError for a method that is none; RpcError, WeightsError as the pass. */
  async sweep(): Promise<Sweep> {
    const { ids, name, text, methods, alone } = this.ask;
    const own = await this.inAllLayers(UNCHANGED, this.watch);
    if (isRefused(own)) throw new RpcError('invalidInput', own.refused);
    const results: SweptMethod[] = [];
    const asked = [...new Set(methods.map((method) => methodLabel(parseMethod(method))))];
    for (const [index, label] of asked.entries()) {
      const method = parseMethod(label);
      const watch = this.part(index, asked.length, label);
      if (alone)
        for (let layer = 0; layer < this.pass.layerCount; layer++)
          results.push(await this.inLayer(layer, method, watch));
      else results.push(await this.inAllLayers(method, watch));
    }
    return {
      model: name,
      modelKey: this.keys.model,
      text: { name: text.name, key: this.keys.text, tokens: ids.length, ofTokens: text.ofTokens },
      measured: { first: firstMeasured(ids.length), tokens: own.damage.tokens },
      precision: this.pass.precision,
      unchanged: {
        bytesPerToken: own.bytesPerToken,
        loss: own.damage.lossBefore,
        perplexity: own.damage.perplexityBefore,
        probes: own.probes,
      },
      methods: results,
    };
  }

  /**
   * One method in all layers.
   * @throws as `sweep`.
   */
  measure(method: string): Promise<SweptMethod> {
    return this.inAllLayers(parseMethod(method), this.watch);
  }

  /**
   * The given methods, one for each layer, so that the cache is at most `share` of what it was, with the least damage: each layer's damage alone
   * is measured, the sum of them is made least, and the result is run.
   * @throws RpcError `invalidInput` where nothing is so small.
   */
  async budget(share: number, given = this.ask.methods): Promise<Budget> {
    const labels = [...new Set([UNCHANGED, ...given.map(parseMethod)].map(methodLabel))];
    const methods = labels.map(parseMethod);
    const shared = methods.find(({ design }) => design.kind === 'share');
    if (shared !== undefined)
      throw new RpcError(
        'invalidInput',
        `${methodLabel(shared)} changes several layers together and cannot be applied to a single one`,
      );
    const count = this.pass.layerCount;
    const alone: Sensitivity[][] = [];
    for (let layer = 0; layer < count; layer++) {
      const ofLayer: Sensitivity[] = [];
      for (const [index, method] of methods.entries()) {
        const label = elementAt(labels, index);
        const watch = this.part(
          layer * methods.length + index,
          count * methods.length,
          `${label} in layer ${layer} alone`,
        );
        const found = await this.inLayer(layer, method, watch);
        if (isRefused(found)) continue;
        const bytes = elementAt(found.layers, layer).cacheBytes;
        ofLayer.push({ layer, method: label, bytes, klMean: index === 0 ? 0 : found.damage.klMean });
      }
      alone.push(ofLayer);
    }
    const whole = alone.reduce((sum, [own]) => sum + (own?.bytes ?? 0), 0);
    const picks = allocate(alone, share * whole);
    if (picks === null)
      throw new RpcError('invalidInput', `no mix of these methods makes the cache ${share} of what it was`);
    const chosen = picks.map((pick, layer) => elementAt(elementAt(alone, layer), pick));
    const label = chosen.map(({ method }) => method).join(' | ');
    const result = await this.one(
      chosen.map(({ method }) => parseMethod(method)),
      label,
      this.watch,
    );
    return {
      share,
      sensitivities: alone.flat(),
      chosen,
      expectedKl: chosen.reduce((sum, { klMean }) => sum + klMean, 0),
      result,
    };
  }

  /**
   * Another model on the same text, held against this one. What it is called is the method of the result.
   * @throws RpcError, WeightsError as the pass.
   */
  async sibling(label: string, model: OpenModel, pass: WholePass): Promise<SweptMethod> {
    const kept = `trained ${label} ${await modelKey(model)}`;
    const renamed = (one: SweptMethod): SweptMethod => ({ ...one, method: `trained ${label}` });
    const known = await this.store.get(this.keys.model, this.keys.text, this.pass.precision, kept);
    if (known !== null) return renamed(known);
    const baseline = await this.baseline();
    const started = performance.now();
    try {
      const own = await pass.baseline(baseline.ids, this.watch);
      const positions = await between(
        baseline.ids,
        { pass: this.pass, final: baseline.final },
        { pass, final: own.final },
        this.watch,
      );
      const result = resultOf({
        method: kept,
        kind: 'trained',
        tokens: baseline.ids.length,
        run: { ...own, notes: [] },
        positions,
        probes: [],
        launch: null,
        ms: performance.now() - started,
      });
      await this.store.put(this.keys.model, this.keys.text, this.pass.precision, result);
      return renamed(result);
    } catch (error) {
      if (error instanceof ConversionRefused) return { method: `trained ${label}`, refused: error.message };
      throw error;
    }
  }

  /**
   * Writes the model with the one method that was asked for.
   * @throws RpcError `invalidInput` for several methods, and where no published class has such a model.
   */
  async exportTo(folder: string, given = this.ask.methods): Promise<void> {
    const [label, ...others] = given;
    if (label === undefined || others.length > 0)
      throw new RpcError('invalidInput', 'one method is exported at a time: name it with --methods');
    const method = parseMethod(label);
    const methods = Array.from({ length: this.pass.layerCount }, () => method);
    try {
      const baseline = { ...(await this.baseline()), probes: [] };
      const files = await ModelExport.of(this.model, folder, methods);
      const run = await this.pass.run(methods, baseline, this.watch, (index, layer, weights) =>
        files.layer(index, layer, weights),
      );
      const damage = summarised(await this.pass.damage(baseline, run, this.watch));
      const tokens = baseline.ids.length;
      await files.finish({
        model: this.ask.name,
        method: methodLabel(method),
        text: `${this.ask.text.name} (${tokens} tokens)`,
        damage,
        bytesPerToken: { before: baseline.cacheBytes(tokens) / tokens, after: run.cacheBytes(tokens) / tokens },
        notes: [...run.notes, ...exportNotes(method)],
      });
    } catch (error) {
      throw error instanceof ConversionRefused ? new RpcError('invalidInput', error.message) : error;
    }
  }

  private inAllLayers(method: LayerMethod, watch: Watch): Promise<SweptMethod> {
    return this.one(
      Array.from({ length: this.pass.layerCount }, () => method),
      methodLabel(method),
      watch,
    );
  }

  /** One layer changed, the rest untouched. */
  private inLayer(layer: number, method: LayerMethod, watch: Watch): Promise<SweptMethod> {
    const label = methodLabel(method);
    const own = methodLabel(UNCHANGED);
    const all = Array.from({ length: this.pass.layerCount }, (_, at) => (at === layer ? method : UNCHANGED));
    return this.one(all, label === own ? own : `${label} in layer ${layer}`, watch);
  }

  private baseline(): Promise<Baseline> {
    const known = this.unchanged ?? this.pass.baseline(this.ask.ids, this.watch, this.ask.probes);
    this.unchanged = known;
    // Of a run that was given up nothing is left to go on with.
    known.catch(() => {
      if (this.unchanged === known) this.unchanged = undefined;
    });
    return known;
  }

  private part(index: number, count: number, label: string): Watch {
    return {
      signal: this.watch.signal,
      progress: ({ message, fraction = 0 }) =>
        this.watch.progress({
          message: `${index + 1} of ${count}: ${label}, ${message}`,
          fraction: (index + fraction) / count,
        }),
    };
  }

  private async one(methods: readonly LayerMethod[], label: string, watch: Watch): Promise<SweptMethod> {
    const kept = await this.store.get(this.keys.model, this.keys.text, this.pass.precision, label);
    if (kept !== null) {
      this.ask.found?.(kept, true);
      return kept;
    }
    const result = await this.measured(methods, label, watch);
    await this.store.put(this.keys.model, this.keys.text, this.pass.precision, result);
    this.ask.found?.(result, false);
    return result;
  }

  private async measured(methods: readonly LayerMethod[], label: string, watch: Watch): Promise<SweptMethod> {
    const all = await this.baseline();
    // Of one layer alone what a text loses is asked, not what it can no longer do.
    const baseline = methods.every((method) => methodLabel(method) === label) ? all : { ...all, probes: [] };
    const started = performance.now();
    let run: WholeRun;
    try {
      run = await this.pass.run(methods, baseline, watch);
    } catch (error) {
      if (error instanceof ConversionRefused) return { method: label, refused: error.message };
      throw error;
    }
    const { positions, probes } = await this.pass.measure(baseline, run, watch);
    const [first] = methods;
    return resultOf({
      method: label,
      kind: kindOf(methods),
      tokens: baseline.ids.length,
      run,
      positions,
      probes,
      launch: first === undefined ? null : launchOf(methods, first, run),
      ms: performance.now() - started,
    });
  }
}

interface Found {
  readonly method: string;
  readonly kind: string;
  readonly tokens: number;
  readonly run: Pick<WholeRun, 'layers' | 'notes' | 'cacheBytes'>;
  readonly positions: PositionDamage;
  readonly probes: readonly ProbeResult[];
  readonly launch: string | null;
  readonly ms: number;
}

function resultOf({ method, kind, tokens, run, positions, probes, launch, ms }: Found): MethodResult {
  const lengths = [tokens];
  for (let length = 2 ** Math.ceil(Math.log2(tokens + 1)); length <= LONGEST; length *= 2) lengths.push(length);
  return {
    method,
    kind,
    bytesPerToken: run.cacheBytes(tokens) / tokens,
    cacheBytes: lengths.map((length) => ({ tokens: length, bytes: run.cacheBytes(length) })),
    damage: summarised(positions),
    probes,
    layers: run.layers,
    perPosition: {
      kl: [...positions.kl],
      lossBefore: [...positions.lossBefore],
      lossAfter: [...positions.lossAfter],
    },
    launch,
    notes: run.notes,
    ms: Math.round(ms),
  };
}

/** What must be known of a converted model's files. */
function exportNotes({ design, key, value, keep }: LayerMethod): readonly string[] {
  const notes: string[] = [];
  if (design.kind === 'converted' && design.target.kind === 'mla' && design.target.ropeDim === 0)
    notes.push(
      'Keys and values have a low rank, but Llama’s class caches them whole: its cache is not smaller until an engine caches the latent.',
    );
  if (design.kind === 'converted' && design.target.kind === 'mla' && design.target.ropeDim > 0)
    notes.push(
      'kv_lora_rank is one more than the latent: DeepSeek’s class normalises its latent, and a constant in the last dim cancels that. The constant is too large for float16; use bfloat16 or float32.',
    );
  if (key !== 'exact' || value !== 'exact')
    notes.push('The cache type is an option of the engine and no part of these files.');
  if (keep.kind !== 'all') notes.push('Keeping fewer tokens is done by the engine and no part of these files.');
  return notes;
}

/** One for all layers, one layer by itself, or several. */
function kindOf(methods: readonly LayerMethod[]): string {
  const changed = methods.filter((method) => methodLabel(method) !== methodLabel(UNCHANGED));
  const [first] = changed;
  if (first === undefined) return methodKind(UNCHANGED);
  if (changed.length === 1 && methods.length > 1) return `${methodKind(first)}, one layer`;
  return changed.length === methods.length && changed.every((method) => methodLabel(method) === methodLabel(first))
    ? methodKind(first)
    : 'a method for each layer';
}

export interface Sensitivity {
  readonly layer: number;
  readonly method: string;
  readonly bytes: number;
  /** Of the model with this layer changed alone. */
  readonly klMean: number;
}

export interface Budget {
  readonly share: number;
  readonly sensitivities: readonly Sensitivity[];
  /** For each layer. */
  readonly chosen: readonly Sensitivity[];
  /** The sum of the layers' damages alone. */
  readonly expectedKl: number;
  /** What the model with all of them was measured to lose. */
  readonly result: SweptMethod;
}

/** Where cache types are all that is changed, the same in all layers, and the engine takes such heads. */
function launchOf(methods: readonly LayerMethod[], first: LayerMethod, { notes }: WholeRun): string | null {
  const typesAlone = methodLabel({ ...UNCHANGED, key: first.key, value: first.value });
  const others = methods.some((method) => methodLabel(method) !== typesAlone);
  return others || notes.length > 0 || typesAlone === methodLabel(UNCHANGED)
    ? null
    : launchOption(first.key, first.value);
}
