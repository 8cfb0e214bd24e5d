/** What a model says next and what its heads do, as the page knows it: one question at a time, with progress, and what is there when it is cancelled. */

import type { AttributeResult, Effect, PatchResult, Recovery } from '../../../src/shared/effectsContract';
import type { Diversity, LensRead, NamedHeads, NextToken } from '../../../src/shared/lensContract';
import type { HeadSource } from '../../../src/shared/panelContract';
import { type CancelController, newCancelController } from '../../../src/shared/platform';
import type { CallOptions } from '../../../src/shared/rpc';
import { isGivenUp, messageOf, RpcError } from '../../../src/shared/rpcError';
import { elementAt } from '../../../src/model/elementAt';
import { sentence } from '../../../src/present/words';
import type { Failure } from '../../parts/states';
import type { Caller, Running } from './session';

/** What is looked at: a source, and a prompt in its tokens. */
export interface Subject {
  readonly source: HeadSource;
  readonly prompt: string;
  readonly ids: readonly number[];
  readonly pieces: readonly string[];
}

export interface Sampled {
  readonly temperature: number;
  readonly seed: number;
}

/** A sequence with the heads that were named on it. */
export interface NamedOn {
  /** Null: the prompt. */
  readonly repeated: number | null;
  readonly pieces: readonly string[];
  readonly found: NamedHeads;
}

export interface Compared {
  readonly source: HeadSource;
  readonly ids: readonly number[];
  readonly diversity: Diversity;
  /** Of its heads and groups, as far as they are there; null before they are asked for. */
  readonly map: EffectMap | null;
}

/** Effects of single heads and of whole groups, as far as they are there. */
export interface EffectMap {
  readonly effects: readonly Effect[];
  readonly left: number;
}

export interface Patched extends Omit<PatchResult, 'recoveries'> {
  readonly recoveries: readonly Recovery[];
  /** Of the corrupted prompt. */
  readonly pieces: readonly string[];
}

export interface EffectsState {
  readonly running: Running | null;
  readonly failure: Failure | null;
  readonly read: LensRead | null;
  /** Tokens that followed, each with what was seen of its step. */
  readonly steps: readonly NextToken[];
  readonly named: NamedOn | null;
  readonly compared: readonly Compared[];
  readonly map: EffectMap | null;
  readonly attribution: AttributeResult | null;
  readonly patch: Patched | null;
}

const NOTHING: EffectsState = {
  running: null,
  failure: null,
  read: null,
  steps: [],
  named: null,
  compared: [],
  map: null,
  attribution: null,
  patch: null,
};

/** Positions that are read at once: the last of the prompt. */
const MOST_READ = 48;
const TOP = 8;
/** The trained samples repeat what looks like their lists, and nothing else. */
const SAMPLE_FRAME = { before: 'List:', between: '. Again:' };

export class EffectsSession {
  private current = NOTHING;
  private readonly listeners = new Set<(state: EffectsState) => void>();
  private cancelling: CancelController | null = null;
  private of: Subject | null = null;

  constructor(private readonly host: Caller) {}

  get state(): EffectsState {
    return this.current;
  }

