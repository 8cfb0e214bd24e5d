// The WebAssembly of onnxruntime as packages have it: packed by brotli, which makes a quarter less of it than zip.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const WASM = 'ort-wasm-simd-threaded.wasm';

/** Of a package of onnxruntime-web, from its folder: as src/compute/engines/onnxruntimeWasm.ts looks for it. */
export const PACKED_WASM = `dist/${WASM}.br`;

/**
 * Quality 9 takes a second and leaves 2.7 MB; 11 would take half a minute of every test run, for 0.4 MB less.
 * @param {string} from  the folder of onnxruntime-web
 * @param {string} to    of the package that has it packed
 */
export function packWasm(from, to) {
  const bytes = readFileSync(join(from, 'dist', WASM));
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT, BROTLI_MAX_WINDOW_BITS } = constants;
  const params = {
    [BROTLI_PARAM_QUALITY]: 9,
    [BROTLI_PARAM_LGWIN]: BROTLI_MAX_WINDOW_BITS,
    [BROTLI_PARAM_SIZE_HINT]: bytes.length,
  };
  writeFileSync(join(to, PACKED_WASM), brotliCompressSync(bytes, { params }));
}
