/** A small reader of float32 safetensors folders, for tests of this folder only. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: number[];
  readonly data_offsets: [number, number];
}

export function readFolder(folder: string): Map<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.safetensors'))) {
    const bytes = readFileSync(join(folder, file));
    const headerLength = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<string, HeaderEntry>;
    for (const [name, entry] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      if (entry.dtype !== 'F32') throw new Error(`${name} is ${entry.dtype}.`);
      const [start, end] = entry.data_offsets;
      const copy = bytes.buffer.slice(
        bytes.byteOffset + 8 + headerLength + start,
        bytes.byteOffset + 8 + headerLength + end,
      );
      tensors.set(name, { shape: entry.shape, data: new Float32Array(copy) });
    }
  }
  return tensors;
}

export function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
