/** Layers on onnxruntime's WebGPU provider, through SwiftShader: the same numbers as on the CPU. Tiny shapes: it is slow. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AttentionLayerSpec } from '../../../src/attention/layerSpec';
import { ComputeClient } from '../../../src/compute/client';
import type { RunLayerParams, RunLayerResult } from '../../../src/shared/computeContract';
import { relativeError } from '../attention/support/compare';
import { LAYERS } from '../attention/support/layers';
import { buildCompute } from './support/computeBundle';
import { swiftshader } from './support/peers';
import { depthNote, sampled } from '../depth';

const skipped = swiftshader ? '' : ' (skipped: no SwiftShader; install the package chromium)';

describe.skipIf(!swiftshader)(`WebGPU${skipped}`, () => {
  let bundle: Awaited<ReturnType<typeof buildCompute>>;
  let client: ComputeClient;

  beforeAll(async () => {
    bundle = await buildCompute();
    client = new ComputeClient({ script: bundle.script, threads: 1, environment: swiftshader ?? {} });
  });
  afterAll(async () => {
    client.dispose();
    await bundle.remove();
  });

  it.each(sampled(['gqa 2', 'latent']))(`runs the layer "%s"${depthNote}`, async (name) => {
    const layer = LAYERS[name] as AttentionLayerSpec;
    const run = (engine: RunLayerParams['engine']): Promise<RunLayerResult> =>
      client.call('compute/runLayer', { layer, engine, seed: 3, batch: 1, tokens: 4, steps: 1, captures: ['weights', 'output'], form: null });
    const [cpu, gpu] = [await run('onnxruntime-cpu'), await run('onnxruntime-webgpu')];
    expect(gpu.provenance.device).toContain('swiftshader');
    expect(gpu.cacheBytes).toBe(cpu.cacheBytes);
    for (const capture of ['weights', 'output']) {
      const [actual, expected] = [gpu.captures[capture]?.data, cpu.captures[capture]?.data];
      expect(relativeError(actual as Float32Array, expected as Float32Array)).toBeLessThan(1e-5);
    }
  }, 120_000);
});
