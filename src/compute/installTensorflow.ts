/**
 * Installs @tensorflow/tfjs-node(-gpu) 4.22.0 into a folder of ours, on the user's explicit command. Two ways:
 * - `published`: npm's package with its install script, which downloads libtensorflow 2.9.1 (GPU: CUDA 11.2);
 * - `python`: the same package without that download, its binding built against the TensorFlow of the user's Python:
 *   today's TensorFlow, and today's CUDA where the wheel has it.
 */

import { existsSync } from 'node:fs';
import { mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { CancelSignal } from '../shared/platform';
import type { Progress } from '../shared/rpc';
import { RpcError } from '../shared/rpcError';
import { lackingForGpu } from './engines/tensorflowGpu';
import { runProgram } from './runProgram';

const TFJS_NODE_VERSION = '4.22.0';

export type TensorflowSource =
  | { readonly kind: 'published'; readonly gpu: boolean }
  /** `python`: the interpreter whose site-packages have tensorflow. */
  | { readonly kind: 'python'; readonly python: string };

export interface InstallOptions {
  readonly source: TensorflowSource;
  /** What it ends up in: extension storage. Replaced only when the installation succeeded. */
  readonly folder: string;
  /** Default: this one, as `linux-x64`. */
  readonly platform?: string;
  readonly signal?: CancelSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onLine?: (line: string) => void;
}

/** The commands that will run, for the user to see before, or to run without us. */
export function installCommands(source: TensorflowSource): readonly string[] {
  if (source.kind === 'published') return [`npm install ${packageSpec(source)}`];
  return [
    `${source.python} -c "import tensorflow"`,
    `npm install --ignore-scripts ${packageSpec(source)}`,
    'node-pre-gyp install --build-from-source  # against the TensorFlow of that Python',
  ];
}

/** What must be there before, in a sentence for the user. */
export function installNeeds(source: TensorflowSource): string {
  if (source.kind === 'python') return 'Needs a Python with TensorFlow, npm, make and a C++ compiler (Linux, macOS).';
  const download = 'npm; its install script downloads libtensorflow 2.9.1';
  if (!source.gpu) return `Needs ${download}.`;
  return `Needs ${download}. To run: Linux or Windows on x64, an NVIDIA GPU, and the libraries of CUDA 11.2 and cuDNN 8.1 on the library path; without them TensorFlow computes on the CPU, and Headlight says so.`;
}

/** Platforms that npm's GPU package has a library for. */
const GPU_PLATFORMS: readonly string[] = ['linux-x64', 'win32-x64'];

function packageName(source: TensorflowSource): string {
  return source.kind === 'published' && source.gpu ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
}

function packageSpec(source: TensorflowSource): string {
  return `${packageName(source)}@${TFJS_NODE_VERSION}`;
}

/** Resolves with the folder to give to the tensorflow engine. Cancelled or failed, it leaves an earlier one as it was. */
export async function installTensorflow(options: InstallOptions): Promise<string> {
  const { source, folder } = options;
  const work = `${folder}.installing`;
  const platform = options.platform ?? `${process.platform}-${process.arch}`;
  if (source.kind === 'published' && source.gpu && !GPU_PLATFORMS.includes(platform)) {
    throw new RpcError(
      'unavailable',
      `${packageName(source)} is available for ${GPU_PLATFORMS.join(' and ')}; this machine is ${platform}`,
    );
  }
  const step = (message: string, fraction: number): void => options.onProgress?.({ message, fraction });
  const run = (
    command: string,
    args: readonly string[],
    cwd: string,
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> =>
    runProgram(command, args, {
      cwd,
      env,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onLine ? { onLine: options.onLine } : {}),
    });
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  try {
    await writeFile(join(work, 'package.json'), JSON.stringify({ name: 'headlight-tensorflow', private: true }));
    if (source.kind === 'published') {
      step('downloading the package and libtensorflow', 0.1);
      await run('npm', ['install', '--ignore-scripts=false', '--no-audit', '--no-fund', packageSpec(source)], work);
    } else {
      step('looking for TensorFlow in Python', 0.05);
      const site = await tensorflowOf(source.python, work, run);
      await assertCompiler(work, run);
      for (const lacking of lackingForGpu(site.folder)) options.onLine?.(`for a GPU: ${lacking}`);
      step('downloading the package', 0.1);
      await run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', packageSpec(source)], work);
      step('building the binding', 0.5);
      await buildBinding(work, site, run);
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(dirname(folder), { recursive: true });
    await rename(work, folder);
    step('installed', 1);
    return folder;
  } catch (error) {
    await rm(work, { recursive: true, force: true });
    throw error;
  }
}

type Run = (
  command: string,
  args: readonly string[],
  cwd: string,
  env?: Readonly<Record<string, string>>,
) => Promise<string>;

interface TensorflowSite {
  readonly folder: string;
  readonly cc: string;
  readonly framework: string;
}

/** The wheel's folder and the two libraries in it, without importing it: an import takes seconds and may print. */
async function tensorflowOf(python: string, cwd: string, run: Run): Promise<TensorflowSite> {
  const find =
    'import importlib.util as u; s = u.find_spec("tensorflow"); print(list(s.submodule_search_locations)[0] if s else "")';
  const folder = (await run(python, ['-c', find], cwd)).trim();
  if (folder === '')
    throw new RpcError(
      'unavailable',
      `${python} has no TensorFlow: install it there first ("${python} -m pip install tensorflow")`,
    );
  const suffix = process.platform === 'darwin' ? '.2.dylib' : '.so.2';
  const library = (name: string): string => join(folder, `lib${name}${suffix}`);
  const site = { folder, cc: library('tensorflow_cc'), framework: library('tensorflow_framework') };
  for (const file of [site.cc, site.framework, join(folder, 'include', 'tensorflow', 'c', 'c_api.h')]) {
    if (!existsSync(file)) throw new RpcError('unavailable', `the TensorFlow of ${python} lacks ${file}`);
  }
  return site;
}

/**
 * The package's own build, with `deps` pointing at the wheel. The binding gets the wheel's folder as its run path: the
 * libraries are found without an environment variable, and they find CUDA's wheels relative to where they really are.
 */
async function buildBinding(work: string, site: TensorflowSite, run: Run): Promise<void> {
  if (process.platform === 'win32')
    throw new RpcError('unavailable', 'building against Python’s TensorFlow works on Linux and macOS only');
  const home = join(work, 'node_modules', '@tensorflow', 'tfjs-node');
  const libraries = join(home, 'deps', 'lib');
  await mkdir(libraries, { recursive: true });
  await symlink(join(site.folder, 'include'), join(home, 'deps', 'include'));
  if (process.platform === 'darwin') {
    await symlink(site.cc, join(libraries, 'libtensorflow.2.dylib'));
    await symlink(site.framework, join(libraries, 'libtensorflow_framework.2.dylib'));
  } else {
    // Names for the linker only; at run time the libraries go by their own names in the wheel.
    await symlink(site.cc, join(libraries, 'libtensorflow.so'));
    await symlink(site.framework, join(libraries, 'libtensorflow_framework.so'));
  }
  const headers = await nodeHeaders(work, run);
  await run('npm', ['exec', '--offline', '--', 'node-pre-gyp', 'install', '--build-from-source'], home, {
    LDFLAGS: `-Wl,-rpath,${site.folder}`,
    ...(headers ? { npm_config_nodedir: headers } : {}),
  });
}

/** What node-gyp would fail without, in the middle of a long log. */
async function assertCompiler(cwd: string, run: Run): Promise<void> {
  const lacking: string[] = [];
  for (const program of ['make', 'c++'])
    await run(program, ['--version'], cwd).catch(() => {
      lacking.push(program);
    });
  if (lacking.length > 0)
    throw new RpcError(
      'unavailable',
      `to build the binding there is no ${lacking.join(' and no ')} (Debian and Ubuntu: apt install build-essential)`,
    );
}

/** Where `include/node` of npm's Node is; null: node-gyp downloads the headers. */
async function nodeHeaders(cwd: string, run: Run): Promise<string | null> {
  const node =
    (await run('npm', ['exec', '--offline', '--', 'node', '-p', 'process.execPath'], cwd)).trim().split('\n').at(-1) ??
    '';
  const prefix = dirname(dirname(node));
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? prefix : null;
}
