/**
 * Sweeps over methods, run here so that a page that is hidden stops nothing: each method is a call of the compute process of its own, so that
 * other questions come between, and what was found stays when it is stopped. Knows no editor, so that the page's tests can use it too.
 */

import { ANCHORS } from '../../insight/tradeoff/anchors';
import { isRefused, type MethodResult, type Sweep, type SweptMethod } from '../../insight/tradeoff/result';
import { firstMeasured } from '../../insight/tradeoff/damage';
import { MethodError, parseMethods } from '../../insight/tradeoff/method';
import { anchorParts, applicationIn } from '../../present/tradeoffBeside';
import { namedMethod } from '../../present/tradeoffWords';
import type { DeviceChoice } from '../../shared/devices';
import type { HeadSource } from '../../shared/panelContract';
import type { CallOptions, MethodName, MethodParams, MethodResult as Answer } from '../../shared/rpc';
import { USUAL_PROBE_TOKENS } from '../../shared/limits';
import { messageOf, RpcError } from '../../shared/rpcError';
import type { BudgetResult, SweptSubject, TradeoffMethods, TradeoffPlan } from '../../shared/tradeoffContract';
import {
  MOST_OWN_METHODS,
  NOTHING_SHOWN,
  type ShownAnchor,
  type ShownOutcome,
  type TextChoice,
  type TradeoffAsk,
  type TradeoffRunning,
  type TradeoffShown,
  type TradeoffState,
  type TypedMethods,
  UNCHANGED_METHOD,
} from '../../shared/tradeoffState';
import type { HeadSources } from './headSources';

/** The compute process, as far as trade-offs need it. */
export interface TradeoffCompute {
  device(options: CallOptions): Promise<DeviceChoice>;
  call<K extends MethodName<TradeoffMethods>>(
    method: K,
    params: MethodParams<TradeoffMethods, K>,
    options: CallOptions,
  ): Promise<Answer<TradeoffMethods, K>>;
}

export interface TradeoffPlaces {
  readonly sources: Pick<HeadSources, 'modelOf' | 'list'>;
  /** The followed config; null: none is. */
  config(): { readonly id: string; readonly name: string; readonly text: string } | null;
  /** Folders of models that were trained apart from the one in a folder, on the same text; none for most. */
  siblingsOf(path: string): readonly { readonly label: string; readonly path: string }[];
  /** Null in the browser. */
  readonly compute: (() => Promise<TradeoffCompute>) | null;
  /** Where results are kept; null: nowhere. */
  readonly results: string | null;
}

interface ChosenText {
  readonly name: string;
  readonly text: string;
}

/** Texts that a panel can name at once. */
const MOST_TEXTS = 8;
/** Told of progress at most so often. */
const TOLD_MS = 100;

/** What a sweep is of, and what it found. */
interface Current {
  readonly subject: SweptSubject;
  readonly plan: TradeoffPlan;
  readonly results: Map<string, SweptMethod>;
  readonly budgets: BudgetResult[];
  readonly siblings: MethodResult[];
}

export class TradeoffRuns {
  private current: Current | null = null;
  private now: TradeoffShown = NOTHING_SHOWN;
  private readonly listeners = new Set<(shown: TradeoffShown) => void>();
  private readonly runningListeners = new Set<(running: TradeoffRunning | null) => void>();
  private running: {
    readonly controller: AbortController;
    readonly what: TradeoffRunning['what'];
    readonly key: string;
  } | null = null;
  private readonly texts: ChosenText[] = [];
  private told = 0;

  constructor(private readonly places: TradeoffPlaces) {}

  get shown(): TradeoffShown {
    return this.now;
  }

  /** @param changed Is told all that there is to show. @param running Is told of progress alone. Stops with the result. */
  listen(changed: (shown: TradeoffShown) => void, running: (running: TradeoffRunning | null) => void): () => void {
    this.listeners.add(changed);
    this.runningListeners.add(running);
    return () => {
      this.listeners.delete(changed);
      this.runningListeners.delete(running);
    };
  }

  /** A text file that the user chose: its name in calls. */
  addText(chosen: ChosenText): string {
    const known = this.texts.findIndex(({ name, text }) => name === chosen.name && text === chosen.text);
    if (known >= 0) return String(known);
    if (this.texts.length === MOST_TEXTS)
      throw new RpcError('invalidInput', `At most ${MOST_TEXTS} texts can be chosen.`);
    return String(this.texts.push(chosen) - 1);
  }

