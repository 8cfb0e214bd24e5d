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

/** Where the kernel gives a GPU to this machine, or to this container. */
export interface DeviceFiles {
  /** /dev/dri: what Mesa's drivers (AMD, Intel) open. */
  readonly dri: readonly string[];
  /** /dev/nvidia*: what NVIDIA's driver opens. */
  readonly nvidia: readonly string[];
}

export function deviceFiles(folder = '/dev'): DeviceFiles {
  const names = (path: string): readonly string[] => {
    try {
      return readdirSync(path).toSorted();
    } catch {
      return [];
    }
  };
  return {
    dri: names(join(folder, 'dri')).filter((name) => /^(card|renderD)\d+$/.test(name)),
    nvidia: names(folder).filter((name) => /^nvidia(ctl|-uvm|-modeset|\d+)$/.test(name)),
  };
}

/** Why WebGPU finds no driver, in words: of a whole machine, and of a container that was given a part of one. */
export function lackingVulkan(
  { ways }: VulkanFound,
  found: readonly Adapter[],
  { dri, nvidia }: DeviceFiles,
  capabilities = process.env['NVIDIA_DRIVER_CAPABILITIES'],
): readonly string[] {
  const words: string[] = [];
  if (ways.length > 0) return words;
  words.push('WebGPU: no Vulkan driver that loads');
  const isNvidia = found.length > 0 || nvidia.length > 0;
  if (isNvidia) {
    const driver = found[0]?.driver ?? nvidiaDriver() ?? "NVIDIA's driver";
    words.push(
      `WebGPU: ${driver} is here without its Vulkan part (libGLX_nvidia.so.0, and nvidia_icd.json that names it): in a container it comes with NVIDIA_DRIVER_CAPABILITIES=all or one that has "graphics"${
        capabilities === undefined ? ' (not set here)' : ` (here it is "${capabilities}")`
      }; on a machine, with the driver's full package and not its headless or compute-only one`,
    );
    if (nvidia.length === 0)
      words.push('WebGPU: no /dev/nvidia0 and /dev/nvidiactl: the container was not given the GPU (--gpus all)');
  } else if (dri.length === 0) {
    words.push(
      'WebGPU: no /dev/dri and no /dev/nvidia*: this machine has no GPU, or the container was not given it (--device /dev/dri, or --gpus all)',
    );
  }
  return words;
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

/** The CUDA that PyTorch's builds of 2026 bring; it has other names, and this provider asks for those of CUDA 12. */
const OTHER_CUDA = 'libcudart.so.13';

export interface CudaFound {
  readonly libraries: readonly LibraryReport[];
  readonly cuda13: boolean;
}

/** @param folder Of onnxruntime's own libraries. */
export async function findCuda(script: string, folder: string, version: string): Promise<CudaFound> {
  const provider = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'].map((name) => {
    const file = join(folder, name);
    const from = `runtimes/linux-x64/native of the NuGet package Microsoft.ML.OnnxRuntime.Gpu.Linux ${version}, put beside libonnxruntime.so.1`;
    return existsSync(file)
      ? { library: name, loads: true, reason: null, from }
      : { library: name, loads: false, reason: `${file}: no such file; it is larger than this pack may be`, from };
  });
  const [other, ...loaded] = await Promise.all([
    loadApart(script, OTHER_CUDA, 'CUDA 13'),
    ...CUDA.map(([library, from]) => loadApart(script, library, from)),
  ]);
  return { libraries: [...provider, ...loaded], cuda13: other.loads };
}

/** What lacks for onnxruntime's CUDA provider: first in a sentence, then library by library. */
export function lackingCuda({ libraries, cuda13 }: CudaFound, version: string): readonly string[] {
  const lacking = libraries.filter(({ loads }) => !loads);
  if (lacking.length === 0) return [];
  const cuda12 = cuda13 && lacking.some(({ library }) => library === 'libcudart.so.12');
  return [
    `CUDA: ${lacking.length} of ${libraries.length} libraries are missing, so it was not tried, and WebGPU is preferred where it works. The provider of onnxruntime ${version} comes from NuGet when the npm package is installed with its script, which needs a network, and is built for CUDA 12 and cuDNN 9${
      cuda12 ? '; CUDA 13 is here, whose libraries have other names' : ''
    }`,
    ...lacking.map(({ library, reason, from }) => `CUDA: ${library} (${from}): ${reason ?? ''}`),
  ];
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
