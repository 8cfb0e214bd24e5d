// Effects before they are drawn: what a session asks for, keeps when it is cancelled, and goes on from.
import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../src/shared/effectsContract';
import type { NextToken } from '../../../src/shared/lensContract';
import type { HeadSource, PanelMethods } from '../../../src/shared/panelContract';
import type { CallOptions, MethodName, MethodParams, MethodResult } from '../../../src/shared/rpc';
import { RpcError } from '../../../src/shared/rpcError';
import { cacheText, groupOf, headModel, largestEffects, percent } from '../../../webview/views/heads/effectsModels';
import { EffectsSession, type Subject } from '../../../webview/views/heads/effectsSession';
import type { Caller } from '../../../webview/views/heads/session';

const SOURCE: HeadSource = { id: 'sample:gqa', label: 'GQA', origin: 'sample', problem: null };
const SUBJECT: Subject = { source: SOURCE, prompt: 'a b', ids: [1, 2, 3], pieces: ['<s>', ' a', ' b'] };

const effect = (kind: 'head' | 'group', layer: number, index: number, klMean: number): Effect => ({
  place: kind === 'head' ? `${layer}.${index}` : `${layer}.group${index}`,
  kind,
  layer,
  index,
  klMean,
  klLast: 0,
  lossChange: null,
  logitChanges: [],
});
const next = (id: number): NextToken => ({
  chosen: { id, logit: 1, probability: 0.5, rank: 1, sampled: 1, among: 1, ends: id === 9 },
  distribution: { top: [], entropy: 0, asked: [] },
  words: [],
  cache: [],
});

interface Asked {
  readonly method: string;
  readonly params: unknown;
}
type Answer = (params: never, options: CallOptions) => unknown;

function scripted(answers: Partial<Record<MethodName<PanelMethods>, Answer>>): { asked: Asked[]; caller: Caller } {
  const asked: Asked[] = [];
  const caller: Caller = {
    call: async <K extends MethodName<PanelMethods>>(
      method: K,
      params: MethodParams<PanelMethods, K>,
      options: CallOptions = {},
    ): Promise<MethodResult<PanelMethods, K>> => {
      asked.push({ method, params });
      const answer = answers[method];
      if (answer === undefined) throw new RpcError('unknownMethod', method);
      return (await answer(params as never, options)) as MethodResult<PanelMethods, K>;
    },
  };
  return { asked, caller };
}

