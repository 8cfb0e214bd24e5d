/** onnxruntime-web's WASM build under Node: runs wherever there is no native library. */

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { computeThreads } from '../machine';
import { EngineUnavailableError, type EngineOptions } from './engine';
import { hideFloat16Array } from './float16';
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

/** A package has it packed by brotli, at two thirds of what zip makes of it; null where it lies as the library brings it. */
function packedBinary(): Uint8Array | null {
  const library = createRequire(__filename).resolve('onnxruntime-web');
  const file = join(dirname(library), 'ort-wasm-simd-threaded.wasm.br');
  return existsSync(file) ? brotliDecompressSync(readFileSync(file)) : null;
}

async function loadWasm(threads: number): Promise<OrtLibrary> {
  try {
    hideFloat16Array();
    const library = await import('onnxruntime-web');
    library.env.wasm.numThreads = threads;
    const binary = packedBinary();
    if (binary) library.env.wasm.wasmBinary = binary;
    library.env.logLevel = 'fatal';
    return library;
  } catch (error) {
    throw new EngineUnavailableError(
      `onnxruntime-web does not load: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
