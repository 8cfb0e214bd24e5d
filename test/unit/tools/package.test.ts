/** The allowlist of the package: everything that runs is in it, and nothing of what only developers need. */

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { gzipSync } from 'node:zlib';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildCopy, ignoreFile, TARGETS } from '../../../scripts/vsix.mjs';

const ROOT = resolve(import.meta.dirname, '../../..');
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly main: string;
  readonly browser: string;
};

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

  beforeAll(async () => {
    // A copy: other tests and windows use the checkout's own dist.
    folder = mkdtempSync(join(tmpdir(), 'headlight-package-'));
    await buildCopy(folder);
    built = filesOf(folder, 'dist');
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

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
    return [...built, ...beside, ...filesOf(ROOT, 'media'), ...filesOf(ROOT, 'l10n')].filter((file) =>
      patterns.some((each) => each.test(file)),
    );
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
    ['linux-x64', 30],
    ['universal', 16],
  ])('is small: %s under %d MB', (target, most) => {
    const bytes = packedFor(target).reduce((sum, file) => {
      const from = file.startsWith('dist/') ? folder : ROOT;
      return sum + gzipSync(readFileSync(join(from, file))).length;
    }, 0);
    expect(bytes / 1e6).toBeLessThan(most);
    expect(bytes / 1e6).toBeGreaterThan(most / 3);
  });

  it('names the licence of everything that it has of others', () => {
    const notices = readFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), 'utf8');
    for (const name of ['lit', 'jsonc-parser', 'onnxruntime-node', '@huggingface/gguf', '@vscode-elements/elements'])
      expect(notices).toMatch(new RegExp(`\\n${name} \\d`));
    expect(notices).not.toContain('\nfast-check ');
  });
});
