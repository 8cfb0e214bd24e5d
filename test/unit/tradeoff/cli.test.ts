// `tradeoff` as users run it: results that are kept, parts that are joined, budgets that are run, pictures, refusals.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { FLOAT64 } from '../../../src/compute/tradeoff/linear';
import type { Budget } from '../../../src/compute/tradeoff/sweep';
import { WholePass } from '../../../src/compute/tradeoff/wholePass';
import { summarised } from '../../../src/insight/tradeoff/damage';
import { parseMethod } from '../../../src/insight/tradeoff/method';
import { isRefused, type MethodResult, type Sweep } from '../../../src/insight/tradeoff/result';
import { openModel } from '../../../src/weights/openModel';
import { runJson, runText } from '../heads/support/cli';
import { besideFile, itWith } from '../support/reference';

const GQA = resolve(import.meta.dirname, '../../../media/samples/gqa');
const STORIES = besideFile('models/stories260K.gguf');
const TEXT =
  'The American flag is red, white, and blue. The French flag is blue, white, and red. Again: The American flag is red, white, and blue.';
const folder = mkdtempSync(join(tmpdir(), 'headlight-tradeoff-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const place = (name: string): string => join(folder, name);

async function swept(...args: string[]): Promise<Sweep & { readonly budget?: Budget; readonly errors: string }> {
  const { code, value, errors } = await runJson<Sweep>(['tradeoff', ...args, '--json']);
  expect(code, errors).toBe(0);
  return { ...(value ?? expect.fail('no JSON')), errors };
}

const measuredIn = ({ methods }: Sweep): readonly MethodResult[] =>
  methods.filter((one): one is MethodResult => !isRefused(one));

describe('tradeoff', () => {
  it('says every method with its damage, and keeps what it found', async () => {
    const args = [GQA, '--prompt', TEXT, '--methods', 'q8_0,gqa:3,window:8/fp8', '--results', place('kept')];
    const first = await swept(...args);
    expect(first.text).toMatchObject({ name: 'the given text' });
    expect(first.methods.map(({ method }) => method)).toEqual(['q8_0', 'gqa:3@mean-pool', 'fp8/window:8+4']);
    expect(first.methods[1]).toEqual({
      method: 'gqa:3@mean-pool',
      refused: 'this layer has 2 KV heads: 3 groups cannot be made from so few',
    });
    for (const { damage, perPosition, layers } of measuredIn(first)) {
      expect(perPosition.kl).toHaveLength(first.text.tokens);
      expect(layers).toHaveLength(4);
      expect(damage.tokens).toBe(first.measured.tokens);
    }
    const again = await swept(...args);
    expect(again.errors).toMatch(/q8_0: mean KL \S+ \(found before\)/);
    // Nothing was computed again: even its time is that of the first run.
    expect({ ...again, errors: '' }).toEqual({ ...first, errors: '' });
    const other = await swept(GQA, '--prompt', `${TEXT} Again.`, '--methods', 'q8_0', '--results', place('kept'));
    expect(other.text.key).not.toBe(first.text.key);
    expect(other.errors).not.toMatch(/found before/);
  });

  it('goes on where it was stopped, and does not trust a damaged file', async () => {
    const results = place('stopped');
    await swept(GQA, '--prompt', TEXT, '--methods', 'q8_0', '--siblings', 'none', '--results', results);
    const files = readdirSync(results, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
    expect(files).toHaveLength(2);
    const more = await swept(GQA, '--prompt', TEXT, '--methods', 'q8_0,f16', '--results', results);
    expect(more.errors).toMatch(/q8_0: .*found before/);
    expect(more.errors).toMatch(/f16: mean KL \S+ \(\d/);
    for (const file of files) writeFileSync(join(results, file), '{"method":"q8_0"');
    expect((await swept(GQA, '--prompt', TEXT, '--methods', 'q8_0', '--results', results)).errors).not.toMatch(
      /found before/,
    );
  });

  it('is spread over parts that are joined again', async () => {
    const methods = ['--methods', 'q8_0,f16,fp8,window:8', '--prompt', TEXT, '--results', 'none'];
    const parts: string[] = [];
    for (const part of [1, 2, 3]) {
      const { errors: _, ...sweep } = await swept(GQA, ...methods, '--shard', `${part}/3`);
      parts.push(place(`part${part}.json`));
      writeFileSync(parts.at(-1) ?? '', JSON.stringify(sweep));
    }
    const joined = await swept('--merge', ...parts);
    const whole = await swept(GQA, ...methods);
    const damages = (sweep: Sweep): unknown =>
      Object.fromEntries(measuredIn(sweep).map(({ method, damage }) => [method, damage]));
    expect(damages(joined)).toEqual(damages(whole));
    const { errors: _, ...alien } = await swept(GQA, '--ids', '5,6,7,8,9', '--methods', 'f16', '--results', 'none');
    writeFileSync(place('alien.json'), JSON.stringify(alien));
    expect(await runText(['tradeoff', '--merge', place('part1.json'), place('alien.json')])).toMatchObject({
      code: 1,
      errors: 'the parts are of different texts: only parts of one sweep can be joined',
    });
    expect(await runText(['tradeoff', '--merge', place('none.json')])).toMatchObject({ code: 1 });
    writeFileSync(place('other.json'), '[]');
    expect((await runText(['tradeoff', '--merge', place('other.json')])).errors).toMatch(/not the JSON of a tradeoff/);
  });

  it('draws the curve, the front joined, and prints a table', async () => {
    const args = [
      GQA,
      '--prompt',
      TEXT,
      '--methods',
      'q8_0,q4_0,mla:32@whitened-svd,mla:16@whitened-svd,window:8,h2o:12',
      '--results',
      place('kept'),
    ];
    const file = place('curve.svg');
    expect((await runText(['tradeoff', ...args, '--out', file])).code).toBe(0);
    const svg = readFileSync(file, 'utf8');
    expect(svg.match(/<title>(?=[a-z])/g)).toHaveLength(6 + 3);
    expect(svg).toMatch(/stroke-dasharray="4 3"/);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    const { printed } = await runText(['tradeoff', ...args, '--tokens', '4k', '--batch', '2']);
    expect(printed).toMatch(/^gqa on the given text/);
    expect(printed).toMatch(/at 4,096 × 2/);
    expect(printed).toMatch(/q8_0 +272 +53\.1 %/);
    expect(printed.match(/\*$/gm)?.length).toBeGreaterThan(1);
  });

  it('measures each layer alone where that is asked', async () => {
    const { methods } = await swept(GQA, '--prompt', TEXT, '--methods', 'q4_0', '--alone', '--results', 'none');
    expect(methods.map(({ method }) => method)).toEqual([0, 1, 2, 3].map((layer) => `q4_0 in layer ${layer}`));
  });

  it('refuses what it does not understand', async () => {
    const refused = async (...args: string[]): Promise<string> => {
      const { code, errors } = await runText(['tradeoff', ...args]);
      expect(code).toBe(2);
      return errors.split('\n')[0] ?? '';
    };
    expect(await refused(GQA, '--methods', 'q9')).toMatch(/--methods: q9 \(in q9\) is no cache type/);
    expect(await refused(GQA, '--prompt', 'a', '--ids', '1')).toMatch(/give one text/);
    expect(await refused(GQA, '--shard', '3/2', '--prompt', TEXT)).toMatch(/--shard takes i\/n/);
    expect(await refused(GQA, '--out', 'x.png')).toMatch(/ends in \.svg/);
    expect(await refused(GQA, '--precision', 'bf16', '--prompt', TEXT)).toMatch(/float64 or float32/);
    expect(await refused()).toMatch(/takes one model/);
    expect(await runText(['tradeoff', GQA, '--text', place('nowhere.txt')])).toMatchObject({ code: 1 });
    expect(
      (
        await runText([
          'tradeoff',
          GQA,
          '--prompt',
          TEXT,
          '--methods',
          'q8_0,f16',
          '--export',
          place('e'),
          '--results',
          'none',
        ])
      ).errors,
    ).toMatch(/one method is exported at a time/);
  });

  itWith(STORIES, 'gives half the cache of five layers to those that need it, and runs the result', async (path) => {
    const args = [
      path,
      '--prompt',
      'Once upon a time, there was a little girl named Lily. She loved to play outside in the park.',
      '--results',
      place('budget'),
    ];
    const { budget } = await swept(
      ...args,
      '--methods',
      'fp8,int8_per_token_head,mla:16@whitened-svd',
      '--budget',
      '0.5',
    );
    if (budget === undefined || isRefused(budget.result)) throw new Error('no budget');
    expect(budget.chosen).toHaveLength(5);
    const whole = 5 * 64 * 2;
    expect(budget.result.bytesPerToken).toBeLessThanOrEqual(whole / 2);
    const uniform = measuredIn(await swept(...args, '--methods', 'fp8,mla:32@whitened-svd'));
    for (const { damage, bytesPerToken } of uniform)
      if (bytesPerToken <= whole / 2) expect(budget.result.damage.klMean).toBeLessThanOrEqual(damage.klMean * 1.0001);
    // Damages of layers add up to what the whole was measured to lose, about.
    expect(budget.expectedKl / budget.result.damage.klMean).toBeGreaterThan(0.3);
    expect(budget.expectedKl / budget.result.damage.klMean).toBeLessThan(3);
    expect((await runText(['tradeoff', ...args, '--methods', 'f16', '--budget', '0.1'])).errors).toMatch(
      /no mix of these methods/,
    );
  });

  itWith(
    STORIES,
    'allocates as well as every way that five layers can be given two methods, each of them run',
    async (path) => {
      const prompt = 'Once upon a time, there was a little girl named Lily.';
      const method = 'mla:24@whitened-svd';
      const { budget } = await swept(
        path,
        '--prompt',
        prompt,
        '--methods',
        method,
        '--budget',
        '0.65',
        '--results',
        'none',
      );
      if (budget === undefined || isRefused(budget.result)) throw new Error('no budget');
      const model = await openModel(path);
      try {
        const ids = (await model.tokenizer())?.encode(prompt) ?? [];
        const pass = new WholePass(model, FLOAT64);
        const baseline = await pass.baseline(ids, UNWATCHED);
        const found: number[] = [];
        for (let way = 0; way < 32; way++) {
          const methods = Array.from({ length: 5 }, (_, layer) =>
            parseMethod((way >> layer) % 2 === 1 ? method : 'exact'),
          );
          const run = await pass.run(methods, baseline, UNWATCHED);
          if (run.cacheBytes(ids.length) > 0.65 * baseline.cacheBytes(ids.length)) continue;
          found.push(summarised(await pass.damage(baseline, run, UNWATCHED)).klMean);
        }
        expect(found.length).toBeGreaterThan(5);
        const order = found.toSorted((a, b) => a - b);
        // Among the best: what layers lose alone does not add up exactly.
        expect(order.findIndex((one) => one >= (budget.result as MethodResult).damage.klMean * 0.999)).toBeLessThan(
          order.length / 3,
        );
      } finally {
        await model.close();
      }
    },
  );
});
