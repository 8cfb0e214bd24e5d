// Sweeps as the panel runs them: the host's part on a real compute service, without a process or an editor.
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { FLOAT64 } from '../../../src/compute/tradeoff/linear';
import { seededOpenModel } from '../../../src/compute/tradeoff/seededOpenModel';
import { TradeoffService } from '../../../src/compute/tradeoff/service';
import { WholePass } from '../../../src/compute/tradeoff/wholePass';
import { siblingsAmong, type TradeoffCompute, TradeoffRuns } from '../../../src/editor/panel/tradeoffRuns';
import { parseMethod } from '../../../src/insight/tradeoff/method';
import { summarised } from '../../../src/insight/tradeoff/damage';
import { tradeoffCurve } from '../../../src/present/tradeoffCurve';
import { tradeoffCsv, tradeoffMarkdown } from '../../../src/present/tradeoffMarkdown';
import { namedMethod } from '../../../src/present/tradeoffWords';
import { RpcError } from '../../../src/shared/rpcError';
import type { ShownMethod, TradeoffAsk, TradeoffRunning } from '../../../src/shared/tradeoffState';
import {
  bestOf,
  budgetMethods,
  layerBars,
  leastWithin,
  measuredIn,
  missingIn,
  scatterOf,
  unchangedIn,
} from '../../../webview/views/tradeoff/viewModel';
import { TradeoffSession } from '../../../webview/views/tradeoff/session';
import { layoutScatter, pointBeside, pointNear } from '../../../webview/charts/scatter/viewModel';
import { runJson, runText } from '../heads/support/cli';
import type { Sweep } from '../../../src/insight/tradeoff/result';

const GQA = resolve(import.meta.dirname, '../../../media/samples/gqa');
const TEXT =
  'The American flag is red, white, and blue. The French flag is blue, white, and red. Again: The American flag is red.';
const folder = mkdtempSync(join(tmpdir(), 'headlight-panel-tradeoff-'));
const engine = createEngine('onnxruntime-cpu', { threads: 2 });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG = readFileSync(join(GQA, 'config.json'), 'utf8');

interface Scene {
  readonly runs: TradeoffRuns;
  /** Methods that were computed, and not found. */
  readonly computed: string[];
  /** Runs before the next method that is asked for. */
  before: (method: string) => void;
}

function scene(results: string | null): Scene {
  const service = new TradeoffService(() => engine).answers();
  const computed: string[] = [];
  const made: Scene = { runs: undefined as never, computed, before: () => undefined };
  const compute: TradeoffCompute = {
    device: () => Promise.resolve({ engine: 'onnxruntime-cpu', device: 'CPU', reason: '' } as never),
    call: async (method, params, { signal, onProgress }) => {
      if (method === 'tradeoff/measure') made.before((params as { method: string }).method);
      if (signal?.aborted) throw new RpcError('cancelled', 'the run was cancelled');
      const answer = await (service[method] as (params: unknown, context: unknown) => Promise<never>)(params, {
        signal,
        progress: onProgress ?? ((): void => undefined),
      });
      const { kept, result } = (answer ?? {}) as { kept?: boolean; result?: { method: string } };
      if (kept === false && result) computed.push(result.method);
      return answer;
    },
  };
  const source = { id: 'beside', label: 'Weights beside the config', origin: 'beside', problem: null } as const;
  const runs = new TradeoffRuns({
    sources: {
      list: () => Promise.resolve([source]),
      modelOf: (id) =>
        Promise.resolve(
          id === 'beside' ? { path: GQA } : { path: GQA, seeded: { text: CONFIG, families: {}, seed: 42 } },
        ),
    },
    config: () => ({ id: 'config-1', name: 'gqa', text: CONFIG }),
    siblingsOf: (path) =>
      siblingsAmong(
        ['gqa', 'mqa'].map((name) => ({ name, path: resolve(GQA, '..', name) })),
        path,
      ),
    compute: () => Promise.resolve(compute),
    results,
  });
  return Object.assign(made, { runs });
}

const ask: TradeoffAsk = { source: 'beside', text: { typed: TEXT }, tokens: 512, probes: false, others: [] };
const WORKLOAD = { tokens: 4096, batch: 2 };

