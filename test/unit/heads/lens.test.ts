// The logit lens, named heads, diversity and generation on real models: against the model cut off, against naive computations, against PyTorch.
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scoreHeads } from '../../../src/compute/lens/headScores';
import { readStates } from '../../../src/compute/lens/readStates';
import { repeatedSequence } from '../../../src/compute/lens/repeated';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { ComputeService } from '../../../src/compute/methods';
import { HEAD_NAMES } from '../../../src/insight/lens/headScores';
import { uniformAt } from '../../../src/insight/lens/sampling';
import { COMPUTE, type ComputeMethods } from '../../../src/shared/computeContract';
import { type NoMethods, RpcPeer } from '../../../src/shared/rpc';
import { answerCheck } from '../../../src/shared/schema';
import { runJson, runText } from './support/cli';
import { SAMPLES, someIds, withForward } from './support/models';
import { pairedTransports } from './support/transports';

const [MHA = '', GQA = '', , MLA = ''] = SAMPLES;
const IDS = '5,300,41,88,300,41,7,300';

interface Token {
  readonly id: number;
  readonly logit: number;
  readonly probability: number;
  /** Of tokens that are asked for. */
  readonly rank?: number;
}
interface Lens {
  readonly positions: readonly {
    readonly position: number;
    readonly states: readonly {
      readonly layer: number | null;
      readonly entropy: number;
      readonly top: readonly Token[];
      readonly tokens: readonly Token[];
      readonly follows: Token | null;
    }[];
  }[];
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headlight-lens-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function logitsOf(model: string, ids: string): Promise<readonly number[]> {
  const { value, errors } = await runJson<{ captures: { logits: { data: number[] } } }>([
    'heads',
    model,
    '--layer',
    '0',
    '--ids',
    ids,
    '--dump',
    'logits',
    '--json',
  ]);
  expect(errors).toBe('');
  return value?.captures.logits.data ?? [];
}

describe('the logit lens', () => {
  it.each([GQA, MLA].map((path) => [basename(path), path]))(
    'of %s after a layer is the model with the layers behind it taken away',
    async (name, path) => {
      const { value } = await runJson<Lens>(['lens', path, '--ids', IDS, '--top', '3', '--token', '12', '--json']);
      const states = value?.positions[0]?.states ?? [];
      expect(states.map(({ layer }) => layer)).toEqual([null, 0, 1, 2, 3]);
      for (const [at, state] of states.entries()) {
        if (at === 0) continue;
        const copy = join(folder, `${name}-${at}`);
        await cp(path, copy, { recursive: true });
        const config = JSON.parse(await readFile(join(copy, 'config.json'), 'utf8')) as Record<string, unknown>;
        await writeFile(join(copy, 'config.json'), JSON.stringify({ ...config, num_hidden_layers: at }));
        const logits = await logitsOf(copy, IDS);
        const order = logits.map((_, id) => id).sort((a, b) => (logits[b] ?? 0) - (logits[a] ?? 0));
        expect(state.top.map(({ id }) => id)).toEqual(order.slice(0, 3));
        const sum = logits.reduce((all, logit) => all + Math.exp(logit), 0);
        for (const { id, logit, probability, rank } of [...state.top, ...state.tokens]) {
          expect(Math.abs(logit - (logits[id] ?? 0))).toBeLessThan(1e-4);
          expect(probability).toBeCloseTo(Math.exp(logits[id] ?? 0) / sum, 5);
          if (rank !== undefined) expect(rank).toBe(order.indexOf(id) + 1);
        }
      }
    },
  );

  it('of every position is that of the prompt that ends there, and knows which token follows', async () => {
    const ids = IDS.split(',').map(Number);
    const { value } = await runJson<Lens>(['lens', MLA, '--ids', IDS, '--position', 'all', '--top', '2', '--json']);
    expect(value?.positions).toHaveLength(ids.length);
    for (const { position, states } of value?.positions ?? []) {
      const logits = await logitsOf(MLA, ids.slice(0, position + 1).join(','));
      const last = states.at(-1);
      expect(last?.top[0]?.id).toBe(logits.indexOf(Math.max(...logits)));
      expect(last?.follows?.id).toBe(ids[position + 1]);
      if (last?.follows) expect(Math.abs(last.follows.logit - (logits[last.follows.id] ?? 0))).toBeLessThan(1e-4);
    }
  });

  it('says what it was asked wrongly', async () => {
    const wrong: readonly (readonly [readonly string[], number, RegExp])[] = [
      [['lens'], 2, /one model folder/],
      [['lens', GQA, '--ids', '1', '--top', '0'], 2, /at least 1/],
      [['lens', GQA, '--ids', '1', '--position', '1'], 1, /no position 1: the prompt has 1 tokens/],
      [['lens', GQA, '--ids', '1', '--token', '768'], 1, /token 768 is not in the vocabulary of 768/],
      [['lens', GQA, '--ids', '1', '--token', ' zebrafish'], 1, /is \d+ tokens of this model/],
      [['named', GQA, '--ids', '1'], 1, /at least two tokens/],
      [['named', GQA, '--ids', '1,2', '--repeat', '4'], 2, /either --repeat N or a prompt/],
      [['named', GQA, '--ids', '1,2', '--seed', '4'], 2, /--seed belongs to --repeat/],
      [['named', GQA, '--repeat', '9000'], 2, /at most 1024/],
      [['named', GQA, '--repeat', '1000'], 1, /no 1001 words to draw from/],
      [['diversity'], 2, /one or more model folders/],
      [['diversity', GQA, '--ids', '1,2'], 1, /at least three tokens/],
      [['generate', GQA, '--ids', '1', '--tokens', '1', '--seed', '3'], 2, /--seed is for drawn tokens/],
      [['generate', GQA, '--ids', '1', '--tokens', '1', '--top-p', '2'], 2, /--top-p must be a number from 0 to 1/],
    ];
    for (const [args, code, message] of wrong) {
      const result = await runText(args);
      expect([result.code, result.printed], args.join(' ')).toEqual([code, '']);
      expect(result.errors).toMatch(message);
    }
  });
});

interface Named {
  readonly tokens: readonly number[];
  readonly repeated: { readonly copies: readonly [number, number]; readonly length: number };
  readonly layers: readonly {
    readonly heads: readonly { readonly head: number; readonly scores: Readonly<Record<string, number | null>> }[];
  }[];
}

describe('named heads', () => {
  it('have the scores of a naive computation from dumped weights and values', async () => {
    const ids = someIds(14, 600);
    ids.push(...ids.slice(3, 9));
    await withForward(GQA, {}, async (forward, model) => {
      const { layers } = await scoreHeads(model, forward, ids, UNWATCHED);
      const { store, plan } = model.model;
      const unembedding = await store.read(plan.output.head);
      const norm = await store.read('model.norm.weight');
      const width = plan.hiddenSize;
      for (const { layer, heads } of layers) {
        const { tensors } = await forward.capture({ ids, layer, captures: ['weights', 'v'], logits: false }, UNWATCHED);
        const [weights, v] = [tensors.get('weights')?.data as Float32Array, tensors.get('v')?.data as Float32Array];
        const o = await store.read(`model.layers.${layer}.self_attn.o_proj.weight`);
        const t = ids.length;
        for (const { head, scores } of heads) {
          const weight = (query: number, key: number): number => weights[(head * t + query) * t + key] ?? NaN;
          const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
          const queries = ids.map((_, query) => query);
          const earlier = (query: number): number[] => queries.filter((key) => key < query && ids[key] === ids[query]);
          const expected = {
            previousToken: mean(queries.slice(1).map((query) => weight(query, query - 1))),
            sink: mean(queries.slice(1).map((query) => weight(query, 0))),
            duplicateToken: mean(
              queries
                .filter((query) => earlier(query).length > 0)
                .map((query) => earlier(query).reduce((sum, key) => sum + weight(query, key), 0)),
            ),
            induction: mean(
              queries
                .filter((query) => earlier(query).some((key) => key + 1 < query))
                .map((query) =>
                  earlier(query).reduce((sum, key) => sum + (key + 1 < query ? weight(query, key + 1) : 0), 0),
                ),
            ),
          };
          for (const [name, value] of Object.entries(expected))
            expect(scores[name as keyof typeof expected], `${layer}.${head} ${name}`).toBeCloseTo(value, 6);
          const received = queries.map((key) =>
            key === 0 ? 0 : queries.slice(key + 1).reduce((sum, query) => sum + weight(query, key), 0),
          );
          const keys = queries
            .filter((key) => (received[key] ?? 0) > 0)
            .sort((a, b) => (received[b] ?? 0) - (received[a] ?? 0))
            .slice(0, 16);
          let [lowered, all] = [0, 0];
          for (const key of keys) {
            const group = Math.floor(head / 4);
            const wrote = Array.from({ length: width }, (_, out) => {
              let sum = 0;
              for (let i = 0; i < 16; i++)
                sum += (o[out * 128 + head * 16 + i] ?? 0) * (v[(group * t + key) * 16 + i] ?? 0);
              return sum * (norm[out] ?? 0);
            });
            const logit = (id: number): number =>
              wrote.reduce((sum, value, i) => sum + value * (unembedding[id * width + i] ?? 0), 0);
            const own = logit(ids[key] ?? 0);
            let lower = 0;
            for (let id = 0; id < 768; id++) if (logit(id) < own) lower++;
            all += received[key] ?? 0;
            if (lower < 10) lowered += received[key] ?? 0;
          }
          expect(scores.copySuppression, `${layer}.${head}`).toBeCloseTo(lowered / all, 5);
        }
      }
    });
  });

  it.each(SAMPLES.map((path) => [basename(path), path]))(
    'of %s score as PyTorch found on other lists of words: correlation over all heads above 0.85',
    async (name, path) => {
      const results = JSON.parse(await readFile(join(path, '../results.json'), 'utf8')) as {
        models: Record<string, { heads: { previousToken: number; induction: number }[][] }>;
      };
      const theirs = results.models[name]?.heads.flat() ?? [];
      // Words of the samples' own grammar (tools/samples/grammar.py), as there: other draws, so that scores are near and not the same.
      const words =
        'red blue green black tall small new old river stone house bread cup horse frog cat garden school happy proud two six seven nine German French';
      const list = words.split(' ');
      const sums = theirs.map(() => ({ previousToken: 0, induction: 0 }));
      const rounds = 12;
      for (let round = 0; round < rounds; round++) {
        const drawn = Array.from({ length: 14 }, (_, at) => list[Math.floor(uniformAt(round, at) * list.length)]).join(
          ' ',
        );
        const { value } = await runJson<Named>([
          'named',
          path,
          '--prompt',
          `List: ${drawn}. Again: ${drawn}.`,
          '--json',
        ]);
        for (const [at, { scores }] of (value?.layers ?? []).flatMap(({ heads }) => heads).entries())
          for (const key of ['previousToken', 'induction'] as const)
            (sums[at] as (typeof sums)[0])[key] += (scores[key] ?? 0) / rounds;
      }
      for (const key of ['previousToken', 'induction'] as const) {
        const [a, b] = [sums, theirs].map((of) => {
          const mean = of.reduce((sum, head) => sum + head[key], 0) / of.length;
          return of.map((head) => head[key] - mean);
        }) as [number[], number[]];
        const dot = (x: readonly number[], y: readonly number[]): number =>
          x.reduce((sum, value, at) => sum + value * (y[at] ?? 0), 0);
        expect(dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b)), key).toBeGreaterThan(0.85);
      }
    },
    60_000,
  );

