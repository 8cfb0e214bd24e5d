/** The page of compute devices: which is used and why, what each showed, why others do not work. */

import { expect, it } from 'vitest';
import { devicesMarkdown } from '../../../src/present/computeText';
import type { DeviceReport } from '../../../src/shared/devices';

const works: DeviceReport = {
  engine: 'onnxruntime-cpu',
  available: true,
  refused: false,
  kind: 'cpu',
  device: 'CPU, 2 threads',
  library: 'onnxruntime-node 1.30.0',
  precision: 'float32',
  reason: null,
  proof: {
    size: [256, 256, 256],
    medianMs: 1,
    gflops: 32.4,
    relativeError: 3.4e-7,
    layerError: 1.2e-7,
    float16Error: null,
  },
  proved: { at: Date.UTC(2026, 10, 30), with: 'Linux; no GPU' },
};
const missing: DeviceReport = {
  ...works,
  engine: 'onnxruntime-webgpu',
  available: false,
  device: 'WebGPU',
  reason: 'no adapter',
  proof: null,
  proved: null,
};
const wrong: DeviceReport = { ...missing, engine: 'tensorflow', refused: true, reason: 'errors of 0.3 in [a](b)' };

it('has a line for each engine, what works first, whatever their order', () => {
  const page = devicesMarkdown([missing, wrong, works], { engine: 'onnxruntime-cpu', reason: 'native' }).source;
  const lines = page.split('\n').filter((line) => /^(- |## |Used|Proved)/.test(line));
  expect(lines).toEqual([
    'Used: **onnxruntime-cpu** (native)',
    '## These work',
    expect.stringMatching(
      /^- \*\*`onnxruntime-cpu`\*\*: CPU, 2 threads; onnxruntime-node 1\.30\.0; 32\.4 GFLOP\/s; error of the product 3\.4e-7, of the layer 1\.2e-7, no float16$/,
    ),
    '## These do not',
    '- `onnxruntime-webgpu` (WebGPU, onnxruntime-node 1.30.0): no adapter',
    expect.stringMatching(/^- `tensorflow` \(.*\): refused, errors of 0\.3 in \\\[a\\\]/),
    expect.stringContaining('Proved on 2026-11-30 with Linux; no GPU'),
  ]);
});

it('says why there is none', () => {
  const page = devicesMarkdown([missing], 'no engine works').source;
  expect(page).toContain('None can be used: no engine works');
  expect(page).not.toContain('These work');
});
