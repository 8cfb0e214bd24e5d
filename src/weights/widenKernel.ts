/**
 * SIMD widening of 16-bit floats, two to three times as fast as the loop in widen.ts. The kernel (widen.wat) works inside
 * its own memory; buffers for reading are handed out from there, so that only results are copied.
 */

/** widen.wat, assembled. */
const BINARY =
  'AGFzbQEAAAABBwFgA39/fwADAwIAAAUFAQEBgAgHFwMGbWVtb3J5AgAEYmYxNgAAA2YxNgABCpYDAr8BAgF/AnsgACACaiED/QwAAAAAAAAAAAAAAAAAAAAAIQUCQANAIAAgA08NASAA/QAEACEEIAEgBCAF/Q0QEQABEBECAxARBAUQEQYH/QsEACABIAQgBf0NEBEICRARCgsQEQwNEBEOD/0LBBAgAP0ABBAhBCABIAQgBf0NEBEAARARAgMQEQQFEBEGB/0LBCAgASAEIAX9DRARCAkQEQoLEBEMDRARDg/9CwQwIABBIGohACABQcAAaiEBDAALCwvSAQIBfwN7IAAgAmohAwJAA0AgACADTw0BIAD9AAQAIgT9qQEhBSAFQf//Af0R/U4hBiABIAZBDf2rAUMAAIB3/RP95gEgBkH/9wH9Ef07QYCAgPwH/RH9Tv1QIAVBgIAC/RH9TkEQ/asB/VD9CwQAIAT9qgEhBSAFQf//Af0R/U4hBiABIAZBDf2rAUMAAIB3/RP95gEgBkH/9wH9Ef07QYCAgPwH/RH9Tv1QIAVBgIAC/RH9TkEQ/asB/VD9CwQQIABBEGohACABQSBqIQEMAAsLCw==';

const PAGE = 65_536;
/** Result of one call of the kernel; small enough to stay in the second-level cache until it is copied out. */
const SCRATCH_BYTES = 512 * 1024;
const SLOT_BYTES = 2 * 1024 * 1024;
const SLOTS = 4;

interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly bf16: (from: number, to: number, bytes: number) => void;
  readonly f16: (from: number, to: number, bytes: number) => void;
}

class Kernel {
  private readonly free: number[] = [];

  constructor(private readonly exports: KernelExports) {
    exports.memory.grow((SCRATCH_BYTES + SLOTS * SLOT_BYTES) / PAGE);
    for (let slot = 0; slot < SLOTS; slot++) this.free.push(SCRATCH_BYTES + slot * SLOT_BYTES);
  }

  /** A buffer of `bytes` in the kernel's memory; null when it is too long or all are in use. */
  acquire(bytes: number): Uint8Array<ArrayBuffer> | null {
    if (bytes > SLOT_BYTES) return null;
    const at = this.free.pop();
    return at === undefined ? null : new Uint8Array(this.exports.memory.buffer, at, bytes);
  }

  /** Takes a buffer back; others are ignored. */
  release(buffer: Uint8Array): void {
    if (buffer.buffer === this.exports.memory.buffer) this.free.push(buffer.byteOffset);
  }

  /** Widens a buffer of the kernel's memory into `target` from `at`; false when the buffer is another. */
  widen(dtype: 'BF16' | 'F16', source: Uint8Array<ArrayBuffer>, target: Float32Array<ArrayBuffer>, at: number): boolean {
    const { buffer } = this.exports.memory;
    if (source.buffer !== buffer || source.byteOffset % 16 !== 0) return false;
    const run = dtype === 'BF16' ? this.exports.bf16 : this.exports.f16;
    for (let done = 0; done < source.byteLength;) {
      const bytes = Math.min(SCRATCH_BYTES / 2, source.byteLength - done);
      // The kernel takes 32 bytes a step: what it computes behind the end of the source is not copied.
      run(source.byteOffset + done, 0, Math.ceil(bytes / 32) * 32);
      target.set(new Float32Array(buffer, 0, bytes / 2), at + done / 2);
      done += bytes;
    }
    return true;
  }
}

let kernel: Kernel | null | undefined;

/** The kernel; null where WebAssembly with SIMD is not to be had. */
export function widenKernel(): Kernel | null {
  if (kernel === undefined) {
    try {
      const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: WasmApi };
      const instance = new wasm.Instance(new wasm.Module(Buffer.from(BINARY, 'base64')));
      kernel = new Kernel(instance.exports);
    } catch {
      kernel = null;
    }
  }
  return kernel;
}

/** The part of WebAssembly that is used; Node's types leave it to the DOM's. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: KernelExports };
}
