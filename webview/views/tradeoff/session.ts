/** What the page knows of trade-offs: sources, what is asked for, what the host found. It outlives the view, as the host's sweep does. */

import type { HeadSource, PanelConfig, PanelEvents, PanelMethods } from '../../../src/shared/panelContract';
import type { CallOptions, MethodName, MethodParams, MethodResult } from '../../../src/shared/rpc';
import { isGivenUp, messageOf } from '../../../src/shared/rpcError';
import { DEFAULT_SEED, USUAL_SWEPT_TOKENS } from '../../../src/shared/limits';
import {
  NOTHING_SHOWN,
  type TextChoice,
  type TradeoffAsk,
  type TradeoffShown,
} from '../../../src/shared/tradeoffState';
import { Observed } from '../../platform/observed';

/** The part of the host that is needed; tests answer it themselves. */
export interface TradeoffCaller {
  call<K extends MethodName<PanelMethods>>(
    method: K,
    params: MethodParams<PanelMethods, K>,
    options?: CallOptions,
  ): Promise<MethodResult<PanelMethods, K>>;
  on<K extends keyof PanelEvents & string>(event: K, listener: (payload: PanelEvents[K]) => void): () => void;
}

type Followed = Pick<PanelConfig, 'id' | 'name' | 'text'>;

export interface SessionState {
  /** Null until the host answered. */
  readonly sources: readonly HeadSource[] | null;
  readonly source: HeadSource | null;
  readonly text: TextChoice;
  /** Of a chosen file. */
  readonly textName: string;
  readonly tokens: number;
  /** Whether long-range probes run beside the text. */
  readonly probes: boolean;
  readonly others: readonly string[];
  /** As they were typed, and why that names none; null where it does. */
  readonly typedMethods: string;
  readonly methodsProblem: string | null;
  readonly shown: TradeoffShown;
  /** Why something that was asked for was not done; empty where it was. */
  readonly problem: string;
}

/** What is kept across reloads; a chosen file is not: its text is the host's. */
export interface Remembered {
  readonly source?: string;
  /** Id of the config that the source was chosen for. */
  readonly chosenFor?: string;
  readonly typed?: string;
  readonly tokens?: number;
  readonly probes?: boolean;
}

const AT_FIRST: SessionState = {
  sources: null,
  source: null,
  text: null,
  textName: '',
  tokens: USUAL_SWEPT_TOKENS,
  probes: true,
  others: [],
  typedMethods: '',
  methodsProblem: null,
  shown: NOTHING_SHOWN,
  problem: '',
};

export class TradeoffSession extends Observed<SessionState> {
  private config: Followed | null = null;
  private chosenFor: string | null = null;

  constructor(private readonly host: TradeoffCaller) {
    super(AT_FIRST);
    host.on('tradeoff', (shown) => this.update({ shown }));
    host.on('tradeoffRunning', (running) => this.update({ shown: { ...this.current.shown, running } }));
  }

  get remembered(): Remembered {
    const { source, text, tokens, probes } = this.current;
    return {
      ...(source && { source: source.id }),
      ...(this.chosenFor !== null && { chosenFor: this.chosenFor }),
      ...(text !== null && 'typed' in text && { typed: text.typed }),
      tokens,
      probes,
    };
  }

  /** What is asked for now; null without weights that can be used. */
  get ask(): TradeoffAsk | null {
    const { source, text, tokens, probes, others } = this.current;
    if (source === null || source.problem !== null) return null;
    return { source: idOf(source), text, tokens, probes, others };
  }

  /** What is shown is of the model and text that are chosen. */
  get isCurrent(): boolean {
    const { state } = this.current.shown;
    return (
      state !== null &&
      state.configId === (this.config?.id ?? null) &&
      JSON.stringify(state.ask) === JSON.stringify(this.ask)
    );
  }

  /** Follows a config. What the host shows of it already goes first: a command may have begun. */
  async follow(config: Followed | null, remembered: Remembered = {}): Promise<void> {
    const before = this.config;
    if (before !== null && before.id === config?.id) {
      this.config = config;
      // Random weights have the shapes of the text.
      if (before.text !== config.text && this.current.source?.origin === 'seeded') await this.look();
      return;
    }
    this.config = config;
    const { source: wanted, chosenFor, typed, tokens, probes } = remembered;
    if (typed !== undefined) this.update({ text: { typed } });
    if (tokens !== undefined) this.update({ tokens });
    if (probes !== undefined) this.update({ probes });
    if (chosenFor !== undefined) this.chosenFor = chosenFor;
    await this.attempt(async () => {
      const [sources, shown] = await Promise.all([
        this.host.call('panel/headSources', null),
        this.host.call('tradeoff/look', null),
      ]);
      const usable = sources.filter(({ problem }) => problem === null);
      const ofCommand =
        shown.state?.configId === config?.id || (shown.state === null && shown.running !== null)
          ? shown.state?.ask
          : undefined;
      const beside = usable.find(({ origin }) => origin === 'beside');
      const chosen =
        this.chosenFor === config?.id ? usable.find(({ id }) => id === (this.current.source?.id ?? wanted)) : undefined;
      const source =
        (ofCommand && usable.find((one) => idOf(one) === ofCommand.source)) ??
        chosen ??
        beside ??
        usable.find(({ origin }) => origin === 'seeded') ??
        sources[0] ??
        null;
      this.update({
        sources,
        source,
        shown,
        ...(ofCommand && ofAsk(ofCommand)),
      });
      if (!this.isCurrent && shown.running === null) await this.look();
    });
  }

