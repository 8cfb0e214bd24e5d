/** Decode at a config's widths: which cases, what they may take, and what comes out of a run. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { caseWork } from '../../../src/compute/bench/cases';
import {
  caseBytes,
  casesOf,
  type DecodeAsked,
  type DecodePlan,
  decodePlan,
  expectedSeconds,
} from '../../../src/compute/bench/decodeCases';
import { measureDecode } from '../../../src/compute/bench/measureDecode';
import { readModelConfig } from '../../../src/reading/read';
import { decodeCsv, decodeMarkdown } from '../../../src/present/decodeText';
import type { DecodeResult, DecodeTiming } from '../../../src/shared/decodeContract';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { someOf } from '../support/cases';

const PRESETS = resolve(import.meta.dirname, '../../../media/presets');
const NAMES = readdirSync(PRESETS).filter((name) => name !== 'index.json');
const preset = (name: string): string => readFileSync(join(PRESETS, name), 'utf8');
const QUICK: DecodeAsked = { thorough: false, engine: 'onnxruntime-cpu', ceiling: 4 * 2 ** 30 };

function planOf(text: string, asked: Partial<DecodeAsked> = {}): DecodePlan {
  const reading = readModelConfig(text, {});
  const plan = reading && decodePlan(reading.spec, { ...QUICK, ...asked });
  if (!plan) throw new Error('nothing to measure');
  return plan;
}

describe('what is measured', () => {
  it('is the model’s own design beside the others, at its widths', () => {
    const { designs, heads, hiddenSize, tokens, stepLabel } = planOf(preset('llama-3-8b.json'));
    expect(designs.map(({ label, own, form }) => [label, own, form])).toEqual([
      ['MHA', false, null],
      ['GQA-8', true, null],
      ['MQA', false, null],
      ['MLA 512 + 64', false, 'folded'],
      ['MLA 512 + 64', false, 'absorbed'],
    ]);
    expect([heads.queryHeads, heads.keyDim, hiddenSize, tokens, stepLabel]).toEqual([32, 128, 4096, 4096, 'GQA-8']);
    // K and V of 32, 8 and 1 heads, or a latent: float32 numbers that the core reads.
    expect(designs.slice(0, 4).map(({ test }) => caseWork(test).bytesRead / 4 / 4096)).toEqual([8192, 2048, 256, 576]);
  });

  it('is the bench’s own case at DeepSeek’s size', () => {
    const { designs, stepLabel } = planOf(preset('deepseek-v3.json'));
    expect(designs.find(({ own }) => own)?.label).toBe('MLA 512 + 64');
    expect(stepLabel).toBe('MLA 512 + 64');
    expect(caseWork(designs[0]?.test ?? never()).bytesRead / 4 / 4096).toBe(32768);
    expect(caseWork(designs[3]?.test ?? never())).toEqual({
      flops: 2 * 4096 * 128 * (576 + 512),
      bytesRead: 4 * 4096 * 576,
    });
  });

  it('is nothing where no layer has heads', () => {
    const reading = readModelConfig(
      JSON.stringify({ model_type: 'mamba', hidden_size: 64, num_hidden_layers: 2, state_size: 16, conv_kernel: 4 }),
      {},
    );
    expect(reading?.spec.layers).toHaveLength(2);
    expect(reading && decodePlan(reading.spec, QUICK)).toBeNull();
  });

  it.each(someOf(NAMES))('of %s fits into the memory and a minute, quick; and into WebAssembly’s memory', (name) => {
    const quick = planOf(preset(name));
    expect(Math.max(...casesOf(quick).map(caseBytes))).toBeLessThanOrEqual(QUICK.ceiling);
    expect(expectedSeconds(quick, 'onnxruntime-cpu', 2)).toBeLessThan(60);
    const wasm = planOf(preset(name), { engine: 'onnxruntime-wasm' });
    expect(Math.max(...casesOf(wasm).map(caseBytes))).toBeLessThan(2 ** 31);
    expect(expectedSeconds(wasm, 'onnxruntime-wasm', 2)).toBeLessThan(120);
    expect(expectedSeconds(planOf(preset(name), { thorough: true }), 'onnxruntime-cpu', 2)).toBeGreaterThan(
      expectedSeconds(quick, 'onnxruntime-cpu', 2),
    );
  });

  it('is scaled down where a run could not be waited for, heads and width alike', () => {
    const { scale, steps } = planOf(preset('gpt-3-175b.json'));
    const layer = steps[0]?.again.layer;
    expect(scale).toBeGreaterThan(1);
    expect(layer?.hiddenSize).toBe(12288 / scale);
    expect(layer?.attention).toMatchObject({ queryHeads: 96 / scale, kvHeads: 96 / scale, keyDim: 128 });
    expect(planOf(preset('llama-3-8b.json')).scale).toBe(1);
  });
});

const TINY = JSON.stringify({
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 8,
  num_key_value_heads: 2,
  vocab_size: 32,
});
const MACHINE = { threads: 1, tensorflowPath: null, ceiling: 2 ** 30 };

describe('a run', () => {
  it('times every case, and weighs the caches', async () => {
    const told: number[] = [];
    const result = await measureDecode({ text: TINY, engine: 'onnxruntime-cpu', thorough: false }, MACHINE, {
      ...UNWATCHED,
      progress: ({ fraction }) => told.push(fraction ?? -1),
    });
    expect(result.designs.map(({ label, cacheBytes }) => [label, cacheBytes])).toEqual([
      ['MHA', 4 * 4096 * 2 * 64],
      ['GQA-2', 4 * 4096 * 2 * 16],
      ['MQA', 4 * 4096 * 2 * 8],
      ['MLA 32 + 4', 4 * 4096 * 36],
      ['MLA 32 + 4', 4 * 4096 * 36],
    ]);
    const timings = [...result.designs, ...result.steps.flatMap(({ cached, again }) => [cached, again])];
    expect(timings.map(({ problem }) => problem)).toEqual(timings.map(() => null));
    for (const { timing } of timings) {
      expect(timing?.medianMs).toBeGreaterThan(0);
      expect(timing?.spread).toBeGreaterThanOrEqual(1);
      // The best row of each rate stands at its roofline, no row is above.
      expect(timing?.rooflineMs).toBeLessThanOrEqual((timing?.medianMs ?? 0) * 1.000001);
    }
    expect(result.steps.map(({ tokens }) => tokens)).toEqual([256, 1024]);
    const [, long] = result.steps;
    expect(long?.again.timing?.flops).toBeGreaterThan(500 * (long?.cached.timing?.flops ?? Number.NaN));
    expect(result.library).toMatch(/^onnxruntime-node \d/);
    expect(told.every((fraction, at) => fraction >= (told[at - 1] ?? 0) && fraction <= 1)).toBe(true);
    expect(told.at(-1)).toBeGreaterThan(0.9);
  });

  it('ends when it is given up, and refuses what has no heads', async () => {
    const controller = new AbortController();
    const run = measureDecode({ text: TINY, engine: 'onnxruntime-cpu', thorough: false }, MACHINE, {
      signal: controller.signal,
      progress: () => controller.abort(),
    });
    await expect(run).rejects.toMatchObject({ code: 'cancelled' });
    await expect(
      measureDecode({ text: '{"a": 1}', engine: 'onnxruntime-cpu', thorough: false }, MACHINE, UNWATCHED),
    ).rejects.toMatchObject({ code: 'invalidInput' });
  });

  it('says of an engine that is not there why nothing was measured', async () => {
    const result = await measureDecode({ text: TINY, engine: 'tensorflow', thorough: false }, MACHINE, UNWATCHED);
    expect(result.rates).toBeNull();
    expect(result.designs.every(({ timing, problem }) => timing === null && problem !== null)).toBe(true);
    const page = decodeMarkdown('tiny', result).source;
    expect(page).toContain('not measured, because');
    expect(page).toContain('Nothing could be measured');
  });
});

describe('its page', () => {
  const timing = (medianMs: number, rooflineMs: number, flops: number): { timing: DecodeTiming; problem: null } => ({
    timing: { medianMs, rooflineMs, runs: 12, spread: 1.1, flops, bytesRead: 1 },
    problem: null,
  });
  const result: DecodeResult = {
    machine: 'AMD EPYC, 2 cores, linux x64',
    threads: 2,
    engine: 'onnxruntime-cpu',
    device: 'CPU, 2 threads',
    library: 'onnxruntime-node 1.30.0',
    layer: 0,
    queryHeads: 128,
    keyDim: 128,
    valueDim: 128,
    tokens: 4096,
    designs: [
      { label: 'MHA', own: false, form: null, cacheBytes: 2 ** 29, ...timing(140, 140, 2) },
      { label: 'MLA 512 + 64', own: true, form: 'folded', cacheBytes: 9 * 2 ** 20, ...timing(21.7, 20, 9) },
      {
        label: 'MLA 512 + 64',
        own: true,
        form: 'absorbed',
        cacheBytes: 9 * 2 ** 20,
        timing: null,
        problem: 'it broke',
      },
    ],
    stepLabel: 'MLA 512 + 64',
    scale: 4,
    hiddenSize: 7168,
    steps: [
      { tokens: 256, cached: timing(20, 10, 100), again: timing(200, 180, 20_000) },
      { tokens: 1024, cached: timing(24, 12, 110), again: timing(1200, 1100, 90_000) },
    ],
    rates: { flopsPerS: 121e9, bytesPerS: 4.17e9 },
    predictions: [
      {
        device: 'H100',
        precision: 'bf16',
        scope: 'core',
        batch: 1,
        tokens: 4096,
        mhaMs: 0.08,
        mlaMs: 0.0014,
        ratio: 56.9,
      },
      {
        device: 'H100',
        precision: 'bf16',
        scope: 'layer',
        batch: 6,
        tokens: 4096,
        mhaMs: 0.76,
        mlaMs: 0.12,
        ratio: 6.34,
      },
    ],
    remarks: ['the cache is stored column-major'],
    ms: 23_400,
  };
  const page = decodeMarkdown('deep*seek', result).source;

  it('leads with what a reader came for', () => {
    expect(page).toContain(
      '**With 4,096 cached tokens, one step takes 140 ms with MHA and 21.7 ms with MLA: MLA is 6.45 times as fast here.**',
    );
    expect(page).toContain('**At 1,024 tokens a new token with the cache is 50 times as fast as without it.**');
    expect(page).toContain('widths of deep\\*seek');
  });

  it('has measured and expected side by side, and how it was done', () => {
    expect(page).toMatch(/\| MLA 512 \+ 64 \(this model\) +\| +9 MiB \| +21\.7 ms \| +6\.45 × \| +20 ms \| +7 × \|/);
    expect(page).toMatch(
      /MLA 512 \+ 64, W\\?_UK and W\\?_UV in the step \(this model\): not measured, because it broke/,
    );
    expect(page).toMatch(/\| +1,024 \| +24 ms \| +1\.2 s \| +50 × \|/);
    expect(page).toContain('the time grows × 1.2 with the cache and × 6 without; the operations × 1.1 and × 4.5');
    expect(page).toContain('4.17 GB/s and 121 GFLOP/s');
    expect(page).toContain('divided by 4');
    expect(page).toContain('the whole layer is that fast with 6 or more sequences at once');
    expect(page).toContain('median of 12 runs');
    expect(page).toContain('the cache is stored column-major');
  });

  it('says how much longer MLA takes where it does', () => {
    const [mha, mla, ...rest] = result.designs;
    const slow = { ...(mla ?? never()), ...timing(210, 200, 9) };
    expect(decodeMarkdown('x', { ...result, designs: [mha ?? never(), slow, ...rest] }).source).toContain(
      'MLA takes 1.5 times as long here.',
    );
  });

  it('says that the machine was busy where the runs of a step differ', () => {
    expect(page).not.toContain('Not steady');
    const [mha, ...rest] = result.designs;
    const shaken = { ...(mha ?? never()), timing: { ...timing(140, 140, 2).timing, spread: 2.5 } };
    expect(decodeMarkdown('x', { ...result, designs: [shaken, ...rest] }).source).toMatch(
      /Not steady: .*differed by a factor of 2\.5 \(1 of 6 rows\)\. Measure again/,
    );
  });

  it('is a table for other programs, too', () => {
    expect(decodeCsv(result).split('\r\n')).toContain('without the cache,1024,onnxruntime-cpu,4,1200,1100,12,90000,1');
  });
});

function never(): never {
  throw new Error('no such case');
}