  it('says what it found and why, and lists every head when it is asked', async () => {
    const { printed } = await runText([
      'named',
      GQA,
      '--prompt',
      'List: red river stone. Again: red river stone.',
      '--all',
    ]);
    expect(printed).toMatch(/previous-token heads, from 0\.4: .*ARENA/);
    expect(printed).toMatch(/ {2}layer 1 head 0 {2}0\.\d{3} {2}\d+ ".*" → \d+ ".*" 0\.\d\d/);
    expect(printed).toMatch(/copy-suppression heads, from 0\.5: .*arXiv 2310\.04625/);
    expect(printed.match(/^ +\d\.\d +[\d.]+/gm)).toHaveLength(32);
  });
});

describe('a repeated sequence', () => {
  it('is of words, none twice, and the same for its seed', async () => {
    await withForward(MHA, {}, async (_, model) => {
      const of = (seed: number) => repeatedSequence(model, { length: 20, seed, before: 'List:', between: '. Again:' });
      const { ids, copies, length } = await of(1);
      const [first, second] = copies.map((start) => ids.slice(start, start + length)) as [number[], number[]];
      expect(second).toEqual(first);
      expect(new Set(first).size).toBe(20);
      expect((await model.pieces(first)).every((piece) => /^ \p{L}+$/u.test(piece))).toBe(true);
      expect(await of(1)).toEqual({ ids, copies, length });
      expect((await of(2)).ids).not.toEqual(ids);
    });
  });
});

