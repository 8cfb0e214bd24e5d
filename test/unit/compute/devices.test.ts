/** Proving devices: a right product counts, a wrong one and a software adapter do not. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/attention/onnx/graph';
import { ComputeClient } from '../../../src/compute/client';
import { createEngine, platformEngines } from '../../../src/compute/engines/createEngine';
import { type Engine, type LoadedProgram, reportOf } from '../../../src/compute/engines/engine';
import { expectedOutput, PROOF_LAYER, proofStep } from '../../../src/compute/engines/layerProof';
import { median, proveDevice } from '../../../src/compute/engines/matmulProof';
import { restoreRemovedUtilities } from '../../../src/compute/engines/removedUtilities';
import { vulkanDevice } from '../../../src/compute/engines/vulkanDrivers';
import type { DeviceReport, Precision } from '../../../src/shared/devices';
import { referenceLayer } from '../../oracle/layer';
import { Tensor64 } from '../../oracle/tensor64';
import { relativeError } from '../golden';
import { thorough } from '../depth';
import { buildCompute } from './support/computeBundle';
import { swiftshader, tensorflowPath } from './support/peers';

describe('the proof', () => {
  const faking = (change: (data: Float32Array) => Float32Array): { load(): Promise<LoadedProgram> } => ({
    load: () =>
      Promise.resolve({
        wholeOnDevice: true,
        run: (inputs) => {
          const a = inputs.get('a') as Tensor;
          return Promise.resolve(new Map([['c', { ...a, data: change(a.data as Float32Array) }]]));
        },
        dispose: () => Promise.resolve(),
      }),
  });

  it('is passed by a device that computes', async () => {
    const engine = createEngine('onnxruntime-cpu', { threads: 1 });
    const proof = await proveDevice(engine);
    expect(proof.relativeError).toBeLessThan(1e-5);
    expect(proof.gflops).toBeGreaterThan(0.5);
  });

  it.each([
    ['numbers that are wrong', (data: Float32Array) => data],
    ['zeros', (data: Float32Array) => new Float32Array(data.length)],
    ['nothing a number', (data: Float32Array) => data.map(() => Number.NaN)],
    ['too few numbers', (data: Float32Array) => data.slice(1)],
  ])('is failed by %s', async (_name, change) => {
    await expect(proveDevice(faking(change))).rejects.toThrow(/product/);
  });

  /** A device that multiplies rightly, and whose layers are off by a part: what a wrong softmax kernel does. */
  const lying = (wrong: Precision): Engine => {
    const honest = createEngine('onnxruntime-cpu', { threads: 1 });
    return {
      id: 'onnxruntime-webgpu',
      describe: () => ({ kind: 'gpu', device: 'WebGPU (lying)', library: 'test' }),
      load: async (graph, options) => {
        const program = await honest.load(graph, options);
        if (graph.name === 'proof' || (options.precision ?? 'float32') !== wrong) return program;
        return {
          wholeOnDevice: true,
          run: async (inputs, outputs) => {
            const results = await program.run(inputs, outputs);
            const output = results.get('output') as Tensor;
            const data = (output.data as Float32Array).map((value, i) => (i === 3 ? value * 1.5 + 0.2 : value));
            return results.set('output', { ...output, data });
          },
          dispose: () => program.dispose(),
        };
      },
      probe() {
        return reportOf(this, () => proveDevice(this));
      },
      dispose: () => Promise.resolve(),
    };
  };

  it('refuses by name an engine whose products are right and whose layers are not', async () => {
    const report = await lying('float32').probe();
    expect(report).toMatchObject({ available: false, refused: true, proof: null });
    expect(report.reason).toMatch(/^onnxruntime-webgpu is refused: its attention layer is wrong: relative error \d/);
  });

  it('takes an engine whose float16 alone is wrong, without float16', async () => {
    expect(await lying('float16').probe()).toMatchObject({ available: true, proof: { float16Error: null } });
  });

  it('has the error of float16, which is larger than that of float32', async () => {
    const { proof } = await createEngine('onnxruntime-cpu', { threads: 1 }).probe();
    expect(proof?.layerError).toBeLessThan(1e-6);
    expect(proof?.float16Error).toBeGreaterThan(1e-5);
    expect(proof?.float16Error).toBeLessThan(1e-2);
  });

  it('knows the layer as the reference of all layers does', () => {
    const step = proofStep();
    const rows = (data: Float32Array): Tensor64 => new Tensor64([1, 2, 5, 8], Float64Array.from(data));
    const past = { tokens: 5, positions: [0, 1, 2, 3, 4], key: rows(step.key), value: rows(step.value) };
    const { output } = referenceLayer(PROOF_LAYER, step.weights, new Tensor64([1, 1, 16], step.hidden), past);
    expect(relativeError(expectedOutput(step), output.data)).toBeLessThan(1e-14);
  });

  it('takes medians', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });
});

