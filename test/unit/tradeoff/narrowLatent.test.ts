// Latent layers with a smaller cache: nothing is lost where nothing is left out, and less with every dim.
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { FLOAT64 } from '../../../src/compute/tradeoff/linear';
import { type Baseline, WholePass, type WholeRun } from '../../../src/compute/tradeoff/wholePass';
import { summarised } from '../../../src/insight/tradeoff/damage';
import { methodLabel, parseMethod } from '../../../src/insight/tradeoff/method';
import { offeredMethods } from '../../../src/insight/tradeoff/offered';
import { CONVERSION_PROMPT } from '../../../src/present/conversionText';
import { openModel, type OpenModel } from '../../../src/weights/openModel';
import { goldenModels, itWith } from '../support/reference';

const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');

interface Opened {
  readonly model: OpenModel;
  readonly pass: WholePass;
  readonly baseline: Baseline;
}

async function opened(path: string, ids: readonly number[] | null): Promise<Opened> {
  const model = await openModel(path);
  const pass = new WholePass(model, FLOAT64);
  const text = ids ?? (await model.tokenizer())?.encode(CONVERSION_PROMPT).slice(0, 100) ?? [];
  return { model, pass, baseline: await pass.baseline(text, UNWATCHED) };
}

async function run({ pass, baseline }: Opened, method: string): Promise<{ run: WholeRun; kl: number }> {
  const found = await pass.run(
    baseline.layers.map(() => parseMethod(method)),
    baseline,
    UNWATCHED,
  );
  return { run: found, kl: summarised(await pass.damage(baseline, found, UNWATCHED)).klMean };
}

describe('a smaller latent', () => {
  let mla: Opened;
  beforeAll(async () => {
    mla = await opened(join(SAMPLES, 'mla'), null);
  });
  afterAll(() => mla.model.close());

  it.each(['joint-svd', 'whitened-svd'])('of all dims and all pairs is the same by %s', async (method) => {
    const { run: found, kl } = await run(mla, `mla:56+8@${method}`);
    expect(kl).toBeLessThan(1e-9);
    expect(found.layers[0]?.cachedNumbers).toBe(64);
  });

  it('loses less with every dim, and with every pair that keeps its rotation', async () => {
    const falling = async (methods: readonly string[]): Promise<void> => {
      const found: number[] = [];
      for (const method of methods) found.push((await run(mla, method)).kl);
      expect(found).toEqual(found.toSorted((a, b) => b - a));
    };
    await falling(['mla:8+8', 'mla:20+8', 'mla:36+8', 'mla:50+8'].map((target) => `${target}@whitened-svd`));
    await falling(['mla:58+2@joint-svd', 'mla:58+6@joint-svd', 'mla:56+8@joint-svd']);
    expect((await run(mla, 'mla:28+8@whitened-svd')).kl).toBeLessThan((await run(mla, 'mla:28+8@joint-svd')).kl);
  });

  it('counts what it caches, and is refused where it would be none', async () => {
    const { run: found } = await run(mla, 'mla:20+4@joint-svd/fp8');
    expect(found.cacheBytes(10)).toBe(10 * 4 * 24);
    await expect(run(mla, 'mla:60+8')).rejects.toThrow(/larger than the 56 values/);
    await expect(run(mla, 'mla:20+10')).rejects.toThrow(/8 dims with RoPE: 10 cannot/);
    await expect(run(mla, 'gqa:2')).rejects.toThrow(/not made of heads/);
  });
});

describe('of a DeepSeek with a latent for queries and interleaved pairs', () => {
  const folder = goldenModels().find(({ name }) => name === 'deepseek-v2')?.folder ?? null;
  itWith(folder, 'nothing is lost where nothing is left out', async (path) => {
    const of = await opened(path, [3, 14, 15, 9, 26, 5, 35, 8, 7, 6]);
    try {
      const { attention } = of.pass.layers()[0]?.spec ?? {};
      if (attention?.kind !== 'latent') throw new Error('no latent');
      const { latentDim, ropeDim } = attention;
      expect((await run(of, `mla:${latentDim}+${ropeDim}@joint-svd`)).kl).toBeLessThan(1e-9);
      expect((await run(of, `mla:${latentDim + 2}+${ropeDim - 2}@joint-svd`)).kl).toBeGreaterThan(0);
    } finally {
      await of.model.close();
    }
  });
});

describe('methods that are offered', () => {
  it.each(['mha', 'gqa', 'mqa', 'mla'])(
    'are at least 25 on the sample %s, each possible, none twice',
    async (sample) => {
      const of = await opened(
        join(SAMPLES, sample),
        Array.from({ length: 24 }, (_, i) => i + 3),
      );
      try {
        const methods = offeredMethods(of.pass.layers(), 139);
        expect(methods.length).toBeGreaterThanOrEqual(25);
        expect(new Set(methods.map((method) => methodLabel(parseMethod(method)))).size).toBe(methods.length);
        for (const method of methods) expect((await run(of, method)).kl, method).toBeGreaterThanOrEqual(0);
      } finally {
        await of.model.close();
      }
    },
  );
});
