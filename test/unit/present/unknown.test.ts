/** What is not understood is never shown as zero, on any surface. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { runCli } from '../../../src/cli/run';
import { ENGINES, type Scenario } from '../../../src/model/scenario';
import { cacheAtMarkdown } from '../../../src/present/cacheAtText';
import { changeBetween, changeText } from '../../../src/present/change';
import {
  comparisonCsv,
  comparisonDocument,
  comparisonMarkdown,
  comparisonText,
} from '../../../src/present/comparisonText';
import { valueDetail } from '../../../src/present/completionText';
import { explainMarkdown } from '../../../src/present/explainText';
import { familyStatus } from '../../../src/present/familyText';
import { hintsOf } from '../../../src/present/hintText';
import { hoverOf } from '../../../src/present/hover';
import { costText, lensChangeText, lensDesignText, lensScenarioText, statusText } from '../../../src/present/lensText';
import { planText } from '../../../src/present/planText';
import { weightsMarkdown } from '../../../src/present/weightsText';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { compareDesigns, type Comparison } from '../../../src/serving/comparison';
import { fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { countParameters } from '../../../src/serving/parameters/count';
import { barsOf } from '../../../webview/charts/bars/viewModel';
import { contextRange, curveSeries, curveTable } from '../../../webview/charts/curve/viewModel';
import { layerSentence, stripModel } from '../../../webview/charts/strip/viewModel';
import { detailLines } from '../../../webview/views/compare/details';
import { derivationOf, NUMBERS, problemText } from '../../../webview/views/overview/viewModel';
import { resultRows, resultSentence } from '../../../webview/views/whatIf/viewModel';
import { sampleConfig, scenario } from '../support';
import { overviewOn } from '../support/overview';

const HEADS = { hidden_size: 4096, num_attention_heads: 32, num_key_value_heads: 8, torch_dtype: 'bfloat16' };

/** Unknown in three ways, and with nothing to read at all. */
const UNKNOWN = {
  'a type that is not known, whose layers differ': {
    ...HEADS,
    model_type: 'my_new_model',
    num_hidden_layers: 40,
    max_position_embeddings: 131_072,
    index_topk: 2048,
  },
  'a known type with a layer that is not': {
    ...HEADS,
    model_type: 'gpt_oss',
    num_hidden_layers: 4,
    layer_types: ['sliding_attention', 'full_attention', 'sliding_attention', 'warp_attention'],
    head_dim: 64,
    sliding_window: 128,
    max_position_embeddings: 131_072,
  },
  'a list of layers in words that are not known': {
    ...HEADS,
    model_type: 'gpt_oss',
    num_hidden_layers: 3,
    layer_types: ['warp_attention', 'warp_attention', 'weft'],
  },
  'values that are no numbers': {
    model_type: 'llama',
    hidden_size: '4096',
    num_attention_heads: 32,
    num_key_value_heads: -8,
    num_hidden_layers: 32,
  },
} as const;

/** Anything that reads as a size of nothing. */
const ZERO = /(?<![\d.,])0 ?(?:B|bytes|KiB|MiB|GiB|kB)\b|≈ ?0\b|caches nothing|\bNaN\b|undefined/;

function read(config: object): Reading {
  const reading = readModelConfig(JSON.stringify(config, null, 1));
  if (!reading) throw new Error('not a model config');
  return reading;
}

const SCENARIOS: readonly Scenario[] = [
  scenario(1, 32_768),
  ...ENGINES.map((engine) => scenario(8, 4_096, { engine, kvDtype: 'fp8' })),
  scenario(2, 1_000, { engine: 'vllm', sharding: { tp: 2, pp: 2, dcp: 1, dpAttention: false } }),
];

