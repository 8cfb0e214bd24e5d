/** onnxruntime-node: the native library, one engine per execution provider that this platform can have. */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { EngineId } from '../../shared/engineIds';
import { computeThreads } from '../machine';
import { EngineUnavailableError, type EngineOptions } from './engine';
import { hideFloat16Array } from './float16';
import type { OrtFlavour, OrtLibrary } from './onnxruntime';
import { vulkanDevice } from './vulkanDrivers';

/** Providers in the published package, by platform; CUDA works where the user has put its libraries beside it. */
const PROVIDERS: Readonly<Record<string, readonly string[]>> = {
  'linux-x64': ['cpu', 'webgpu', 'cuda'],
  'linux-arm64': ['cpu'],
  'win32-x64': ['cpu', 'webgpu', 'dml'],
  'win32-arm64': ['cpu', 'webgpu', 'dml'],
  'darwin-arm64': ['cpu', 'webgpu', 'coreml'],
};

export function nativeProviders(platform: string, arch: string): readonly string[] {
  return PROVIDERS[`${platform}-${arch}`] ?? [];
}

/** Whether the package is beside this program, with the binary of this machine: packages for all platforms come without. */
export function nativeInstalled(): boolean {
  try {
    const manifest = createRequire(__filename).resolve('onnxruntime-node/package.json');
    return existsSync(join(dirname(manifest), 'bin', 'napi-v6', process.platform, process.arch));
  } catch {
    return false;
  }
}

const DEVICE_NAMES: Readonly<Record<string, string>> = {
  webgpu: 'WebGPU',
  dml: 'DirectML',
  coreml: 'CoreML',
  cuda: 'CUDA',
};

export function nativeFlavour(provider: string, options: EngineOptions): OrtFlavour {
  const threads = options.threads ?? computeThreads();
  return {
    id: `onnxruntime-${provider}` as EngineId,
    provider,
    sessionOptions: {
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      ...(options.profile === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profile }),
    },
    load: loadNative,
    name: 'onnxruntime-node',
    describe: () => {
      if (provider === 'cpu') return { kind: 'cpu', device: `CPU, ${threads} thread${threads === 1 ? '' : 's'}` };
      const driver = provider === 'webgpu' ? vulkanDevice() : null;
      const name = DEVICE_NAMES[provider] ?? provider;
      return {
        kind: driver?.software ? 'software-gpu' : 'gpu',
        device: driver ? `${name} (${driver.name})` : name,
      };
    },
  };
}

/**
 * onnxruntime 1.30's builds for Linux and macOS report usage to a server of their maker and keep a device id in the user's
 * cache folder, unless this variable is set when the library loads. Nothing leaves the machine here.
 */
const NO_TELEMETRY = 'ORT_DISABLE_TELEMETRY';

async function loadNative(): Promise<OrtLibrary> {
  process.env[NO_TELEMETRY] = '1';
  try {
    hideFloat16Array();
    const library = await import('onnxruntime-node');
    library.env.logLevel = 'fatal';
    return library;
  } catch (error) {
    throw new EngineUnavailableError(
      `onnxruntime-node does not load: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
