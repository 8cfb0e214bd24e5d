// `npm run vsix [-- TARGET…]`: the packages to install, one a target, into vsix/. Without a name: the one for this machine.
//   linux-x64 linux-arm64 win32-x64 win32-arm64 darwin-arm64   with the native engine of that platform alone
//   darwin-x64 universal web                                    with WebAssembly: onnxruntime has no build for Intel Macs
//   all                                                         every one of them
//   --pre-release                                               for that channel of the galleries
import {
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { npm } from '../test/harness/npm.mjs';
import { installOnce } from '../test/harness/once.mjs';
import { throwAwayFolder } from '../test/harness/places.mjs';
import { run } from '../test/harness/processes.mjs';
import { noticesText } from './notices.mjs';
import { packWasm } from './packedWasm.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'vsix');
const VSCE = '4.1.0';
const ORT_WEB = join('node_modules', 'onnxruntime-web');

/** target of vsce -> folder of the native engine. The others compute in WebAssembly. */
const NATIVE = {
  'linux-x64': 'linux/x64',
  'linux-arm64': 'linux/arm64',
  'win32-x64': 'win32/x64',
  'win32-arm64': 'win32/arm64',
  'darwin-arm64': 'darwin/arm64',
};
const PORTABLE = ['darwin-x64', 'universal', 'web'];
export const TARGETS = [...Object.keys(NATIVE), ...PORTABLE];

/** The target of this machine. */
export function ownTarget() {
  const own = `${process.platform}-${process.arch}`;
  return TARGETS.includes(own) ? own : 'universal';
}

/** What is built and packed; node_modules is linked. */
const PARTS = [
  ...['src', 'webview', 'media', 'l10n', 'docs'],
  ...['esbuild.js', 'esbuild.host.js', 'esbuild.page.js', 'esbuild.web.js', 'tsconfig.json'],
  ...['package.json', 'package.nls.json', '.vscodeignore', 'README.md', 'CHANGELOG.md', 'LICENSE'],
];

/**
 * Builds for production in a copy of the checkout, whose own dist others may be using.
 * @param {string} folder  empty
 */
export async function buildCopy(folder) {
  for (const part of PARTS) cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
  await run(process.execPath, ['esbuild.js', '--production'], { cwd: folder, what: 'building for production' });
  const meta = JSON.parse(readFileSync(join(folder, 'dist', 'meta.json'), 'utf8'));
  writeFileSync(join(folder, 'THIRD-PARTY-NOTICES.txt'), noticesText(ROOT, meta));
}

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

async function vsce() {
  const folder = await installOnce(`vsce-${VSCE}`, `vsce ${VSCE}`, async (partial) => {
    await npm(['install', '--prefix', partial, `@vscode/vsce@${VSCE}`], { cwd: partial, what: 'installing vsce' });
  });
  return join(folder, 'node_modules', '@vscode', 'vsce', 'vsce');
}

/**
 * vsce asks npm for the packages that ship. Of linked ones npm wants what they are developed with, too, unless its own list of them is
 * newer than every folder, which any cache in node_modules ends.
 * @param {string} folder
 */
function copyPackages(folder) {
  const place = join(folder, 'node_modules');
  if (!lstatSync(place).isSymbolicLink()) return;
  rmSync(place);
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  for (const [path, { dev }] of Object.entries(packages)) {
    if (path === '' || dev || !existsSync(join(ROOT, path))) continue;
    cpSync(join(ROOT, path), join(folder, path), { recursive: true, mode: constants.COPYFILE_FICLONE });
  }
  packWasm(join(ROOT, ORT_WEB), join(folder, ORT_WEB));
}

/**
 * Packs one target of a copy that is built; returns the file.
 * @param {string} folder
 * @param {string} target
 * @param {{ out: string; preRelease?: boolean }} options
 */
export async function packVsix(folder, target, { out, preRelease = false }) {
  if (!TARGETS.includes(target)) throw new Error(`${target}: there is ${[...TARGETS, 'all'].join(', ')}`);
  mkdirSync(out, { recursive: true });
  copyPackages(folder);
  const manifestFile = join(folder, 'package.json');
  const { scripts, ...manifest } = JSON.parse(readFileSync(manifestFile, 'utf8'));
  const file = join(out, `${manifest.name}-${target}-${manifest.version}.vsix`);
  // It is built already, and nobody runs a script in an installed extension.
  writeFileSync(manifestFile, JSON.stringify(manifest, null, 2));
  writeFileSync(join(folder, '.vscodeignore'), ignoreFile(target));
  rmSync(file, { force: true });
  const args = [await vsce(), 'package', '--out', file, '--no-rewrite-relative-links'];
  if (target !== 'universal') args.push('--target', target);
  if (preRelease) args.push('--pre-release');
  if (manifest.repository === undefined) args.push('--allow-missing-repository');
  await run(process.execPath, args, { cwd: folder, what: `packing ${target}` });
  if (!existsSync(file)) throw new Error(`vsce left no ${file}`);
  return file;
}

async function main() {
  const { values, positionals } = parseArgs({
    options: { 'pre-release': { type: 'boolean' } },
    allowPositionals: true,
  });
  const targets = positionals.includes('all') ? TARGETS : positionals.length > 0 ? positionals : [ownTarget()];
  const folder = throwAwayFolder('vsix');
  await buildCopy(folder);
  for (const target of targets) {
    const file = await packVsix(folder, target, { out: OUT, preRelease: values['pre-release'] === true });
    console.log(`${file.slice(ROOT.length)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
