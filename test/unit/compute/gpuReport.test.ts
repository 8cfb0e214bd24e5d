/** What the check of a GPU makes of its measurements: ratios beside the roofline, and the name of what limits a step. */

import { describe, expect, it } from 'vitest';
import { caseWork } from '../../../src/compute/bench/cases';
import { gpuCases, smallCase } from '../../../src/compute/bench/gpuCases';
import { gpuRatios } from '../../../src/compute/bench/gpuRatios';
import type { CaseResult } from '../../../src/compute/bench/runCase';
import { DEVICES } from '../../../src/serving/hardware';
import { summarize } from '../../gpu/profile';

const named = (name: string, variant: string) => {
  const test = gpuCases().find((each) => each.name === name && each.variant === variant);
  if (!test) throw new Error(`no case ${name} ${variant}`);
  return test;
};

/** A result as if the step had read what it must at `bytesPerS`. */
function result(name: string, variant: string, bytesPerS: number, engine: CaseResult['engine'] = 'onnxruntime-webgpu') {
  const { flops, bytesRead } = caseWork(named(name, variant));
  const medianMs = (bytesRead / bytesPerS) * 1e3;
  return {
    case: name,
    variant,
    engine,
    medianMs,
    runs: 15,
    spread: 1,
    cacheBytes: 0,
    relativeError: 0,
    movedBytes: 0,
    gflops: flops / medianMs / 1e6,
    gigabytesPerSecond: bytesRead / medianMs / 1e6,
  } satisfies CaseResult;
}

describe('the cases of a GPU', () => {
  it('have the lectures’ in front, each name once', () => {
    const names = gpuCases().map(({ name, variant }) => `${name} ${variant}`);
    expect(new Set(names).size).toBe(names.length);
    expect(names.slice(0, 8).join('\n')).toMatch(
      /llama3-8b gqa float32[^]*deepseek-v3 mha float32[^]*mla-absorbed float32/,
    );
    for (const length of [256, 32768]) expect(names).toContain(`token-${length}-llama3-8b uncached float32`);
    expect(gpuCases().some(({ past, batch }) => past === 131071 && batch === 8)).toBe(true);
  });

  it('count sequences and halves: 8 sequences read 8 caches and one set of weights', () => {
    const one = caseWork({ ...named('decode-8x4096-llama3-8b', 'gqa fused float32'), batch: 1 }).bytesRead;
    const eight = caseWork(named('decode-8x4096-llama3-8b', 'gqa fused float32')).bytesRead;
    expect(eight - one).toBe(7 * 4096 * 8 * 256 * 4);
    expect(caseWork(named('decode-8x4096-llama3-8b', 'gqa fused float16')).bytesRead).toBe(eight / 2);
  });

  it('are the same in small', () => {
    for (const test of gpuCases()) {
      const small = smallCase(test);
      expect(small).toMatchObject({ name: test.name, variant: test.variant, core: test.core });
      expect(caseWork(small).flops).toBeLessThan(5e6);
    }
  });
});

describe('ratios on a GPU', () => {
  const card = (name: string) => DEVICES.find((device) => device.name.includes(name)) ?? null;
  const [h100, h200] = [card('H100 SXM'), card('H200')];

  it('stand beside what a roofline says of the same two cases', () => {
    const core = 'decode-4096-deepseek-v3';
    const results = ['mha float16', 'mla-absorbed float16'].map((variant) => result(core, variant, 2e12));
    const ratio = gpuRatios(results, 'onnxruntime-webgpu', h100, null).find(({ what }) => what.includes('over mha'));
    // On an H100 both only read: the ratio is that of the caches, 56.9 (docs/performance.md).
    expect(ratio?.ratio).toBeCloseTo(56.9, 1);
    expect(ratio?.predicted).toBeCloseTo(56.9, 0);
    expect(ratio?.roofline).toBe(h100?.name);
    // An H200 reads faster and computes alike: there MLA's 242 operations a byte are more than its 206.
    const other = gpuRatios(results, 'onnxruntime-webgpu', h200, null).find(({ what }) => what.includes('over mha'));
    expect(other?.predicted).toBeLessThan(50);
  });

  it('have PyTorch and the share of the bandwidth, with their targets', () => {
    const [name, variant] = ['decode-4096-llama3-8b', 'gqa fused float32'];
    const bandwidth = h200?.bandwidthBytesPerS ?? 0;
    const results = [result(name, variant, bandwidth / 4), result(name, variant, bandwidth / 2, 'pytorch')];
    expect(gpuRatios(results, 'onnxruntime-webgpu', h200, null)).toMatchObject([
      { what: expect.stringContaining('over pytorch') as string, ratio: 0.5, target: 0.5 },
      { what: expect.stringContaining('bandwidth') as string, ratio: 0.25, target: 0.5 },
    ]);
  });
});

describe('a profile', () => {
  const events = (kernel: number, submit: number) =>
    // Four runs before: the first compiles for seconds and must not count.
    Array.from({ length: 6 }, (_, run) => [
      { cat: 'Api', name: 'k&MatMul', dur: kernel },
      { cat: 'Node', name: 'k_kernel_time', dur: run === 0 ? 9e6 : submit },
    ]).flat();
  const profile = (kernel: number, submit: number, bytesPerS: number | null) =>
    summarize('x', events(kernel, submit), 1, 2, { bytes: 1e9, bytesPerS });

  it('leaves out the runs that compiled', () => {
    expect(profile(300, 200, null)).toMatchObject({ kernels: 1, kernelMs: 0.3, submitMs: 0.2 });
  });

  it('names what limits a step', () => {
    expect(profile(900, 100, 1.2e12).limitedBy).toMatch(/^reading weights and cache \(83 %/);
    expect(profile(900, 100, 1e13).limitedBy).toMatch(/^the kernels \(90 %/);
    expect(profile(200, 700, 1e13).limitedBy).toMatch(/^handing operators to the device \(70 %/);
    expect(profile(200, 100, null).limitedBy).toMatch(/^waiting between kernels .*20 %/);
  });
});
