/** Installing TensorFlow: what can go wrong goes wrong clearly, and leaves an earlier installation alone. */

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lackingForGpu, wheelOf } from '../../../src/compute/engines/tensorflowGpu';
import { tensorflowPath } from './support/peers';
import { EngineUnavailableError } from '../../../src/compute/engines/engine';
import { locateTensorflow } from '../../../src/compute/engines/locateTensorflow';
import { installCommands, installNeeds, installTensorflow } from '../../../src/compute/installTensorflow';
import { runProgram } from '../../../src/compute/runProgram';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'headlight-tensorflow-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

/** A Python that answers every question with one line. */
function fakePython(answer: string): string {
  const file = join(home, 'python');
  writeFileSync(file, `#!/bin/sh\necho '${answer}'\n`);
  chmodSync(file, 0o755);
  return file;
}

function earlier(): string {
  const folder = join(home, 'tensorflow');
  mkdirSync(folder);
  writeFileSync(join(folder, 'mark'), '');
  return folder;
}

describe.skipIf(process.platform === 'win32')('installing', () => {
  it('says what will run', () => {
    expect(installCommands({ kind: 'published', gpu: true })).toEqual(['npm install @tensorflow/tfjs-node-gpu@4.22.0']);
    expect(installCommands({ kind: 'python', python: 'py' })[1]).toBe(
      'npm install --ignore-scripts @tensorflow/tfjs-node@4.22.0',
    );
  });

  it('says what it needs', () => {
    expect(installNeeds({ kind: 'published', gpu: true })).toMatch(
      /libtensorflow 2\.9\.1.*NVIDIA.*CUDA 11\.2.*cuDNN 8\.1/,
    );
    expect(installNeeds({ kind: 'published', gpu: false })).not.toContain('CUDA');
    expect(installNeeds({ kind: 'python', python: 'py' })).toContain('C++ compiler');
  });

  describe('as published', () => {
    const path = process.env['PATH'];
    afterEach(() => {
      process.env['PATH'] = path;
    });

    /** An npm that writes down how it was called, and installs an empty package, or fails. */
    function fakeNpm(exitCode = 0): () => { readonly folder: string; readonly args: readonly string[] } {
      const bin = join(home, 'bin');
      mkdirSync(bin);
      const log = join(home, 'npm.log');
      writeFileSync(
        join(bin, 'npm'),
        `#!/bin/sh\n{ pwd; for word in "$@"; do echo "$word"; done; } > '${log}'\nmkdir -p node_modules/@tensorflow\necho 'no library for this GPU' >&2\nexit ${exitCode}\n`,
      );
      chmodSync(join(bin, 'npm'), 0o755);
      process.env['PATH'] = `${bin}:${path ?? ''}`;
      return () => {
        const [folder = '', ...args] = readFileSync(log, 'utf8').trim().split('\n');
        return { folder, args };
      };
    }

    it.each([
      [true, '@tensorflow/tfjs-node-gpu@4.22.0'],
      [false, '@tensorflow/tfjs-node@4.22.0'],
    ])('starts npm with install scripts, in a folder of its own (GPU: %s)', async (gpu, spec) => {
      const called = fakeNpm();
      const steps: string[] = [];
      const folder = join(home, 'tensorflow');
      const installed = await installTensorflow({
        source: { kind: 'published', gpu },
        folder,
        platform: 'linux-x64',
        onProgress: ({ message }) => steps.push(message ?? ''),
      });
      expect(installed).toBe(folder);
      // install scripts are what downloads libtensorflow, whatever the user's npm is set to.
      expect(called()).toEqual({
        folder: `${realpathSync(home)}/tensorflow.installing`,
        args: ['install', '--ignore-scripts=false', '--no-audit', '--no-fund', spec],
      });
      expect(existsSync(join(folder, 'node_modules', '@tensorflow'))).toBe(true);
      expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toMatchObject({ private: true });
      expect(steps).toEqual(['downloading the package and libtensorflow', 'installed']);
    });

    it("fails with npm's last words and leaves an earlier one", async () => {
      fakeNpm(1);
      const folder = earlier();
      await expect(
        installTensorflow({ source: { kind: 'published', gpu: true }, folder, platform: 'linux-x64' }),
      ).rejects.toThrow(/npm install.*tfjs-node-gpu.*exit code 1.*no library for this GPU/);
      expect(existsSync(join(folder, 'mark'))).toBe(true);
    });

    it('is refused where there is no GPU package, before anything is started', async () => {
      const called = fakeNpm();
      const install = installTensorflow({
        source: { kind: 'published', gpu: true },
        folder: join(home, 'tensorflow'),
        platform: 'darwin-arm64',
      });
      await expect(install).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining('darwin-arm64') as string,
      });
      expect(called).toThrow(/ENOENT/);
    });
  });

  it('without a Python, without TensorFlow in it, or with half of it says so and leaves what was there', async () => {
    const folder = earlier();
    const install = (python: string): Promise<string> =>
      installTensorflow({ source: { kind: 'python', python }, folder });
    await expect(install(join(home, 'none'))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('could not be started') as string,
    });
    await expect(install(fakePython(''))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('pip install tensorflow') as string,
    });
    await expect(install(fakePython(home))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('lacks') as string,
    });
    expect(existsSync(join(folder, 'mark'))).toBe(true);
    expect(existsSync(`${folder}.installing`)).toBe(false);
  });

  it('can be cancelled', async () => {
    const folder = earlier();
    const python = join(home, 'slow');
    writeFileSync(python, '#!/bin/sh\nsleep 30\n');
    chmodSync(python, 0o755);
    const controller = new AbortController();
    const installing = installTensorflow({ source: { kind: 'python', python }, folder, signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await expect(installing).rejects.toMatchObject({ code: 'cancelled' });
    expect(existsSync(join(folder, 'mark'))).toBe(true);
  });
});

