/**
 * The pack that checks a GPU (`npm run gpu:pack`): small enough, and whole: it runs from an empty folder, here on a software adapter, and on
 * machines that lack this or that.
 */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import * as v from 'valibot';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GpuReport, gpuReport, gpuReportOfNothing, reportKeys } from '../gpu/reportSchema';
import { swiftshader } from './compute/support/peers';
import { depthNote, thorough } from './depth';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
/** Node as nodejs.org builds it is one file of this size; a distribution's needs libraries of its own, and npm has the other. */
const WHOLE_NODE_BYTES = 60e6;
/** What a machine may be sent at once holds 64 MiB: the pack and the checkout, with room for what comes. */
const MOST_WITH_CHECKOUT = 60 * 2 ** 20;

const supported = process.platform === 'linux' && process.arch === 'x64';
const skipped = !supported ? ' (skipped: Linux on x64 only)' : '';
const noAdapter = swiftshader ? '' : ' (skipped: no SwiftShader; install the package chromium)';

it('has every key of its JSON described in docs/gpu-check.md', () => {
  const page = readFileSync(join(ROOT, 'docs/gpu-check.md'), 'utf8');
  const lacking = reportKeys().filter((key) => {
    const [first, name] = [key.split('.')[0] ?? '', key.split('.').at(-1) ?? ''];
    const row = page.split('\n').filter((line) => line.startsWith('|') && line.includes(`\`${first}`));
    return !row.some((line) => line.includes(`\`${name}`));
  });
  expect(lacking).toEqual([]);
  expect(reportKeys()).toContain('grid.float32.failures.label');
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly folder: string;
}

describe.skipIf(!supported)(`the pack for GPUs${skipped}`, () => {
  let home: string;
  let pack: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'headlight-pack-test-'));
    pack = join(home, 'pack');
    // Later ones are larger than what a pack may take when it is packed in haste.
    const whole = process.versions.node.startsWith('20.') && statSync(process.execPath).size > WHOLE_NODE_BYTES;
    const own = whole ? ['--node', process.execPath] : [];
    await run(process.execPath, [join(ROOT, 'scripts/gpuPack.mjs'), '--fast', '--out', pack, ...own]);
  }, 240_000);
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  const start = (
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): { readonly child: ChildProcess; readonly folder: string; readonly ended: Promise<Ended> } => {
    const folder = mkdtempSync(join(home, 'empty-'));
    const driver: Record<string, string> = swiftshader ? { VK_DRIVER_FILES: swiftshader['VK_DRIVER_FILES'] ?? '' } : {};
    const child = spawn('/bin/sh', [join(pack, 'gpu-check.sh'), ...args], {
      cwd: folder,
      // As on another machine: no variable of this one, and nothing beside it.
      env: { PATH: '/usr/bin:/bin', TMPDIR: folder, ...driver, ...environment },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    const ended = new Promise<Ended>((done) => child.on('close', (code) => done({ code: code ?? -1, stdout, folder })));
    return { child, folder, ended };
  };

  /** What it prints is what it writes, in the form that is described, and nothing stays behind. */
  const checked = async (ended: Promise<Ended>): Promise<GpuReport & { readonly code: number }> => {
    const { code, stdout, folder } = await ended;
    const printed: unknown = JSON.parse(stdout);
    expect(printed).toEqual(JSON.parse(readFileSync(join(folder, 'gpu-check.json'), 'utf8')));
    expect(readdirSync(folder)).toEqual(['gpu-check.json']);
    return { ...v.parse(gpuReport, printed), code };
  };
  const check = (args: readonly string[], environment?: Readonly<Record<string, string>>) =>
    checked(start(['--small', ...args], environment).ended);

  /** A folder with these programs alone, of this machine or of ours. */
  const programs = (names: readonly string[], own: Readonly<Record<string, string>> = {}): string => {
    const bin = mkdtempSync(join(home, 'bin-'));
    for (const name of names) {
      const file = ['/usr/bin', '/bin'].map((folder) => join(folder, name)).find((each) => existsSync(each));
      if (file) symlinkSync(file, join(bin, name));
    }
    for (const [name, text] of Object.entries(own)) {
      writeFileSync(join(bin, name), text);
      chmodSync(join(bin, name), 0o755);
    }
    return bin;
  };
  /** Of packages that no Debian and no Ubuntu is without ("Essential: yes"): coreutils, tar, gzip, and dpkg's own where it is named. */
  const ESSENTIAL = ['dirname', 'date', 'mktemp', 'rm', 'chmod', 'tar', 'gzip', 'cat', 'wc', 'tr', 'uname', 'sh'];

  it('leaves room in what a machine is sent, also packed in haste', async () => {
    const bytes = readdirSync(pack).reduce((sum, name) => sum + statSync(join(pack, name)).size, 0);
    expect(bytes).toBeGreaterThan(20 * 2 ** 20);
    for (const name of ['gpu-check.sh', 'README.txt', 'LICENSES.txt']) expect(existsSync(join(pack, name))).toBe(true);
    const { stdout } = await run('git', ['ls-files', '-z'], { cwd: ROOT, maxBuffer: 2 ** 24 });
    const files = stdout.split('\0').filter((name) => name !== '' && existsSync(join(ROOT, name)));
    const checkout = files.reduce((sum, name) => sum + statSync(join(ROOT, name)).size, 0);
    expect(files.length).toBeGreaterThan(1000);
    expect((bytes + checkout) / 2 ** 20).toBeLessThanOrEqual(MOST_WITH_CHECKOUT / 2 ** 20);
  });

  it.skipIf(!swiftshader)(
    `runs the small grid and the small bench on a software adapter, and says what is missing for others${noAdapter}`,
    async () => {
      // A Python without torch is none to compare with.
      const result = await check(['--only', 'grid,bench', '--seconds', '280'], {
        PATH: `${programs([], { python3: '#!/bin/sh\nexit 1\n' })}:/usr/bin:/bin`,
      });
      expect(result.pytorch).toMatch(/^no Python with torch and numpy/);
      expect(result.notes.filter((note) => /^stopped|^time ran out|given up/.test(note))).toEqual([]);
      expect(result).toMatchObject({ complete: true, code: 0, engine: { id: 'onnxruntime-webgpu' } });
      expect(result.vulkan, result.notes.join('\n')).toMatch(/swiftshader/);
      expect(result.providers).toMatchObject([
        { engine: 'onnxruntime-cpu', available: true },
        { engine: 'onnxruntime-webgpu', available: true, kind: 'software-gpu' },
      ]);
      const [grid] = result.grid;
      expect(grid).toMatchObject({ engine: 'onnxruntime-webgpu', float32: { right: 4, wrong: 0, notRun: 0 } });
      expect(grid?.float32.largestError).toBeLessThan(1e-5);
      // SwiftShader has no float16, and that is said; one that has it would have to be right.
      expect(grid?.float16.notOffered === null ? grid.float16.right : grid?.float16.notOffered).toBeTruthy();
      const ours = result.bench.filter(({ engine }) => engine === 'onnxruntime-webgpu');
      expect(ours.map(({ variant }) => variant)).toEqual(['mha float32', 'mla-absorbed float32', 'gqa float32']);
      expect(ours.at(-1)?.case).toBe('decode-32768-window-4096');
      for (const { relativeError, movedBytes, cacheBytes } of ours) {
        expect(relativeError).toBeLessThan(1e-5);
        // What goes to and fro in a step is a token's, not the cache's.
        expect(movedBytes).toBeGreaterThan(0);
        expect(movedBytes).toBeLessThan(cacheBytes / 2);
      }
      // By name, and where it is to be had: the largest part of CUDA is no part of the pack.
      expect(result.missing.join('\n')).toMatch(
        new RegExp(
          `CUDA: libonnxruntime_providers_cuda\\.so .*Microsoft\\.ML\\.OnnxRuntime\\.Gpu\\.Linux ${result.onnxruntime}`,
        ),
      );
    },
    300_000,
  );

  it.skipIf(!swiftshader || !thorough)(
    `goes on after a layer that ends its process${noAdapter}${depthNote}`,
    async () => {
      const result = await check(['--only', 'grid', '--seconds', '200'], { HEADLIGHT_CHECK_FAULT: 'exit 1' });
      expect(result.code).toBe(1);
      expect(result.complete).toBe(true);
      const { float32 } = result.grid[0] ?? {};
      expect(float32).toMatchObject({ right: 3, wrong: 1, notRun: 0 });
      expect(float32?.failures).toMatchObject([{ error: null, reason: 'its process ended (SIGSEGV)' }]);
    },
    240_000,
  );

  it('prints and writes what it has when it is ended, and leaves a file when it is killed', async () => {
    const { child, folder, ended } = start(['--small', '--no-pytorch']);
    const file = join(folder, 'gpu-check.json');
    await expect.poll(() => existsSync(file), { timeout: 60_000 }).toBe(true);
    child.kill('SIGTERM');
    const result = await checked(ended);
    expect(result).toMatchObject({ complete: false, code: 143 });
    expect(result.notes.at(-1)).toMatch(/^ended by SIGTERM/);
    // Its last word before a kill that nobody can answer is a whole file: it is moved into its place.
    expect(readFileSync(join(ROOT, 'test/gpu/check.ts'), 'utf8')).toMatch(/renameSync\(`\$\{out\}\.partial`, out\)/);
  }, 120_000);

  it('ends with its time, and prints what it can’t write, unpacked by dpkg alone into the second folder', async () => {
    // A bare Debian or Ubuntu: no xz, no Python.
    const { code, stdout } = await start(['--small', '--seconds', '1', '--out', '/proc/self/none/result.json'], {
      PATH: programs([...ESSENTIAL, 'dpkg-deb']),
      TMPDIR: '/proc/none',
    }).ended;
    expect(code).toBe(3);
    const { complete, notes } = v.parse(gpuReport, JSON.parse(stdout));
    expect(complete).toBe(false);
    expect(notes[0]).toMatch(/^the file is not written: E/);
    expect(notes.at(-1)).toMatch(/^time ran out after 1 s/);
  }, 120_000);

  it('says in its JSON what lacks where it can’t be unpacked, and where', async () => {
    const { code, stdout, folder } = await start(['--out', 'none.json'], { PATH: programs(ESSENTIAL) }).ended;
    expect(code).toBe(2);
    const printed: unknown = JSON.parse(stdout);
    expect(v.parse(gpuReportOfNothing, printed).notes[0]).toMatch(
      /cannot be unpacked into .* by xz, by a Python 3 with lzma, or by dpkg-deb/,
    );
    expect(printed).toEqual(JSON.parse(readFileSync(join(folder, 'none.json'), 'utf8')));
    expect(readdirSync(folder)).toEqual(['none.json']);
  }, 60_000);

  it('names what an H200 in a container without graphics lacks, and CUDA 13 that this provider can’t use', async () => {
    const smi = '#!/bin/sh\necho "NVIDIA H200, 580.159.04, 143771"\n';
    // As NVIDIA's container toolkit leaves it with "compute,utility": a manifest of Vulkan may be there, the library is not.
    const manifest = join(home, 'nvidia_icd.json');
    writeFileSync(manifest, JSON.stringify({ ICD: { library_path: 'libGLX_nvidia.so.0', api_version: '1.4.0' } }));
    const libraries = join(home, 'libraries');
    mkdirSync(libraries, { recursive: true });
    const library = ['/lib/x86_64-linux-gnu/libm.so.6', '/usr/lib64/libm.so.6'].find((file) => existsSync(file)) ?? '';
    for (const name of ['libcudart.so.13', 'libcuda.so.1'])
      if (!existsSync(join(libraries, name))) symlinkSync(library, join(libraries, name));
    writeFileSync(join(libraries, 'libcudnn.so.9'), 'no library');
    const result = await check(['--seconds', '120'], {
      PATH: `${programs([], { 'nvidia-smi': smi })}:/usr/bin:/bin`,
      VK_DRIVER_FILES: manifest,
      LD_LIBRARY_PATH: libraries,
      NVIDIA_DRIVER_CAPABILITIES: 'compute,utility',
    });
    expect(result).toMatchObject({
      complete: true,
      code: 3,
      engine: null,
      vulkan: null,
      grid: [],
      adapters: [{ name: 'NVIDIA H200', driver: 'NVIDIA driver 580.159.04', memoryMiB: 143771 }],
    });
    const missing = result.missing.join('\n');
    expect(missing).toMatch(
      /WebGPU: NVIDIA driver 580\.159\.04 is here without its Vulkan part .*here it is "compute,utility"/,
    );
    expect(missing).toMatch(/CUDA: 8 of 9 libraries are missing.*CUDA 13 is here, whose libraries have other names/);
    expect(missing).toMatch(/CUDA: libcudnn\.so\.9 .*(invalid ELF header|file too short)/);
    expect(missing).not.toContain('CUDA: libcuda.so.1 ');
    expect(result.notes).toContain('no GPU provider works here: nothing was computed on one');
  }, 150_000);
});
