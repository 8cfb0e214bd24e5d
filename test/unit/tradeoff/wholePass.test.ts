// Whole models with changed caches: what changes nothing is exact, and every number is held against code that was written apart from it.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { ForwardPass } from '../../../src/compute/heads/forward';
import { HeadModel } from '../../../src/compute/heads/headModel';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { ModelExport } from '../../../src/compute/tradeoff/exportModel';
import { engineLinear, FLOAT64 } from '../../../src/compute/tradeoff/linear';
import { outputPieces } from '../../../src/compute/tradeoff/outputHead';
import { type Baseline, WholePass, type WholeRun } from '../../../src/compute/tradeoff/wholePass';
import { type Damage, summarised } from '../../../src/insight/tradeoff/damage';
import { parseMethod } from '../../../src/insight/tradeoff/method';
import { CONVERSION_PROMPT } from '../../../src/present/conversionText';
import { openModel, type OpenModel } from '../../../src/weights/openModel';
import { REFUSED, relativeError } from '../golden';
import { describeAll, eachOrSkip, noCases } from '../support/cases';
import { besideFile, goldenModels, itWith } from '../support/reference';

const SAMPLES = resolve(import.meta.dirname, '../../../media/samples');
const STORIES = besideFile('models/stories260K.gguf');

interface Opened {
  readonly model: OpenModel;
  readonly pass: WholePass;
  readonly baseline: Baseline;
}

const open: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of open) await close();
});

async function opened(path: string, tokens: number | readonly number[]): Promise<Opened> {
  const model = await openModel(path);
  open.push(() => model.close());
  const ids =
    typeof tokens === 'number' ? ((await model.tokenizer())?.encode(CONVERSION_PROMPT) ?? []).slice(0, tokens) : tokens;
  const pass = new WholePass(model, FLOAT64);
  return { model, pass, baseline: await pass.baseline(ids, UNWATCHED) };
}

async function damaged(
  { pass, baseline }: Opened,
  method: string,
): Promise<{ readonly run: WholeRun; readonly damage: Damage }> {
  const run = await pass.run(
    baseline.layers.map(() => parseMethod(method)),
    baseline,
    UNWATCHED,
  );
  return { run, damage: summarised(await pass.damage(baseline, run, UNWATCHED)) };
}

const kl = async (of: Opened, method: string): Promise<number> => (await damaged(of, method)).damage.klMean;

describeAll('the pass without a change', () => {
  const cases = goldenModels().filter(({ name, folder }) => folder !== null && !(name in REFUSED));
  eachOrSkip(cases, noCases, ({ name, folder }) => {
    it(`gives ${name} the logits of the graphs`, async () => {
      const ids = [3, 14, 15, 9, 26, 5, 35];
      const model = await HeadModel.open(folder ?? '');
      const engine = createEngine('onnxruntime-cpu', { threads: 1 });
      const graphs = new ForwardPass(model.model, engine);
      try {
        const layer = model.model.plan.layers.length - 1;
        const { logits } = await graphs.capture({ ids, layer, captures: [], logits: true }, UNWATCHED);
        const pass = new WholePass(model.model, FLOAT64);
        const { final } = await pass.baseline(ids, UNWATCHED);
        const found: number[] = [];
        const { store, plan } = model.model;
        for await (const { rows } of outputPieces(store, plan, [final], FLOAT64.map, new AbortController().signal)) {
          const { data, columns = 0 } = rows[0] ?? { data: new Float64Array() };
          found.push(...data.subarray(data.length - columns));
        }
        expect(relativeError(found, logits ?? [])).toBeLessThan(1e-4);
      } finally {
        await graphs.dispose();
        await model.close();
      }
    });
  });
});

