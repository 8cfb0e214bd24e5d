/**
 * SIMD widening of small floats. The kernel (widen.wat) works inside one WebAssembly memory. Buffers for reading are handed
 * out from there, and large weights are given a memory of their own (`weightBuffer`), in which the result needs no copy.
 */

import type { StoredDtype } from './storedDtype';

/** widen.wat, assembled. */
const BINARY =
  'AGFzbQEAAAABBwFgA39/fwADBQQAAAAABQMBAAEHJQUGbWVtb3J5AgAEYmYxNgAAA2YxNgABBGU0bTMAAgRlNW0yAAMKxQgEewIBfwF7IAAgAmohAwJAA0AgACADTw0BIAD9AAQAIQQgASAE/akBQRD9qwH9CwQAIAEgBP2qAUEQ/asB/QsEECAA/QAEECEEIAEgBP2pAUEQ/asB/QsEICABIAT9qgFBEP2rAf0LBDAgAEEgaiEAIAFBwABqIQEMAAsLC9QBAgF/A3sgACACaiEDAkADQCAAIANPDQEgAP0ABAAhBCAE/akBIQUgBUH//wH9Ef1OIQYgASAGQQ39qwFDAACAd/0T/eYBIAZB//cB/RH9O0GAgID8B/0R/U79UCAFQYCAAv0R/U5BEP2rAf1Q/QsEACAE/aoBIQUgBUH//wH9Ef1OIQYgASAGQQ39qwFDAACAd/0T/eYBIAZB//cB/RH9O0GAgID8B/0R/U79UCAFQYCAAv0R/U5BEP2rAf1Q/QsEECAAQRBqIQAgAUEgaiEBDAALCwv3AgIBfwN7IAAgAmohAwJAA0AgACADTw0BIAD9AAQAIQQgBP2JAf2pASEFIAVB/wD9Ef1OIQYgASAGQRT9qwFDAACAe/0T/eYBIAZB/gD9Ef07QYCAgP4H/RH9Tv1QIAVBgAH9Ef1OQRj9qwH9UP0LBAAgBP2JAf2qASEFIAVB/wD9Ef1OIQYgASAGQRT9qwFDAACAe/0T/eYBIAZB/gD9Ef07QYCAgP4H/RH9Tv1QIAVBgAH9Ef1OQRj9qwH9UP0LBBAgBP2KAf2pASEFIAVB/wD9Ef1OIQYgASAGQRT9qwFDAACAe/0T/eYBIAZB/gD9Ef07QYCAgP4H/RH9Tv1QIAVBgAH9Ef1OQRj9qwH9UP0LBCAgBP2KAf2qASEFIAVB/wD9Ef1OIQYgASAGQRT9qwFDAACAe/0T/eYBIAZB/gD9Ef07QYCAgP4H/RH9Tv1QIAVBgAH9Ef1OQRj9qwH9UP0LBDAgAEEQaiEAIAFBwABqIQEMAAsLC/cCAgF/A3sgACACaiEDAkADQCAAIANPDQEgAP0ABAAhBCAE/YkB/akBIQUgBUH/AP0R/U4hBiABIAZBFf2rAUMAAIB3/RP95gEgBkH7AP0R/TtBgICA/Af9Ef1O/VAgBUGAAf0R/U5BGP2rAf1Q/QsEACAE/YkB/aoBIQUgBUH/AP0R/U4hBiABIAZBFf2rAUMAAIB3/RP95gEgBkH7AP0R/TtBgICA/Af9Ef1O/VAgBUGAAf0R/U5BGP2rAf1Q/QsEECAE/YoB/akBIQUgBUH/AP0R/U4hBiABIAZBFf2rAUMAAIB3/RP95gEgBkH7AP0R/TtBgICA/Af9Ef1O/VAgBUGAAf0R/U5BGP2rAf1Q/QsEICAE/YoB/aoBIQUgBUH/AP0R/U4hBiABIAZBFf2rAUMAAIB3/RP95gEgBkH7AP0R/TtBgICA/Af9Ef1O/VAgBUGAAf0R/U5BGP2rAf1Q/QsEMCAAQRBqIQAgAUHAAGohAQwACwsL';

const PAGE = 65_536;
/** Result of one call of the kernel where the target is elsewhere. Copies below half a megabyte are slow on some processors. */
const SCRATCH_BYTES = 512 * 1024;
const SLOT_BYTES = 2 * 1024 * 1024;
/** Elements below which a buffer is not worth a memory of its own. */
const LEAST_ELEMENTS = 256 * 1024;
/** Bytes of a WebAssembly memory. */
const MOST_BYTES = 65_536 * PAGE;
/** Bytes that the functions take in a step, at most. */
const STEP = 32;

