/** The allowlist of the package: everything that runs is in it, and nothing of what only developers need. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { measured } from '../../budgets/measured';
import { packCli } from '../../../scripts/cliPack.mjs';
import { PACKED_WASM, packWasm } from '../../../scripts/packedWasm.mjs';
import { buildCopy, ignoreFile, TARGETS } from '../../../scripts/vsix.mjs';
import { elementAt } from '../../../src/model/elementAt';
import { ensureNodeRuntime } from '../../harness/nodeRuntime.mjs';
import { npm } from '../../harness/npm.mjs';
import { thorough } from '../depth';

const ROOT = resolve(import.meta.dirname, '../../..');
const SAMPLE = join(ROOT, 'media/sample-configs/llama-3-8b');
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly version: string;
  readonly main: string;
  readonly browser: string;
};

const PACKED = `node_modules/onnxruntime-web/${PACKED_WASM}`;

/** One line of the allowlist: `*` stays within a folder, `**` goes into all of them. */
function pattern(line: string): RegExp {
  const escaped = line.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('**', '\0').replaceAll('*', '[^/]*').replaceAll('\0', '.*')}$`);
}

const linesOf = (ignoreFile: string): string[] =>
  ignoreFile.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
const allowedBy = (lines: readonly string[]): RegExp[] =>
  lines.filter((line) => line.startsWith('!')).map((line) => pattern(line.slice(1)));

function filesOf(folder: string, within: string): string[] {
  return readdirSync(join(folder, within), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
}

describe('the package', () => {
  const lines = linesOf(readFileSync(join(ROOT, '.vscodeignore'), 'utf8'));
  const allowed = allowedBy(lines);
  let folder: string;
  let built: readonly string[];
  /** What packages have besides what lies in the checkout. */
  let wasm: string;

  beforeAll(async () => {
    // A copy: other tests and windows use the checkout's own dist.
    folder = mkdtempSync(join(tmpdir(), 'headlight-package-'));
    await buildCopy(folder);
    built = filesOf(folder, 'dist');
    wasm = mkdtempSync(join(tmpdir(), 'headlight-wasm-'));
    mkdirSync(join(wasm, 'node_modules/onnxruntime-web/dist'), { recursive: true });
    packWasm(join(ROOT, 'node_modules/onnxruntime-web'), join(wasm, 'node_modules/onnxruntime-web'));
  }, 60_000);
  afterAll(() => {
    for (const each of [folder, wasm]) rmSync(each, { recursive: true, force: true });
  });

  it('has what the manifest names, and every other file that runs', () => {
    const packed = built.filter((file) => allowed.some((each) => each.test(file)));
    for (const file of [MANIFEST.main, MANIFEST.browser]) expect(packed).toContain(file.replace('./', ''));
    expect(built.filter((file) => !packed.includes(file)).sort()).toEqual(['dist/meta.json', 'dist/package.json']);
  });

  it('ignores everything that is not named', () => {
    expect(lines[0]).toBe('**');
    expect(lines.slice(1).filter((line) => !line.startsWith('!'))).toEqual([]);
    for (const file of ['src/extension.ts', 'dist/host/core.js.map', 'dist/meta.json', 'test/unit/support.ts'])
      expect(allowed.filter((each) => each.test(file))).toEqual([]);
  });

  const beside = ['onnxruntime-node', 'onnxruntime-web', 'onnxruntime-common'].flatMap((name) =>
    filesOf(ROOT, `node_modules/${name}`),
  );
  const packedFor = (target: string): string[] => {
    const patterns = allowedBy(linesOf(ignoreFile(target)));
    const files = [...built, ...beside, PACKED, ...filesOf(ROOT, 'media'), ...filesOf(ROOT, 'l10n')];
    return files.filter((file) => patterns.some((each) => each.test(file)));
  };

  it('has the native engine of its platform alone, or none', () => {
    const platforms = TARGETS.map((target) => {
      const binaries = packedFor(target).filter((file) => file.includes('/bin/'));
      return [target, [...new Set(binaries.map((file) => file.split('/').slice(4, 6).join('/')))]];
    });
    expect(Object.fromEntries(platforms)).toEqual({
      'linux-x64': ['linux/x64'],
      'linux-arm64': ['linux/arm64'],
      'win32-x64': ['win32/x64'],
      'win32-arm64': ['win32/arm64'],
      'darwin-arm64': ['darwin/arm64'],
      'darwin-x64': [],
      universal: [],
      web: [],
    });
  });

  /** Of all files compressed one by one, as a package compresses them. */
  it.each([
    ['linux-x64', 28],
    ['universal', 16],
  ])('is small: %s under %d MB', (target, most) => {
    const bytes = packedFor(target).reduce((sum, file) => {
      const from = file.startsWith('dist/') ? folder : file === PACKED ? wasm : ROOT;
      return sum + gzipSync(readFileSync(join(from, file))).length;
    }, 0);
    measured({ [target === 'universal' ? 'packageUniversal' : 'packageLinux']: bytes / 1e6 });
    expect(bytes / 1e6).toBeLessThan(most);
    expect(bytes / 1e6).toBeGreaterThan(most / 3);
  });

  /** What each process reads before it does anything. KB. */
  it.each([
    ['dist/host/core.js', 'bundleHost', 150],
    ['dist/web/extension.js', 'bundleWeb', 340],
  ] as const)('has small bundles: %s', (file, id, most) => {
    const bytes = gzipSync(readFileSync(join(folder, file))).length;
    measured({ [id]: bytes / 1000 });
    expect(bytes / 1000).toBeLessThan(most);
    expect(bytes / 1000).toBeGreaterThan(most / 3);
  });

  it('has the WebAssembly packed, and nothing that no program reads of the tensor libraries', () => {
    const packed = packedFor('linux-x64').filter((file) => file.startsWith('node_modules/'));
    expect(packed).toContain(PACKED);
    expect(packed.filter((file) => /\.(?:map|ts|wasm)$/.test(file))).toEqual([]);
  });

  it('names the licence of everything that it has of others', () => {
    const notices = readFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['lit', 'jsonc-parser', 'onnxruntime-node', '@huggingface/gguf', '@vscode-elements/elements'])
      expect(notices).toMatch(new RegExp(`\\n${name} \\d`));
    expect(notices).not.toContain('\nfast-check ');
  });

  describe('the command line as an npm package', () => {
    let home: string;
    let cli: string;
    const environment = (): NodeJS.ProcessEnv => ({ ...process.env, HEADLIGHT_CACHE: join(home, 'cache') });
    const asked = (node: string, ...args: string[]): string =>
      execFileSync(node, [cli, ...args], { encoding: 'utf8', cwd: home, env: environment() });

    beforeAll(async () => {
      const file = await packCli(folder, join(folder, 'packed'));
      home = mkdtempSync(join(tmpdir(), 'headlight-cli-package-'));
      writeFileSync(join(home, 'package.json'), '{"private": true}');
      // It needs nothing else: neither a registry nor a compiler.
      await npm(['install', '--offline', file], { cwd: home, what: 'installing the command line' });
      cli = join(home, 'node_modules', '.bin', 'headlight');
    }, 120_000);
    afterAll(() => rmSync(home, { recursive: true, force: true }));

    it('brings what it needs, and nothing of the editor', () => {
      expect(readdirSync(join(home, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual([
        'headlight-attention',
      ]);
      const own = filesOf(join(home, 'node_modules', 'headlight-attention'), '.').filter(
        (file) => !file.startsWith('node_modules/'),
      );
      expect(own.filter((file) => !/^dist\/(?:cli\/.*|cli|compute)\.js$/.test(file)).sort()).toEqual([
        'LICENSE',
        'README.md',
        'THIRD-PARTY-NOTICES.txt',
        'dist/package.json',
        'package.json',
      ]);
    });

    it.each(thorough ? [20, 22, 24] : [Number(process.versions.node.split('.')[0])])(
      'runs on Node %i: numbers, heads, a picture; the second time as the first',
      async (major) => {
        const { node } = await ensureNodeRuntime(major);
        expect(execFileSync(node, ['--version'], { encoding: 'utf8' })).toMatch(new RegExp(`^v${major}\\.`));
        expect(asked(node, '--version').trim()).toBe(MANIFEST.version);
        // Loads every command, compiled for the first time.
        const completion = spawnSync(node, [cli, 'completion', 'bash'], {
          encoding: 'utf8',
          cwd: home,
          env: environment(),
        });
        expect([completion.stderr, completion.stdout.includes('headlight')]).toEqual(['', true]);
        const estimate = asked(node, 'estimate', SAMPLE, '--json');
        expect((JSON.parse(estimate) as { bytesPerToken: number }).bytesPerToken).toBe(131_072);
        const kept = (): string[] =>
          filesOf(join(home, 'cache', 'code'), '.').filter((file) =>
            file.includes(execFileSync(node, ['-p', 'process.versions.node'], { encoding: 'utf8' }).trim()),
          );
        expect(kept().some((file) => file.includes('core.js'))).toBe(true);
        expect(asked(node, 'estimate', SAMPLE, '--json')).toBe(estimate);
        // Damaged, it is compiled again.
        for (const file of kept()) writeFileSync(join(home, 'cache', 'code', file), 'no code');
        expect(asked(node, 'estimate', SAMPLE, '--json')).toBe(estimate);
        const heads = asked(node, 'heads', join(ROOT, 'media/samples/gqa'), '--layer', '0', '--ids', '1,2,3', '--json');
        expect((JSON.parse(heads) as { device: string }).device).toContain('WebAssembly');
        asked(node, 'draw', SAMPLE, '--out', 'figure.png');
        expect(readFileSync(join(home, 'figure.png')).subarray(1, 4).toString()).toBe('PNG');
      },
      180_000,
    );

    it('starts in at most 1.6 times what an empty Node takes (processor time, median of pairs)', () => {
      const hook = join(home, 'hook.cjs');
      writeFileSync(
        hook,
        `process.on('exit', () => { const { user, system } = process.cpuUsage(); require('fs').writeSync(2, '\\nµs ' + (user + system)); });`,
      );
      const microseconds = (...args: string[]): number => {
        const { stderr } = spawnSync(process.execPath, ['--require', hook, ...args], {
          encoding: 'utf8',
          env: environment(),
        });
        return Number(/µs (\d+)$/.exec(stderr)?.[1]);
      };
      const run = (): number => microseconds(cli, 'estimate', SAMPLE);
      // The first keeps what it compiled.
      run();
      const ratios = Array.from({ length: 11 }, () => run() / microseconds('-e', '0')).sort((a, b) => a - b);
      const median = elementAt(ratios, 5);
      console.log(`headlight estimate takes ${median.toFixed(2)} times an empty Node ${process.versions.node}`);
      // Since Node 22, an empty one takes a third of what Node 20 does here; the command takes what it took.
      measured({ cliStart: median });
      expect(median).toBeLessThan(Number(process.versions.node.split('.')[0]) < 22 ? 1.6 : 2.8);
    });
  });
});