  /** Methods that someone typed, with the command line's checks. */
  typed(text: string): TypedMethods {
    if (text.trim() === '') return { methods: [], problem: null };
    try {
      const methods = parseMethods(text);
      return methods.length > MOST_OWN_METHODS
        ? { methods: [], problem: `${methods.length} methods are more than the ${MOST_OWN_METHODS} that are taken` }
        : { methods, problem: null };
    } catch (error) {
      if (error instanceof MethodError) return { methods: [], problem: error.message };
      throw error;
    }
  }

  /** Shows what was found before of a model and text; computes nothing. What runs for another one is stopped. */
  async look(ask: TradeoffAsk): Promise<void> {
    if (this.running?.key === this.keyOf(ask)) return;
    await this.during('opening', ask, async (options) => void (await this.opened(ask, options)));
  }

  /** Measures what is not measured yet. */
  async start(ask: TradeoffAsk): Promise<void> {
    if (this.running?.what === 'sweep' && this.running.key === this.keyOf(ask)) return;
    await this.during('sweep', ask, async (options) => {
      const current = await this.opened(ask, options);
      const missing = current.plan.offered.filter((method) => !current.results.has(method));
      const started = performance.now();
      for (const [at, method] of missing.entries()) {
        const { title } = namedMethod(method);
        const progress = (message: string, inside: number): void => {
          const done = at + inside;
          const spent = performance.now() - started;
          this.progress({
            what: 'sweep',
            message: `${title}: ${message}`,
            fraction: (current.plan.offered.length - missing.length + done) / current.plan.offered.length,
            left: missing.length - at,
            // The first steps read the model, too: too early to say.
            leftMs: done < 0.5 ? null : (spent / done) * (missing.length - done),
          });
        };
        progress('starting', 0);
        const { result } = await (await this.process()).call(
          'tradeoff/measure',
          { ...current.subject, method },
          { ...options, onProgress: ({ message, fraction = 0 }) => progress(message, fraction) },
        );
        current.results.set(method, result);
        this.update({ state: this.stateOf(ask, current) });
        // Without the model itself there is nothing to compare with.
        if (method === UNCHANGED_METHOD && isRefused(result)) throw new RpcError('invalidInput', result.refused);
      }
      await this.trained(ask, current, options);
    });
  }

  /** Models that were trained as what they are on the same text, where the model is one of such. */
  private async trained(ask: TradeoffAsk, current: Current, options: CallOptions): Promise<void> {
    for (const { label, path } of this.places.siblingsOf(current.subject.path)) {
      const method = `trained ${label}`;
      if (current.siblings.some((one) => one.method === method)) continue;
      this.progress({ what: 'sweep', message: `trained as ${label}`, fraction: 1, left: null, leftMs: null });
      const found = await (await this.process()).call(
        'tradeoff/sibling',
        { ...current.subject, label, folder: path },
        options,
      );
      if (!isRefused(found)) current.siblings.push(found);
      this.update({ state: this.stateOf(ask, current) });
    }
  }

  /** A method for each layer, of those that no other beats, so that the cache is `share` of what it was. */
  budget(ask: TradeoffAsk, share: number, methods: readonly string[]): Promise<void> {
    return this.during('budget', ask, async (options) => {
      const current = await this.opened(ask, options);
      const started = performance.now();
      const found = await (await this.process()).call(
        'tradeoff/budget',
        { ...current.subject, share, methods },
        {
          ...options,
          onProgress: ({ message, fraction = 0 }) =>
            this.progress({
              what: 'budget',
              message,
              fraction,
              left: null,
              leftMs: fraction < 0.02 ? null : ((performance.now() - started) / fraction) * (1 - fraction),
            }),
        },
      );
      const others = current.budgets.filter((budget) => budget.share !== share);
      current.budgets.splice(0, Infinity, ...others, found);
      this.update({ state: this.stateOf(ask, current) });
    });
  }

