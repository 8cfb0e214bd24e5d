// Effects before they are drawn: what a session asks for, keeps when it is cancelled, and goes on from.
import { describe, expect, test } from 'vitest';
import type { Effect } from '../../../src/shared/effectsContract';
import type { NextToken } from '../../../src/shared/lensContract';
import type { HeadSource, PanelMethods } from '../../../src/shared/panelContract';
import type { CallOptions, MethodName, MethodParams, MethodResult } from '../../../src/shared/rpc';
import { RpcError } from '../../../src/shared/rpcError';
import {
  cacheText,
  groupOf,
  headModel,
  largest,
  PART_COLUMNS,
  percent,
  placeName,
  placesModel,
  positionColumns,
  sourcesModel,
} from '../../../webview/views/heads/effects/models';
import { EffectsSession, type Subject } from '../../../webview/views/heads/effects/session';
import type { Caller } from '../../../webview/views/heads/session';

const SOURCE: HeadSource = { id: 'sample:gqa', label: 'GQA', origin: 'sample', problem: null };
const SUBJECT: Subject = {
  source: SOURCE,
  prompt: 'a b',
  ids: [1, 2, 3],
  pieces: ['<s>', ' a', ' b'],
  text: true,
  vocabulary: 100,
};

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
    await session.ablate();
    expect(session.state).toMatchObject({ map: { effects: [parts[0]], left: 2 }, failure: null, running: null });
    cancelAt = -1;
    await session.ablate();
    expect(session.state.map).toMatchObject({ effects: parts, left: 0 });
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
    await session.ablateDesigns();
    const lefts = (): (number | undefined)[] => session.state.compared.map(({ map }) => map?.left);
    expect(lefts()).toEqual([0, 1]);
    await session.ablateDesigns();
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
    await session.grow(5);
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
    await session.grow(1);
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
    session.set({ word: 'xy' });
    await session.readNext();
    expect(session.state.failure?.what).toBe(
      '“xy” is 2 tokens in this model: give one, with its leading space if it has one.',
    );
    session.set({ word: '', other: 'abcdef' });
    await session.patch();
    expect(session.state.failure?.what).toBe(
      'The clean prompt has 3 tokens and the corrupted one 7: patches need as many in both.',
    );
  });
});