describe.skipIf(process.platform === 'win32')('running a program', () => {
  it('gives its output and its lines', async () => {
    const lines: string[] = [];
    const output = await runProgram('sh', ['-c', 'echo one; echo two >&2'], {
      cwd: home,
      onLine: (line) => lines.push(line),
    });
    expect(output).toBe('one\n');
    expect(lines.toSorted()).toEqual(['one', 'two']);
  });

  it('that fails names it with its last words', async () => {
    await expect(runProgram('sh', ['-c', 'echo why >&2; exit 3'], { cwd: home })).rejects.toThrow(/exit code 3\): why/);
  });
});

describe('why TensorFlow computes on the CPU', () => {
  /** A wheel as pip unpacks it, with what it says of its build, and CUDA's packages beside it. */
  function wheel(info: string, packages: readonly string[] = []): string {
    const folder = join(home, 'site-packages', 'tensorflow');
    mkdirSync(join(folder, 'python', 'platform'), { recursive: true });
    writeFileSync(join(folder, 'python', 'platform', 'build_info.py'), info);
    for (const name of packages) {
      mkdirSync(join(home, 'site-packages', 'nvidia', name, 'lib'), { recursive: true });
      writeFileSync(join(home, 'site-packages', 'nvidia', name, 'lib', `lib${name}.so.12`), '');
    }
    return folder;
  }
  const CUDA = `build_info = collections.OrderedDict([('cuda_version', '12.5.1'), ('cudnn_version', '9'), ('is_cuda_build', True)])`;
  const ALL = ['cuda_runtime', 'cublas', 'cudnn', 'cufft', 'cusolver', 'cusparse'];

  it('names a build for the CPU, a driver, and the packages of CUDA that lack', () => {
    expect(lackingForGpu(wheel(`build_info = OrderedDict([("is_cuda_build", False)])`), 'NVIDIA driver 1')).toEqual([
      expect.stringContaining('built for the CPU alone: install tensorflow[and-cuda]'),
    ]);
    expect(lackingForGpu(wheel(CUDA, ['cublas', 'cufft', 'cusolver', 'cusparse']), null)).toEqual([
      'the kernel has no NVIDIA driver',
      expect.stringContaining('it wants CUDA 12.5.1 and cuDNN 9; beside it lack cuda_runtime, cudnn ('),
    ]);
    expect(lackingForGpu(wheel(CUDA, ALL), 'NVIDIA driver 580')).toEqual([]);
  });

  it.skipIf(!tensorflowPath)(`is read of a real wheel${tensorflowPath ? '' : ' (skipped: no TensorFlow)'}`, () => {
    const { folder } = locateTensorflow(tensorflowPath ?? '');
    const real = wheelOf(folder);
    expect(real).toMatch(/site-packages.tensorflow$/);
    expect(lackingForGpu(real ?? '', null)[0]).toMatch(/built for the CPU alone|no NVIDIA driver/);
  });
});

describe('locating', () => {
  const add = (folder: string, name: string, whole = true): string => {
    mkdirSync(join(folder, whole ? 'lib' : ''), { recursive: true });
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name, version: '4.22.0' }));
    return folder;
  };

  it('finds the package itself or in node_modules, the GPU build first', () => {
    const direct = add(join(home, 'direct'), '@tensorflow/tfjs-node');
    expect(locateTensorflow(direct)).toEqual({ folder: direct, name: '@tensorflow/tfjs-node', version: '4.22.0' });
    add(join(home, 'node_modules', '@tensorflow', 'tfjs-node'), '@tensorflow/tfjs-node');
    const gpu = add(join(home, 'node_modules', '@tensorflow', 'tfjs-node-gpu'), '@tensorflow/tfjs-node-gpu');
    expect(locateTensorflow(home).folder).toBe(gpu);
  });

  it('says what is wrong', () => {
    expect(() => locateTensorflow(undefined)).toThrow(EngineUnavailableError);
    expect(() => locateTensorflow(join(home, 'nothing'))).toThrow(/no @tensorflow/);
    const other = join(home, 'other');
    add(other, 'left-pad');
    expect(() => locateTensorflow(other)).toThrow(/no @tensorflow/);
    expect(() => locateTensorflow(add(join(home, 'half'), '@tensorflow/tfjs-node', false))).toThrow(/did not finish/);
  });
});
