/** Which libraries of GPUs this machine has, by loading them, and by what names those that are missing go. */

import { execFile, execFileSync, fork } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { nvidiaDriver, vulkanManifests } from '../../src/compute/drivers';

/** First argument of a process that loads a library; the second is its name. */
export const LOAD_ARGUMENT = 'load';

const LONGEST_MS = 30_000;

export interface LibraryReport {
  readonly library: string;
  readonly loads: boolean;
  /** The dynamic linker's own words. */
  readonly reason: string | null;
  /** What brings it, where it is missing. */
  readonly from: string;
}

/** What a process says of the library: null where it loads. `process.dlopen` is dlopen(3): only that it is no addon is no failure. */
export function loadHere(library: string): string | null {
  try {
    process.dlopen({ exports: {} } as NodeJS.Module, library);
    return null;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return /did not self-register/.test(message) ? null : message.slice(0, 300);
  }
}

/** In a process of its own: drivers run code when they are loaded. */
function loadApart(
  script: string,
  library: string,
  from: string,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<LibraryReport> {
  return new Promise((resolve) => {
    const child = fork(script, [LOAD_ARGUMENT, library], {
      env: environment,
      execArgv: [],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    const finish = (reason: string | null): void => {
      clearTimeout(timer);
      child.removeAllListeners();
      child.kill('SIGKILL');
      resolve({ library, loads: reason === null, reason, from });
    };
    const timer = setTimeout(() => finish(`loading it takes longer than ${LONGEST_MS / 1e3} s`), LONGEST_MS);
    child.on('message', (answer) => finish((answer as { readonly reason: string | null }).reason));
    child.on('error', (error) => finish(error.message));
    child.on('exit', (code, signal) => finish(`loading it ended the process (${signal ?? code ?? '?'})`));
  });
}

export interface Adapter {
  /** As the driver names it; null where it does not say. */
  readonly name: string | null;
  readonly driver: string | null;
  readonly memoryMiB: number | null;
}

/** Without any library of ours: nvidia-smi, or the kernel's own files. */
export async function adapters(): Promise<readonly Adapter[]> {
  const fields = '--query-gpu=name,driver_version,memory.total';
  const found = await promisify(execFile)('nvidia-smi', [fields, '--format=csv,noheader,nounits'], {
    timeout: 20_000,
  }).catch(() => null);
  if (found)
    return found.stdout
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [name = '', driver = '', memory = ''] = line.split(',').map((cell) => cell.trim());
        return { name, driver: `NVIDIA driver ${driver}`, memoryMiB: Number(memory) || null };
      });
  const folder = '/proc/driver/nvidia/gpus';
  const cards = existsSync(folder) ? readdirSync(folder) : [];
  return cards.map((card) => {
    const text = readFileSync(join(folder, card, 'information'), 'utf8');
    return { name: /Model:\s+(.+)/.exec(text)?.[1] ?? null, driver: nvidiaDriver(), memoryMiB: null };
  });
}

/** Ways to reach Vulkan, the usual one first: environments for the processes that compute. */
export interface VulkanWay {
  readonly what: string;
  readonly environment: Readonly<Record<string, string>>;
}

export interface VulkanFound {
  readonly libraries: readonly LibraryReport[];
  readonly ways: readonly VulkanWay[];
}

/** Where NVIDIA's container toolkit and some images put the driver's libraries. */
const DRIVER_LIBRARIES = ['/usr/local/nvidia/lib64', '/usr/local/nvidia/lib'];

/**
 * @param brought Folder of the pack with a Vulkan loader; null where it has none.
 * @param own A folder to write manifests into.
 */
export async function findVulkan(script: string, brought: string | null, own: string): Promise<VulkanFound> {
  const libraries: LibraryReport[] = [];
  const searched = [process.env['LD_LIBRARY_PATH'], ...DRIVER_LIBRARIES.filter((folder) => existsSync(folder))];
  const path = (more: readonly string[] = []): Record<string, string> => {
    const folders = [...searched, ...more].filter(Boolean).join(':');
    return folders === '' ? {} : { LD_LIBRARY_PATH: folders };
  };
  const load = async (library: string, from: string, more: readonly string[] = []): Promise<boolean> => {
    const report = await loadApart(script, library, from, { ...process.env, ...path(more) });
    libraries.push(report);
    return report.loads;
  };
  const LOADER = 'libvulkan.so.1';
  let extra: readonly string[] = [];
  if (!(await load(LOADER, 'Debian and Ubuntu: libvulkan1; Fedora: vulkan-loader')) && brought !== null) {
    extra = [brought];
    await load(join(brought, LOADER), 'this pack', extra);
  }
  const ways: VulkanWay[] = [];
  const manifests = vulkanManifests();
  for (const { file, library } of manifests)
    if (await load(library, 'the driver of the GPU', extra))
      ways.push({ what: `${library} by ${file}`, environment: { ...path(extra), ...only(file) } });
  // NVIDIA's libGLX wants X11, which a server lacks; the same driver answers through libEGL.
  for (const library of ['libGLX_nvidia.so.0', 'libEGL_nvidia.so.0']) {
    if (ways.some(({ what }) => what.startsWith(library))) continue;
    if (
      !(await load(
        library,
        "NVIDIA's driver, its graphics part (container: NVIDIA_DRIVER_CAPABILITIES=graphics)",
        extra,
      ))
    )
      continue;
    const file = join(own, `${library}.json`);
    writeFileSync(
      file,
      JSON.stringify({ file_format_version: '1.0.1', ICD: { library_path: library, api_version: '1.3.0' } }),
    );
    ways.push({ what: `${library} by a manifest of this check`, environment: { ...path(extra), ...only(file) } });
  }
  return { libraries, ways };
}

function only(file: string): Record<string, string> {
  return { VK_DRIVER_FILES: file, VK_ICD_FILENAMES: file };
}

/** What onnxruntime's CUDA provider needs beside it (`script/install-metadata.js` and `providers_cuda`'s own needs; 1.30, CUDA 12). */
const CUDA: readonly (readonly [library: string, from: string])[] = [
  ['libcuda.so.1', "NVIDIA's driver"],
  ['libcudart.so.12', 'CUDA 12: the package nvidia-cuda-runtime-cu12 of PyPI'],
  ['libcublas.so.12', 'CUDA 12: nvidia-cublas-cu12'],
  ['libcublasLt.so.12', 'CUDA 12: nvidia-cublas-cu12'],
  ['libcufft.so.11', 'CUDA 12: nvidia-cufft-cu12'],
  ['libcurand.so.10', 'CUDA 12: nvidia-curand-cu12'],
  ['libcudnn.so.9', 'cuDNN 9: nvidia-cudnn-cu12'],
];

/** @param folder Of onnxruntime's own libraries. */
export async function findCuda(script: string, folder: string, version: string): Promise<readonly LibraryReport[]> {
  const provider = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'].map((name) => {
    const file = join(folder, name);
    const from = `runtimes/linux-x64/native of the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux ${version}, put beside libonnxruntime.so.1`;
    return existsSync(file)
      ? { library: name, loads: true, reason: null, from }
      : { library: name, loads: false, reason: `${file}: no such file; it is larger than this pack may be`, from };
  });
  return [...provider, ...(await Promise.all(CUDA.map(([library, from]) => loadApart(script, library, from))))];
}

/** Interpreters that may have torch. */
export function pythons(): readonly string[] {
  const named = process.env['HEADLIGHT_PYTHON'];
  return [...(named ? [named] : []), 'python3', '/opt/torch/.venv/bin/python3', 'python'].filter((name) => {
    try {
      execFileSync(name, ['--version'], { stdio: 'ignore', timeout: 10_000 });
      return true;
    } catch {
      return false;
    }
  });
}
