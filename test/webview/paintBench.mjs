// How soon the panel's page paints its first numbers, beside an earlier revision of it: both in turn, in the same headless Chromium.
//   node test/webview/paintBench.mjs --base REVISION [--rounds 30] [--latency 0]
// The base is unpacked into a temporary folder and builds its page with its own esbuild.js. --latency: milliseconds that each file
// takes to arrive, as in a remote window.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../harness/places.mjs';
import { findChromium } from '../harness/systemPackages.mjs';
import { withModule } from './bundled.mjs';

const { values } = parseArgs({
  options: {
    base: { type: 'string' },
    rounds: { type: 'string', default: '30' },
    latency: { type: 'string', default: '0' },
  },
});
if (!values.base) throw new Error('--base REVISION: what to compare with');
const executablePath = findChromium();
if (!executablePath) throw new Error('No Chromium: set HEADLIGHT_CHROMIUM');

/** @param {string} folder */
const compile = (folder) =>
  execFileSync(process.execPath, ['esbuild.js', '--production', '--only=webview'], { cwd: folder, stdio: 'inherit' });

const folder = mkdtempSync(join(tmpdir(), 'headlight-base-'));
const base = join(folder, 'checkout');
try {
  mkdirSync(base);
  const archive = join(folder, 'base.tar');
  execFileSync('git', ['archive', '--output', archive, values.base], { cwd: ROOT });
  execFileSync('tar', ['-xf', archive, '-C', base]);
  symlinkSync(join(ROOT, 'node_modules'), join(base, 'node_modules'), 'junction');
  execFileSync(process.execPath, ['esbuild.js', '--production', '--only=webview'], { cwd: base, stdio: 'inherit' });
  await withModule('paintMain.ts', ({ compare }) =>
    compare({
      root: ROOT,
      executablePath,
      builds: { [values.base ?? '']: join(base, 'dist', 'webview') },
      rounds: Number(values.rounds),
      latencyMs: Number(values.latency),
    }),
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
