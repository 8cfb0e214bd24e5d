import { describe, expect, it } from 'vitest';
import { engineChoice, engineChoices, parseEngine } from '../../../src/cache/engines/choose';
import {
  changedOptions,
  type Declared,
  type EngineOption,
  releaseOf,
  setupOf,
  usualRelease,
} from '../../../src/cache/engines/options';
import { parseOptionValue, readEngineOptions } from '../../../src/cache/engines/parseOptions';
import { allocationRule } from '../../../src/cache/engines/register';
import { planCache } from '../../../src/cache/plan';
import { ENGINES } from '../../../src/model/scenario';
import { aboutOption } from '../../../src/present/optionText';
import { engineText } from '../../../src/present/words';
import { readModelConfig } from '../../../src/reading/read';
import { sampleConfig, scenario } from '../support';

const vllm = allocationRule('vllm');

describe('an engine and its release as one text', () => {
  it.each([
    ['vllm', 'vllm', '2026-08'],
    ['vllm@2026-08', 'vllm', '2026-08'],
    ['vllm@0.11', 'vllm', '0.11'],
    ['intrinsic', 'intrinsic', '1'],
  ])('%s is read', (text, engine, release) => {
    expect(parseEngine(text)).toEqual({ engine, release });
  });

  it.each([
    ['vlm', /^must be one of intrinsic, vllm, /],
    ['', /^must be one of /],
    ['vllm@', /^vllm@ is not supported: use one of vllm@.* or a month \(@YYYY-MM\) from 2024-09 on$/],
    ['vllm@0.12', /^vllm@0\.12 is not supported/],
    ['vllm@2024-01', /^vllm@2024-01 is not supported/],
    ['sglang@0.11', /^sglang@0\.11 is not supported: use one of .*sglang@0\.5\.16/],
  ])('%s is refused in words', (text, problem) => {
    expect(parseEngine(text)).toEqual({ engine: null, problem: expect.stringMatching(problem) as string });
  });

  it.each(ENGINES)('of %s: a month is the last release until then', (engine) => {
    const { releases } = allocationRule(engine);
    for (const { date } of [...releases, { date: '2099-01' }]) {
      const last = releases.filter((release) => release.date <= date).at(-1);
      expect(parseEngine(`${engine}@${date}`)).toEqual({ engine, release: last?.id });
    }
  });

  it('is written so that it is read again, and the usual release has no name', () => {
    const texts = engineChoices().map(engineChoice);
    expect(texts.map(parseEngine)).toEqual(engineChoices());
    expect(texts).toEqual(expect.arrayContaining([...ENGINES, 'vllm@0.11']));
    expect(texts).not.toContain('vllm@2026-08');
    expect(new Set(texts).size).toBe(ENGINES.reduce((sum, id) => sum + allocationRule(id).releases.length, 0));
  });
});

