// Long-range probes: what is asked for, and that they break before the text does.
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { FLOAT64 } from '../../../src/compute/tradeoff/linear';
import { type Baseline, WholePass } from '../../../src/compute/tradeoff/wholePass';
import { summarised } from '../../../src/insight/tradeoff/damage';
import { parseMethod } from '../../../src/insight/tradeoff/method';
import { inductionOfIds, type ProbeName, type ProbeResult, probesOf } from '../../../src/insight/tradeoff/probes';
import { CONVERSION_PROMPT } from '../../../src/present/conversionText';
import { openModel } from '../../../src/weights/openModel';
import { runJson, runText } from '../heads/support/cli';
import type { Sweep } from '../../../src/insight/tradeoff/result';

const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');
const open: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of open) await close();
});

/** One token for each word and sign. */
const words = new Map<string, number>();
const encode = (text: string): readonly number[] =>
  (text.match(/[A-Za-z]+|\d+|[^\sA-Za-z\d]/g) ?? []).map((word) => {
    const id = words.get(word) ?? words.size;
    words.set(word, id);
    return id;
  });
const decode = (ids: readonly number[]): string =>
  ids.map((id) => [...words].find(([, known]) => known === id)?.[0] ?? '?').join(' ');

describe('probes', () => {
  const probes = probesOf(encode, 200);

  it('ask for what was said before, as far back as the tokens reach', () => {
    const asked = (name: ProbeName): string => {
      const probe = probes.find((one) => one.name === name) ?? expect.fail(name);
      expect(probe.ids.length).toBeLessThanOrEqual(200);
      expect(probe.prompt).toBe(probe.asked[0]);
      // What is asked for stands that far back too.
      expect(probe.ids[(probe.asked[0] ?? 0) - probe.distance]).toBe(probe.ids[probe.asked[0] ?? 0]);
      return decode(probe.asked.map((at) => probe.ids[at] ?? -1));
    };
    expect(asked('recall')).toBe('blue hat . green drum . red key .');
    expect(asked('passkey')).toBe('71432');
    expect(asked('induction')).toBe('blue seven hat old bird garden three .');
    expect(probes.find(({ name }) => name === 'passkey')?.distance).toBeGreaterThan(120);
  });

  it('are left out where they do not fit', () => {
    expect(probesOf(encode, 25).map(({ name }) => name)).toEqual(['induction']);
    expect(probesOf(encode, 10)).toEqual([]);
  });

  it('of ids repeat each kind once, in an order of their own', () => {
    const probe = inductionOfIds([5, 6, 7, 8, 9, 10, 11, 12, 5, 6], 100);
    expect(probe?.ids).toHaveLength(16);
    expect(probe?.ids.slice(8)).toEqual(probe?.ids.slice(0, 8));
    expect(new Set(probe?.ids.slice(0, 8)).size).toBe(8);
    expect(probe?.ids.slice(0, 8)).not.toEqual([5, 6, 7, 8, 9, 10, 11, 12]);
    expect(probe?.asked).toEqual([9, 10, 11, 12, 13, 14, 15]);
    expect(inductionOfIds([1, 2, 3, 1, 2, 3], 100)).toBeNull();
  });
});

describe('a sample model', () => {
  async function probed(sample: string): Promise<{ pass: WholePass; baseline: Baseline }> {
    const model = await openModel(join(SAMPLES, sample));
    open.push(() => model.close());
    const tokenizer = (await model.tokenizer()) ?? expect.fail('no tokenizer');
    const of = (text: string): readonly number[] => tokenizer.encode(text);
    const pass = new WholePass(model, FLOAT64);
    const ids = of(CONVERSION_PROMPT).slice(0, 100);
    return { pass, baseline: await pass.baseline(ids, UNWATCHED, probesOf(of, 90)) };
  }

  async function after(
    { pass, baseline }: Awaited<ReturnType<typeof probed>>,
    method: string,
  ): Promise<{ klMean: number; probe: (name: ProbeName) => ProbeResult }> {
    const run = await pass.run(
      baseline.layers.map(() => parseMethod(method)),
      baseline,
      UNWATCHED,
    );
    const { positions, probes } = await pass.measure(baseline, run, UNWATCHED);
    return {
      klMean: summarised(positions).klMean,
      probe: (name) => probes.find((one) => one.name === name) ?? expect.fail(name),
    };
  }

  it.each(['gqa', 'mla'])(
    '%s copies, loses nothing where nothing is left out, and copying breaks with the rank',
    async (sample) => {
      const of = await probed(sample);
      const exact = (await after(of, sample === 'gqa' ? 'mla:64@joint-svd' : 'mla:56+8@joint-svd')).probe('induction');
      expect(exact.rightBefore).toBeGreaterThan(0.9);
      expect(exact.rightAfter).toBe(exact.rightBefore);
      expect(exact.lossAfter).toBeCloseTo(exact.lossBefore, 8);
      const small = (await after(of, sample === 'gqa' ? 'mla:16@whitened-svd' : 'mla:14+8@whitened-svd')).probe(
        'induction',
      );
      expect(small.rightAfter).toBeLessThan(0.5);
      expect(small.lossAfter - small.lossBefore).toBeGreaterThan(2);
    },
  );

  it('cannot copy any more where the text itself still looks well', async () => {
    const of = await probed('gqa');
    const { klMean, probe } = await after(of, 'nvfp4');
    expect(klMean).toBeLessThan(0.5);
    const { rightBefore, rightAfter } = probe('induction');
    expect([rightBefore, rightAfter < 0.6]).toEqual([1, true]);
  });

  it('is probed on the command line, or not, and each layer alone never', async () => {
    const model = join(SAMPLES, 'gqa');
    const args = ['tradeoff', model, '--methods', 'fp8', '--text-tokens', '60', '--results', 'none'];
    const { value } = await runJson<Sweep>([...args, '--json']);
    expect(value?.unchanged.probes.map(({ name }) => name)).toEqual(['induction', 'recall']);
    expect((await runText([...args])).printed).toMatch(/^fp8 +\d+\.\d %, \d/m);
    const without = await runJson<Sweep>([...args, '--probe-tokens', '0', '--json']);
    expect(without.value?.unchanged.probes).toEqual([]);
    const alone = await runJson<Sweep>([...args, '--alone', '--json']);
    expect(alone.value?.unchanged.probes).toEqual([]);
    const ids = await runJson<Sweep>([
      'tradeoff',
      model,
      '--ids',
      Array.from({ length: 40 }, (_, i) => i + 5).join(),
      '--methods',
      'fp8',
      '--results',
      'none',
      '--json',
    ]);
    expect(ids.value?.unchanged.probes[0]).toMatchObject({ name: 'induction' });
  });
});
