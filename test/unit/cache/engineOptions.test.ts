import { describe, expect, it } from 'vitest';
import { engineChoice, engineChoices, parseEngine } from '../../../src/cache/engines/choose';
import { changedOptions, releaseOf, setupOf, usualRelease } from '../../../src/cache/engines/options';
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
    ['vllm@2025-12', 'vllm', '0.11'],
    ['vllm@2030-01', 'vllm', '2026-08'],
    ['intrinsic', 'intrinsic', '1'],
  ])('%s is read', (text, engine, release) => {
    expect(parseEngine(text)).toEqual({ engine, release });
  });

  it.each([
    ['vlm', /^must be one of intrinsic, vllm, /],
    ['', /^must be one of /],
    ['vllm@', /^vllm@ is not modelled: there is vllm@0\.11 \(2025-10\), vllm@2026-08/],
    ['vllm@0.12', /^vllm@0\.12 is not modelled/],
    ['vllm@2024-01', /^vllm@2024-01 is not modelled/],
    ['sglang@0.11', /^sglang@0\.11 is not modelled: there is sglang@0\.5\.16/],
  ])('%s is refused in words', (text, problem) => {
    expect(parseEngine(text)).toEqual({ engine: null, problem: expect.stringMatching(problem) as string });
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
    [{ 'blok-size': 16 }, 'vllm has no option blok-size here: it has block-size, '],
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
    const settled = { ...vllm, usualRelease: '0.11' };
    expect([releaseOf(settled, undefined)?.id, usualRelease(settled).id, usualRelease(vllm).id]).toEqual([
      '0.11',
      '0.11',
      '2026-08',
    ]);
    expect(setupOf(settled, undefined).options['async-scheduling']).toBe(false);
    // The settings and the panel say what holds then, and what else there is.
    const option = vllm.options.find(({ name }) => name === 'gpu-memory-utilization');
    if (!option) throw new Error('the option');
    expect(aboutOption(settled, option)).toMatch(/Default: 0\.9 \(2026-08: 0\.92\)\.$/);
    expect(aboutOption(vllm, option)).toMatch(/Default: 0\.92 \(0\.11: 0\.9\)\.$/);
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
    [{ engine: 'intrinsic' }, 'intrinsic'],
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
