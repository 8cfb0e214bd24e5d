/** Widening of stored elements to float32. */

import { ELEMENT_BYTES, type StoredDtype } from './storedDtype';
import { widenKernel } from './widenKernel';

/**
 * Value of a small float: sign, `exponentBits`, `mantissaBits`; IEEE subnormals.
 * `finite`: the top exponent holds numbers, and only all ones is NaN (E4M3 as in `float8_e4m3fn`).
 */
function smallFloat(bits: number, exponentBits: number, mantissaBits: number, finite: boolean): number {
  const sign = bits >>> (exponentBits + mantissaBits) === 0 ? 1 : -1;
  const exponent = (bits >>> mantissaBits) & ((1 << exponentBits) - 1);
  const mantissa = bits & ((1 << mantissaBits) - 1);
  const bias = (1 << (exponentBits - 1)) - 1;
  if (exponent === (1 << exponentBits) - 1) {
    if (!finite) return mantissa === 0 ? sign * Infinity : NaN;
    if (mantissa === (1 << mantissaBits) - 1) return NaN;
  }
  if (exponent === 0) return sign * mantissa * 2 ** (1 - bias - mantissaBits);
  return sign * (1 + mantissa / (1 << mantissaBits)) * 2 ** (exponent - bias);
}

function table(size: number, exponentBits: number, mantissaBits: number, finite: boolean): Float32Array {
  return Float32Array.from({ length: size }, (_, bits) => smallFloat(bits, exponentBits, mantissaBits, finite));
}

const tables = new Map<string, Float32Array>();
function cachedTable(name: string, make: () => Float32Array): Float32Array {
  let made = tables.get(name);
  if (made === undefined) tables.set(name, (made = make()));
  return made;
}

/** float16 bits → value, for all 65,536 of them. */
export function halfTable(): Float32Array {
  return cachedTable('F16', () => table(65536, 5, 10, false));
}

function byteTable(dtype: 'F8_E4M3' | 'F8_E5M2'): Float32Array {
  return dtype === 'F8_E4M3'
    ? cachedTable(dtype, () => table(256, 4, 3, true))
    : cachedTable(dtype, () => table(256, 5, 2, false));
}

function lookUp(source: Uint8Array | Uint16Array, values: Float32Array, target: Float32Array, at: number): void {
  for (let i = 0; i < source.length; i++) target[at + i] = values[source[i] as number] as number;
}

/** bfloat16 is the upper half of a float32. Two elements a step, as one 32-bit word, where the target is even. */
function widenBrain(source: Uint8Array<ArrayBuffer>, target: Float32Array<ArrayBuffer>, at: number): void {
  const count = source.byteLength >>> 1;
  const bits = new Uint32Array(target.buffer, target.byteOffset + at * 4, count);
  const pairs = source.byteOffset % 4 === 0 ? count >>> 1 : 0;
  const words = new Uint32Array(source.buffer, pairs === 0 ? 0 : source.byteOffset, pairs);
  for (let i = 0, j = 0; i < pairs; i++, j += 2) {
    const word = words[i] as number;
    bits[j] = word << 16;
    bits[j + 1] = word & 0xffff0000;
  }
  for (let i = pairs * 2; i < count; i++)
    bits[i] = ((source[i * 2] as number) | ((source[i * 2 + 1] as number) << 8)) << 16;
}

/**
 * Widens the elements in `source` (a whole number of them, little-endian, as are all machines Node runs on) into `target`
 * from index `at`. `source` must be aligned to the element's size.
 */
export function widen(
  dtype: StoredDtype,
  source: Uint8Array<ArrayBuffer>,
  target: Float32Array<ArrayBuffer>,
  at: number,
): void {
  if (dtype !== 'BF16' && dtype !== 'F16' && dtype !== 'F8_E4M3' && dtype !== 'F8_E5M2') {
    widenPlain(dtype, source, target, at);
    return;
  }
  const done = widenKernel(target)?.widen(dtype, source, target, at) ?? 0;
  const rest = done === 0 ? source : source.subarray(done * ELEMENT_BYTES[dtype]);
  if (rest.byteLength > 0) widenPlain(dtype, rest, target, at + done);
}

/** The same without the kernel: what the formats define. */
function widenPlain(
  dtype: StoredDtype,
  source: Uint8Array<ArrayBuffer>,
  target: Float32Array<ArrayBuffer>,
  at: number,
): void {
  const count = source.byteLength / ELEMENT_BYTES[dtype];
  const { buffer, byteOffset } = source;
  switch (dtype) {
    case 'F32':
      target.set(new Float32Array(buffer, byteOffset, count), at);
      return;
    case 'BF16':
      widenBrain(source, target, at);
      return;
    case 'F16':
      lookUp(new Uint16Array(buffer, byteOffset, count), halfTable(), target, at);
      return;
    case 'F8_E4M3':
    case 'F8_E5M2':
      lookUp(source, byteTable(dtype), target, at);
      return;
    case 'F64':
      target.set(new Float64Array(buffer, byteOffset, count), at);
      return;
    case 'I32':
      target.set(new Int32Array(buffer, byteOffset, count), at);
      return;
    case 'U32':
      target.set(new Uint32Array(buffer, byteOffset, count), at);
      return;
    case 'I16':
      target.set(new Int16Array(buffer, byteOffset, count), at);
      return;
    case 'U16':
      target.set(new Uint16Array(buffer, byteOffset, count), at);
      return;
    case 'I8':
      target.set(new Int8Array(buffer, byteOffset, count), at);
      return;
    case 'U8':
    case 'BOOL':
      target.set(source, at);
      return;
    case 'I64':
    case 'U64': {
      const words =
        dtype === 'I64' ? new BigInt64Array(buffer, byteOffset, count) : new BigUint64Array(buffer, byteOffset, count);
      for (let i = 0; i < count; i++) target[at + i] = Number(words[i]);
      return;
    }
  }
}