describe('a session', () => {
  test('takes heads out part by part, keeps what is there when it is cancelled, and goes on from it', async () => {
    const parts = [effect('head', 0, 0, 0.1), effect('head', 0, 1, 0.2), effect('group', 0, 0, 0.4)];
    let cancelAt = 1;
    const { asked, caller } = scripted({
      'effects/map': (params: { known: string[] }) => {
        const at = params.known.length;
        if (at === cancelAt) {
          session.cancel();
          throw new RpcError('cancelled', 'cancelled');
        }
        return { effects: [parts[at]], left: parts.length - at - 1 };
      },
    });
    const session: EffectsSession = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.takeOut();
    expect(session.state).toMatchObject({ map: { effects: [parts[0]], left: 2 }, failure: null, running: null });
    cancelAt = -1;
    await session.takeOut();
    expect(session.state.map).toEqual({ effects: parts, left: 0 });
    expect(asked.map(({ params }) => (params as { known: string[] }).known.length)).toEqual([0, 1, 1, 2]);
  });

  test('takes heads and groups of every design out, and goes on where it was cancelled', async () => {
    const [own, other] = [SOURCE, { ...SOURCE, id: 'sample:mqa', label: 'MQA' }];
    let answered = 0;
    const { asked, caller } = scripted({
      'heads/tokens': () => ({ ids: [4, 5], pieces: ['x', 'y'] }),
      'lens/diversity': () => ({ tokens: 3, layers: [] }),
      'effects/map': ({ known }: { known: string[] }) => {
        if (++answered === 4) throw new RpcError('cancelled', 'cancelled');
        return { effects: [effect(known.length === 0 ? 'head' : 'group', 0, 0, 1)], left: 1 - known.length };
      },
    });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.compare([own, other]);
    await session.takeOutOfDesigns();
    const lefts = (): (number | undefined)[] => session.state.compared.map(({ map }) => map?.left);
    expect(lefts()).toEqual([0, 1]);
    await session.takeOutOfDesigns();
    expect(lefts()).toEqual([0, 0]);
    const maps = asked.flatMap(({ method, params }) => (method === 'effects/map' ? [params] : []));
    expect(maps.map((params) => (params as { source: string }).source)).toEqual([
      ...[own.id, own.id, other.id, other.id],
      other.id,
    ]);
    expect(maps.at(-1)).toMatchObject({ ids: [4, 5], known: ['0.0'] });
  });

  test('goes on token by token with what was said, until the model ends its text', async () => {
    const { asked, caller } = scripted({ 'lens/next': ({ ids }: { ids: number[] }) => next(5 + ids.length) });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.grow(5, { temperature: 0, seed: 0 });
    expect(session.state.steps.map(({ chosen }) => chosen.id)).toEqual([8, 9]);
    expect(asked.map(({ params }) => (params as { ids: number[] }).ids)).toEqual([
      [1, 2, 3],
      [1, 2, 3, 8],
    ]);
  });

  test('forgets its answers with another prompt, and not with another layer of the same', async () => {
    const { caller } = scripted({ 'lens/next': () => next(7) });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.grow(1, { temperature: 0, seed: 0 });
    session.follow({ ...SUBJECT, ids: [...SUBJECT.ids] });
    expect(session.state.steps).toHaveLength(1);
    session.follow({ ...SUBJECT, ids: [1, 2] });
    expect(session.state.steps).toHaveLength(0);
  });

  test('says what is wrong with a token or a prompt', async () => {
    const { caller } = scripted({
      'heads/tokens': ({ text }: { text: string }) => {
        const ids = [0, ...text.split('').map((_, at) => at)];
        return { ids, pieces: ids.map(String) };
      },
    });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.readNext('xy');
    expect(session.state.failure?.what).toBe(
      '“xy” is 2 tokens of this model: give one, with the space before it where the text has one.',
    );
    await session.patchFrom('abcdef');
    expect(session.state.failure?.what).toContain('the first has 3, the other 7');
  });
});

describe('what the charts take', () => {
  const effects = [0, 1, 2, 3].map((index) => effect('head', 1, index, index / 10));
  const groups = [effect('group', 1, 0, 0.5), effect('group', 1, 1, 0.9)];

  test('has nothing where nothing is known yet', () => {
    const { cells, rows, columns } = headModel(effects.slice(1), 2, false, ({ klMean }) => klMean);
    expect([rows.count, columns.count]).toEqual([2, 4]);
    expect([...cells.data].map((value) => Number(value.toFixed(1)))).toEqual([NaN, NaN, NaN, NaN, NaN, 0.1, 0.2, 0.3]);
  });

  test('knows the group of a head, and which lose most', () => {
    expect(groupOf([...effects, ...groups], effect('head', 1, 2, 0))?.index).toBe(1);
    // Each head has its own K and V.
    const own = [0, 1, 2, 3].map((index) => effect('group', 1, index, 0));
    expect(groupOf([...effects, ...own], effect('head', 1, 2, 0))).toBeUndefined();
    expect(largestEffects([...effects, ...groups], 2).map(({ index }) => index)).toEqual([3, 2]);
  });

  test('says what of a cache is new, and where layers hold fewer', () => {
    const step = { layer: 0, kind: 'full', read: 10, written: 1, held: 11, bytes: 1024 } as const;
    expect(cacheText([step, { ...step, layer: 1 }])).toBe('K and V of 10 tokens read, 1 new; the cache is 2,048 B');
    expect(cacheText([step, { ...step, layer: 1, kind: 'sliding', read: 4, held: 4 }])).toBe(
      'K and V of 10 tokens read, 1 new (1 layer), K and V of 4 tokens read, 1 new (1 layer); the cache is 2,048 B',
    );
    expect([percent(0.957), percent(0.0058), percent(0), percent(1e-9)]).toEqual([
      '95.7 %',
      '0.58 %',
      '0.00 %',
      '< 0.01 %',
    ]);
  });
});