  /** The model with one method, into a folder that is not there yet. @throws RpcError where it could not be written. */
  async export(ask: TradeoffAsk, method: string, folder: string): Promise<void> {
    let failed: unknown = null;
    await this.during('export', ask, async (options) => {
      try {
        const { subject } = await this.opened(ask, options);
        await (await this.process()).call(
          'tradeoff/export',
          { ...subject, method, folder },
          {
            ...options,
            onProgress: ({ message, fraction }) =>
              this.progress({ what: 'export', message, fraction: fraction ?? null, left: null, leftMs: null }),
          },
        );
      } catch (error) {
        failed = error;
      }
    });
    if (failed !== null) throw failed;
  }

  /** What was found stays. */
  stop(): void {
    this.running?.controller.abort();
    this.running = null;
    this.update({ running: null });
  }

  /** All that was found, as a sweep; null where the model itself was not measured yet. */
  sweep(): Sweep | null {
    const { current } = this;
    const own = current?.results.get(UNCHANGED_METHOD);
    if (current === null || own === undefined || isRefused(own)) return null;
    const { plan, subject, results, budgets } = current;
    const { damage, bytesPerToken } = own;
    return {
      model: subject.name,
      modelKey: plan.modelKey,
      text: plan.text,
      measured: { first: firstMeasured(plan.text.tokens), tokens: damage.tokens },
      precision: plan.precision,
      unchanged: { bytesPerToken, loss: damage.lossBefore, perplexity: damage.perplexityBefore, probes: own.probes },
      methods: [
        ...plan.offered.flatMap((method) => (method === UNCHANGED_METHOD ? [] : (results.get(method) ?? []))),
        ...budgets.map(({ share, result }) => ({ ...result, method: budgetTitle(share) })),
      ],
      siblings: current.siblings,
    };
  }

  /** Of the model and text that are asked for: what was found before is there already, here or where results are kept. */
  private async opened(ask: TradeoffAsk, options: CallOptions): Promise<Current> {
    const subject = await this.subjectOf(ask, options);
    const plan = await (await this.process()).call('tradeoff/plan', { ...subject, others: ask.others }, options);
    const before = this.current;
    const same =
      before !== null &&
      before.plan.modelKey === plan.modelKey &&
      before.plan.text.key === plan.text.key &&
      before.plan.precision === plan.precision;
    const results = new Map([
      ...(same ? before.results : []),
      ...plan.kept.map((result) => [result.method, result] as const),
    ]);
    const current: Current = {
      subject,
      plan,
      results,
      budgets: same ? before.budgets : [],
      siblings: same ? before.siblings : [],
    };
    this.current = current;
    this.update({ state: this.stateOf(ask, current) });
    return current;
  }

  private async subjectOf({ source, text, tokens, probes }: TradeoffAsk, options: CallOptions): Promise<SweptSubject> {
    const [model, sources, { engine }] = await Promise.all([
      this.places.sources.modelOf(source),
      this.places.sources.list(),
      this.process().then((compute) => compute.device(options)),
    ]);
    return {
      ...model,
      engine,
      name: this.nameOf(sources.find(({ id }) => id === source)),
      ...this.textOf(text),
      tokens,
      probeTokens: probes ? USUAL_PROBE_TOKENS : 0,
      results: this.places.results,
    };
  }

  private nameOf(source: HeadSource | undefined): string {
    if (source === undefined || source.origin === 'beside') return this.places.config()?.name ?? '';
    return source.origin === 'seeded' ? (this.places.config()?.name ?? '') : source.label;
  }

  private textOf(choice: TextChoice): Pick<SweptSubject, 'text' | 'textName'> {
    if (choice === null) return { text: null, textName: 'the bundled text' };
    if ('typed' in choice) return { text: choice.typed, textName: 'your text' };
    const chosen = this.texts[Number(choice.file)];
    if (chosen === undefined) throw new RpcError('invalidInput', 'That text is gone; choose another.');
    return { text: chosen.text, textName: chosen.name };
  }

  private stateOf(ask: TradeoffAsk, { plan, results, budgets, siblings, subject }: Current): TradeoffState {
    const { text, precision, layers, offered } = plan;
    return {
      ask,
      configId: this.places.config()?.id ?? null,
      model: subject.name,
      seeded: subject.seeded !== undefined,
      text,
      precision,
      layers,
      asked: offered.map(namedMethod),
      outcomes: [
        ...offered.flatMap((method) => {
          const result = results.get(method);
          return result === undefined ? [] : [shownOutcome(result)];
        }),
        ...budgets.map(shownBudget),
      ],
      siblings: siblings.map(({ method, bytesPerToken, damage }) => ({ title: method, bytesPerToken, damage })),
      anchors: SHOWN_ANCHORS,
    };
  }