describe('Vulkan drivers in a memory map', () => {
  const line = (file: string): string => `7f00-7f01 r-xp 00000000 00:00 1 /usr/lib/${file}\n`;
  it('tell software from hardware', () => {
    expect(vulkanDevice(line('chromium/libvk_swiftshader.so'))).toEqual({ name: 'libvk_swiftshader', software: true });
    expect(vulkanDevice(line('libvulkan_lvp.so'))).toMatchObject({ software: true });
    expect(vulkanDevice(line('libvulkan_lvp.so') + line('libvulkan_radeon.so'))).toEqual({
      name: 'libvulkan_radeon',
      software: false,
    });
    expect(vulkanDevice(line('libGLX_nvidia.so.550.54'))).toMatchObject({ software: false });
    expect(vulkanDevice(line('libc.so.6'))).toBeNull();
  });
});

describe('the platform', () => {
  it('decides which engines are probed', () => {
    expect(platformEngines('linux', 'x64')).toEqual([
      'onnxruntime-cuda',
      'onnxruntime-webgpu',
      'onnxruntime-cpu',
      'tensorflow',
      'onnxruntime-wasm',
    ]);
    expect(platformEngines('darwin', 'arm64')).toContain('onnxruntime-coreml');
    expect(platformEngines('win32', 'x64')).toContain('onnxruntime-dml');
    expect(platformEngines('darwin', 'x64')).toEqual(['tensorflow', 'onnxruntime-wasm']);
  });
});

it('utilities that Node 23 removed are put back, and those that exist are kept', () => {
  const existing = (): boolean => true;
  const target: { isArray?: unknown; isNullOrUndefined?: unknown } = { isArray: existing };
  restoreRemovedUtilities(target);
  expect(target.isArray).toBe(existing);
  const restored = target.isNullOrUndefined as (value: unknown) => boolean;
  expect([null, undefined, 0, ''].map(restored)).toEqual([true, true, false, false]);
});

// At a desk the editor's tests probe the engines (a command that runs a layer does); what each report says is left to CI.
describe.skipIf(!thorough)('probing', () => {
  let bundle: Awaited<ReturnType<typeof buildCompute>>;
  let client: ComputeClient;
  let reports: readonly DeviceReport[];

  beforeAll(async () => {
    bundle = await buildCompute();
    client = new ComputeClient({
      script: bundle.script,
      threads: 1,
      environment: swiftshader ?? {},
      ...(tensorflowPath ? { tensorflowPath } : {}),
    });
    // Of three who ask at once the first gives up at the first sign of life: the others get their answer from the same probing.
    const first = new AbortController();
    const given = client.devices({ signal: first.signal, onProgress: () => first.abort() });
    const [gone, other, own] = await Promise.all([
      given.catch((error: unknown) => error),
      client.device('onnxruntime-cpu', false),
      client.devices(),
    ]);
    reports = own;
    expect(gone).toMatchObject({ code: 'cancelled' });
    expect(other.engine).toBe('onnxruntime-cpu');
  }, 240_000);
  afterAll(async () => {
    client.dispose();
    await bundle.remove();
  });
  const find = (engine: string): DeviceReport => reports.find((report) => report.engine === engine) as DeviceReport;

  it('reports every engine of the platform, found or why not', () => {
    expect(reports.map(({ engine }) => engine)).toEqual(platformEngines());
    for (const report of reports) {
      if (report.available) expect(report.proof?.relativeError).toBeLessThan(1e-4);
      else expect(report.reason).toMatch(/\w/);
    }
    expect(find('onnxruntime-cpu')).toMatchObject({ available: true, kind: 'cpu', device: 'CPU, 1 thread' });
    expect(find('onnxruntime-wasm')).toMatchObject({ available: true, kind: 'cpu' });
  });

  it('is done once', async () => {
    expect(await client.devices()).toBe(reports);
  });

  it.skipIf(!tensorflowPath)(
    `proves TensorFlow, and says that it found no GPU${tensorflowPath ? '' : ' (skipped: no TensorFlow)'}`,
    () => {
      expect(find('tensorflow')).toMatchObject({
        available: true,
        kind: 'cpu',
        reason: expect.stringContaining('no GPU') as string,
      });
    },
  );

  it.skipIf(!swiftshader)(
    `does not take SwiftShader for a GPU${swiftshader ? '' : ' (skipped: no SwiftShader)'}`,
    async () => {
      expect(find('onnxruntime-webgpu')).toMatchObject({ available: true, kind: 'software-gpu' });
      expect(find('onnxruntime-webgpu').device).toContain('swiftshader');
      expect((await client.device('auto', false)).engine).not.toBe('onnxruntime-webgpu');
      await expect(client.device('onnxruntime-webgpu', false)).rejects.toThrow(/software adapter/);
      expect(await client.device('onnxruntime-webgpu', true)).toMatchObject({ engine: 'onnxruntime-webgpu' });
    },
  );
});