interface Diverse {
  readonly models: readonly {
    readonly layers: readonly {
      readonly groups: number;
      readonly cka: Readonly<Record<'inside' | 'between' | 'all', number | null>>;
      readonly patternDistance: Readonly<Record<'inside' | 'between' | 'all', number | null>>;
      readonly ranks: Readonly<Record<string, { readonly rank: number; readonly most: number }>>;
    }[];
  }[];
}

describe('diversity between designs', () => {
  it('says that heads of a GQA group go together, and what each cache can hold', async () => {
    const { value } = await runJson<Diverse>(['diversity', ...SAMPLES, '--repeat', '48', '--json']);
    const [mha = [], gqa = [], mqa = [], mla = []] = (value?.models ?? []).map(({ layers }) => layers);
    expect([mha, gqa, mqa, mla].map((layers) => layers[0]?.groups)).toEqual([8, 2, 1, 1]);
    for (const layer of [1, 2, 3]) {
      const { cka, patternDistance } = gqa[layer] ??
        gqa[0] ?? { cka: { inside: 0, between: 0 }, patternDistance: { inside: 0, between: 0 } };
      expect(cka.inside, `layer ${layer}`).toBeGreaterThan(cka.between ?? 1);
      expect(patternDistance.inside, `layer ${layer}`).toBeLessThan(patternDistance.between ?? 0);
    }
    expect(mha.every(({ cka }) => cka.inside === null)).toBe(true);
    expect(mqa.every(({ cka }) => cka.between === null)).toBe(true);
    for (const { ranks } of [...mha, ...gqa, ...mqa, ...mla])
      for (const { rank, most } of Object.values(ranks)) expect(rank).toBeLessThanOrEqual(most + 1e-6);
    expect(mqa[0]?.ranks['k']?.most).toBe(16);
    expect(mla[0]?.ranks['latent']?.most).toBe(56);
    expect(gqa[0]?.ranks['latent']).toBeUndefined();
  });
});

