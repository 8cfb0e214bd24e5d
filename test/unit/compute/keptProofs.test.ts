/** Proofs of devices outlive a process, for the machine, the drivers and the libraries they were made with. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { driversText, nvidiaDriver, vulkanManifests } from '../../../src/compute/drivers';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { KeptProofs, proofConditions } from '../../../src/compute/keptProofs';
import { devicesMarkdown } from '../../../src/present/computeText';
import type { DeviceReport } from '../../../src/shared/devices';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'headlight-proofs-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const report = (): Promise<DeviceReport> => createEngine('onnxruntime-cpu', { threads: 1 }).probe();

describe('a kept proof', () => {
  it('is read back as it was, with the day and what it holds for', async () => {
    const kept = new KeptProofs(join(home, 'new', 'devices.json'), 'this machine; driver 1');
    const [written] = await kept.write([await report()]);
    expect(written).toMatchObject({ available: true, proved: { with: 'this machine; driver 1' } });
    expect(await kept.read()).toEqual([written]);
    const shown = devicesMarkdown([written as DeviceReport], 'none').source;
    expect(shown).toContain(`Proved on ${new Date().toISOString().slice(0, 10)} with this machine; driver 1`);
    expect(shown).toMatch(/GFLOP\/s; error of the product .*, of the layer .*, (?:no|in) float16/);
  });

  it('does not hold after a driver, a library or the machine has changed', async () => {
    const file = join(home, 'devices.json');
    await new KeptProofs(file, 'driver 1').write([await report()]);
    expect(await new KeptProofs(file, 'driver 2').read()).toBeUndefined();
  });

  it('is none where the file is damaged, strange or large', async () => {
    const file = join(home, 'devices.json');
    const [written] = await new KeptProofs(file, 'x').write([await report()]);
    const texts = [
      '',
      '[]',
      '{"a":1}',
      JSON.stringify([{ ...written, proof: { gflops: 'many' } }]),
      ' '.repeat(2 ** 17),
    ];
    for (const text of texts) {
      writeFileSync(file, text);
      expect(await new KeptProofs(file, 'x').read(), text.slice(0, 20)).toBeUndefined();
    }
  });

  it('is not kept where an engine crashed or hung: that may be chance', async () => {
    const file = join(home, 'devices.json');
    const crashed = {
      ...(await report()),
      available: false,
      proof: null,
      library: '',
      reason: 'no answer within 45 s',
    };
    expect(await new KeptProofs(file, 'x').write([crashed])).toEqual([crashed]);
    expect(existsSync(file)).toBe(false);
  });
});

describe('what a proof depends on', () => {
  it('names machine, drivers and libraries', () => {
    expect(proofConditions(undefined)).toMatch(/cores, .*; .*onnxruntime 1\.\d+\.\d+; no TensorFlow$/);
  });

  it('has the kernel driver of NVIDIA by its version', () => {
    const file = join(home, 'version');
    writeFileSync(
      file,
      'NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\nGCC version: 13\n',
    );
    expect(nvidiaDriver(file)).toBe('NVIDIA driver 580.159.04');
    writeFileSync(file, 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.14  Thu Feb 22\n');
    expect(nvidiaDriver(file)).toBe('NVIDIA driver 550.54.14');
    expect(nvidiaDriver(join(home, 'none'))).toBeNull();
  });

  it('has the drivers of Vulkan by their manifests, where the loader looks or its variable says', () => {
    const file = join(home, 'nvidia_icd.json');
    writeFileSync(
      file,
      '{"file_format_version":"1.0.1","ICD":{"library_path":"libGLX_nvidia.so.0","api_version":"1.4.303"}}',
    );
    writeFileSync(join(home, 'damaged.json'), '{"ICD":');
    writeFileSync(join(home, 'z.json'), '{"ICD":{"library_path":"./libz.so"}}');
    expect(vulkanManifests({}, [home, join(home, 'none')])).toEqual([
      { file, library: 'libGLX_nvidia.so.0' },
      { file: join(home, 'z.json'), library: join(home, 'libz.so') },
    ]);
    expect(vulkanManifests({ VK_DRIVER_FILES: file }, [])).toEqual([{ file, library: 'libGLX_nvidia.so.0' }]);
    expect(driversText({ VK_DRIVER_FILES: file })).toMatch(/libGLX_nvidia\.so\.0 \(\d{4}-/);
    expect(readFileSync(file, 'utf8')).toContain('libGLX');
  });
});
