/** `convert` as users run it: figures that others have found, models that convert to themselves, and refusals in words. */

import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { depthNote, sampled } from '../depth';
import { readGolden, REFUSED } from '../golden';
import { casesOf, describeAll, eachOrSkip, noCases } from '../support/cases';
import { besideFile, goldenModels, itWith } from '../support/reference';
import { runJson, runText } from './support/cli';

interface Report {
  readonly to: string;
  readonly method: string;
  readonly cacheRatio: number;
  readonly cachedPerToken: number;
  readonly outputRelativeError: number;
  readonly patternJsDistance: number;
  readonly heads: readonly {
    readonly head: number;
    readonly group: number;
    readonly patternJsDistance: number;
    readonly outputRelativeError: number;
  }[];
  readonly weightRelativeError?: { readonly key: number; readonly value: number; readonly unrelated: number };
  readonly notes: readonly string[];
}
interface Several {
  readonly conversions: readonly Report[];
}

const STORIES = besideFile('models/stories260K.gguf');
const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');
const LLAMA = resolve(import.meta.dirname, '../../../media/sample-configs/llama-3-8b/config.json');
const PROMPT = 'the red fox sleeps in the park and the old dog sees it';

async function convert(model: string, layer: number, ...args: string[]): Promise<readonly Report[]> {
  const { value, errors } = await runJson<Several | Report>([
    'convert',
    model,
    '--layer',
    String(layer),
    ...args,
    '--json',
  ]);
  expect(errors).toBe('');
  if (value === null) throw new Error('no report');
  return 'conversions' in value ? value.conversions : [value];
}

describeAll('conversions of stories260K', () => {
  /** 200 tokens of its own, as in the table of ../shared/reading/viz-compute.md §2.3: JS and output error of 64 cached numbers made 32. */
  const TABLE: Readonly<Record<number, Readonly<Record<string, readonly [number, number]>>>> = {
    0: {
      'joint-svd': [0.059, 0.345],
      'split-svd': [0.126, 0.535],
      'activation-pca': [0.099, 0.102],
      'mean-pool': [0.733, 1.0],
    },
    2: {
      'joint-svd': [0.104, 0.422],
      'split-svd': [0.188, 0.565],
      'activation-pca': [0.155, 0.204],
      'mean-pool': [0.67, 1.03],
    },
    4: {
      'joint-svd': [0.15, 0.556],
      'split-svd': [0.178, 0.621],
      'activation-pca': [0.202, 0.329],
      'mean-pool': [0.619, 1.13],
    },
  };

  for (const layer of [0, 2, 4])
    itWith(STORIES, `lose what others have measured, layer ${layer}`, async (stories) => {
      const { value } = await runJson<{ ids: number[] }>([
        'generate',
        stories,
        '--ids',
        '1',
        '--tokens',
        '199',
        '--json',
      ]);
      const ids = (value?.ids ?? []).join(',');
      const found = await convert(stories, layer, '--to', 'gqa:2,mla:32', '--method', 'all', '--ids', ids);
      expect(found.map(({ cachedPerToken, cacheRatio }) => [cachedPerToken, cacheRatio])).toEqual(
        found.map(() => [32, 2]),
      );
      for (const [method, [distance, error]] of Object.entries(TABLE[layer] ?? {})) {
        const one = found.find((report) => report.method === method);
        // The table has three digits.
        expect(Math.abs((one?.patternJsDistance ?? NaN) - distance), method).toBeLessThan(0.0006);
        expect(Math.abs((one?.outputRelativeError ?? NaN) - error), method).toBeLessThan(error >= 1 ? 0.006 : 0.0006);
      }
      const [whole] = await convert(stories, layer, '--to', 'mla:64', '--ids', ids);
      expect(whole?.outputRelativeError).toBeLessThan(2e-14);
      // Turning heads towards each other before they are pooled is worth it on trained weights.
      const [mean, aligned] = ['mean-pool', 'aligned-pool'].map((method) =>
        found.find((report) => report.method === method),
      );
      expect(aligned?.outputRelativeError).toBeLessThan(0.8 * (mean?.outputRelativeError ?? 0));
    });
});

describe(`golden folders convert to themselves${depthNote}`, () => {
  eachOrSkip(
    casesOf(sampled(goldenModels()), ({ modelType }) => modelType),
    noCases,
    ({ name, folder: place }) => {
      itWith(place, name, async (folder) => {
        const golden = readGolden(folder);
        const [layer] = golden.layers;
        const groups = layer?.k_shape[0] ?? 1;
        const ids = (golden.input_ids[0] ?? []).join(',');
        const run = (to: string): Promise<{ code: number; value: Report | null; errors: string }> =>
          runJson<Report>(['convert', folder, '--layer', '0', '--to', to, '--ids', ids, '--json']);
        const same = await run(`gqa:${groups}`);
        const refusal =
          REFUSED[name] ?? (layer?.cache_latent === undefined ? null : /has latent attention \(MLA\) already/);
        if (refusal !== null) {
          expect(same.code).toBe(1);
          expect(same.errors).toMatch(refusal);
          return;
        }
        // Falcon's golden values are repeated for every query head.
        if (same.code === 1) {
          expect(same.errors).toMatch(/KV heads: \d+ groups cannot be made from so few/);
          return;
        }
        expect(same.value?.outputRelativeError).toBe(0);
        const { value } = await run(`mla:${same.value?.cachedPerToken}`);
        expect(value?.outputRelativeError).toBeLessThan(1e-11);
        expect(value?.patternJsDistance).toBeLessThan(1e-6);
      });
    },
  );
});