const [near, far] = pairedTransports();
const peer = new RpcPeer<ComputeMethods, NoMethods>(near, {}, answerCheck(COMPUTE));
const server = new RpcPeer<NoMethods, ComputeMethods>(far, new ComputeService({ threads: 1 }, '').handlers());
afterAll(async () => {
  for (const path of [GQA, MLA]) await peer.call('heads/close', { path });
  peer.dispose();
  server.dispose();
});
const engine = 'onnxruntime-cpu' as const;

describe('token by token', () => {
  const step = { engine, top: 5, temperature: 0, topK: null, topP: null, seed: 0 } as const;

  it.each([
    ['gqa', GQA],
    ['mla', MLA],
  ])('%s says on a growing cache what it says of the whole prompt', async (_, path) => {
    let ids: readonly number[] = [5, 300, 41];
    for (let at = 0; at < 4; at++) {
      const next = await peer.call('lens/next', { path, ids, ...step });
      const logits = await logitsOf(path, ids.join(','));
      expect(next.chosen.id).toBe(logits.indexOf(Math.max(...logits)));
      expect(next.chosen.rank).toBe(1);
      expect(next.cache.map(({ read, written, held }) => [read, written, held])).toEqual(
        next.cache.map(() => (at === 0 ? [0, 3, 3] : [2 + at, 1, 3 + at])),
      );
      // 2 KV heads × 2 × 16 numbers, or 56 + 8, of 4 bytes.
      expect(next.cache[0]?.bytes).toBe((3 + at) * 256);
      expect(next.words.find(({ id }) => id === next.chosen.id)?.piece).not.toBe('');
      ids = [...ids, next.chosen.id];
    }
    // Other tokens than those of the cache begin anew.
    const other = await peer.call('lens/next', { path, ids: [7, ...ids], ...step });
    expect(other.cache[0]?.read).toBe(0);
  });

  it('is drawn the same for the same seed, by the command too', async () => {
    const drawn = async (seed: string): Promise<readonly number[]> => {
      const args = ['generate', GQA, '--ids', '5,300,41', '--tokens', '12', '--temperature', '2', '--seed', seed];
      const { value } = await runJson<{
        ids: number[];
        generated: number[];
        steps: { id: number; rank: number; cache: unknown[] }[];
      }>([...args, '--trace', '--json']);
      expect(value?.steps.map(({ id }) => id)).toEqual(value?.generated);
      expect(value?.steps[0]?.cache).toHaveLength(4);
      return value?.ids ?? [];
    };
    const first = await drawn('3');
    expect(await drawn('3')).toEqual(first);
    expect(await drawn('4')).not.toEqual(first);
    let ids: readonly number[] = [5, 300, 41];
    while (ids.length < first.length)
      ids = [...ids, (await peer.call('lens/next', { path: GQA, ids, ...step, temperature: 2, seed: 3 })).chosen.id];
    expect(ids).toEqual(first);
  });
});

