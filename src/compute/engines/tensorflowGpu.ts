/** Why a TensorFlow computes on the CPU: what its build says of itself, and which libraries of CUDA lie where it looks. */

import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { nvidiaDriver } from '../drivers';

/** Packages of PyPI that `tensorflow[and-cuda]` brings and a session loads first, by their folders under site-packages/nvidia. */
const CUDA_PACKAGES = ['cuda_runtime', 'cublas', 'cudnn', 'cufft', 'cusolver', 'cusparse'] as const;

/** The wheel that a binding of ours was built against; null for npm's own package. */
export function wheelOf(packageFolder: string): string | null {
  for (const name of ['libtensorflow.so', 'libtensorflow.2.dylib']) {
    try {
      const folder = dirname(realpathSync(join(packageFolder, 'deps', 'lib', name)));
      if (existsSync(buildInfo(folder))) return folder;
    } catch {
      // Not there, or a link to what is gone.
    }
  }
  return null;
}

/**
 * Sentences for the user, the first cause first; empty where nothing is known to be missing.
 * @param folder The wheel's, site-packages/tensorflow.
 */
export function lackingForGpu(folder: string, driver: string | null = nvidiaDriver()): readonly string[] {
  const text = readText(buildInfo(folder));
  // `build_info` of the wheel, an ordered dictionary that is written when it is built.
  const value = (key: string): string | undefined =>
    new RegExp(`["']${key}["'][,:]\\s*["']?([^"'),]{1,40})`).exec(text)?.[1]?.trim();
  if (value('is_cuda_build') !== 'True')
    return [
      'this TensorFlow is built for the CPU alone: install tensorflow[and-cuda] with that pip, and the engine again',
    ];
  const lacking: string[] = [];
  if (driver === null) lacking.push('the kernel has no NVIDIA driver');
  const cuda = join(dirname(folder), 'nvidia');
  const absent = CUDA_PACKAGES.filter((name) => !hasLibrary(join(cuda, name, 'lib')));
  if (absent.length > 0) {
    const versions = `CUDA ${value('cuda_version') ?? '?'} and cuDNN ${value('cudnn_version') ?? '?'}`;
    lacking.push(
      `it wants ${versions}; beside it lack ${absent.join(', ')} (pip install "tensorflow[and-cuda]", or have them on the library path)`,
    );
  }
  return lacking;
}

function buildInfo(folder: string): string {
  return join(folder, 'python', 'platform', 'build_info.py');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').slice(0, 2 ** 16);
  } catch {
    return '';
  }
}

function hasLibrary(folder: string): boolean {
  try {
    return readdirSync(folder).some((name) => /\.so(\.\d+)*$/.test(name));
  } catch {
    return false;
  }
}
