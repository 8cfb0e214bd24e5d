/** The allowlist of the package: everything that runs is in it, and nothing of what only developers need. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, cpSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../../..');
/** What the build reads. */
const SOURCES = [
  'src',
  'webview',
  'esbuild.js',
  'esbuild.host.js',
  'esbuild.page.js',
  'esbuild.web.js',
  'package.json',
  'tsconfig.json',
];
const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly main: string;
  readonly browser: string;
};

/** One line of the allowlist: `*` stays within a folder, `**` goes into all of them. */
function pattern(line: string): RegExp {
  const escaped = line.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('**', '\0').replaceAll('*', '[^/]*').replaceAll('\0', '.*')}$`);
}

describe('the package', () => {
  const lines = readFileSync(join(ROOT, '.vscodeignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  const allowed = lines.filter((line) => line.startsWith('!')).map((line) => pattern(line.slice(1)));
  let folder: string;
  let built: readonly string[];

  beforeAll(() => {
    // A copy: other tests and windows use the checkout's own dist.
    folder = mkdtempSync(join(tmpdir(), 'headlight-package-'));
    for (const name of SOURCES) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
    execFileSync(process.execPath, ['esbuild.js', '--production'], { cwd: folder });
    built = readdirSync(join(folder, 'dist'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .replaceAll('\\', '/'),
      );
  }, 60_000);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('has what the manifest names, and every other file that runs', () => {
    const packed = built.filter((file) => allowed.some((each) => each.test(file)));
    for (const file of [MANIFEST.main, MANIFEST.browser]) expect(packed).toContain(file.replace('./', ''));
    expect(built.filter((file) => !packed.includes(file)).sort()).toEqual(['dist/cli.js', 'dist/meta.json']);
  });

  it('ignores everything that is not named', () => {
    expect(lines[0]).toBe('**');
    expect(lines.slice(1).filter((line) => !line.startsWith('!'))).toEqual([]);
    for (const file of ['src/extension.ts', 'dist/host/core.js.map', 'dist/meta.json', 'test/unit/support.ts'])
      expect(allowed.filter((each) => each.test(file))).toEqual([]);
  });
});
