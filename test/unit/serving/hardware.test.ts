import { describe, expect, it } from 'vitest';
import { denseFlops } from '../../../src/serving/device';
import { DEVICES, deviceOf, sourceOf } from '../../../src/serving/hardware';

const GIB = 2 ** 30;

describe('hardware presets', () => {
  it('have unique ids and a source each', () => {
    expect(new Set(DEVICES.map((device) => device.id)).size).toBe(DEVICES.length);
    for (const device of DEVICES) {
      const source = sourceOf(device);
      expect(source, device.id).not.toBeNull();
      expect(source?.url, device.id).toMatch(/^https:\/\//);
      expect(source?.title.length, device.id).toBeGreaterThan(5);
    }
  });

  it.each(DEVICES)('$id has plausible units', (device) => {
    expect(device.name.length).toBeGreaterThan(1);
    expect(device.vendor.length).toBeGreaterThan(1);
    expect(['nominal', 'driver']).toContain(device.memoryBasis);
    expect(device.memoryBytes).toBeGreaterThanOrEqual(8 * GIB);
    expect(device.memoryBytes).toBeLessThanOrEqual(1024 * GIB);
    // Nominal sizes are whole GiB: a decimal GB that slipped in is not.
    if (device.memoryBasis === 'nominal') expect(device.memoryBytes % GIB).toBe(0);
    expect(device.bandwidthBytesPerS).toBeGreaterThan(1e11);
    expect(device.bandwidthBytesPerS).toBeLessThan(2e13);
    const formats = Object.keys(device.denseFlops);
    expect(formats.length).toBeGreaterThan(0);
    for (const format of formats) expect(['bf16', 'fp16', 'fp8', 'int8', 'fp4']).toContain(format);
    for (const value of Object.values(device.denseFlops)) {
      expect(value).toBeGreaterThan(1e12);
      expect(value).toBeLessThan(2e16);
    }
    // Half the width is never slower in floats, and no more than 2.1 times as fast (more would be sparsity).
    const { bf16, fp8, fp4 } = device.denseFlops;
    if (bf16 !== undefined && fp8 !== undefined) expect(fp8 / bf16).toBeLessThanOrEqual(2.1);
    if (bf16 !== undefined && fp8 !== undefined) expect(fp8).toBeGreaterThanOrEqual(bf16);
    if (fp8 !== undefined && fp4 !== undefined) expect(fp4 / fp8).toBeLessThanOrEqual(4);
  });

  it('falls back to 16-bit floats where a format is not accelerated', () => {
    const a100 = deviceOf('a100-80-sxm');
    expect(a100 && denseFlops(a100, 'fp8')).toEqual({ format: 'bf16', flopsPerS: 312e12 });
    const t4 = deviceOf('t4');
    expect(t4 && denseFlops(t4, 'bf16')).toEqual({ format: 'fp16', flopsPerS: 65e12 });
    expect(deviceOf('no such device')).toBeNull();
  });
});
