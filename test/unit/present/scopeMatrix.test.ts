/** Surface by case: wherever a number stands, it says over which devices and at which context it holds. */

import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import type { Scenario } from '../../../src/model/scenario';
import { cacheAtMarkdown } from '../../../src/present/cacheAtText';
import { changeBetween, changeBrief, changeText } from '../../../src/present/change';
import { comparisonMarkdown, comparisonText } from '../../../src/present/comparisonText';
import { explainMarkdown } from '../../../src/present/explainText';
import { fitMarkdown } from '../../../src/present/fitText';
import { hintsOf } from '../../../src/present/hintText';
import { hoverOf } from '../../../src/present/hover';
import { keyTextOf } from '../../../src/present/keyCostText';
import { lensDesignText, lensScenarioText, statusText, treeText } from '../../../src/present/lensText';
import { planText } from '../../../src/present/planText';
import { verdictSentence } from '../../../src/present/verdictText';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { compareDesigns } from '../../../src/serving/comparison';
import { fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { detailLines } from '../../../webview/views/compare/details';
import { latentCosts } from '../../../webview/views/steps/costs';
import { LECTURE } from '../../../webview/views/steps/settings';
import { verdictText } from '../../../webview/views/overview/viewModel';
import { assumed, resultRows } from '../../../webview/views/whatIf/viewModel';
import { scenario } from '../support';
import { overviewOn } from '../support/overview';

const H100 = deviceOf('h100-sxm');

function preset(name: string, changes: object = {}): Reading {
  const text = readFileSync(resolve(import.meta.dirname, '../../../media/presets', `${name}.json`), 'utf8');
  const reading = readModelConfig(JSON.stringify({ ...(JSON.parse(text) as object), ...changes }, null, 1));
  if (!reading) throw new Error(`${name} is no config`);
  return reading;
}

const DSA = { model_type: 'deepseek_v32', index_head_dim: 128, index_n_heads: 64, index_topk: 2048 };
const on = (tp: number, changes: Partial<Scenario> = {}): Partial<Scenario> => ({
  engine: 'vllm',
  sharding: { tp, pp: 1, dcp: 1, dpAttention: false },
  ...changes,
});

/** What each surface says, as one text. */
const SURFACES = {
  lens: (reading, at) => {
    const plan = planCache(reading.spec, at);
    return `${lensDesignText(plan)} | ${lensScenarioText(plan, null)}`;
  },
  status: (reading, at) => statusText(planCache(reading.spec, at)),
  tree: (reading, at) => treeText(planCache(reading.spec, at)),
  hover: (reading, at) => {
    const { document } = reading;
    const offset = document.text.indexOf('"num_hidden_layers"') + 1;
    return hoverOf(reading, document, offset, at, false)?.markdown.source.replaceAll('**', '') ?? '';
  },
  'hover of a key that shapes no cache': (reading, at) =>
    keyTextOf(reading, [...reading.location.path, 'vocab_size'], at)?.total.source.replaceAll('**', '') ?? '',
  hint: (reading, at) =>
    hintsOf(planCache(reading.spec, at), reading)
      .flatMap(({ text, detail }) => [text, detail])
      .join('\n'),
  explain: (reading, at) => explainMarkdown('x', planCache(reading.spec, at)).source.replaceAll('**', ''),
  'cache at': (reading, at) => cacheAtMarkdown('x', reading.spec, at, [at]).source.replaceAll('**', ''),
  overview: (reading, at) => {
    const { figures } = overviewOn(reading, at, 'h100-sxm');
    return `${figures.perToken}/token ${figures.beyond}; ${figures.total} · ${figures.each} at ${figures.context}`;
  },
  'what-if': (reading, at) => {
    const model = overviewOn(reading, at, 'h100-sxm');
    return resultRows(model, model)
      .map(({ name, after }) => `${name}: ${after}`)
      .join('\n');
  },
  compare: (reading, at) => {
    const comparison = compareDesigns([{ name: null, reading, requests: [] }], at, H100);
    return comparison.rows.flatMap((row) => detailLines(row, comparison)).join('\n');
  },
  'compare as a page': (reading, at) =>
    comparisonMarkdown(compareDesigns([{ name: null, reading, requests: [] }], at)).source.replaceAll('**', ''),
  'compare in a terminal': (reading, at) => comparisonText(compareDesigns([{ name: null, reading, requests: [] }], at)),
  'step table': (reading, at) => {
    const { columns, rows } = latentCosts(LECTURE, reading, at, 'x');
    return [columns.join(' | '), ...rows.map(({ what, left, right }) => `${what}: ${left} | ${right}`)].join('\n');
  },
  diff: (reading, at) => {
    const change = changeBetween(reading.spec, preset('llama-3-8b').spec, at);
    const back = changeBetween(preset('llama-3-8b').spec, reading.spec, at);
    return [changeText(change), changeText(back), changeBrief(back)].join('\n');
  },
  'command line': (reading, at) => planText(planCache(reading.spec, at)),
} satisfies Readonly<Record<string, (reading: Reading, at: Scenario) => string>>;
type Surface = keyof typeof SURFACES;

interface Case {
  readonly reading: Reading;
  readonly at: Scenario;
  /** What every surface says, but for those below; null where it has no such number. */
  readonly says: RegExp;
  readonly but: Partial<Record<Surface, RegExp | null>>;
}

const CASES: Readonly<Record<string, Case>> = {
  'windows (gemma-3)': {
    reading: preset('gemma-3-27b'),
    at: scenario(1, 32_768),
    says: /496 KiB\)?(?:\/token| per token| for one more token)? up to 1,024 tokens, then 80 KiB/,
    but: {
      // The total alone, which has a context.
      status: /2\.91 GiB at 1 × 32,768 tokens/,
      'hover of a key that shapes no cache': /2\.91 GiB of cache at 1 × 32,768 tokens/,
      'cache at': /32,768/,
      hint: /496 KiB\) for one more token up to 1,024 tokens, then 81,920 B \(80 KiB\)/,
      explain: /507,904 B \(496 KiB\) per token up to 1,024 tokens, then 80 KiB/,
      'what-if': /per token: 496 KiB\nbeyond windows: 80 KiB\nin total: 2\.91 GiB/,
      'compare as a page': /496 KiB, then 80 KiB/,
      'compare in a terminal': /496 KiB, then 80 KiB/,
      'step table': null,
      diff: /2\.91 GiB \(3\.12 GB\) → .*, at 1 × 32,768 tokens; 507,904 → 131,072 B\/token at short context/,
    },
  },
  'windows (gpt-oss)': {
    reading: preset('gpt-oss-120b'),
    at: scenario(1, 32_768),
    says: /72 KiB\)?(?:\/token| per token| for one more token)? up to 128 tokens, then 36 KiB/,
    but: {
      hint: /72 KiB\) for one more token up to 128 tokens, then 36,864 B \(36 KiB\)/,
      status: /1\.13 GiB at 1 × 32,768 tokens/,
      'hover of a key that shapes no cache': /1\.13 GiB of cache at 1 × 32,768 tokens/,
      'cache at': /32,768/,
      'what-if': /per token: 72 KiB\nbeyond windows: 36 KiB\nin total: 1\.13 GiB/,
      'compare as a page': /72 KiB, then 36 KiB/,
      'compare in a terminal': /72 KiB, then 36 KiB/,
      'step table': null,
      diff: /, at 1 × 32,768 tokens; .* at short context/,
    },
  },
  'eight devices (Llama 3.1 405B)': {
    reading: preset('llama-3.1-405b'),
    at: scenario(32, 131_072, on(8, { kvDtype: 'fp8' })),
    says: /1,008 GiB(?: \(1\.08 TB\))?(?: of cache)? · 126 GiB(?: \(135\.29 GB\))? on each of 8/,
    but: {
      // Of one sequence, which the model needs by itself.
      hint: /One sequence of 131,072 tokens caches 31\.5 GiB \(fp8\)/,
      explain: /1,008 GiB\) · 126 GiB on each of 8 at 32 × 131,072 tokens/,
      'what-if': /in total: 1,008 GiB\nper device: 126 GiB/,
      'compare as a page': /all 8 devices[^]*1,008 GiB[^]*126 GiB/,
      'compare in a terminal': /all 8 devices[^]*1,008 GiB[^]*126 GiB/,
      'step table':
        /32 × 131,072 tokens: 15\.75 TiB \| 283\.5 GiB\nthe same on each of 8 devices: 1\.97 TiB \| 283\.5 GiB/,
      diff: /1,008 GiB \(1\.08 TB\) → .*, in total at 32 × 131,072 tokens/,
    },
  },
  'eight copies (DeepSeek-V3.2)': {
    reading: preset('deepseek-v3', DSA),
    at: scenario(1, 32_768, on(8)),
    says: /19\.12 GiB(?: \([\d.]+ GB\))?(?: of cache)? · 2\.39 GiB(?: \([\d.]+ GB\))? on each of 8/,
    but: {
      explain: /19\.12 GiB\) · 2\.39 GiB on each of 8 at 1 × 32,768 tokens/,
      hint: /One sequence of 163,840 tokens caches 13\.\d+ GiB/,
      'what-if': /in total: 19\.12 GiB\nper device: 2\.39 GiB/,
      'compare as a page': /all 8 devices[^]*19\.12 GiB[^]*2\.39 GiB/,
      'compare in a terminal': /all 8 devices[^]*19\.12 GiB[^]*2\.39 GiB/,
      'step table': /1 × 32,768 tokens: 122 GiB \| 2\.39 GiB\nthe same on each of 8 devices: 15\.25 GiB \| 2\.39 GiB/,
      diff: /19\.12 GiB .*, in total at 1 × 32,768 tokens/,
    },
  },
};