describeAll('convert', () => {
  it('prints what the contract names, per head as well', async () => {
    const [report] = await convert(join(SAMPLES, 'gqa'), 1, '--to', 'mqa', '--prompt', PROMPT);
    expect(report).toMatchObject({ to: 'MQA', method: 'mean-pool', cacheRatio: 2, cachedPerToken: 32 });
    expect(report?.heads.map(({ head, group }) => [head, group])).toEqual(
      Array.from({ length: 8 }, (_, head) => [head, Math.floor(head / 4)]),
    );
    const mean = (report?.heads ?? []).reduce((sum, { patternJsDistance }) => sum + patternJsDistance / 8, 0);
    expect(report?.patternJsDistance).toBeCloseTo(mean, 6);
    expect(report?.weightRelativeError?.unrelated).toBeCloseTo(Math.SQRT1_2, 12);
  });

  it('trained heads are pooled, aligned and made latent, each with its loss in one table', async () => {
    const { printed, errors } = await runText([
      'convert',
      join(SAMPLES, 'mha'),
      '--layer',
      '1',
      '--to',
      'gqa:2,mla:64+8',
      '--method',
      'all',
      '--prompt',
      PROMPT,
    ]);
    expect(errors).toBe('');
    for (const row of [
      /GQA-2 +mean-pool +64 +÷ 4 /,
      /GQA-2 +aligned-pool/,
      /MLA 64 \+ 8 +joint-svd +72 +÷ 3.56/,
      /MLA 64 \+ 8 +split-svd/,
      /MLA 64 \+ 8 +activation-pca/,
    ])
      expect(printed).toMatch(row);
    expect(printed).toContain('GQA-2: W_K differs from its mean by');
    expect(printed).toMatch(/MLA 64 \+ 8 +activation-pca .+ n\/a +n\/a/);
    expect(printed).toMatch(/activation-pca: a latent of 64 dims can hold all \d+ tokens without any loss/);
  });

  it('takes seeded weights, and says that they are', async () => {
    const { printed } = await runText([
      'convert',
      LLAMA,
      '--seed',
      '3',
      '--layer',
      '0',
      '--to',
      'gqa:4',
      '--prompt',
      'one two three',
    ]);
    expect(printed).toContain('random heads have nothing in common');
    expect(printed).toMatch(/GQA-4 +mean-pool +1,024 +÷ 2 /);
    expect(printed).toContain('by 0.707, W_V by 0.707; for unrelated heads it would be 0.707');
  });

  it.each([
    [['--to', 'mha'], 2, '--to takes gqa:G, mqa and mla:R[+D], not mha'],
    [[], 2, 'say what to convert to'],
    [['--to', 'mqa', '--method', 'magic'], 2, '--method takes mean-pool'],
    [['--to', 'mqa', '--method', 'joint-svd'], 2, 'joint-svd cannot make MQA'],
    [['--to', 'gqa:8'], 1, 'this layer has 2 KV heads'],
    [['--to', 'mla:65'], 1, 'a latent of 65 would be larger than the 64 values'],
    [['--to', 'mla:16+7'], 1, '7 RoPE dims do not form pairs'],
    [['--to', 'mqa', '--layer', '9'], 1, 'there is no layer 9'],
  ] as const)('refuses %j in words', async (args, expected, message) => {
    const { code, errors, printed } = await runText([
      'convert',
      join(SAMPLES, 'gqa'),
      ...(args.includes('--layer' as never) ? [] : ['--layer', '1']),
      '--prompt',
      PROMPT,
      ...args,
    ]);
    expect(code).toBe(expected);
    expect(errors).toContain(message);
    expect(errors).not.toMatch(/\bat .*\.ts/);
    expect(printed).toBe('');
  });

  it('refuses groups that do not come out even', async () => {
    const { code, errors } = await runText([
      'convert',
      join(SAMPLES, 'mha'),
      '--layer',
      '0',
      '--to',
      'gqa:3',
      '--prompt',
      PROMPT,
    ]);
    expect([code, errors]).toEqual([1, 'layer 0: 3 does not divide the 8 KV heads of this layer']);
  });

  it('refuses a layer that is latent already', async () => {
    const { code, errors } = await runText([
      'convert',
      join(SAMPLES, 'mla'),
      '--layer',
      '0',
      '--to',
      'mla:16',
      '--prompt',
      PROMPT,
    ]);
    expect([code, errors]).toEqual([
      1,
      'layer 0 has latent attention (MLA) already: what it caches is not made of heads',
    ]);
  });
});
