// What stands beside a sweep: trained siblings, published figures, and how a method is had.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ANCHORS } from '../../../src/insight/tradeoff/anchors';
import { methodLabel, parseMethod } from '../../../src/insight/tradeoff/method';
import { isRefused, type MethodResult, type Sweep } from '../../../src/insight/tradeoff/result';
import { applicationRows } from '../../../src/present/tradeoffBeside';
import { runJson, runText } from '../heads/support/cli';

const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');
const folder = mkdtempSync(join(tmpdir(), 'headlight-beside-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const args = (sample: string): string[] => [
  'tradeoff',
  join(SAMPLES, sample),
  '--methods',
  'fp8,mla:48@whitened-svd',
  '--text-tokens',
  '60',
  '--probe-tokens',
  '0',
  '--results',
  join(folder, 'results'),
];

async function swept(sample: string, ...more: string[]): Promise<Sweep> {
  const { value, errors } = await runJson<Sweep>([...args(sample), ...more, '--json']);
  return value ?? expect.fail(errors);
}

describe('trained siblings', () => {
  it('lie on the curve as what they are: each with the loss and the cache that it has by itself', async () => {
    const { siblings = [], unchanged } = await swept('mha');
    const found = siblings.filter((one): one is MethodResult => !isRefused(one));
    expect(found.map(({ method }) => method)).toEqual(['trained GQA-2', 'trained MQA', 'trained MLA 56 + 8']);
    for (const [sample, one] of [
      ['gqa', found[0]],
      ['mla', found[2]],
    ] as const) {
      const own = await swept(sample, '--siblings', 'none');
      expect(own.siblings).toBeUndefined();
      expect(one?.damage.perplexityAfter).toBeCloseTo(own.unchanged.perplexity, 10);
      expect(one?.damage.perplexityBefore).toBeCloseTo(unchanged.perplexity, 10);
      expect(one?.bytesPerToken).toBe(own.unchanged.bytesPerToken);
      expect(one?.damage.klMean).toBeGreaterThan(0.05);
    }
    // Found before, and the same.
    expect((await swept('mha')).siblings).toEqual(siblings);
  });

  it('are those that are named, and what cannot be compared says why', async () => {
    const same = await swept('gqa', '--siblings', join(SAMPLES, 'gqa'));
    const [one] = same.siblings ?? [];
    if (one === undefined || isRefused(one)) throw new Error('no sibling');
    expect(one.damage.klMean).toBeLessThan(1e-12);
    const golden = resolve(import.meta.dirname, '../../fixtures/reference/golden/llama');
    const { siblings } = await swept('gqa', '--siblings', golden);
    expect(siblings).toEqual([
      { method: 'trained llama', refused: expect.stringMatching(/tokens|vocabulary/) as string },
    ]);
  });
});

describe('the picture', () => {
  it('has stars for siblings and hollow marks for what was published, each with its source', async () => {
    const file = join(folder, 'curve.svg');
    expect((await runText([...args('mha'), '--out', file])).code).toBe(0);
    const svg = readFileSync(file, 'utf8');
    expect(svg.match(/<title>trained /g)).toHaveLength(3);
    for (const { cacheShare, source } of ANCHORS) if (cacheShare !== null) expect(svg).toContain(source);
    expect(svg.match(/fill="none" stroke="currentColor" stroke-dasharray="(?:none|2 1\.5)"><title>/g)).toHaveLength(
      ANCHORS.filter(({ cacheShare }) => cacheShare !== null).length,
    );
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('published figures are shares of a cache and scores of their tables, and are listed where that is asked', async () => {
    for (const { cacheShare, measure, source } of ANCHORS) {
      expect(cacheShare === null || (cacheShare > 0 && cacheShare < 1)).toBe(true);
      expect(source).toMatch(/arXiv \d{4}\.\d{5}|pull request|issue|docs\//);
      expect(measure.kind === 'kl' ? measure.klMean > 0 : measure.after <= measure.before).toBe(true);
    }
    const { printed } = await runText([...args('gqa'), '--published']);
    expect(printed).toMatch(
      /TransMLA, LLaMA-2-7B: 7\.0 % of the cache, commonsense tasks 58\.68 \(unchanged 59\.85\), after training \(6B tokens\)/,
    );
    expect(printed).toMatch(/GEAR, .*: cache not known/);
    expect((await runText(args('gqa'))).printed).not.toMatch(/TransMLA/);
  });
});

describe('how a method is had', () => {
  const text = (method: string): string => {
    const label = methodLabel(parseMethod(method));
    const rows = applicationRows({ methods: [{ method: label, notes: [] }] } as unknown as Sweep);
    return rows.at(-1)?.replace(`${label}: `, '') ?? '';
  };
  it.each([
    ['fp8', 'vLLM --kv-cache-dtype fp8, SGLang --kv-cache-dtype fp8_e4m3, TensorRT-LLM kv_cache_config.dtype: fp8'],
    ['k=q8_0/v=q4_0', 'llama.cpp -fa on -ctk q8_0 -ctv q4_0'],
    ['k=q8_0/v=fp8', 'no engine has this cache type as an option'],
    [
      'gqa:2/fp8',
      'the weights that --export writes, with num_key_value_heads 2 in their config; vLLM --kv-cache-dtype fp8',
    ],
    ['mla:32+8', 'the weights that --export writes, with kv_lora_rank 33, qk_rope_head_dim 8 in their config'],
    ['mla:32', 'no engine caches the latent of the weights that --export writes'],
    ['window:64+4', 'no engine keeps tokens so by an option'],
    ['share:2', 'no published class'],
    ['exact', 'as it is'],
  ])('%s: %s', (method, expected) => {
    expect(text(method).startsWith(expected)).toBe(true);
  });

  it('stands beside each method as JSON, and not beside what no class loads', async () => {
    const { methods } = await swept('gqa');
    expect(methods.find(({ method }) => method === 'fp8')).toMatchObject({
      apply: {
        exported: false,
        config: null,
        launch: expect.arrayContaining([{ engine: 'vLLM', option: '--kv-cache-dtype fp8' }]) as object,
      },
    });
    const narrow = await runJson<Sweep>([
      ...args('mla'),
      '--methods',
      'mla:28+8@joint-svd',
      '--siblings',
      'none',
      '--json',
    ]);
    expect(narrow.value?.methods[0]).toMatchObject({
      apply: { exported: false, none: expect.stringMatching(/no published class/) as string },
    });
  });
});
