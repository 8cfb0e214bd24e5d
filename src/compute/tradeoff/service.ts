/** Sweeps that the compute process holds: one model on one text, method after method, each a call of its own. */

import { ConversionRefused } from '../../insight/conversion/target';
import { MethodError, methodLabel, parseMethod, UNCHANGED } from '../../insight/tradeoff/method';
import { offeredMethods } from '../../insight/tradeoff/offered';
import type { SweptMethod } from '../../insight/tradeoff/result';
import { CONVERSION_PROMPT } from '../../present/conversionText';
import type { EngineId } from '../../shared/engineIds';
import type { CallContext } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import type { Answers } from '../../shared/schema';
import type { MeasuredMethod, SweptSubject, TradeoffMethods, TradeoffPlan } from '../../shared/tradeoffContract';
import type { OpenModel } from '../../weights/openModel';
import type { Engine } from '../engines/engine';
import { HeadModel } from '../heads/headModel';
import { SeededModel } from '../heads/seededModel';
import { UNWATCHED, type Watch } from '../heads/watch';
import { withTravellingErrors } from '../travellingErrors';
import { modelKey, textKey } from './identity';
import { type Linear, usualLinear } from './linear';
import { probesFor } from './probesFor';
import { ResultStore } from './resultStore';
import { seededOpenModel } from './seededOpenModel';
import { Sweeper } from './sweep';
import { WholePass } from './wholePass';
import { writeFolder } from './wholeFolder';

interface Held {
  readonly key: string;
  readonly linear: Linear;
  readonly pass: WholePass;
  readonly sweeper: Sweeper;
  readonly store: ResultStore;
  readonly keys: { readonly model: string; readonly text: string };
  readonly tokens: { readonly measured: number; readonly all: number };
  /** Of the call that runs now: sweeps outlive calls. */
  watched: Watch;
  /** Whether the result that was told of last was found before. */
  kept: boolean;
  unchanged(): Promise<boolean>;
  close(): Promise<void>;
}

export class TradeoffService {
  private held: Held | null = null;

  constructor(private readonly engine: (id: EngineId) => Engine) {}

  answers(): Answers<TradeoffMethods> {
    const with_ =
      <P extends SweptSubject, R>(work: (held: Held, params: P) => Promise<R>) =>
      (params: P, context: CallContext): Promise<R> =>
        withTravellingErrors(async () => {
          const held = await this.holding(params);
          held.watched = context;
          try {
            return await work(held, params);
          } catch (error) {
            if (error instanceof MethodError || error instanceof ConversionRefused)
              throw new RpcError('invalidInput', error.message);
            throw error;
          } finally {
            held.watched = UNWATCHED;
          }
        });
    return {
      'tradeoff/plan': with_(async (held, { others, textName }) => planOf(held, others, textName)),
      'tradeoff/measure': with_(async (held, { method }): Promise<MeasuredMethod> => {
        const result = await held.sweeper.measure(method);
        return { result, kept: held.kept };
      }),
      'tradeoff/budget': with_(async ({ sweeper }, { methods, share }) => {
        const { chosen, expectedKl, result } = await sweeper.budget(share, methods);
        return {
          share,
          chosen: chosen.map(({ layer, method, klMean }) => ({ layer, method, klMean })),
          expectedKl,
          result,
        };
      }),
      'tradeoff/sibling': with_(async ({ sweeper, linear }, { label, folder }) => {
        const other = await HeadModel.open(folder);
        try {
          return await sweeper.sibling(label, other.model, new WholePass(other.model, linear));
        } finally {
          await other.close();
        }
      }),
      'tradeoff/export': with_(async ({ sweeper }, { method, folder, seeded }) => {
        if (seeded !== undefined)
          throw new RpcError('invalidInput', 'random weights are not exported: choose weights of a model');
        await writeFolder(folder, (beside) => sweeper.exportTo(beside, [method]));
        return null;
      }),
    };
  }

