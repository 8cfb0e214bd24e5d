import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { parseVariant, type VariantRequest } from '../../../src/cache/variants';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import {
  comparisonCsv,
  comparisonMarkdown,
  comparisonTable,
  comparisonText,
} from '../../../src/present/comparisonText';
import { changesNothing, compareDesigns, requestText, type Comparison } from '../../../src/serving/comparison';
import { fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { sampleConfig, scenario } from '../support';

function reading(name: string): Reading {
  const read = readModelConfig(sampleConfig(name));
  if (!read) throw new Error(name);
  return read;
}

const FOUR: readonly VariantRequest[] = ['mha', 'gqa:8', 'mqa', 'mla:512+64']
  .map((text) => parseVariant(text))
  .filter((request) => request !== null);
const h100 = deviceOf('h100-sxm');

describe('a comparison', () => {
  it("has the lectures' rows, measured against the first", () => {
    const { rows } = compareDesigns(
      [{ name: null, reading: reading('deepseek-v3'), requests: FOUR }],
      scenario(1, 100_000),
    );
    expect(rows.map((row) => [row.id, row.label, row.plan.cacheBytes])).toEqual([
      ['0', 'deepseek_v3 (MLA)', 70_272e5],
      ['0:mha', 'MHA', 3_997_696e5],
      ['0:gqa:8', 'GQA-8', 249_856e5],
      ['0:mqa', 'MQA', 31_232e5],
      ['0:mla:512+64', 'MLA 512 + 64', 70_272e5],
    ]);
    for (const row of rows) expect((row.ratio ?? 0) * row.plan.atLeast.cacheBytes).toBeCloseTo(70_272e5, 0);
    expect(rows.every((row) => row.decode === null)).toBe(true);
  });

  it('names the models apart, and says which designs do not exist', () => {
    const gqa: VariantRequest = { kind: 'gqa', groups: 8 };
    const { rows, leftOut } = compareDesigns(
      [
        { name: 'a', reading: reading('llama-3-8b'), requests: [gqa] },
        { name: 'b', reading: reading('gpt2'), requests: [gqa] },
      ],
      scenario(1, 1024),
    );
    expect(rows.map((row) => row.label)).toEqual(['a', 'a as GQA-8', 'b']);
    expect(leftOut).toEqual([{ model: 1, request: gqa, problem: '8 groups do not divide 12 query heads' }]);
  });

  it('takes the decode step of the model as it is from the same roofline as the fit report', () => {
    const model = reading('llama-3-8b');
    if (!h100) throw new Error('no device');
    const { rows } = compareDesigns([{ name: null, reading: model, requests: FOUR }], scenario(4, 8192), h100);
    const report = fitModel({
      reading: model,
      device: h100,
      scenario: scenario(4, 8192),
      weights: null,
    });
    expect(rows[0]?.decode).toEqual(report?.decode);
    // Memory-bound: the step takes as long as what it reads, weights of the changed projections and the cache.
    const [asIs, mha] = [rows[0], rows.find((row) => row.id === '0:mha')];
    if (!asIs?.decode || !mha?.decode) throw new Error('no roofline');
    expect(mha.decode.weightBytesRead - asIs.decode.weightBytesRead).toBeCloseTo(2 * (mha.parametersDelta ?? 0), -2);
    expect(mha.decode.cacheBytesRead).toBe(4 * asIs.decode.cacheBytesRead);
  });

  it('knows the variant that is the model itself', () => {
    const { spec } = reading('llama-3-8b');
    expect(FOUR.map((request) => changesNothing(spec, request))).toEqual([false, true, false, false]);
    expect(FOUR.map((request) => changesNothing(reading('deepseek-v3').spec, request))).toEqual([
      false,
      false,
      false,
      true,
    ]);
    expect(changesNothing(spec, { kind: 'gqa', groups: 5 })).toBe(false);
    for (const request of FOUR) expect(parseVariant(requestText(request))).toEqual(request);
  });

  it('counts layers that a latent leaves alone', () => {
    const config = JSON.parse(sampleConfig('mistral-7b-v0.1')) as object;
    const windowed = readModelConfig(JSON.stringify({ ...config, sliding_window: 4096 }));
    if (!windowed) throw new Error('no reading');
    const { rows } = compareDesigns([{ name: null, reading: windowed, requests: FOUR }], scenario(1, 8192));
    expect(rows.map((row) => row.unchangedLayers)).toEqual([0, 0, 0, 0, 32]);
  });
});

describe('its text', () => {
  const comparison = compareDesigns(
    [{ name: null, reading: reading('llama-3-8b'), requests: FOUR }],
    scenario(1, 32_768),
    h100,
  );

  it('is the same in the table, Markdown and the terminal', () => {
    const { title, columns, cells } = comparisonTable(comparison);
    expect(title).toBe('Cache at 1 × 32,768 tokens · bf16 · theoretical minimum · decoding on H100 SXM 80GB');
    expect(cells[1]?.slice(0, 4)).toEqual(['MHA', '512 KiB', '16 GiB', '× 4']);
    const markdown = comparisonMarkdown(comparison).source;
    const text = comparisonText(comparison);
    for (const cell of cells.flat()) expect(text).toContain(cell);
    expect(markdown.split('\n').filter((line) => line.startsWith('|'))).toHaveLength(2 + cells.length);
    for (const column of columns) expect(markdown).toContain(column.title);
  });

  it('is plain numbers in CSV, and names from files cannot become formulas or markup', () => {
    const hostile = compareDesigns(
      [{ name: '=cmd("x"),\n[a](b)', reading: reading('gpt2'), requests: [] }],
      scenario(1, 1),
    );
    const [header, ...lines] = comparisonCsv(comparison).trimEnd().split('\r\n');
    expect(header?.split(',')).toHaveLength(15);
    expect(lines[1]).toMatch(/^MHA,1,32768,bf16,intrinsic,524288,17179869184,0,1,17179869184,0\.25,805306368,/);
    expect(comparisonCsv(hostile)).toContain(`"'=cmd(""x""),␊[a](b)",1,1,`);
    expect(comparisonMarkdown(hostile).source).toMatch(/\\\[a\\\]/);
  });

  it('names the engine with its release, and options that are not its own', () => {
    const under = (changes: Parameters<typeof scenario>[2]): Comparison =>
      compareDesigns([{ name: null, reading: reading('gpt2'), requests: [] }], scenario(1, 1, changes));
    const old = under({ engine: 'vllm', release: '0.11', options: { 'block-size': 32 } });
    expect(comparisonTable(old).title).toMatch(/ · vLLM 0\.11 · block-size=32$/);
    expect(comparisonCsv(old)).toMatch(/,vllm@0\.11,/);
    expect(comparisonCsv(under({ engine: 'vllm' }))).toMatch(/,vllm@2026-08,/);
  });

  it('shows recurrent state beside the cache, where there is some', () => {
    const mamba = readModelConfig(
      '{"model_type": "mamba", "hidden_size": 768, "num_hidden_layers": 24, "state_size": 16, "conv_kernel": 4, "expand": 2, "torch_dtype": "float32"}',
    );
    if (!mamba) throw new Error('no reading');
    const mixed = compareDesigns(
      [
        { name: 'llama', reading: reading('llama-3-8b'), requests: [] },
        { name: 'mamba', reading: mamba, requests: [] },
      ],
      scenario(1, 1024),
    );
    const { title, columns, cells } = comparisonTable(mixed);
    expect(title).toContain('each in its own type');
    const at = columns.findIndex((column) => column.id === 'state');
    expect(cells[1]?.[at]).not.toBe('0 B');
    expect(planCache(mamba.spec, scenario(1, 1024)).stateBytes).toBeGreaterThan(0);
    expect(cells[1]?.[columns.findIndex((column) => column.id === 'ratio')]).toMatch(/^÷ /);
  });
});