describe('a form', () => {
  const tokens = ({ text }: { text: string }): unknown => {
    // The model begins every text with token 0; each letter is a token.
    const ids = [0, ...[...text].map((letter) => letter.charCodeAt(0))];
    return { ids, pieces: ['<s>', ...text] };
  };
  const likeliest = ({ ids }: { ids: number[] }): NextToken => ({
    ...next(ids.length === 3 && ids[0] === 1 ? 65 : 66),
    words: [
      { id: 65, piece: 'A' },
      { id: 66, piece: 'B' },
    ],
  });

  test('keeps a map for each question, and says which one is shown', async () => {
    const { asked, caller } = scripted({
      'heads/tokens': tokens,
      'effects/map': ({ by }: { by: string }) => ({ effects: [effect('head', 0, 0, by === 'zero' ? 1 : 2)], left: 0 }),
    });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    const shown = (): unknown => session.state.map?.effects[0]?.klMean;
    await session.ablate();
    session.set({ by: 'mean' });
    // Not there yet: what is shown is still the first, by its own name.
    expect([shown(), session.state.map?.question.by]).toEqual([1, 'zero']);
    await session.ablate();
    expect([shown(), session.state.map?.question.by]).toEqual([2, 'mean']);
    session.set({ by: 'zero' });
    expect(shown()).toBe(1);
    // All of it is there: nothing is asked again.
    await session.ablate();
    // One that is looked at stays, whatever comes of another.
    session.set({ what: 'parts' });
    const running = session.ablate();
    session.set({ what: 'heads' });
    await running;
    expect(session.state.map?.question).toMatchObject({ what: 'heads', by: 'zero' });
    session.set({ by: 'other', other: 'xy', what: 'parts', word: 'z' });
    await session.ablate();
    const maps = asked.flatMap(({ method, params }) => (method === 'effects/map' ? [params] : []));
    expect(maps).toMatchObject([
      { by: 'zero', other: null, kinds: ['head', 'group'], tokens: [] },
      { by: 'mean', other: null, kinds: ['head', 'group'], tokens: [] },
      { by: 'zero', other: null, kinds: ['attention', 'mlp'], tokens: [] },
      { by: 'other', other: [0, 120, 121], kinds: ['attention', 'mlp'], tokens: [122] },
    ]);
  });

  test('asks what it said when it was pressed, whatever is typed meanwhile', async () => {
    const { asked, caller } = scripted({
      'heads/tokens': (params: { text: string }) => {
        session.set({ word: 'z', by: 'mean' });
        return tokens(params);
      },
      'effects/map': () => ({ effects: [effect('head', 0, 0, 1)], left: 0 }),
    });
    const session: EffectsSession = new EffectsSession(caller);
    session.follow(SUBJECT);
    session.set({ word: 'y' });
    await session.ablate();
    expect(asked.at(-1)?.params).toMatchObject({ tokens: [121], by: 'zero' });
    expect(session.state.map?.question).toMatchObject({ word: 'y', by: 'zero' });
  });

  test('says what to do, by what went wrong', async () => {
    const { caller } = scripted({
      'effects/compose': () => {
        throw new RpcError('crashed', 'the compute process ended');
      },
    });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.compose(1, 0);
    expect(session.state.failure).toMatchObject({
      where: 'Composition',
      then: 'Run again: the compute process restarts.',
    });
  });

  test('takes several places out together, and asks for places where there are none', async () => {
    const { asked, caller } = scripted({ 'effects/change': () => ({ kl: [0.5] }) });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.ablateTogether();
    expect(session.state.failure?.what).toContain('3.5 for head 5 of layer 3');
    session.set({ together: ' 3.5, 3.group1;0.mlp ' });
    await session.ablateTogether();
    expect(asked.map(({ params }) => params)).toMatchObject([{ places: ['3.5', '3.group1', '0.mlp'], by: 'zero' }]);
    expect(session.state).toMatchObject({ failure: null, change: { kl: [0.5], places: ['3.5', '3.group1', '0.mlp'] } });
  });

  test('attributes the lead of one token over another, and says which', async () => {
    const { asked, caller } = scripted({
      'heads/tokens': tokens,
      'lens/next': likeliest,
      'effects/attribute': () => ({ logit: 1 }),
    });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.attribute();
    expect(session.state.attribution).toMatchObject({ token: 'A', against: null });
    session.set({ word: 'C', against: 'D' });
    await session.attribute();
    expect(session.state.attribution).toMatchObject({ token: 'C', against: 'D' });
    // Against itself it is no difference.
    session.set({ against: 'C' });
    await session.attribute();
    const params = asked.flatMap((each) => (each.method === 'effects/attribute' ? [each.params] : []));
    expect(params).toMatchObject([
      { token: 65, against: null },
      { token: 67, against: 68 },
      { token: 67, against: null },
    ]);
  });

  test('patches what the clean prompt makes likeliest against what the other does', async () => {
    const { asked, caller } = scripted({
      'heads/tokens': tokens,
      'lens/next': likeliest,
      'effects/patch': ({ known }: { known: string[] }) => ({
        recoveries: [{ place: String(known.length) }],
        left: 1 - known.length,
      }),
    });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.patch();
    expect(session.state.failure?.what).toBe('Type the corrupted prompt first.');
    session.set({ other: 'xy', patched: 'residual' });
    await session.patch();
    expect(session.state.patch).toMatchObject({
      token: 'A',
      against: 'B',
      what: 'residual',
      pieces: ['<s>', 'x', 'y'],
    });
    expect(session.state.patch?.recoveries).toHaveLength(2);
    session.set({ word: 'C', patched: 'parts' });
    await session.patch();
    const params = asked.flatMap((each) => (each.method === 'effects/patch' ? [each.params] : []));
    expect(params).toMatchObject([
      { clean: [1, 2, 3], corrupted: [0, 120, 121], kinds: ['residual'], token: 65, against: 66, known: [] },
      { known: ['0'] },
      { kinds: ['attention', 'mlp'], token: 67, against: null },
      {},
    ]);
  });

  test('takes ids where a model has no tokenizer', async () => {
    const { asked, caller } = scripted({ 'effects/attribute': () => ({}), 'lens/next': likeliest });
    const session = new EffectsSession(caller);
    session.follow({ ...SUBJECT, text: false });
    session.set({ word: '7', against: '9' });
    await session.attribute();
    expect(asked.at(-1)?.params).toMatchObject({ token: 7, against: 9 });
    session.set({ word: '7 8' });
    await session.attribute();
    expect(session.state.failure?.what).toBe('“7 8” is 2 tokens: give the id of one.');
    session.set({ word: '700' });
    await session.attribute();
    expect(session.state.failure?.what).toContain('a list of numbers from 0 to 99');
  });

  test('asks what a head could read', async () => {
    const { asked, caller } = scripted({ 'effects/compose': () => ({ compositions: [], notes: [] }) });
    const session = new EffectsSession(caller);
    session.follow(SUBJECT);
    await session.compose(3, 5);
    expect(asked).toEqual([{ method: 'effects/compose', params: { source: SOURCE.id, layer: 3, head: 5 } }]);
    expect(session.state.composition).toMatchObject({ layer: 3, head: 5 });
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
    const change = ({ lossChange }: Effect): number | null => lossChange;
    const losses = effects.map((each, at) => ({ ...each, lossChange: [0.1, -0.5, null, 0.2][at] ?? null }));
    // By size, whichever its sign; what is not known is not listed.
    expect(largest(losses, 4, change).map(({ index }) => index)).toEqual([1, 3, 0]);
  });

  test('puts attention beside the MLP, and what enters a layer by its token', () => {
    const parts = (['attention', 'mlp'] as const).map((kind, at) => ({ ...effect('head', 1, 0, at), kind }));
    const { cells, columnLabel } = placesModel(parts, 2, PART_COLUMNS, true, ({ klMean }) => klMean);
    expect([...cells.data]).toEqual([NaN, NaN, 0, 1]);
    expect([columnLabel(0), columnLabel(1)]).toEqual(['attention', 'MLP']);
    const entering = [0, 1].map((position) => ({ kind: 'residual' as const, layer: 0, index: 0, position }));
    const residual = placesModel(entering, 1, positionColumns([' a', ' b']), true, ({ position }) => position);
    expect([...residual.cells.data]).toEqual([0, 1]);
    expect(residual.columnLabel(1)).toBe('␣b');
    expect([...entering.slice(0, 1).map(placeName), ...parts.map(placeName)]).toEqual([
      'what enters layer 0',
      'layer 1 attention',
      'layer 1 MLP',
    ]);
  });

  test('has a row for each head and a column for each token that it took from', () => {
    const head = { kind: 'head' as const, layer: 3, index: 5, value: 1, sources: [0.25, 0.75] };
    const { cells, rowLabel, columnLabel } = sourcesModel([head], ['<s>', ' a']);
    expect([...cells.data]).toEqual([0.25, 0.75]);
    expect([rowLabel(0), columnLabel(1)]).toEqual(['3.5', '␣a']);
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