  /** The result stops listening. */
  subscribe(listener: (state: EffectsState) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Another model or prompt has other answers. */
  follow(subject: Subject): void {
    const { of } = this;
    if (of !== null && of.source.id === subject.source.id && same(of.ids, subject.ids)) return;
    this.cancel();
    this.of = subject;
    this.update(NOTHING);
  }

  /** The logit lens at the last positions; the last state of it is what the model says. @param words Tokens whose rank is wanted. */
  readNext(words = ''): Promise<void> {
    return this.working('Next token', async (options, { source, ids }) => {
      const first = Math.max(0, ids.length - MOST_READ);
      const positions = Array.from({ length: ids.length - first }, (_, at) => first + at);
      const tokens = words === '' ? [] : [await this.token(source, words, options)];
      const read = await this.host.call('lens/read', { source: source.id, ids, positions, top: TOP, tokens }, options);
      this.update({ read });
    });
  }

  /** So many more tokens, each on the cache of those before. */
  grow(count: number, { temperature, seed }: Sampled): Promise<void> {
    return this.working('Next tokens', async (options, { source, ids }) => {
      for (let at = 0; at < count; at++) {
        const { steps } = this.current;
        if (steps.at(-1)?.chosen.ends === true) return;
        this.progress(`token ${at + 1} of ${count}`, at / count);
        const next = await this.host.call(
          'lens/next',
          {
            source: source.id,
            ids: [...ids, ...steps.map(({ chosen }) => chosen.id)],
            top: TOP,
            temperature,
            topK: null,
            topP: null,
            seed,
          },
          { ...options, onProgress: () => undefined },
        );
        this.update({ steps: [...steps, next] });
      }
    });
  }

  beginAgain(): void {
    this.cancel();
    this.update({ steps: [] });
  }

  /** @param repeated Tokens of a random sequence that comes twice; null: on the prompt. */
  name(repeated: number | null): Promise<void> {
    return this.working('Named heads', async (options, { source, ids, pieces }) => {
      const frame = source.origin === 'sample' ? SAMPLE_FRAME : { before: '', between: '' };
      const on =
        repeated === null
          ? { ids, pieces }
          : await this.host.call('lens/repeated', { source: source.id, length: repeated, seed: 1, ...frame }, options);
      const found = await this.host.call('lens/heads', { source: source.id, ids: on.ids }, options);
      this.update({ named: { repeated, pieces: on.pieces, found } });
    });
  }

  /** How different heads are, of this model and of others for the same text. */
  compare(others: readonly HeadSource[]): Promise<void> {
    return this.working('Diversity of heads', async (options, { source, ids, prompt }) => {
      this.update({ compared: [] });
      for (const each of [source, ...others.filter(({ id }) => id !== source.id)]) {
        const own =
          each.id === source.id
            ? ids
            : (await this.host.call('heads/tokens', { source: each.id, text: prompt }, options)).ids;
        const diversity = await this.host.call('lens/diversity', { source: each.id, ids: own }, options);
        this.update({ compared: [...this.current.compared, { source: each, ids: own, diversity, map: null }] });
      }
    });
  }

  /** The whole map of what each head does, and each group that shares a KV head; goes on where it was cancelled. */
  takeOut(): Promise<void> {
    return this.working('Effects of heads', async (options, { source, ids }) => {
      await this.mapOf({ source, ids, map: this.current.map }, options, (map) => this.update({ map }));
    });
  }

  /** The same of every design that is compared. */
  takeOutOfDesigns(): Promise<void> {
    return this.working('Effects of heads', async (options) => {
      for (const at of this.current.compared.keys())
        await this.mapOf(elementAt(this.current.compared, at), options, (map) =>
          this.update({
            compared: this.current.compared.map((each, index) => (index === at ? { ...each, map } : each)),
          }),
        );
    });
  }

  private async mapOf(
    { source, ids, map }: Pick<Compared, 'source' | 'ids' | 'map'>,
    options: CallOptions,
    found: (map: EffectMap) => void,
  ): Promise<void> {
    let all = map?.effects ?? [];
    for (let missing = map?.left ?? 1; missing > 0; ) {
      const { effects, left } = await this.host.call(
        'effects/map',
        {
          source: source.id,
          ids,
          kinds: ['head', 'group'],
          known: all.map(({ place }) => place),
          by: 'zero',
          other: null,
          tokens: [],
        },
        options,
      );
      all = [...all, ...effects];
      found({ effects: all, left });
      if (effects.length === 0) return;
      missing = left;
      this.progress(`${source.label}: ${all.length} of ${all.length + left}`, all.length / (all.length + left));
    }
  }

  /** Who wrote a token's logit behind the last position. @param words Empty: the likeliest token. */
  attribute(words: string): Promise<void> {
    return this.working('Attribution', async (options, { source, ids }) => {
      const token =
        words === '' ? await this.likeliest(source, ids, options) : await this.token(source, words, options);
      const attribution = await this.host.call(
        'effects/attribute',
        { source: source.id, ids, position: null, token, against: null, bySource: true },
        options,
      );
      this.update({ attribution });
    });
  }

  /** What of the prompt brings a corrupted one back. @param text The corrupted prompt; it has as many tokens. */
  patchFrom(text: string): Promise<void> {
    return this.working('Patching', async (options, { source, ids }) => {
      const { ids: corrupted, pieces } = await this.host.call('heads/tokens', { source: source.id, text }, options);
      if (corrupted.length !== ids.length)
        throw new RpcError(
          'invalidInput',
          `The prompts must have as many tokens: the first has ${ids.length}, the other ${corrupted.length}.`,
        );
      const token = await this.likeliest(source, ids, options);
      let recoveries: readonly Recovery[] = [];
      for (;;) {
        const part = await this.host.call(
          'effects/patch',
          {
            source: source.id,
            clean: ids,
            corrupted,
            kinds: ['head'],
            token,
            against: null,
            known: recoveries.map(({ place }) => place),
          },
          options,
        );
        recoveries = [...recoveries, ...part.recoveries];
        this.update({ patch: { ...part, recoveries, pieces } });
        if (part.left === 0 || part.recoveries.length === 0) return;
        this.progress(
          `${recoveries.length} of ${recoveries.length + part.left}`,
          recoveries.length / (recoveries.length + part.left),
        );
      }
    });
  }

  cancel(): void {
    this.cancelling?.abort();
    this.cancelling = null;
    if (this.current.running !== null) this.update({ running: null });
  }

  private async likeliest(source: HeadSource, ids: readonly number[], options: CallOptions): Promise<number> {
    const asked = { source: source.id, ids, top: 1, temperature: 0, topK: null, topP: null, seed: 0 };
    return (await this.host.call('lens/next', asked, options)).chosen.id;
  }

  /** The last token of a text: those before it are what the model begins every text with. */
  private async token(source: HeadSource, text: string, options: CallOptions): Promise<number> {
    const begun = await this.host.call('heads/tokens', { source: source.id, text: '' }, options);
    const { ids } = await this.host.call('heads/tokens', { source: source.id, text }, options);
    const own = ids.slice(begun.ids.length);
    const [first] = own;
    if (first !== undefined && own.length === 1) return first;
    throw new RpcError(
      'invalidInput',
      `“${text}” is ${own.length} tokens of this model: give one, with the space before it where the text has one.`,
    );
  }

  private async working(where: string, work: (options: CallOptions, subject: Subject) => Promise<void>): Promise<void> {
    const { of } = this;
    if (of === null) return;
    this.cancelling?.abort();
    const controller = newCancelController();
    this.cancelling = controller;
    const ours = (): boolean => this.cancelling === controller;
    this.update({ running: { message: 'Starting', fraction: null }, failure: null });
    try {
      await work(
        {
          signal: controller.signal,
          onProgress: ({ message, fraction }) => {
            if (ours()) this.progress(message, fraction ?? null);
          },
        },
        of,
      );
    } catch (error) {
      if (ours() && !isGivenUp(error))
        this.update({ failure: { what: sentence(messageOf(error)), where, then: 'Change that, and run again.' } });
    } finally {
      if (ours()) {
        this.cancelling = null;
        this.update({ running: null });
      }
    }
  }

  private progress(message: string, fraction: number | null): void {
    this.update({ running: { message: sentence(message), fraction } });
  }

  private update(change: Partial<EffectsState>): void {
    this.current = { ...this.current, ...change };
    for (const listener of [...this.listeners]) listener(this.current);
  }
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
