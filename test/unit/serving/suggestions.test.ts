import { describe, expect, it } from 'vitest';
import { fitModel, type FitRequest } from '../../../src/serving/fit';
import { DEVICES, deviceOf } from '../../../src/serving/hardware';
import { suggestionsFor } from '../../../src/serving/suggestions';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import type { EngineRule } from '../../../src/model/scenario';
import startups from '../../fixtures/startups.json';
import { someOf } from '../support/cases';
import { scenario } from '../support';

const MODELS: Readonly<Record<string, unknown>> = startups.models;

function reading(model: string): Reading {
  const found = readModelConfig(JSON.stringify(MODELS[model]));
  if (!found) throw new Error(`${model} is no config`);
  return found;
}

function requestOf(model: string, gpu: string, batch: number, tokens: number, engine: EngineRule = 'vllm'): FitRequest {
  const device = deviceOf(gpu);
  if (!device) throw new Error(`no device ${gpu}`);
  return { reading: reading(model), device, scenario: scenario(batch, tokens, { engine }), weights: null };
}

/** Models, devices, engines and workloads, all of them with all: most do not fit. */
const GRID = someOf(
  ['llama-3.1-8b', 'qwen3-32b', 'gpt-oss-120b', 'gemma-2-27b'].flatMap((model) =>
    ['rtx-4090', 'a100-40', 'h100-sxm'].flatMap((gpu) =>
      (['vllm', 'sglang', 'trtllm', 'llamacpp'] as const).map(
        (engine, index) =>
          [model, gpu, engine, [1, 8, 64, 2][index] ?? 1, [4_096, 131_072, 32_768, 8_192][index] ?? 1] as const,
      ),
    ),
  ),
);

describe('what would make a scenario fit', () => {
  it('really fits when it is done, is at most three changes, and nothing where it fits already', () => {
    let told = 0;
    for (const [model, gpu, engine, batch, tokens] of GRID) {
      const request = requestOf(model, gpu, batch, tokens, engine);
      const report = fitModel(request);
      if (!report) throw new Error('no report');
      const suggestions = suggestionsFor(request, report);
      expect(suggestions.length).toBeLessThanOrEqual(3);
      if (report.verdict === 'fits') expect(suggestions).toEqual([]);
      for (const suggestion of suggestions) {
        told++;
        const then = fitModel(suggestion.request);
        expect(then?.verdict, `${model} ${gpu} ${engine}: ${suggestion.flag}`).toBe('fits');
        expect(suggestion.flag).toMatch(/^(--(batch|tokens|kv-dtype|opt|fraction|tp|weights) \S+ ?){1,2}$/);
        expect(then && then.cacheBytes <= then.low.cacheBudgetBytes).toBe(true);
      }
    }
    expect(told).toBeGreaterThan(30);
  });

  it('names the change and its flag', () => {
    const request = requestOf('llama-3.1-8b', 'h100-sxm', 1, 1_000_000);
    const report = fitModel(request);
    const flags = report && suggestionsFor(request, report).map(({ flag }) => flag);
    expect(flags?.[0]).toMatch(/^--tokens \d+$/);
    expect(flags).toContain('--tp 4');
  });

  it('finds the smallest number of devices that the heads can be split over', () => {
    const request = requestOf('gpt-oss-120b', 'a100-40', 1, 4_096);
    const report = fitModel(request);
    const ranks = report && suggestionsFor(request, report).find(({ flag }) => flag.startsWith('--tp'));
    const tp = ranks?.request.scenario.sharding.tp ?? 0;
    expect(64 % tp).toBe(0);
    const half = fitModel({
      ...request,
      scenario: { ...request.scenario, sharding: { ...request.scenario.sharding, tp: tp / 2 } },
    });
    expect(half?.verdict).not.toBe('fits');
  });

  it('takes two changes together where one is not enough', () => {
    const request = requestOf('llama-3.3-70b-fp8-dynamic', 'h100-sxm', 16, 131_072);
    const report = fitModel(request);
    const suggestions = report ? suggestionsFor(request, report) : [];
    expect(suggestions.map(({ flag }) => flag)).toContain('--kv-dtype fp8 --tp 8');
    expect(suggestions.every(({ flag }) => / .* /.test(flag))).toBe(true);
    for (const { request: changed } of suggestions) expect(fitModel(changed)?.verdict).toBe('fits');
  });

  it('does not say how to make fit what none of the changes does', () => {
    const small = DEVICES.find(({ id }) => id === 'arc-b580');
    if (!small) throw new Error('no device');
    const request = { ...requestOf('kimi-k2-thinking', 'h100-sxm', 512, 262_144), device: small };
    const report = fitModel(request);
    expect(report && suggestionsFor(request, report)).toEqual([]);
  });
});

describe('a verdict', () => {
  it('is tight between the ends of the range, and follows the cache', () => {
    const request = requestOf('llama-3.1-8b', 'h100-sxm', 1, 4_096);
    const verdict = (tokens: number): string | undefined =>
      fitModel({ ...request, scenario: scenario(1, tokens, { engine: 'vllm' }) })?.verdict;
    const report = fitModel(request);
    const [low, high] = [report?.low.longestContext, report?.high.longestContext];
    if (low?.kind !== 'count' || high?.kind !== 'count') throw new Error('no counts');
    expect(low.value).toBeLessThan(high.value);
    expect([verdict(4_096), verdict(Math.round((low.value + high.value) / 2)), verdict(high.value * 2)]).toEqual([
      'fits',
      'tight',
      'doesNotFit',
    ]);
  });

  it('is narrower for a release that is named', () => {
    const request = requestOf('llama-3.1-8b', 'h100-sxm', 1, 4_096);
    const width = (release?: string): number => {
      const report = fitModel({
        ...request,
        fraction: 0.9,
        scenario: { ...request.scenario, ...(release === undefined ? {} : { release }) },
      });
      return report ? report.high.cacheBudgetBytes - report.low.cacheBudgetBytes : Number.NaN;
    };
    expect(width('2026-04')).toBeLessThan(width() / 3);
    expect(width('0.11')).toBeLessThan(width() * 1.001);
  });

  it('takes the options that change what the profiling run takes', () => {
    const room = (options: Record<string, number | boolean>): number => {
      const request = requestOf('llama-3.1-8b', 'h100-sxm', 1, 4_096);
      return (
        fitModel({ ...request, scenario: { ...request.scenario, release: '0.11', options } })?.low.cacheBudgetBytes ?? 0
      );
    };
    expect(room({ 'max-num-seqs': 64 })).toBeGreaterThan(room({}) + 2 ** 30);
    expect(room({ 'gpu-memory-utilization': 0.8 })).toBeLessThan(room({}) - 7 * 2 ** 30);
    expect(room({ 'max-num-seqs': 64, 'max-num-batched-tokens': 1_024 })).toBeGreaterThan(room({ 'max-num-seqs': 64 }));
  });
});
