/** onnxruntime-web's WASM build under Node: runs wherever there is no native library. */

import { computeThreads } from '../machine';
import { EngineUnavailableError, type EngineOptions } from './engine';
import type { OrtFlavour, OrtLibrary } from './onnxruntime';

export function wasmFlavour(options: EngineOptions): OrtFlavour {
  const threads = options.threads ?? computeThreads();
  return {
    id: 'onnxruntime-wasm',
    provider: 'wasm',
    sessionOptions: { graphOptimizationLevel: 'all', logSeverityLevel: 4 },
    load: () => loadWasm(threads),
    name: 'onnxruntime-web',
    describe: () => ({
      kind: 'cpu',
      device: `CPU in WebAssembly, ${threads} thread${threads === 1 ? '' : 's'}`,
    }),
  };
}

async function loadWasm(threads: number): Promise<OrtLibrary> {
  try {
    const library = await import('onnxruntime-web');
    library.env.wasm.numThreads = threads;
    library.env.logLevel = 'fatal';
    return library;
  } catch (error) {
    throw new EngineUnavailableError(
      `onnxruntime-web does not load: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