describe('what leaves nothing out', () => {
  it.each([
    ['mha', 'exact'],
    ['mha', 'gqa:8@mean-pool'],
    ['mha', 'gqa:8@aligned-pool'],
    ['mha', 'gqa:8@similar-pool'],
    ['mha', 'mla:256@joint-svd'],
    ['mha', 'mla:256@whitened-svd'],
    ['mha', 'mla:128+128@joint-svd'],
    ['mha', 'mla:128+128@split-svd'],
    ['gqa', 'mla:64@split-svd'],
    ['gqa', 'mla:32+32@joint-svd'],
    ['mqa', 'mla:32@joint-svd/window:80+0'],
    ['mqa', 'h2o:80'],
    ['mqa', 'snapkv:80'],
    ['mla', 'exact'],
  ])('%s with %s loses nothing', async (sample, method) => {
    const { damage, run } = await damaged(await opened(join(SAMPLES, sample), 80), method);
    expect(damage.klMean).toBeLessThan(1e-9);
    expect(damage.kl99).toBeLessThan(1e-9);
    expect(damage.sameTopShare).toBe(1);
    for (const layer of run.layers) expect(layer.outputRelativeError ?? 1).toBeLessThan(1e-9);
  });

  it('is said by numbers: positions, losses, bytes', async () => {
    const of = await opened(join(SAMPLES, 'mha'), 81);
    const { damage, run } = await damaged(of, 'q8_0');
    // The second half, but for the last position, which nothing follows.
    expect(damage.tokens).toBe(40);
    expect(damage.klMean).toBeGreaterThan(1e-7);
    expect(run.cacheBytes(1000)).toBe((1000 * 4 * 256 * 34) / 32);
    expect(of.baseline.cacheBytes(10)).toBe(10 * 4 * 256 * 2);
    expect(damage.perplexityAfter).toBeCloseTo(Math.exp(damage.lossAfter), 12);
  });
});