/** Every text that the editor's own surfaces are given. */
function editorTexts(reading: Reading, at: Scenario): string[] {
  const plan = planCache(reading.spec, at);
  const known = readModelConfig(sampleConfig('llama-3-8b'));
  if (!known) throw new Error('the sample');
  const changes = [
    changeBetween(reading.spec, known.spec, at),
    changeBetween(known.spec, reading.spec, at),
    changeBetween(reading.spec, reading.spec, at),
  ];
  const { document } = reading;
  const hovers = [...document.text.matchAll(/"[^"]+":/g)].map(
    (match) => hoverOf(reading, document, match.index + 1, at, false)?.markdown.source ?? '',
  );
  return [
    costText(plan),
    statusText(plan),
    lensDesignText(plan),
    lensScenarioText(plan, null),
    ...changes.flatMap((change) => [changeText(change), lensChangeText(change)]),
    ...[null, ...changes.map((change) => ({ ...change, keys: ['num_key_value_heads'] }))].flatMap((change) =>
      hintsOf(plan, reading, change).flatMap(({ text, detail }) => [text, detail]),
    ),
    ...hovers,
    ...Object.values(familyStatus(plan)).map(String),
    planText(plan),
    explainMarkdown('model', plan).source,
    explainMarkdown('model', plan, 'num_hidden_layers').source,
    cacheAtMarkdown('model', reading.spec, at, [at]).source,
    valueDetail(reading, ['num_key_value_heads'], 4, at),
    valueDetail(reading, ['num_hidden_layers'], 8, at),
    weightsMarkdown('weights', summaryOf(document.text), at, 'h100-sxm').source,
  ];
}

function summaryOf(text: string): Parameters<typeof weightsMarkdown>[1] {
  const weights = { bytes: 16e9, expertBytes: 0, exact: true, rule: 'headers' };
  return {
    format: 'safetensors',
    files: 1,
    tensors: 1,
    elements: 8e9,
    weights,
    types: [],
    modules: [],
    attention: [],
    unmarked: null,
    mismatches: [],
    mismatchCount: 0,
    largest: [],
    metadata: [],
    config: { text, from: 'config.json' },
  };
}

function comparisonOf(reading: Reading, at: Scenario): Comparison {
  return compareDesigns(
    [
      {
        name: null,
        reading,
        requests: [{ kind: 'mha' }, { kind: 'mqa' }, { kind: 'mla', latentDim: 512, ropeDim: 64 }],
      },
    ],
    at,
    deviceOf('h100-sxm'),
  );
}

function panelTexts(reading: Reading, at: Scenario): string[] {
  const model = overviewOn(reading, at, 'h100-sxm');
  const { figures, state, inexact, memory, memoryProblem, three, notes } = model;
  const comparison = comparisonOf(reading, at);
  const range = contextRange(comparison);
  const series = curveSeries(comparison, range, ({ label }) => label);
  const strip = stripModel(reading.spec, model.plan.kvDtype);
  const known = readModelConfig(sampleConfig('llama-3-8b'));
  const other = known && overviewOn(known, at, 'h100-sxm');
  const rows = [resultRows(model, model), ...(other ? [resultRows(model, other), resultRows(other, model)] : [])];
  return [
    JSON.stringify({ figures, state, inexact, memory, memoryProblem, three, notes }),
    problemText(model),
    ...NUMBERS.map((name) => JSON.stringify(derivationOf(model, name))),
    comparisonText(comparison),
    comparisonMarkdown(comparison).source,
    comparisonCsv(comparison),
    comparisonDocument('model', comparison).source,
    JSON.stringify(barsOf(comparison)),
    JSON.stringify(curveTable(series, range, comparison.scenario.workload.tokens)),
    ...comparison.rows.flatMap((row) => detailLines(row, comparison)),
    ...strip.rows.map(({ caches }) => caches),
    ...reading.spec.layers.map(({ index }) => layerSentence(strip, index)),
    ...rows.map((each) => JSON.stringify(each)),
    ...rows.map(resultSentence),
  ];
}

/** The command line refuses it with the reason; editors show it while it is written. */
const UNREADABLE = { 'a number of layers that is none': { ...HEADS, model_type: 'llama', num_hidden_layers: 'many' } };