describe.each(Object.entries(CASES))('%s', (_name, { reading, at, says, but }) => {
  it.each(Object.keys(SURFACES) as Surface[])('%s', (surface) => {
    const expected = but[surface] === undefined ? says : but[surface];
    if (expected !== null) expect(SURFACES[surface](reading, at)).toMatch(expected);
  });
});

describe('weights that do not fit', () => {
  const reading = preset('llama-3.1-405b');
  const at = scenario(1, 8192, on(1));

  it('decode nothing, and the verdict says from where on they fit', () => {
    const report = H100 && fitModel({ reading, device: H100, scenario: at, weights: null });
    if (!report) throw new Error('no report');
    const model = overviewOn(reading, at, 'h100-sxm');
    expect(resultRows(model, model).map(({ name }) => name)).not.toContain('decode step');
    expect(fitMarkdown('x', report, at).source).not.toMatch(/decode step takes/);
    const comparison = compareDesigns([{ name: null, reading, requests: [] }], at, H100);
    expect(comparison.rows.flatMap((row) => detailLines(row, comparison)).join('\n')).toContain(
      'nothing can be decoded',
    );
    expect(verdictSentence(report, 16)).toBe(
      'Does not fit: the weights alone fill the device; fits from 16 × H100 SXM 80GB up.',
    );
    expect(verdictText(model)).toMatch(/^Does not fit: the weights alone/);
  });
});

describe('heads that no engine splits so', () => {
  const reading = preset('llama-3-8b', { num_attention_heads: 40, num_key_value_heads: 10, head_dim: 128 });
  const plan = (at: Scenario): readonly string[] => assumed(planCache(reading.spec, at));

  it('are said to be taken evenly by the theoretical minimum, in What-if, too', () => {
    expect(plan(scenario(1, 1024, { ...on(8), engine: 'intrinsic' })).join()).toMatch(
      /^10 KV heads over 8 devices: the theoretical minimum counts 1\.25 of a head per device/,
    );
    expect(plan(scenario(1, 1024, { ...on(5), engine: 'intrinsic' }))).toEqual([]);
    expect(plan(scenario(1, 1024, on(8)))).toEqual([]);
  });
});
