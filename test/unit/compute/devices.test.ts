/** Proving devices: a right product counts, a wrong one and a software adapter do not. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/attention/onnx/graph';
import { ComputeClient } from '../../../src/compute/client';
import { createEngine, platformEngines } from '../../../src/compute/engines/createEngine';
import type { LoadedProgram } from '../../../src/compute/engines/engine';
import { median, proveDevice } from '../../../src/compute/engines/matmulProof';
import { restoreRemovedUtilities } from '../../../src/compute/engines/removedUtilities';
import { vulkanDevice } from '../../../src/compute/engines/vulkanDrivers';
import type { DeviceReport } from '../../../src/shared/devices';
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
    reports = await client.devices();
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
