/** The pack that checks a GPU (`npm run gpu:pack`): small enough, and whole: it runs from an empty folder, here on a software adapter. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { swiftshader } from './compute/support/peers';

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, '../..');
/** Node as nodejs.org builds it is one file of this size; a distribution's needs libraries of its own, and npm has the other. */
const WHOLE_NODE_BYTES = 60e6;

interface Checked {
  readonly complete: boolean;
  readonly onnxruntime: string;
  readonly vulkan: string | null;
  readonly libraries: readonly { readonly library: string; readonly loads: boolean; readonly from: string }[];
  readonly providers: readonly { readonly engine: string; readonly available: boolean; readonly kind: string }[];
  readonly missing: readonly string[];
  readonly grid: readonly {
    readonly engine: string;
    readonly float32: { readonly right: number; readonly wrong: number; readonly largestError: number };
    readonly float16: { readonly right: number; readonly wrong: number; readonly notOffered: string | null };
  }[];
  readonly bench: readonly {
    readonly engine: string;
    readonly variant: string;
    readonly relativeError: number;
    readonly movedBytes: number | null;
    readonly cacheBytes: number;
  }[];
  readonly notes: readonly string[];
}

const supported = process.platform === 'linux' && process.arch === 'x64';
const skipped = !supported ? ' (skipped: Linux on x64 only)' : '';

describe.skipIf(!supported)(`the pack for GPUs${skipped}`, () => {
  let home: string;
  let pack: string;
  beforeAll(async () => {
    home = mkdtempSync(join(tmpdir(), 'headlight-pack-test-'));
    pack = join(home, 'pack');
    const own = statSync(process.execPath).size > WHOLE_NODE_BYTES ? ['--node', process.execPath] : [];
    await run(process.execPath, [join(ROOT, 'scripts/gpuPack.mjs'), '--fast', '--out', pack, ...own]);
  }, 120_000);
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  /** As on another machine: no variable of this one, and nothing beside it. */
  const check = async (...args: readonly string[]): Promise<Checked> => {
    const folder = mkdtempSync(join(home, 'empty-'));
    const env = {
      PATH: '/usr/bin:/bin',
      TMPDIR: folder,
      ...(swiftshader ? { VK_DRIVER_FILES: swiftshader['VK_DRIVER_FILES'] ?? '' } : {}),
    };
    const out = join(folder, 'result.json');
    // Exit code 1 is its word on wrong numbers: the report says which.
    const { stdout } = await run('sh', [join(pack, 'gpu-check.sh'), '--small', '--out', out, ...args], {
      cwd: folder,
      env,
      maxBuffer: 2 ** 24,
    });
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync(out, 'utf8')));
    expect(readdirSync(folder)).toEqual(['result.json']);
    return JSON.parse(stdout) as Checked;
  };

  it('takes at most 60 MiB, also packed in haste', () => {
    const bytes = readdirSync(pack).reduce((sum, name) => sum + statSync(join(pack, name)).size, 0);
    expect(bytes).toBeLessThanOrEqual(60 * 2 ** 20);
    expect(bytes).toBeGreaterThan(20 * 2 ** 20);
    for (const name of ['gpu-check.sh', 'README.txt', 'LICENSES.txt']) expect(existsSync(join(pack, name))).toBe(true);
  });

  it.skipIf(!swiftshader)(
    `runs the small grid and the small bench on a software adapter, and says what is missing for others${swiftshader ? '' : ' (skipped: no SwiftShader; install the package chromium)'}`,
    async () => {
      const result = await check('--only', 'grid,bench', '--no-pytorch', '--seconds', '280');
      expect(result.notes.filter((note) => note.startsWith('stopped') || note.startsWith('time ran out'))).toEqual([]);
      expect(result.complete).toBe(true);
      expect(result.vulkan, result.notes.join('\n')).toMatch(/swiftshader/);
      expect(result.providers).toMatchObject([
        { engine: 'onnxruntime-cpu', available: true },
        { engine: 'onnxruntime-webgpu', available: true, kind: 'software-gpu' },
      ]);
      const [grid] = result.grid;
      expect(grid).toMatchObject({ engine: 'onnxruntime-webgpu', float32: { right: 4, wrong: 0 } });
      expect(grid?.float32.largestError).toBeLessThan(1e-5);
      // SwiftShader has no float16, and that is said; one that has it would have to be right.
      expect(grid?.float16.notOffered === null ? grid.float16.right : grid?.float16.notOffered).toBeTruthy();
      const ours = result.bench.filter(({ engine }) => engine === 'onnxruntime-webgpu');
      expect(ours.map(({ variant }) => variant)).toEqual(['gqa float32', 'mha float32', 'mla-absorbed float32']);
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

  it('ends with its time, with what it has', async () => {
    const result = await check('--seconds', '1');
    expect(result.complete).toBe(false);
    expect(result.notes.at(-1)).toMatch(/^time ran out after 1 s/);
  }, 60_000);
});