  private async holding(params: SweptSubject): Promise<Held> {
    const { path, seeded, text, tokens, probeTokens, engine, results, name, textName } = params;
    const key = JSON.stringify([path, seeded, text, tokens, probeTokens, engine, results, name, textName]);
    if (this.held?.key === key && (await this.held.unchanged())) return this.held;
    const before = this.held;
    this.held = null;
    await before?.close();
    const { model, ids, all, unchanged } = await opened(params);
    try {
      this.held = await this.hold(key, params, { model, ids, all, unchanged });
      return this.held;
    } catch (error) {
      await model.close();
      throw error;
    }
  }

  private async hold(
    key: string,
    { engine, results, name, textName, probeTokens, seeded }: SweptSubject,
    { model, ids, all, unchanged }: Opened,
  ): Promise<Held> {
    const linear = usualLinear(model.store, this.engine(engine));
    const pass = new WholePass(model, linear);
    const store = new ResultStore(results);
    // Random weights do none of these tasks.
    const probes = seeded === undefined ? await probesFor(model, ids, Math.min(probeTokens, ids.length)) : [];
    const watch: Watch = {
      get signal() {
        return held.watched.signal;
      },
      progress: (progress) => held.watched.progress(progress),
    };
    const sweeper = await Sweeper.of(
      model,
      pass,
      store,
      {
        name,
        ids,
        text: { name: textName, ofTokens: all },
        methods: [],
        alone: false,
        probes,
        found: (_, kept) => (held.kept = kept),
      },
      watch,
    );
    const held: Held = {
      key,
      linear,
      pass,
      sweeper,
      store,
      keys: { model: await modelKey(model), text: textKey(ids, probes) },
      tokens: { measured: ids.length, all },
      watched: UNWATCHED,
      kept: false,
      unchanged,
      close: async () => {
        await linear.dispose();
        await model.close();
      },
    };
    return held;
  }
}

interface Opened {
  readonly model: OpenModel;
  readonly ids: readonly number[];
  /** Tokens of the whole text. */
  readonly all: number;
  unchanged(): Promise<boolean>;
}

async function opened({ path, seeded, text, tokens }: SweptSubject): Promise<Opened> {
  const prompt = text ?? CONVERSION_PROMPT;
  if (seeded === undefined) {
    const opened = await HeadModel.open(path);
    const { model } = opened;
    try {
      const ids = await opened.encode(prompt);
      return { model, ids: ids.slice(0, tokens), all: ids.length, unchanged: () => opened.unchanged() };
    } catch (error) {
      await model.close();
      throw error;
    }
  }
  const model = await seededOpenModel(path, seeded);
  const tokenizer = await model.tokenizer();
  const { vocabularySize } = model.plan;
  // Without a tokenizer each word is a token; with one of another model ids may lie outside.
  const words = tokenizer === null ? await (await SeededModel.open('', seeded)).encode(prompt) : null;
  const ids = (words ?? tokenizer?.encode(prompt) ?? []).map((id) => id % vocabularySize);
  return { model, ids: ids.slice(0, tokens), all: ids.length, unchanged: () => Promise.resolve(true) };
}

async function planOf(
  { pass, store, keys, tokens }: Held,
  others: readonly string[],
  textName: string,
): Promise<TradeoffPlan> {
  if (tokens.measured < 4)
    throw new RpcError('invalidInput', `${tokens.measured} tokens of text are too few: half of them are measured`);
  const offered = [...others, ...offeredMethods(pass.layers(), tokens.measured)];
  // What someone typed is what they want to see first.
  const labels = [...new Set([methodLabel(UNCHANGED), ...offered].map((method) => methodLabel(parseMethod(method))))];
  const kept: SweptMethod[] = [];
  for (const label of labels) {
    const found = await store.get(keys.model, keys.text, pass.precision, label);
    if (found !== null) kept.push(found);
  }
  return {
    modelKey: keys.model,
    text: { name: textName, key: keys.text, tokens: tokens.measured, ofTokens: tokens.all },
    precision: pass.precision,
    layers: pass.layerCount,
    offered: labels,
    kept,
  };
}