  choose(id: string): Promise<void> {
    this.chosenFor = this.config?.id ?? null;
    this.update({ source: this.current.sources?.find((one) => one.id === id) ?? null });
    return this.look();
  }

  /** Asks the user for weights. */
  browse(): Promise<void> {
    return this.attempt(async () => {
      const source = await this.host.call('panel/chooseHeadSource', null);
      if (source === null) return;
      this.update({ sources: [...(this.current.sources ?? []).filter(({ id }) => id !== source.id), source] });
      await this.choose(source.id);
    });
  }

  setText(text: TextChoice, textName = ''): Promise<void> {
    this.update({ text, textName });
    return this.look();
  }

  chooseText(): Promise<void> {
    return this.attempt(async () => {
      const chosen = await this.host.call('tradeoff/chooseText', null);
      if (chosen !== null) await this.setText({ file: chosen.id }, chosen.name);
    });
  }

  setTokens(tokens: number): Promise<void> {
    this.update({ tokens });
    return this.look();
  }

  setProbes(probes: boolean): Promise<void> {
    this.update({ probes });
    return this.look();
  }

  /** Methods of one's own, as they are typed; those that are named now, or null where the text names none. */
  async setMethods(typedMethods: string): Promise<readonly string[] | null> {
    let found: readonly string[] | null = null;
    this.update({ typedMethods });
    await this.attempt(async () => {
      const { methods, problem } = await this.host.call('tradeoff/methods', { typed: typedMethods });
      if (typedMethods !== this.current.typedMethods) return;
      this.update({ methodsProblem: problem });
      if (problem !== null) return;
      found = methods;
      if (JSON.stringify(methods) === JSON.stringify(this.current.others)) return;
      this.update({ others: methods });
      await this.look();
    });
    return found;
  }

  /** Measures what is not measured yet. */
  start(): Promise<void> {
    return this.withAsk((ask) => this.host.call('tradeoff/start', ask));
  }

  stop(): Promise<void> {
    return this.attempt(async () => void (await this.host.call('tradeoff/stop', null)));
  }

  budget(share: number, methods: readonly string[]): Promise<void> {
    return this.withAsk((sweep) => this.host.call('tradeoff/budget', { sweep, share, methods }));
  }

  /** The folder's name; null when the user changed their mind, or it failed. */
  async export(method: string): Promise<string | null> {
    let name: string | null = null;
    await this.withAsk(async (sweep) => (name = await this.host.call('tradeoff/export', { sweep, method })));
    return name;
  }

  page(): Promise<void> {
    return this.attempt(async () => void (await this.host.call('tradeoff/page', null)));
  }

  /** What was found before of what is chosen now. */
  private look(): Promise<void> {
    return this.withAsk(async (ask) => {
      const shown = await this.host.call('tradeoff/look', ask, { supersedeKey: 'tradeoff/look' });
      this.update({ shown });
    });
  }

  private withAsk(work: (ask: TradeoffAsk) => Promise<unknown>): Promise<void> {
    const { ask } = this;
    if (ask === null) return Promise.resolve();
    return this.attempt(async () => void (await work(ask)));
  }

  private async attempt(work: () => Promise<void>): Promise<void> {
    this.update({ problem: '' });
    try {
      await work();
    } catch (error) {
      if (!isGivenUp(error)) this.update({ problem: messageOf(error) });
    }
  }
}

function ofAsk({
  text,
  tokens,
  probes,
  others,
}: TradeoffAsk): Pick<SessionState, 'text' | 'tokens' | 'probes' | 'others' | 'typedMethods'> {
  return { text, tokens, probes, others, typedMethods: others.join(', ') };
}

/** Seeded weights are named with their seed. */
function idOf({ id, origin }: HeadSource): string {
  return origin === 'seeded' ? `${id}:${DEFAULT_SEED}` : id;
}
