// `npm run vsix [-- TARGET…]`: the packages to install, one a target, into vsix/. Without a name: the one for this machine.
//   linux-x64 linux-arm64 win32-x64 win32-arm64 darwin-arm64   with the native engine of that platform alone
//   darwin-x64 universal web                                    with WebAssembly: onnxruntime has no build for Intel Macs
//   all                                                         every one of them
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { noticesText } from './notices.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'vsix');

/** Targets with a native engine: the folder of its binaries. */
const NATIVE = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
  'darwin-arm64': 'darwin/arm64',
};
const PORTABLE = ['darwin-x64', 'universal', 'web'];
export const TARGETS = [...Object.keys(NATIVE), ...PORTABLE];

/**
 * What vsce packs for a target: the allowlist of the checkout, with the binaries of one platform or none.
 * @param {string} target
 */
export function ignoreFile(target) {
  const native = /** @type {Record<string, string>} */ (NATIVE)[target];
  const all = readFileSync(join(ROOT, '.vscodeignore'), 'utf8');
  const line = '!node_modules/onnxruntime-node/bin/**\n';
  if (!all.includes(line)) throw new Error(`.vscodeignore has no line ${line}`);
  return all.replace(line, native ? `!node_modules/onnxruntime-node/bin/napi-v6/${native}/**\n` : '');
}

/**
 * Packs one target; returns where it is.
 * @param {string} target
 * @param {string} [out]
 */
function packVsix(target, out = OUT) {
  if (!TARGETS.includes(target)) throw new Error(`${target}: there is ${[...TARGETS, 'all'].join(', ')}`);
  mkdirSync(out, { recursive: true });
  const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const file = join(out, `${name}-${target}-${version}.vsix`);
  const ignore = join(ROOT, '.vscodeignore.target');
  // What is in the bundles, their last build says.
  if (!existsSync(join(ROOT, 'dist', 'meta.json')))
    execFileSync(process.execPath, ['esbuild.js', '--production'], { cwd: ROOT });
  writeFileSync(ignore, ignoreFile(target));
  writeFileSync(
    join(ROOT, 'THIRD-PARTY-NOTICES.txt'),
    noticesText(ROOT, JSON.parse(readFileSync(join(ROOT, 'dist', 'meta.json'), 'utf8'))),
  );
  try {
    const args = ['--yes', '@vscode/vsce@4', 'package', '--out', file, '--ignoreFile', ignore];
    if (target !== 'universal') args.push('--target', target);
    args.push('--allow-missing-repository', '--no-rewrite-relative-links');
    execFileSync('npx', args, { cwd: ROOT, stdio: ['ignore', 'ignore', 'inherit'] });
  } finally {
    rmSync(ignore, { force: true });
  }
  return file;
}

function main() {
  const asked = process.argv.slice(2);
  const own = `${process.platform}-${process.arch}`;
  const targets = asked.includes('all') ? TARGETS : asked.length > 0 ? asked : [own in NATIVE ? own : 'universal'];
  for (const target of targets) {
    const file = packVsix(target);
    console.log(`${file.slice(ROOT.length)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