describe('what the compute process answers', () => {
  it('is what the core computes, with progress', async () => {
    const ids = [5, 300, 41, 5, 300];
    const ask = { ids, positions: [1, 4], top: 2, tokens: [9] };
    const told: number[] = [];
    const read = await peer.call(
      'lens/read',
      { path: GQA, engine, ...ask },
      { onProgress: ({ fraction }) => told.push(fraction ?? -1) },
    );
    expect(told.length).toBeGreaterThan(3);
    expect(told).toEqual(told.toSorted((a, b) => a - b));
    await withForward(GQA, {}, async (forward, model) => {
      expect(read).toEqual(await readStates(model, forward, ask, UNWATCHED));
      expect(await peer.call('lens/heads', { path: GQA, engine, ids })).toEqual(
        await scoreHeads(model, forward, ids, UNWATCHED),
      );
    });
    const repeated = await peer.call('lens/repeated', { path: GQA, length: 4, seed: 1, before: '', between: '' });
    expect(repeated.pieces).toHaveLength(repeated.ids.length);
    expect((await peer.call('lens/diversity', { path: GQA, engine, ids })).layers).toHaveLength(4);
    expect(await peer.call('lens/lacking', { path: GQA })).toEqual({ bytes: 0 });
    expect(read.states[0]?.reads[0]?.top).toHaveLength(2);
    expect(HEAD_NAMES).toHaveLength(5);
  });

  it('stops when it is cancelled, and answers again', async () => {
    const ids = someIds(400, 768);
    const controller = new AbortController();
    const call = peer.call(
      'lens/heads',
      { path: GQA, engine, ids },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    expect((await peer.call('lens/heads', { path: GQA, engine, ids: [1, 2] })).layers).toHaveLength(4);
  });

  it('refuses seeded weights, in words', async () => {
    const text = await readFile(join(GQA, 'config.json'), 'utf8');
    await expect(
      peer.call('lens/heads', { path: GQA, seeded: { text, seed: 1 }, engine, ids: [1, 2] }),
    ).rejects.toThrow(/seeded weights are random/);
  });
});