describe.each(Object.entries({ ...UNKNOWN, ...UNREADABLE }))('%s', (_, config) => {
  const reading = read(config);

  it('has no size, only bounds', () => {
    for (const at of SCENARIOS) {
      const plan = planCache(reading.spec, at);
      const { known, bytesPerToken, cacheBytes, stateBytes, totalBytes, neededBytes, reservedBytes, steadyBytes } =
        plan;
      expect([
        known,
        bytesPerToken,
        cacheBytes,
        stateBytes,
        totalBytes,
        neededBytes,
        reservedBytes,
        steadyBytes,
      ]).toEqual([false, null, null, null, null, null, null, null]);
      for (const { kind, cacheBytes: bytes } of plan.layers) expect(bytes === null).toBe(kind === 'unknown');
    }
  });

  const remedy = remedyOf(reading);

  it('is shown as not known in the editor', () => {
    for (const at of SCENARIOS) for (const text of editorTexts(reading, at)) expect(text).not.toMatch(ZERO);
    const plan = planCache(reading.spec, scenario(1, 32_768));
    for (const text of [planText(plan), familyStatus(plan).detail, explainMarkdown('model', plan).source])
      expect(text).toContain(remedy);
    expect(lensDesignText(plan)).toMatch(/not known|at least/);
  });

  it('is shown as not known in the panel', () => {
    for (const at of SCENARIOS) for (const text of panelTexts(reading, at)) expect(text).not.toMatch(ZERO);
    const model = overviewOn(reading, scenario(1, 32_768), 'h100-sxm');
    expect(model.figures.total).toMatch(/^(?:not known$|at least )/);
    expect([model.report, model.memory, model.three]).toEqual([null, null, []]);
    expect(model.inexact).toContain(remedy);
  });

  it('has no parameters, no ratio and no verdict', () => {
    const at = scenario(1, 32_768);
    const device = deviceOf('h100-sxm');
    if (!device) throw new Error('the device');
    const weights = { bytes: 16e9, expertBytes: 0, exact: true, rule: 'headers' };
    expect(countParameters(reading)).toBeNull();
    expect(fitModel({ reading, device, scenario: at, weights })).toBeNull();
    for (const row of comparisonOf(reading, at).rows)
      expect([row.ratio, row.projectionFlops, row.decode]).toEqual([null, null, null]);
  });
});

describe('the command line', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'headlight-unknown-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(Object.entries(UNKNOWN))('says so and has null for %s', async (name, config) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.json`);
    writeFileSync(path, JSON.stringify(config));
    const remedy = remedyOf(read(config));
    for (const args of [['estimate'], ['estimate', '--engine', 'vllm'], ['fit', '--gpu', 'h100-sxm'], ['compare']]) {
      const [command = '', ...more] = args;
      const text = await cli(command, path, '--tokens', '4096', ...more);
      expect(text).toMatch(/not known/);
      expect(text).toContain(remedy);
      expect(text).not.toMatch(ZERO);
      const json = await cli(command, path, '--tokens', '4096', ...more, '--json');
      const { atLeast: _, ...answers } = JSON.parse(json) as Record<string, unknown>;
      expect(JSON.stringify(answers)).not.toMatch(
        /"(?:cacheBytes|bytesPerToken|totalBytes|neededBytes|steadyBytes|reservedBytes|parameters|ratio)":0/,
      );
    }
    const estimate = JSON.parse(await cli('estimate', path, '--json')) as Record<string, unknown>;
    for (const size of [
      'bytesPerToken',
      'cacheBytes',
      'totalBytes',
      'neededBytes',
      'steadyBytes',
      'reservedBytes',
      'parameters',
    ])
      expect(estimate[size], size).toBeNull();
    expect(JSON.parse(await cli('fit', path, '--gpu', 'h100-sxm', '--json'))).toMatchObject({
      fits: null,
      cacheBytes: null,
    });
  });
});

/** Only a family can be taught that is not known. */
function remedyOf(reading: Reading): string {
  return reading.spec.family === null ? 'headlight.families' : 'Correct the values';
}

async function cli(...args: string[]): Promise<string> {
  const out: string[] = [];
  expect(await runCli(args, { out: (text) => out.push(text), err: () => undefined })).toBe(0);
  return out.join('\n');
}

it('says what is known of a model as a bound', () => {
  const { spec } = read(UNKNOWN['a known type with a layer that is not']);
  // 2 × 8 heads × 64 × 2 B: 2,048 B in each of two windows of 128 and one layer that keeps all.
  const plan = planCache(spec, scenario(1, 32_768));
  expect(plan.atLeast.totalBytes).toBe(2_048 * (2 * 128 + 32_768));
  expect(lensDesignText(plan)).toContain('at least 6 KiB/token');
  expect(planText(plan)).toContain('at least 6,144 B (6 KiB) per token; at least 64.5 MiB');
  expect(planText(plan)).toContain('1 of 4 layers are not understood');
});

it('says why in the lens where nothing is known', () => {
  const plan = planCache(read(UNKNOWN['values that are no numbers']).spec, scenario(1, 32_768));
  expect([lensDesignText(plan), lensScenarioText(plan, null), statusText(plan)]).toEqual([
    'unknown · cache not known',
    '32 of 32 layers are not understood',
    'KV cache not known',
  ]);
});