describe('options as an object', () => {
  it('takes values of the kind, under every spelling of the name', () => {
    expect(
      readEngineOptions(vllm, { 'block-size': 32, async_scheduling: false, '--gpu-memory-utilization': 0.5 }),
    ).toEqual({
      options: { 'block-size': 32, 'async-scheduling': false, 'gpu-memory-utilization': 0.5 },
      problems: [],
    });
    expect(readEngineOptions(allocationRule('trtllm'), { 'max-attention-window': [512, 4096] }).options).toEqual({
      'max-attention-window': [512, 4096],
    });
  });

  it.each([
    [{ 'blok-size': 16 }, 'vLLM has no option blok-size: use one of block-size, '],
    [{ 'block-size': '16' }, 'block-size takes a whole number of at least 1'],
    [{ 'block-size': 1.5 }, 'block-size takes a whole number of at least 1'],
    [{ 'async-scheduling': 'true' }, 'async-scheduling takes true or false'],
    [{ 'gpu-memory-utilization': 1.1 }, 'gpu-memory-utilization takes a number above 0 and at most 1'],
    [{ 'num-speculative-tokens': null }, 'num-speculative-tokens takes a whole number of at least 0'],
  ])('says what is wrong with %j, and takes the rest', (wrong, problem) => {
    const { options, problems } = readEngineOptions(vllm, { ...wrong, 'max-num-batched-tokens': 2048 });
    expect(options).toEqual({ 'max-num-batched-tokens': 2048 });
    expect(problems).toEqual([expect.stringContaining(problem) as string]);
  });

  it.each([
    [{ takes: 'counts' }, '512, 4096', [512, 4096]],
    [{ takes: 'counts' }, '512,', null],
    [{ takes: 'counts' }, '', null],
    [{ takes: 'fraction' }, '.5', 0.5],
    [{ takes: 'fraction' }, '0', null],
    [{ takes: 'count', least: 0 }, '0', 0],
    [{ takes: 'count', least: 1 }, '0', null],
    [{ takes: 'flag' }, 'off', false],
    [{ takes: 'flag' }, 'maybe', null],
    [{ takes: 'word', words: ['on', 'off'] }, 'off', 'off'],
  ] as const)('reads text for %j: %s', (kind, text, value) => {
    expect(parseOptionValue(kind, text)).toEqual(value);
  });

  it('takes the release that a rule calls the usual one where none is named', () => {
    const [old, now] = [
      { id: '1', date: '2025-01', code: 'one' },
      { id: '2', date: '2026-01', code: 'two' },
    ] as const;
    const option: EngineOption = {
      name: 'share',
      kind: { takes: 'fraction' },
      usual: ({ id }) => (id === '1' ? 0.9 : 0.92),
      meaning: 'share of the memory',
    };
    const rule: Declared = { id: 'vllm', releases: [old, now], options: [option] };
    const settled: Declared = { ...rule, usualRelease: '1' };
    expect([usualRelease(rule), usualRelease(settled), releaseOf(settled, undefined)]).toEqual([now, old, old]);
    expect(setupOf(settled, undefined).options).toEqual({ share: 0.9 });
    // The settings and the palette say what holds then, and what else there is.
    expect(aboutOption(settled, option)).toBe('Share of the memory. Default: 0.9 (2: 0.92).');
    expect(aboutOption(rule, option)).toBe('Share of the memory. Default: 0.92 (1: 0.9).');
  });

  it('tells what differs from the release', () => {
    const old = releaseOf(vllm, '0.11') ?? usualRelease(vllm);
    const given = { 'gpu-memory-utilization': 0.9, 'block-size': 16, 'async-scheduling': false };
    expect(changedOptions(vllm, old, given)).toEqual({ 'block-size': 16 });
    expect(Object.keys(changedOptions(vllm, usualRelease(vllm), given)).sort()).toEqual([
      'async-scheduling',
      'block-size',
      'gpu-memory-utilization',
    ]);
  });
});

describe('whose rule a number follows', () => {
  it.each([
    [{ engine: 'intrinsic' }, 'theoretical minimum'],
    [{ engine: 'vllm' }, 'vLLM 2026-08'],
    [{ engine: 'vllm', release: '0.11', options: { 'block-size': 32 } }, 'vLLM 0.11 · block-size=32'],
    [{ engine: 'vllm', release: '0.11', options: { 'async-scheduling': false } }, 'vLLM 0.11'],
    [{ engine: 'vllm', options: { 'async-scheduling': false } }, 'vLLM 2026-08 · async-scheduling=false'],
    [{ engine: 'trtllm', options: { 'max-attention-window': [1, 2] } }, 'TensorRT-LLM 1.2 · max-attention-window=1,2'],
  ] as const)('%j is %s', (chosen, text) => {
    expect(engineText(chosen)).toBe(text);
  });
});

it('a number that leaves out what was asked is not exact, and says so', () => {
  const reading = readModelConfig(sampleConfig('llama-3-8b'));
  if (!reading) throw new Error('a model config');
  const asked = scenario(1, 4096, { engine: 'vllm' });
  expect(planCache(reading.spec, asked).exact).toBe(true);
  const plan = planCache(reading.spec, { ...asked, untaken: ['no option x'] });
  expect(plan.exact).toBe(false);
  expect(plan.notes[0]).toEqual({ text: 'no option x', inexact: true });
});