type Run = (from: number, to: number, bytes: number) => void;
interface KernelExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
  readonly bf16: Run;
  readonly f16: Run;
  readonly e4m3: Run;
  readonly e5m2: Run;
}

const RUNS = {
  BF16: ['bf16', 2],
  F16: ['f16', 2],
  F8_E4M3: ['e4m3', 1],
  F8_E5M2: ['e5m2', 1],
} as const satisfies Partial<Record<StoredDtype, readonly [keyof KernelExports, bytes: number]>>;
export type KernelDtype = keyof typeof RUNS;

export class Kernel {
  private readonly free: number[] = [];

  /** Its memory: `[0, slotsAt)` for results, then `slots` buffers for reading. */
  constructor(
    private readonly exports: KernelExports,
    slotsAt: number,
    slots: number,
    private readonly slotBytes = SLOT_BYTES,
  ) {
    // The memory has one page from the start.
    exports.memory.grow((slotsAt + slots * slotBytes) / PAGE - 1);
    for (let slot = 0; slot < slots; slot++) this.free.push(slotsAt + slot * slotBytes);
  }

  get buffer(): ArrayBuffer {
    return this.exports.memory.buffer;
  }

  /** A buffer of `bytes` in the kernel's memory; null when it is too long or all are in use. */
  acquire(bytes: number): Uint8Array<ArrayBuffer> | null {
    if (bytes > this.slotBytes) return null;
    const at = this.free.pop();
    return at === undefined ? null : new Uint8Array(this.buffer, at, bytes);
  }

  /** Takes a buffer back; others are ignored. */
  release(buffer: Uint8Array): void {
    if (buffer.buffer === this.buffer) this.free.push(buffer.byteOffset);
  }

  /**
   * Widens elements in a buffer of the kernel's memory into `target` from `at`, whole steps of the kernel only.
   * @returns How many elements that were: 0 when the buffer is another, else all but the last few.
   */
  widen(dtype: KernelDtype, source: Uint8Array<ArrayBuffer>, target: Float32Array<ArrayBuffer>, at: number): number {
    const { buffer } = this;
    if (source.buffer !== buffer || source.byteOffset % 16 !== 0) return 0;
    const [name, elementBytes] = RUNS[dtype];
    const run = this.exports[name];
    const whole = Math.floor(source.byteLength / STEP) * STEP;
    if (target.buffer === buffer) {
      run(source.byteOffset, target.byteOffset + at * 4, whole);
      return whole / elementBytes;
    }
    const most = (SCRATCH_BYTES / 4) * elementBytes;
    for (let done = 0; done < whole; done += most) {
      const bytes = Math.min(most, whole - done);
      run(source.byteOffset + done, 0, bytes);
      target.set(new Float32Array(buffer, 0, bytes / elementBytes), at + done / elementBytes);
    }
    return whole / elementBytes;
  }
}

/** Kernels of memories that hold weights. */
const owners = new WeakMap<ArrayBuffer, Kernel>();
let general: Kernel | null | undefined;
let compiled: object | undefined;

/** The kernel in whose memory `target` lies, else one for all; null where WebAssembly with SIMD is not to be had. */
export function widenKernel(target?: Float32Array<ArrayBuffer>): Kernel | null {
  const owner = target && owners.get(target.buffer);
  if (owner !== undefined) return owner;
  if (general === undefined) general = instantiate(SCRATCH_BYTES, 4);
  return general;
}

/** `count` zeros for weights to be read into: where they are large, in a memory that the kernel writes to directly. */
export function weightBuffer(count: number): Float32Array<ArrayBuffer> {
  const bytes = Math.ceil((count * 4) / PAGE) * PAGE;
  const slots = 3;
  const kernel = count < LEAST_ELEMENTS || bytes + slots * SLOT_BYTES > MOST_BYTES ? null : instantiate(bytes, slots);
  if (kernel === null) return new Float32Array(count);
  owners.set(kernel.buffer, kernel);
  return new Float32Array(kernel.buffer, 0, count);
}

function instantiate(resultBytes: number, slots: number): Kernel | null {
  try {
    const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: WasmApi };
    compiled ??= new wasm.Module(Buffer.from(BINARY, 'base64'));
    return new Kernel(new wasm.Instance(compiled).exports, resultBytes, slots);
  } catch {
    return null;
  }
}

/** The part of WebAssembly that is used; Node's types leave it to the DOM's. */
interface WasmApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: KernelExports };
}
