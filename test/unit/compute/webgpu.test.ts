/** Layers on onnxruntime's WebGPU provider, through SwiftShader: the same numbers as on the CPU. Tiny shapes: it is slow. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyLimit } from '../../../src/attention/spec/layerSpec';
import type { LatentForm } from '../../../src/attention/onnx/program';
import { ComputeClient } from '../../../src/compute/client';
import type { RunLayerParams, RunLayerResult } from '../../../src/shared/computeContract';
import { relativeError } from '../golden';
import { LAYERS } from '../attention/support/layers';
import { buildCompute } from './support/computeBundle';
import { swiftshader } from './support/peers';
import { depthNote, thorough } from '../depth';
import { eachOrSkip, noCases } from '../support/cases';

/** Every kind that runs, and what changes the graph of its core. A desk takes the first: shaders are compiled slowly here. */
const CASES: readonly (readonly [name: string, form: LatentForm | null])[] = [
  ['sliding', null],
  ['gqa 2', null],
  ['latent', 'absorbed'],
  ['mha', null],
  ['mqa', null],
  ['latent', 'expanded'],
  ['latent, q compressed', null],
  ['sinks', null],
  ['softcap', null],
  ['chunked', null],
  ['alibi, 6 heads', null],
];

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

  eachOrSkip(thorough ? CASES : CASES.slice(0, 1), noCases, ([name, form]) => {
    it(`runs the layer "${name}" (form: ${form})${depthNote}`, async () => {
      const layer = LAYERS[name];
      if (!layer) throw new Error('no such layer');
      // The prefill is longer than windows and chunks of 3 and 4; then a step on its cache.
      // Where no one looks inside, a window's cache is a ring on the device.
      const captures = keyLimit(layer.attention) === null ? (['weights', 'output'] as const) : (['output'] as const);
      const run = (engine: RunLayerParams['engine']): Promise<RunLayerResult> =>
        client.call('compute/runLayer', {
          layer,
          engine,
          seed: 3,
          batch: 1,
          tokens: 5,
          steps: 1,
          captures,
          form,
        });
      const [cpu, gpu] = [await run('onnxruntime-cpu'), await run('onnxruntime-webgpu')];
      expect(gpu.provenance.device).toContain('swiftshader');
      expect(gpu.cacheBytes).toBe(cpu.cacheBytes);
      // A token's hidden state, tables, mask, slots and output: no cache. One of a few tokens is hardly more than those.
      const ring = captures.length === 1;
      expect(gpu.movedBytes).toBeLessThan(ring ? gpu.cacheBytes : gpu.cacheBytes / 2 + 1000);
      expect(cpu.movedBytes).toBeNull();
      for (const capture of captures) {
        const [actual, expected] = [gpu.captures[capture]?.data, cpu.captures[capture]?.data];
        expect(relativeError(actual as Float32Array, expected as Float32Array)).toBeLessThan(1e-5);
      }
    }, 120_000);
  });
});
