// A number says over which devices and at which context it holds; the unit is one for all of them.
import { afterEach, describe, expect, it } from 'vitest';
import { growthBeyondWindows } from '../../../src/cache/growth';
import { planCache, type CachePlan } from '../../../src/cache/plan';
import { layerCacheBytes } from '../../../src/cache/layerBytes';
import {
  formatBytes,
  formatChange,
  formatExactBytes,
  formatSize,
  showUnits,
  type Units,
} from '../../../src/model/units';
import type { Scenario } from '../../../src/model/scenario';
import { hoverOf } from '../../../src/present/hover';
import { hintsOf } from '../../../src/present/hintText';
import { cacheAtMarkdown } from '../../../src/present/cacheAtText';
import { explainMarkdown } from '../../../src/present/explainText';
import { lensDesignText, lensScenarioText, statusText } from '../../../src/present/lensText';
import { comparisonTable } from '../../../src/present/comparisonText';
import { planText } from '../../../src/present/planText';
import { scopedText } from '../../../src/present/sizeText';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { compareDesigns } from '../../../src/serving/comparison';
import { deviceOf } from '../../../src/serving/hardware';
import { runCli } from '../../../src/cli/run';
import { sampleConfig, samplePath, scenario } from '../support';

const LLAMA_405B = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 16_384,
  intermediate_size: 53_248,
  num_hidden_layers: 126,
  num_attention_heads: 128,
  num_key_value_heads: 8,
  vocab_size: 128_256,
  max_position_embeddings: 131_072,
  torch_dtype: 'bfloat16',
};
const GEMMA = {
  model_type: 'gemma3_text',
  architectures: ['Gemma3ForCausalLM'],
  hidden_size: 5376,
  num_hidden_layers: 62,
  num_attention_heads: 32,
  num_key_value_heads: 16,
  head_dim: 128,
  sliding_window: 1024,
  sliding_window_pattern: 6,
  max_position_embeddings: 131_072,
  torch_dtype: 'bfloat16',
};

function read(config: object | string): Reading {
  const reading = readModelConfig(typeof config === 'string' ? config : JSON.stringify(config, null, 1));
  if (!reading) throw new Error('not a model config');
  return reading;
}

const on = (devices: number, changes: Partial<Scenario> = {}): Partial<Scenario> => ({
  engine: 'vllm',
  sharding: { tp: devices, pp: 1, dcp: 1, dpAttention: false },
  ...changes,
});

function hover(reading: Reading, key: string, at: Scenario): string {
  const { document } = reading;
  return hoverOf(reading, document, document.text.indexOf(`"${key}"`) + 1, at, false)?.markdown.source ?? '';
}

describe('several devices', () => {
  const reading = read(LLAMA_405B);
  const at = scenario(32, 131_072, on(8, { kvDtype: 'fp8' }));
  const plan = planCache(reading.spec, at);

  it('have their sum beside what each holds, wherever the total stands', () => {
    // 126 layers × 2 × 8 heads × 128 × 1 B × 32 × 131,072 tokens.
    expect(plan.everywhere.totalBytes).toBe(126 * 2 * 8 * 128 * 32 * 131_072);
    expect(plan.totalBytes).toBe(plan.everywhere.totalBytes / 8);
    const both = '1,008 GiB · 126 GiB on each of 8';
    expect(scopedText(plan)).toBe(both);
    expect(lensScenarioText(plan, null)).toBe(`${both} at 32 × 131,072 tokens · fp8 · vLLM`);
    expect(statusText(plan)).toContain(both);
    const total = '1,008 GiB (1.08 TB)';
    for (const text of [
      planText(plan),
      explainMarkdown('x', plan).source,
      cacheAtMarkdown('x', reading.spec, at, [at]).source,
    ])
      expect(text).toMatch(/126 GiB(?: \(135\.29 GB\))? on each of 8/);
    for (const text of [planText(plan), cacheAtMarkdown('x', reading.spec, at, [at]).source])
      expect(text).toContain(total);
    expect(hover(reading, 'num_key_value_heads', at)).toContain(`**${total}** · **126 GiB on each of 8**`);
  });

  it('that keep copies say so where a change costs nothing', () => {
    // Each of 8 devices keeps one of 8 heads, or a copy of the only one.
    expect(hover(reading, 'num_key_value_heads', at)).toContain('`1` MQA → 1,008 GiB, **same**, stored 8 times over');
  });

  it('are compared in total with in total', () => {
    const { title, columns, cells } = comparisonTable(
      compareDesigns([{ name: null, title: 'llama-3.1-405b', reading, requests: [{ kind: 'mha' }] }], at),
    );
    expect(title).toContain('all 8 devices');
    const cell = (row: number, id: string): string | undefined =>
      cells[row]?.[columns.findIndex((each) => each.id === id)];
    expect(cell(0, 'design')).toBe('llama-3.1-405b (GQA)');
    expect([cell(0, 'cache'), cell(0, 'each')]).toEqual(['1,008 GiB', '126 GiB']);
    expect([cell(1, 'cache'), cell(1, 'each'), cell(1, 'ratio')]).toEqual(['15.75 TiB', '1.97 TiB', '× 16']);
  });

  it('count copies, and stages that differ', () => {
    const latent = planCache(read(sampleConfig('deepseek-v3')).spec, scenario(1, 32_768, on(8)));
    expect(latent.everywhere.totalBytes).toBe(8 * (latent.totalBytes ?? 0));
    const staged = planCache(read({ ...LLAMA_405B, num_hidden_layers: 7 }).spec, {
      ...scenario(1, 1024),
      sharding: { tp: 1, pp: 2, dcp: 1, dpAttention: false },
    });
    expect(scopedText(staged)).toBe('28 MiB · 16 MiB on the fullest of 2');
    expect(
      scopedText(
        planCache(read(LLAMA_405B).spec, {
          ...scenario(1, 1024),
          sharding: { tp: 2, pp: 1, dcp: 2, dpAttention: false },
        }),
      ),
    ).toBe('504 MiB · 126 MiB on each of 4');
  });
});

