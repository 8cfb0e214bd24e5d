import { describe, expect, it } from 'vitest';
import { chooseDevice, type DeviceReport } from '../../../src/shared/devices';
import type { EngineId } from '../../../src/shared/engineIds';

const report = (engine: EngineId, gflops: number | null, changes: Partial<DeviceReport> = {}): DeviceReport => ({
  engine,
  available: gflops !== null,
  kind: 'cpu',
  device: engine,
  library: '',
  precision: 'float32',
  reason: gflops === null ? 'not here' : null,
  refused: false,
  proof:
    gflops === null
      ? null
      : { size: [1, 1, 1], medianMs: 1, gflops, relativeError: 0, layerError: 0, float16Error: null },
  proved: null,
  ...changes,
});

describe('the choice of a device', () => {
  const cpu = report('onnxruntime-cpu', 80);
  const wasm = report('onnxruntime-wasm', 10);
  const software = report('onnxruntime-webgpu', 500, { kind: 'software-gpu' });

  it('is the fastest one proven', () => {
    expect(chooseDevice([wasm, cpu, report('onnxruntime-cuda', null)], 'auto', false)).toMatchObject({
      engine: 'onnxruntime-cpu',
    });
    expect(chooseDevice([cpu, report('tensorflow', 90)], 'auto', false)).toEqual({
      engine: 'tensorflow',
      reason: 'fastest of 2: 90.0 GFLOP/s measured',
    });
  });

  it('names an engine whose numbers were wrong, and never takes it', () => {
    const lying = report('onnxruntime-webgpu', null, { kind: 'gpu', refused: true });
    expect(chooseDevice([lying, cpu], 'auto', false)).toEqual({
      engine: 'onnxruntime-cpu',
      reason: 'the only one that works: 80.0 GFLOP/s measured; refused for wrong numbers: onnxruntime-webgpu',
    });
    expect(chooseDevice([lying, cpu], 'onnxruntime-webgpu', false)).toBeNull();
  });

  it('is native where that works, however WebAssembly was timed', () => {
    expect(chooseDevice([report('onnxruntime-wasm', 95), cpu], 'auto', false)).toEqual({
      engine: 'onnxruntime-cpu',
      reason: 'native, preferred to WebAssembly: 80.0 GFLOP/s measured',
    });
    expect(chooseDevice([wasm, report('onnxruntime-cpu', null)], 'auto', false)).toMatchObject({
      engine: 'onnxruntime-wasm',
    });
  });

  it('is never one without a proof', () => {
    const unproven = { ...wasm, proof: null };
    expect(chooseDevice([unproven], 'auto', false)).toBeNull();
    expect(chooseDevice([unproven, cpu], 'auto', false)).toMatchObject({
      reason: 'the only one that works: 80.0 GFLOP/s measured',
    });
  });

  it('never takes a software adapter for a GPU, unless told so', () => {
    expect(chooseDevice([cpu, software], 'auto', false)).toMatchObject({ engine: 'onnxruntime-cpu' });
    expect(chooseDevice([cpu, software], 'onnxruntime-webgpu', false)).toBeNull();
    expect(chooseDevice([cpu, software], 'onnxruntime-webgpu', true)).toMatchObject({ engine: 'onnxruntime-webgpu' });
  });

  it('is what was asked for, or nothing', () => {
    expect(chooseDevice([cpu, wasm], 'onnxruntime-wasm', false)).toMatchObject({ engine: 'onnxruntime-wasm' });
    expect(chooseDevice([cpu, wasm], 'tensorflow', false)).toBeNull();
    expect(chooseDevice([], 'auto', false)).toBeNull();
  });
});