  private process(): Promise<TradeoffCompute> {
    if (this.places.compute) return this.places.compute();
    throw new RpcError('unavailable', 'Nothing can be computed in the browser: open the folder in desktop VS Code.');
  }

  /** One thing at a time: what ran before is stopped. */
  private async during(
    what: TradeoffRunning['what'],
    ask: TradeoffAsk,
    work: (options: CallOptions) => Promise<void>,
  ): Promise<void> {
    this.running?.controller.abort();
    const running = { controller: new AbortController(), what, key: this.keyOf(ask) };
    this.running = running;
    const asked = JSON.stringify(ask) === JSON.stringify(this.now.state?.ask);
    this.update({
      ...(asked ? {} : { state: null }),
      failure: null,
      running: { what, message: 'opening the model', fraction: null, left: null, leftMs: null },
    });
    try {
      await work({ signal: running.controller.signal });
    } catch (error) {
      if (this.running === running && !running.controller.signal.aborted) this.update({ failure: messageOf(error) });
    } finally {
      if (this.running === running) {
        this.running = null;
        this.update({ running: null });
      }
    }
  }

  /** The same for the same question. */
  private keyOf(ask: TradeoffAsk): string {
    const config = this.places.config();
    return JSON.stringify([ask, config?.id, ask.source.startsWith('seeded') ? config?.text : null]);
  }

  private progress(running: TradeoffRunning): void {
    if (this.running === null) return;
    this.now = { ...this.now, running };
    const time = performance.now();
    if (time - this.told < TOLD_MS) return;
    this.told = time;
    for (const listener of this.runningListeners) listener(running);
  }

  private update(change: Partial<TradeoffShown>): void {
    this.now = { ...this.now, ...change };
    for (const listener of [...this.listeners]) listener(this.now);
  }
}

/** The other samples of a sample; none for any other model. */
export function siblingsAmong(
  samples: readonly { readonly name: string; readonly path: string }[],
  path: string,
): readonly { readonly label: string; readonly path: string }[] {
  if (!samples.some((sample) => sample.path === path)) return [];
  return samples.flatMap((sample) =>
    sample.path === path ? [] : [{ label: sample.name.toUpperCase(), path: sample.path }],
  );
}

const SHOWN_ANCHORS: readonly ShownAnchor[] = ANCHORS.map((anchor) => ({
  text: anchorParts(anchor).join(''),
  point:
    anchor.cacheShare === null || anchor.measure.kind !== 'kl'
      ? null
      : { cacheShare: anchor.cacheShare, klMean: anchor.measure.klMean },
}));

function shownOutcome(result: SweptMethod): ShownOutcome {
  const named = namedMethod(result.method);
  if (isRefused(result)) return { ...result, ...named };
  const how = applicationIn(result);
  return {
    ...withoutPositions(result),
    ...named,
    kvHeads: how?.config?.['num_key_value_heads'] ?? null,
    launches: how?.launch ?? [],
    exported: how?.exported ?? false,
    none: how?.none ?? null,
  };
}

function withoutPositions({ perPosition: _, ...rest }: MethodResult): Omit<MethodResult, 'perPosition'> {
  return rest;
}

function budgetTitle(share: number): string {
  return `${Math.round(100 * share)} % of the cache`;
}

function shownBudget({ share, chosen, expectedKl, result }: BudgetResult): ShownOutcome {
  const named = {
    method: `budget:${share}`,
    title: `${budgetTitle(share)}, a method for each layer`,
    about: 'Each layer has the method of those that no other beats with which all layers together lose least.',
  };
  if (isRefused(result)) return { ...result, ...named };
  return {
    ...withoutPositions(result),
    ...named,
    kvHeads: null,
    launches: [],
    exported: false,
    none: null,
    expectedKl,
    chosen: chosen.map((one) => ({ ...one, title: namedMethod(one.method).title })),
  };
}