describe('windows', () => {
  const reading = read(GEMMA);
  const at = scenario(1, 32_768);
  const plan = planCache(reading.spec, at);

  it('bound the growth that is stated', () => {
    expect(lensDesignText(plan)).toBe('GQA + sliding/full · 496 KiB/token up to 1,024 tokens, then 80 KiB');
    expect(hover(reading, 'num_key_value_heads', at)).toContain(
      '**507,904 B/token** (496 KiB) up to 1,024 tokens, then 80 KiB · **2.91 GiB (3.12 GB)** at 1 × 32,768 tokens',
    );
    expect(planText(plan)).toContain('507,904 B (496 KiB) per token up to 1,024 tokens, then 80 KiB; ');
    const { columns, cells } = comparisonTable(compareDesigns([{ name: null, reading, requests: [] }], at));
    expect(cells[0]?.[columns.findIndex(({ id }) => id === 'perToken')]).toBe('496 KiB, then 80 KiB');
  });

  it('grow as the cache does', () => {
    const [growth, ...more] = growthBeyondWindows(reading.spec, 'bf16');
    expect(more).toEqual([]);
    const bytes = (tokens: number): number =>
      reading.spec.layers.reduce((sum, { attention }) => sum + layerCacheBytes(attention, 'bf16', tokens), 0);
    expect(growth).toEqual({ beyondTokens: 1024, bytesPerToken: bytes(1026) - bytes(1025) });
  });

  it('that no context fills are not told of', () => {
    const short = planCache(read({ ...GEMMA, max_position_embeddings: 1024 }).spec, scenario(1, 512));
    expect(lensDesignText(short)).toBe('GQA + sliding/full · 496 KiB/token');
    const all = planCache(read({ ...GEMMA, model_type: 'mistral', architectures: ['MistralForCausalLM'] }).spec, at);
    expect(lensDesignText(all)).toContain('496 KiB/token up to 1,024 tokens, then nothing more');
  });

  it('changed a little print the difference, for a ratio of 1 says nothing', () => {
    expect(hover(reading, 'sliding_window', scenario(1, 10_000_000))).toMatch(/`512` → .*\*\*−208 MiB\*\*/);
    expect([formatChange(1000 * 2 ** 20, 1001 * 2 ** 20), formatChange(4, 1), formatChange(7, 7)]).toEqual([
      '+1 MiB',
      '÷ 4',
      'same',
    ]);
  });
});

