// `npm run cli:pack`: the command line as an npm package, into vsix/: the program, and beside it what it computes and draws with, so that it
// has no dependencies and installs without a build. The native engine is an optional peer: `npm install headlight-attention onnxruntime-node`.
import { cpSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { npm } from '../test/harness/npm.mjs';
import { throwAwayFolder } from '../test/harness/places.mjs';
import { packWasm } from './packedWasm.mjs';
import { buildCopy } from './vsix.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OUT = join(ROOT, 'vsix');

/** The name `headlight` is another program's; the command is called so all the same. */
const NAME = 'headlight-attention';

/** Of each package, the files that the program reads. */
const BESIDE = {
  'onnxruntime-web': ['dist/ort.node.min.js', 'dist/ort.node.min.mjs', 'dist/ort-wasm-simd-threaded.mjs'],
  'onnxruntime-common': ['dist/cjs', 'dist/esm'],
  '@resvg/resvg-wasm': ['index_bg.wasm'],
  'dejavu-fonts-ttf': ['LICENSE', 'ttf/DejaVuSans.ttf', 'ttf/DejaVuSans-Bold.ttf'],
};

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/**
 * @param {string} from
 * @param {string} to
 */
function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true, filter: (path) => !/\.(?:map|d\.ts)$/.test(path) });
}

/**
 * Makes the folder of the package from a copy that is built.
 * @param {string} built
 * @param {string} folder
 */
export function cliPackage(built, folder) {
  const { version, license, keywords, engines, repository, bugs, homepage } = readJson(join(ROOT, 'package.json'));
  for (const file of ['dist/cli.js', 'dist/compute.js', 'dist/package.json', 'THIRD-PARTY-NOTICES.txt', 'LICENSE'])
    copy(join(built, file), join(folder, file));
  for (const name of readdirSync(join(built, 'dist', 'cli')).filter((each) => each.endsWith('.js')))
    copy(join(built, 'dist', 'cli', name), join(folder, 'dist', 'cli', name));
  for (const [name, files] of Object.entries(BESIDE)) {
    const [from, to] = [join(ROOT, 'node_modules', name), join(folder, 'node_modules', name)];
    for (const file of files) copy(join(from, file), join(to, file));
    // Without dependencies: they are of other files.
    const { dependencies: _, scripts: _scripts, ...manifest } = readJson(join(from, 'package.json'));
    writeFileSync(join(to, 'package.json'), JSON.stringify(manifest, null, 2));
    if (name === 'onnxruntime-web') packWasm(from, to);
  }
  copy(join(ROOT, 'scripts', 'cliReadme.md'), join(folder, 'README.md'));
  const peer = readJson(join(ROOT, 'package.json')).dependencies['onnxruntime-node'];
  const manifest = {
    name: NAME,
    version,
    description: 'What attention heads cost: exact KV-cache numbers of LLM configs, on the command line.',
    license,
    keywords,
    engines: { node: engines.node },
    bin: { headlight: 'dist/cli.js' },
    ...(repository && { repository }),
    ...(bugs && { bugs }),
    ...(homepage && { homepage }),
    files: ['dist', 'THIRD-PARTY-NOTICES.txt'],
    dependencies: Object.fromEntries(
      Object.keys(BESIDE).map((name) => [name, readJson(join(folder, 'node_modules', name, 'package.json')).version]),
    ),
    bundleDependencies: Object.keys(BESIDE),
    peerDependencies: { 'onnxruntime-node': peer },
    peerDependenciesMeta: { 'onnxruntime-node': { optional: true } },
  };
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * The package as a file.
 * @param {string} built
 * @param {string} out
 */
export async function packCli(built, out) {
  const folder = join(throwAwayFolder('cli'), NAME);
  cliPackage(built, folder);
  mkdirSync(out, { recursive: true });
  await npm(['pack', '--pack-destination', out], { cwd: folder, what: 'packing the command line' });
  const { version } = readJson(join(folder, 'package.json'));
  return join(out, `${NAME}-${version}.tgz`);
}

async function main() {
  const built = throwAwayFolder('cli-build');
  await buildCopy(built);
  const file = await packCli(built, OUT);
  console.log(`${file.slice(ROOT.length)}  ${(statSync(file).size / 1e6).toFixed(1)} MB`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