describe('damage', () => {
  it('falls with the rank, with more tokens kept, and with more bits', async () => {
    const of = await opened(join(SAMPLES, 'mha'), 100);
    const falling = async (methods: readonly string[]): Promise<void> => {
      const found: number[] = [];
      for (const method of methods) found.push(await kl(of, method));
      expect(found).toEqual(found.toSorted((a, b) => b - a));
    };
    await falling(['mla:16', 'mla:32', 'mla:64', 'mla:96'].map((target) => `${target}@joint-svd`));
    await falling(['mla:16@whitened-svd', 'mla:48@whitened-svd', 'mla:96@whitened-svd']);
    await falling(['mla:96+16@joint-svd', 'mla:96+64@joint-svd', 'mla:96+128@joint-svd']);
    await falling(['window:4+0', 'window:16+4', 'window:64+4', 'window:100+4']);
    await falling(['q4_0', 'q5_0', 'q8_0', 'exact']);
  });

  it('of heads that are turned towards each other is smaller than that of averaged ones', async () => {
    const of = await opened(join(SAMPLES, 'mha'), 100);
    const [mean, aligned, similar] = [
      await kl(of, 'gqa:4@mean-pool'),
      await kl(of, 'gqa:4@aligned-pool'),
      await kl(of, 'gqa:4@similar-pool'),
    ];
    expect(aligned).toBeLessThan(mean);
    expect(similar).toBeLessThan(mean);
  });

  it('of one layer leaves the layers before it untouched', async () => {
    const of = await opened(join(SAMPLES, 'gqa'), 60);
    const methods = of.baseline.layers.map((_, layer) => parseMethod(layer === 2 ? 'q4_0' : 'exact'));
    const { layers } = await of.pass.run(methods, of.baseline, UNWATCHED);
    expect(layers.map(({ outputRelativeError }) => (outputRelativeError ?? 0) > 0)).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  it('is the same with matrices from an engine, to its precision', async () => {
    const of = await opened(join(SAMPLES, 'gqa'), 60);
    const engine = createEngine('onnxruntime-cpu', { threads: 1 });
    const linear = engineLinear(engine);
    try {
      const pass = new WholePass(of.model, linear);
      const baseline = await pass.baseline(of.baseline.ids, UNWATCHED);
      const found = await kl({ ...of, pass, baseline }, 'q4_0');
      expect(found / (await kl(of, 'q4_0'))).toBeCloseTo(1, 3);
      expect(pass.precision).toBe('float32');
    } finally {
      await linear.dispose();
      await engine.dispose();
    }
  });

  it('cannot be had where a layer cannot have the method, in words', async () => {
    const mla = await opened(join(SAMPLES, 'mla'), 20);
    await expect(damaged(mla, 'gqa:2')).rejects.toThrow(/latent attention/);
    const gqa = await opened(join(SAMPLES, 'gqa'), 20);
    await expect(damaged(gqa, 'gqa:3')).rejects.toThrow(/cannot be made from so few/);
    await expect(damaged(gqa, 'mla:4096')).rejects.toThrow(/larger than/);
    await expect(opened(join(SAMPLES, 'gqa'), 2)).rejects.toThrow(/too few/);
  });

  itWith(STORIES, 'on stories260K is 0 without a change, and RoPE dims matter', async (path) => {
    const of = await opened(path, 120);
    expect(await kl(of, 'mla:64@joint-svd')).toBeLessThan(1e-9);
    expect(await kl(of, 'mla:32+32@split-svd')).toBeLessThan(1e-9);
    expect(await kl(of, 'mla:32+8')).toBeGreaterThan(await kl(of, 'mla:32+24'));
  });
});

describe('an export', () => {
  it.each([
    ['mha', 'gqa:4@similar-pool', 'LlamaForCausalLM', 1e-6],
    ['mha', 'mla:48@whitened-svd', 'LlamaForCausalLM', 1e-6],
    ['mha', 'mla:64+32@whitened-svd', 'DeepseekV3ForCausalLM', 1e-5],
    ['mqa', 'mla:24+8@joint-svd', 'DeepseekV3ForCausalLM', 1e-5],
    ...(STORIES === null
      ? []
      : ([
          ['stories', 'mla:48+16@whitened-svd', 'DeepseekV3ForCausalLM', 1e-5],
          ['stories', 'mqa@mean-pool', 'LlamaForCausalLM', 1e-6],
        ] as const)),
  ] as const)('of %s with %s is a %s that predicts the same', async (sample, method, architecture, within) => {
    const folder = mkdtempSync(join(tmpdir(), 'headlight-export-'));
    try {
      const of = await opened(sample === 'stories' ? (STORIES ?? '') : join(SAMPLES, sample), 60);
      const methods = of.baseline.layers.map(() => parseMethod(method));
      const files = await ModelExport.of(of.model, folder, methods);
      const run = await of.pass.run(methods, of.baseline, UNWATCHED, (index, layer, weights) =>
        files.layer(index, layer, weights),
      );
      const damage = summarised(await of.pass.damage(of.baseline, run, UNWATCHED));
      await files.finish({
        model: sample,
        method,
        text: 'a text',
        damage,
        bytesPerToken: { before: 2, after: 1 },
        notes: [],
      });
      const made = await openModel(folder);
      try {
        const config = made.reading.document.valueOf(made.reading.document.root ?? expect.fail('no config'));
        expect(config).toMatchObject({ architectures: [architecture] });
        const again = await new WholePass(made, FLOAT64).baseline(of.baseline.ids, UNWATCHED);
        // Damage of the files against the model that they came from.
        const found = summarised(await of.pass.damage(of.baseline, { ...run, final: again.final }, UNWATCHED));
        expect(Math.abs(found.klMean - damage.klMean)).toBeLessThan(within);
        expect(Math.abs(found.lossAfter - damage.lossAfter)).toBeLessThan(within);
      } finally {
        await made.close();
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('is refused where no published class holds the model', async () => {
    const gqa = await opened(join(SAMPLES, 'gqa'), 20);
    const refused = (method: string): Promise<unknown> =>
      ModelExport.of(
        gqa.model,
        join(tmpdir(), 'never'),
        gqa.baseline.layers.map(() => parseMethod(method)),
      );
    await expect(refused('share:2')).rejects.toThrow(/no published class/);
    const mla = await opened(join(SAMPLES, 'mla'), 20);
    await expect(ModelExport.of(mla.model, join(tmpdir(), 'never'), [parseMethod('q8_0')])).rejects.toThrow(
      /its attention is latent/,
    );
  });
});
