/** Building weight files for tests. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'headlight-weights-'));
}

export interface TensorBytes {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export function withHeader(header: string | Uint8Array, data: Uint8Array, length?: bigint): Uint8Array {
  const json = typeof header === 'string' ? new TextEncoder().encode(header) : header;
  const file = new Uint8Array(8 + json.byteLength + data.byteLength);
  new DataView(file.buffer).setBigUint64(0, length ?? BigInt(json.byteLength), true);
  file.set(json, 8);
  file.set(data, 8 + json.byteLength);
  return file;
}

export function safetensors(tensors: Readonly<Record<string, TensorBytes>>): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  let at = 0;
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.byteLength] };
    at += bytes.byteLength;
  }
  const data = new Uint8Array(at);
  at = 0;
  for (const { bytes } of Object.values(tensors)) {
    data.set(bytes, at);
    at += bytes.byteLength;
  }
  const json = JSON.stringify(header);
  return withHeader(json.padEnd(Math.ceil(json.length / 8) * 8), data);
}

export function f32(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}

export function write(folder: string, name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

/** Reproducible integers. */
export function generator(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** One value of GGUF metadata: type number and payload. */
export interface GgufEntry {
  readonly type: number;
  readonly bytes: Uint8Array;
}

function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}
function u64(value: number | bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}
function text(value: string): Uint8Array {
  const bytes = new TextEncoder().encode(value);
  return concat(u64(bytes.byteLength), bytes);
}
function concat(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return whole;
}

export const ggufValue = {
  u32: (value: number): GgufEntry => ({ type: 4, bytes: u32(value) }),
  f32: (value: number): GgufEntry => ({ type: 6, bytes: f32([value]) }),
  text: (value: string): GgufEntry => ({ type: 8, bytes: text(value) }),
  texts: (values: readonly string[]): GgufEntry => ({
    type: 9,
    bytes: concat(u32(8), u64(values.length), ...values.map(text)),
  }),
  flags: (values: readonly boolean[]): GgufEntry => ({
    type: 9,
    bytes: concat(u32(7), u64(values.length), Uint8Array.from(values, Number)),
  }),
  flag: (value: boolean): GgufEntry => ({ type: 7, bytes: Uint8Array.of(Number(value)) }),
  f32s: (values: readonly number[]): GgufEntry => ({
    type: 9,
    bytes: concat(u32(6), u64(values.length), f32(values)),
  }),
  i32s: (values: readonly number[]): GgufEntry => ({
    type: 9,
    bytes: concat(u32(5), u64(values.length), new Uint8Array(Int32Array.from(values).buffer)),
  }),
  u8s: (values: readonly number[]): GgufEntry => ({
    type: 9,
    bytes: concat(u32(0), u64(values.length), Uint8Array.from(values)),
  }),
  u32s: (values: readonly number[]): GgufEntry => ({
    type: 9,
    bytes: concat(u32(4), u64(values.length), ...values.map(u32)),
  }),
};

export interface GgufTensor {
  /** Innermost dimension first, as in the file. */
  readonly dims: readonly number[];
  readonly type: number;
  readonly bytes: Uint8Array;
}

export function gguf(
  metadata: Readonly<Record<string, GgufEntry>>,
  tensors: Readonly<Record<string, GgufTensor>>,
): Uint8Array {
  const align = (size: number): number => Math.ceil(size / 32) * 32;
  const parts: Uint8Array[] = [
    new TextEncoder().encode('GGUF'),
    u32(3),
    u64(Object.keys(tensors).length),
    u64(Object.keys(metadata).length),
  ];
  for (const [key, { type, bytes }] of Object.entries(metadata)) parts.push(text(key), u32(type), bytes);
  let offset = 0;
  for (const [name, { dims, type, bytes }] of Object.entries(tensors)) {
    parts.push(text(name), u32(dims.length), ...dims.map(u64), u32(type), u64(offset));
    offset += align(bytes.byteLength);
  }
  const header = concat(...parts);
  const padded = new Uint8Array(align(header.byteLength));
  padded.set(header);
  const data = Object.values(tensors).map(({ bytes }) =>
    concat(bytes, new Uint8Array(align(bytes.byteLength) - bytes.byteLength)),
  );
  return concat(padded, ...data);
}