describe('hovers', () => {
  it('show every product where there are few, so that they add up to the number above', () => {
    const reading = read({
      ...JSON.parse(sampleConfig('deepseek-v3')),
      model_type: 'deepseek_v32',
      architectures: ['DeepseekV32ForCausalLM'],
      index_head_dim: 128,
      index_n_heads: 64,
      index_topk: 2048,
    });
    for (const key of ['kv_lora_rank', 'index_head_dim', 'num_hidden_layers']) {
      const text = hover(reading, key, scenario(1, 1));
      expect(text).not.toMatch(/and \d+ more/);
      const products = [...text.matchAll(/= ([\d,]+) B`/g)].map(([, bytes]) => Number(bytes?.replaceAll(',', '')));
      expect(products).toHaveLength(2);
      expect(products[0]).not.toBe(products[1]);
      expect(products.reduce((sum, bytes) => sum + bytes)).toBe(planCache(reading.spec, scenario(1, 1)).bytesPerToken);
    }
  });

  it('say that KV heads do not count beside a latent, and what the trained length takes', () => {
    const latent = read(sampleConfig('deepseek-v3'));
    expect(hover(latent, 'num_key_value_heads', scenario(1, 1))).toContain('is not used here: MLA caches one latent');
    expect(hover(latent, 'max_position_embeddings', scenario(1, 1))).toContain(
      'One sequence of 163,840 tokens caches 10.72 GiB',
    );
  });
});

describe('what cannot be', () => {
  const device = deviceOf('h100-sxm');
  const rowsOn = (devices: number): ReturnType<typeof comparisonTable> =>
    comparisonTable(
      compareDesigns(
        [
          { name: null, reading: read(LLAMA_405B), requests: [] },
          { name: 'v3', reading: read(sampleConfig('deepseek-v3')), requests: [] },
          { name: 'small', reading: read(sampleConfig('llama-3-8b')), requests: [] },
        ],
        scenario(1, 1024, on(devices)),
        device,
      ),
    );

  it('decodes nothing; models have their parameters', () => {
    const { columns, cells } = rowsOn(1);
    const column = (id: string): (string | undefined)[] =>
      cells.map((row) => row[columns.findIndex((each) => each.id === id)]);
    expect(column('parameters')).toEqual(['406 B', '671 B', '8.03 B']);
    expect(column('decode').slice(0, 2)).toEqual(['–', '–']);
    expect(column('decode')[2]).toMatch(/ ms$/);
    const many = rowsOn(16);
    expect(many.cells.map((row) => row[many.columns.findIndex(({ id }) => id === 'decode')])).not.toContain('–');
  });
});

describe('GiB or GB', () => {
  afterEach(() => showUnits('GiB'));

  it('is one choice for every size', () => {
    const sizes = (units: Units): string[] => {
      showUnits(units);
      return [
        formatSize(399_769_600_000),
        formatBytes(399_769_600_000),
        formatExactBytes(131_072),
        formatSize(999),
        formatSize(999_999),
      ];
    };
    expect(sizes('GiB')).toEqual(['372.3 GiB', '372.3 GiB (399.8 GB)', '131,072 B (128 KiB)', '999 B', '976.6 KiB']);
    expect(sizes('GB')).toEqual(['399.8 GB', '399.8 GB (372.3 GiB)', '131,072 B (131.1 kB)', '999 B', '1 MB']);
  });

  it('shows the sizes of the lecture', () => {
    showUnits('GB');
    const requests = [{ kind: 'mha' }, { kind: 'gqa', groups: 8 }, { kind: 'mqa' }] as const;
    const { columns, cells } = comparisonTable(
      compareDesigns([{ name: null, reading: read(sampleConfig('deepseek-v3')), requests }], scenario(1, 100_000)),
    );
    expect(cells.map((row) => row[columns.findIndex(({ id }) => id === 'cache')])).toEqual([
      '7.03 GB',
      '399.8 GB',
      '24.99 GB',
      '3.12 GB',
    ]);
  });

  it('reaches lens, hover and hints', () => {
    showUnits('GB');
    const reading = read(sampleConfig('llama-3-8b'));
    const plan: CachePlan = planCache(reading.spec, scenario(1, 32_768));
    const texts = [
      lensDesignText(plan),
      lensScenarioText(plan, null),
      hover(reading, 'num_key_value_heads', scenario(1, 32_768)),
      ...hintsOf(plan, reading).map(({ text }) => text),
    ];
    for (const text of texts) expect(text.replace(/\([\d.]+ GiB\)/g, '')).not.toMatch(/[KMG]iB/);
    expect(texts.join()).toContain('4.29 GB');
  });

  it('is a switch of the command line for what people read; JSON stays', async () => {
    const run = async (...args: string[]): Promise<string> => {
      const out: string[] = [];
      expect(
        await runCli(['estimate', samplePath('llama-3-8b'), '--tokens', '32768', ...args], {
          out: (text) => out.push(text),
          err: () => undefined,
        }),
      ).toBe(0);
      return out.join('\n');
    };
    expect(await run('--units', 'GB')).toContain('4.29 GB (4 GiB)');
    expect(await run()).toContain('4 GiB (4.29 GB)');
    expect(await run('--json', '--units', 'GB')).toBe(await run('--json'));
    expect(
      await runCli(['estimate', samplePath('llama-3-8b'), '--units', 'kB'], {
        out: () => undefined,
        err: () => undefined,
      }),
    ).toBe(2);
  });
});