describe('a sweep of the panel', () => {
  const results = join(folder, 'results');

  it('keeps what it found when it is stopped, goes on from there, and computes nothing twice', async () => {
    const first = scene(results);
    let started = 0;
    first.before = () => {
      if (++started === 4) first.runs.stop();
    };
    await first.runs.start(ask);
    const { state, running, failure } = first.runs.shown;
    expect({ running, failure }).toEqual({ running: null, failure: null });
    if (state === null) expect.fail('nothing is shown');
    expect(first.computed).toEqual(state.asked.slice(0, 3).map(({ method }) => method));
    expect(first.computed[0]).toBe('exact');
    expect(missingIn(state)).toBe(state.asked.length - 3);

    // As after a reload of the window: what was found is there without a run.
    const second = scene(results);
    await second.runs.look(ask);
    expect(second.runs.shown.state?.outcomes.map(({ method }) => method)).toEqual(first.computed);
    const told: TradeoffRunning[] = [];
    second.runs.listen(
      () => undefined,
      (one) => one && told.push(one),
    );
    await second.runs.start(ask);
    const whole = second.runs.shown.state ?? expect.fail('nothing is shown');
    expect(missingIn(whole)).toBe(0);
    expect(second.computed).toHaveLength(whole.asked.length - 3);
    expect(new Set([...first.computed, ...second.computed]).size).toBe(whole.asked.length);
    expect(told.findLast(({ left }) => left !== null)?.left).toBeLessThan(whole.asked.length);
    expect(told.some(({ leftMs }) => leftMs !== null && leftMs > 0)).toBe(true);
    await second.runs.start(ask);
    expect(second.computed).toHaveLength(whole.asked.length - 3);
    // What training gives back stands beside what was measured, and what others published with its source.
    expect(whole.siblings.map(({ title }) => title)).toEqual(['trained MQA']);
    expect(whole.siblings[0]?.damage.klMean).toBeGreaterThan(0);
    expect(whole.anchors.some(({ text, point }) => point !== null && text.includes('llama.cpp'))).toBe(true);
    const model = scatterOf(whole, 'kl', 'token', WORKLOAD);
    expect(model?.marks.filter(({ kind }) => kind === 'trained')).toHaveLength(1);
    expect(model?.marks.length).toBe(1 + whole.anchors.filter(({ point }) => point !== null).length);
    expect(scatterOf(whole, 'kl', 'scenario', WORKLOAD)?.marks).toEqual([]);
  }, 240_000);

  it('finds what the command line finds', async () => {
    const { runs } = scene(results);
    await runs.look(ask);
    const args = [
      'tradeoff',
      GQA,
      '--prompt',
      TEXT,
      '--methods',
      'q8_0,mqa@aligned-pool',
      '--results',
      'none',
      '--json',
      '--probe-tokens',
      '0',
      '--siblings',
      'none',
    ];
    const { value } = await runJson<Sweep>(args);
    const own = runs.sweep() ?? expect.fail('no sweep');
    expect(own.unchanged).toEqual(value?.unchanged);
    for (const one of value?.methods ?? []) {
      const found = own.methods.find(({ method }) => method === one.method);
      // The command line adds how each is had.
      expect({ ...one, ms: 0 }).toMatchObject({ ...found, ms: 0 });
    }
    expect(value?.methods).toHaveLength(2);
  }, 240_000);

  it('runs long-range probes beside the text, and first what someone typed, as the command line does', async () => {
    const found = scene(null);
    const { methods, problem } = found.runs.typed('nvfp4/window:32,  k=q4_0/v=q4_0');
    expect({ methods, problem }).toEqual({ methods: ['nvfp4/window:32+4', 'q4_0'], problem: null });
    let started = 0;
    found.before = () => {
      if (++started === 4) found.runs.stop();
    };
    await found.runs.start({ ...ask, text: null, tokens: 256, probes: true, others: methods });
    expect(found.computed).toEqual(['exact', ...methods]);
    const own = found.runs.sweep() ?? expect.fail('no sweep');
    const args = ['tradeoff', GQA, '--text-tokens', '256', '--methods', methods.join(), '--results', 'none', '--json'];
    const { value } = await runJson<Sweep>([...args, '--siblings', 'none']);
    expect(own.unchanged.probes.map(({ name }) => name)).toEqual(['induction', 'recall', 'passkey']);
    expect(own.unchanged.probes).toEqual(value?.unchanged.probes);
    expect(own.text.key).toBe(value?.text.key);
    const probesOf = (sweep: Sweep | null): unknown =>
      sweep?.methods.map((one) => 'probes' in one && [one.method, one.probes]);
    expect(probesOf(own)).toEqual(probesOf(value));
    const state = found.runs.shown.state ?? expect.fail('nothing is shown');
    expect(measuredIn(state)[0]?.probes).toEqual(
      own.methods.flatMap((one) => ('probes' in one ? one.probes : [])).slice(0, 3),
    );
    const page = { scenario: WORKLOAD, seeded: false, missing: 0, picture: null };
    const text = tradeoffMarkdown(own, page).source;
    for (const { name, distance } of own.unchanged.probes)
      expect(text).toMatch(new RegExp(`${name}: .* ${distance} back`));
    expect(text).toMatch(/\| nvfp4\/window:32\+4 \| +[\d.]+ %, [\d.]+ \|/);
  }, 120_000);

  it('takes methods that are typed, or says what the command line says', async () => {
    const { runs } = scene(null);
    expect(runs.typed('  ')).toEqual({ methods: [], problem: null });
    for (const text of ['q8_0, nonsense', 'mla:32@mean-pool', 'q8_0,,q4_0', 'window:0']) {
      const { methods, problem } = runs.typed(text);
      expect(methods).toEqual([]);
      const { code, errors } = await runText(['tradeoff', GQA, '--methods', text, '--results', 'none']);
      expect({ code, says: errors }).toMatchObject({
        code: 2,
        says: expect.stringContaining(problem ?? 'nothing') as string,
      });
    }
    const many = Array.from({ length: 17 }, (_, i) => `window:${i + 1}`).join();
    expect(runs.typed(many).problem).toBe('17 methods are more than the 16 that are taken');
  }, 60_000);

  it('keeps what was asked for where the text names no method, and asks for those that it names', async () => {
    const { runs } = scene(results);
    const answers: Partial<Record<string, (params: never) => unknown>> = {
      'panel/headSources': () => [{ id: 'beside', label: 'beside', origin: 'beside', problem: null }],
      'tradeoff/look': async (one: TradeoffAsk | null) => {
        if (one !== null) await runs.look(one);
        return runs.shown;
      },
      'tradeoff/methods': ({ typed }: { typed: string }) => runs.typed(typed),
    };
    const session = new TradeoffSession({
      call: async (method, params) => (await answers[method]?.(params as never)) as never,
      on: () => () => undefined,
    });
    await session.follow({ id: 'config-1', name: 'gqa', text: CONFIG }, { typed: TEXT, probes: false });
    expect(session.ask).toEqual(ask);
    expect(await session.setMethods('k=q5_0/v=q4_0, fp8')).toEqual(['k=q5_0/v=q4_0', 'fp8']);
    expect(session.ask?.others).toEqual(['k=q5_0/v=q4_0', 'fp8']);
    const { asked } = runs.shown.state ?? expect.fail('nothing is shown');
    expect(asked.slice(0, 3).map(({ method }) => method)).toEqual(['exact', 'k=q5_0/v=q4_0', 'fp8']);
    // One is new, the other is offered anyway.
    expect(asked.filter(({ method }) => method === 'fp8')).toHaveLength(1);
    expect(await session.setMethods('gqa:2@svd')).toBeNull();
    expect(session.state.methodsProblem).toMatch(/svd cannot make GQA-2/i);
    expect(session.ask?.others).toEqual(['k=q5_0/v=q4_0', 'fp8']);
    expect(await session.setMethods('')).toEqual([]);
    expect(session.state.methodsProblem).toBeNull();
    await session.setProbes(true);
    expect(session.remembered.probes).toBe(true);
    expect({ current: session.isCurrent, probes: runs.shown.state?.ask.probes }).toEqual({
      current: true,
      probes: true,
    });
  }, 60_000);

  it('shares a budget out over layers, within it and no worse than the best single method', async () => {
    const { runs } = scene(results);
    await runs.look(ask);
    const before = runs.shown.state ?? expect.fail('nothing is shown');
    const single = leastWithin(before, 0.4, 'kl', 'token', WORKLOAD) ?? expect.fail('nothing is so small');
    await runs.budget(ask, 0.4, budgetMethods(before, WORKLOAD));
    expect(runs.shown.failure).toBeNull();
    const state = runs.shown.state ?? expect.fail('nothing is shown');
    const found = state.outcomes.find(({ method }) => method === 'budget:0.4');
    if (found === undefined || 'refused' in found) expect.fail('no budget');
    expect(found.chosen).toHaveLength(state.layers);
    expect(found.bytesPerToken).toBeLessThanOrEqual(0.4 * (unchangedIn(state)?.bytesPerToken ?? 0) + 1e-9);
    expect(found.damage.klMean).toBeLessThanOrEqual(1.2 * single.damage.klMean);
    expect(missingIn(state)).toBe(0);
  }, 240_000);

  it('draws every method once, and reads it by pointer and keys', async () => {
    const { runs } = scene(results);
    await runs.look(ask);
    const state = runs.shown.state ?? expect.fail('nothing is shown');
    const methods = measuredIn(state);
    for (const measure of ['kl', 'top', 'perplexity'] as const)
      for (const size of ['token', 'scenario'] as const) {
        const model = scatterOf(state, measure, size, WORKLOAD) ?? expect.fail('nothing to draw');
        expect(model.points.map(({ id }) => id)).toEqual(methods.map(({ method }) => method));
        // Nothing that is marked as best is beaten, and what is not marked is.
        const beaten = (one: ShownMethod): boolean =>
          methods.some((other) => {
            const of = (each: ShownMethod): readonly [number, number] => {
              const point = model.points.find(({ id }) => id === each.method) ?? expect.fail(each.method);
              return [point.bytes, point.damage];
            };
            const [[a, b], [c, d]] = [of(other), of(one)];
            return (a < c && b <= d) || (a <= c && b < d);
          });
        const best = new Set(bestOf(methods, measure, size, WORKLOAD));
        for (const one of methods) if (best.has(one)) expect(beaten(one), one.method).toBe(false);
        for (const width of [296, 456, 1160]) {
          const layout = layoutScatter(model, width, 260);
          for (const { x, y, point } of layout.placed) {
            expect(x >= layout.left && x <= layout.right && y >= layout.top && y <= layout.bottom, point.id).toBe(true);
            const near = pointNear(layout, x, y);
            const other = layout.placed.find((one) => one.point.id === near);
            expect(Math.hypot((other?.x ?? 0) - x, (other?.y ?? 0) - y)).toBeLessThan(0.01);
          }
          expect(pointNear(layout, -100, -100)).toBeNull();
          expect(layout.labels.length > 0).toBe(width >= 620);
          // Right to the end of the list passes every point once.
          const seen = new Set<string>();
          for (
            let at = pointBeside(layout, layout.placed.at(-1)?.point.id ?? null, 0, false);
            at !== null && !seen.has(at);
            at = pointBeside(layout, at, 1, false)
          )
            seen.add(at);
          expect(seen.size).toBe(methods.length);
        }
      }
    for (const method of methods) {
      const bars = layerBars(method);
      expect(bars).toHaveLength(state.layers);
      expect(Math.max(...bars.map(({ fraction }) => fraction ?? 0))).toBeLessThanOrEqual(1);
    }
  });

  it('is a page of text with the same facts, with and without its picture', async () => {
    const { runs } = scene(results);
    await runs.look(ask);
    const sweep = runs.sweep() ?? expect.fail('no sweep');
    const page = { scenario: WORKLOAD, seeded: false, missing: 2 };
    const picture = tradeoffCurve(sweep);
    const text = tradeoffMarkdown(sweep, { ...page, picture: null }).source;
    expect(text).not.toContain('<svg');
    expect(tradeoffMarkdown(sweep, { ...page, picture }).source).toContain('<svg');
    expect(text).toContain('2 methods are not measured yet');
    const csv = tradeoffCsv(sweep, WORKLOAD).trim().split('\n');
    const found = sweep.methods.flatMap((one) => ('refused' in one ? [] : [one]));
    expect(csv).toHaveLength(found.length + 1);
    for (const { method, damage } of found) {
      expect(text).toContain(method.replaceAll('@', '\\@'));
      expect(csv.some((row) => row.includes(method) && row.includes(String(damage.klMean)))).toBe(true);
    }
    expect(tradeoffMarkdown(sweep, { ...page, seeded: true, picture: null }).source).toContain('random');
  });

  it('exports whole or not at all, and never over something', async () => {
    const { runs } = scene(results);
    const target = join(folder, 'exported');
    await runs.export(ask, 'mqa@mean-pool', target);
    expect(readdirSync(target)).toEqual(expect.arrayContaining(['config.json', 'README.md', 'tokenizer.json']));
    expect(JSON.parse(readFileSync(join(target, 'config.json'), 'utf8'))).toMatchObject({ num_key_value_heads: 1 });
    const at = statSync(join(target, 'config.json')).mtimeMs;
    await expect(runs.export(ask, 'mqa@mean-pool', target)).rejects.toThrow(/exported is there already/);
    expect(statSync(join(target, 'config.json')).mtimeMs).toBe(at);
    // Refused: nothing is left, neither the folder nor a part of it.
    await expect(runs.export(ask, 'share:2', join(folder, 'refused'))).rejects.toThrow(/no published class/);
    expect(readdirSync(folder).filter((name) => /refused|part/.test(name))).toEqual([]);
  }, 240_000);

  it('says why it failed, and keeps what was found', async () => {
    const { runs } = scene(results);
    await runs.start({ ...ask, text: { typed: 'a' } });
    expect(runs.shown.failure).toMatch(/too few/);
    await runs.look({ ...ask, others: ['nonsense'] });
    expect(runs.shown.failure).toMatch(/nonsense/);
    await runs.look(ask);
    expect(runs.shown.failure).toBeNull();
    expect(runs.shown.state?.outcomes.length).toBeGreaterThan(3);
  });
});

describe('seeded weights', () => {
  it('are a whole model in the shapes of a config: the same for the same seed, and marked', async () => {
    const { runs } = scene(null);
    const seeded = { ...ask, source: 'seeded:42' };
    await runs.look(seeded);
    expect(runs.shown.failure).toBeNull();
    expect(runs.shown.state?.seeded).toBe(true);
    await expect(runs.export(seeded, 'mqa@mean-pool', join(folder, 'noise'))).rejects.toThrow(/random weights/);

    const model = await seededOpenModel('', { text: CONFIG, families: {}, seed: 42 });
    const damaged = async (method: string): Promise<number> => {
      const pass = new WholePass(model, FLOAT64);
      const baseline = await pass.baseline([5, 9, 2, 7, 1, 5, 9, 2, 7, 1], UNWATCHED);
      const run = await pass.run(
        baseline.layers.map(() => parseMethod(method)),
        baseline,
        UNWATCHED,
      );
      return summarised(await pass.damage(baseline, run, UNWATCHED)).klMean;
    };
    expect(await damaged('exact')).toBe(0);
    const lost = await damaged('mqa@mean-pool');
    expect(lost).toBeGreaterThan(1e-4);
    expect(await damaged('mqa@mean-pool')).toBe(lost);
  }, 240_000);
});

it('methods are called as people call them', () => {
  const titles = Object.entries({
    exact: 'unchanged',
    'k=q8_0/v=q4_0': 'K q8_0, V q4_0',
    'gqa:4@mean-pool': 'GQA-4, mean pool',
    'mqa@aligned-pool/fp8': 'MQA, aligned pool · fp8',
    'mla:32+8@whitened-svd': 'MLA 32 + 8, whitened SVD',
    'mla:64@joint-svd/window:64+4': 'low rank 64, joint SVD · window 64 + 4 sinks',
    'share:2': '2 layers share a cache',
    'snapkv:1000': 'SnapKV, 1,000 tokens',
  });
  for (const [label, title] of titles) expect(namedMethod(label).title).toBe(title);
});
