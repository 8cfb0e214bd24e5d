/** ggml's tensor types: block sizes, and dequantisation to float32. Formats as `ggml-common.h` and `quants.py` of llama.cpp define them. */

import { type StoredDtype } from './storedDtype';
import { halfTable, widen } from './widen';

export interface GgmlType {
  readonly name: string;
  /** Elements of a block. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Writes the block at byte `from` of `source` to `target` from `at` on; absent where there is no reader. */
  readonly block?: BlockReader;
  /** Unblocked types, widened as those of safetensors are. */
  readonly plain?: StoredDtype;
}

type BlockReader = (source: Uint8Array, from: number, target: Float32Array, at: number) => void;

function half(source: Uint8Array, at: number): number {
  return halfTable()[(source[at] as number) | ((source[at + 1] as number) << 8)] as number;
}

const u8 = (source: Uint8Array, at: number): number => source[at] as number;
const i8 = (source: Uint8Array, at: number): number => ((source[at] as number) << 24) >> 24;

/** d, 16 bytes of nibbles: low ones are elements 0–15, high ones 16–31; value d · (q − 8). */
const q4_0: BlockReader = (s, p, t, at) => {
  const d = half(s, p);
  for (let i = 0; i < 16; i++) {
    const q = u8(s, p + 2 + i);
    t[at + i] = d * ((q & 15) - 8);
    t[at + 16 + i] = d * ((q >> 4) - 8);
  }
};

/** d, m: value d · q + m. */
const q4_1: BlockReader = (s, p, t, at) => {
  const d = half(s, p);
  const m = half(s, p + 2);
  for (let i = 0; i < 16; i++) {
    const q = u8(s, p + 4 + i);
    t[at + i] = d * (q & 15) + m;
    t[at + 16 + i] = d * (q >> 4) + m;
  }
};

/** Fifth bits in 4 bytes behind d (and m). */
function fiveBit(header: number, value: (q: number, d: number, m: number) => number): BlockReader {
  return (s, p, t, at) => {
    const d = half(s, p);
    const m = header === 4 ? half(s, p + 2) : 0;
    for (let i = 0; i < 16; i++) {
      const q = u8(s, p + header + 4 + i);
      const low = (u8(s, p + header + (i >> 3)) >> (i & 7)) & 1;
      const high = (u8(s, p + header + 2 + (i >> 3)) >> (i & 7)) & 1;
      t[at + i] = value((q & 15) | (low << 4), d, m);
      t[at + 16 + i] = value((q >> 4) | (high << 4), d, m);
    }
  };
}

const q8_0: BlockReader = (s, p, t, at) => {
  const d = half(s, p);
  for (let i = 0; i < 32; i++) t[at + i] = d * i8(s, p + 2 + i);
};

/** Sixteen 4-bit scales and minima, then 2-bit quants; d and dmin last. */
const q2_k: BlockReader = (s, p, t, at) => {
  const d = half(s, p + 80);
  const dmin = half(s, p + 82);
  for (let i = 0; i < 256; i++) {
    const [group, within] = [i >> 7, i & 127];
    const scale = u8(s, p + (i >> 4));
    const q = (u8(s, p + 16 + group * 32 + (within & 31)) >> (2 * (within >> 5))) & 3;
    t[at + i] = d * (scale & 15) * q - dmin * (scale >> 4);
  }
};

/** High bits, 2-bit quants, sixteen 6-bit scales in 12 bytes, d. */
const q3_k: BlockReader = (s, p, t, at) => {
  const d = half(s, p + 108);
  for (let i = 0; i < 256; i++) {
    const [group, within, j] = [i >> 7, i & 127, i >> 4];
    const low = (u8(s, p + 96 + (j & 7)) >> (j < 8 ? 0 : 4)) & 15;
    const high = (u8(s, p + 104 + (j & 3)) >> (2 * (j >> 2))) & 3;
    const scale = (low | (high << 4)) - 32;
    const q = (u8(s, p + 32 + group * 32 + (within & 31)) >> (2 * (within >> 5))) & 3;
    const set = (u8(s, p + (i & 31)) >> (i >> 5)) & 1;
    t[at + i] = d * scale * (q - (set === 0 ? 4 : 0));
  }
};

/** Scale and minimum `j` of the eight of Q4_K and Q5_K, 6 bits each in 12 bytes. */
function scaleOf(s: Uint8Array, p: number, j: number): number {
  return j < 4 ? u8(s, p + j) & 63 : (u8(s, p + j + 4) & 15) | ((u8(s, p + j - 4) >> 6) << 4);
}
function minimumOf(s: Uint8Array, p: number, j: number): number {
  return j < 4 ? u8(s, p + j + 4) & 63 : (u8(s, p + j + 4) >> 4) | ((u8(s, p + j) >> 6) << 4);
}

const q4_k: BlockReader = (s, p, t, at) => {
  const d = half(s, p);
  const dmin = half(s, p + 2);
  for (let j = 0; j < 8; j++) {
    const scale = d * scaleOf(s, p + 4, j);
    const minimum = dmin * minimumOf(s, p + 4, j);
    const shift = 4 * (j & 1);
    const quants = p + 16 + (j >> 1) * 32;
    for (let i = 0; i < 32; i++) t[at + j * 32 + i] = scale * ((u8(s, quants + i) >> shift) & 15) - minimum;
  }
};

const q5_k: BlockReader = (s, p, t, at) => {
  const d = half(s, p);
  const dmin = half(s, p + 2);
  for (let j = 0; j < 8; j++) {
    const scale = d * scaleOf(s, p + 4, j);
    const minimum = dmin * minimumOf(s, p + 4, j);
    const shift = 4 * (j & 1);
    const quants = p + 48 + (j >> 1) * 32;
    for (let i = 0; i < 32; i++) {
      const q = ((u8(s, quants + i) >> shift) & 15) | (((u8(s, p + 16 + i) >> j) & 1) << 4);
      t[at + j * 32 + i] = scale * q - minimum;
    }
  }
};

/** Low nibbles, high pairs of bits, sixteen int8 scales, d. */
const q6_k: BlockReader = (s, p, t, at) => {
  const d = half(s, p + 208);
  for (let group = 0; group < 2; group++) {
    const [low, high, scales, out] = [p + group * 64, p + 128 + group * 32, p + 192 + group * 8, at + group * 128];
    for (let i = 0; i < 32; i++) {
      const h = u8(s, high + i);
      const [a, b] = [u8(s, low + i), u8(s, low + 32 + i)];
      const k = i >> 4;
      t[out + i] = d * i8(s, scales + k) * (((a & 15) | ((h & 3) << 4)) - 32);
      t[out + 32 + i] = d * i8(s, scales + 2 + k) * (((b & 15) | (((h >> 2) & 3) << 4)) - 32);
      t[out + 64 + i] = d * i8(s, scales + 4 + k) * (((a >> 4) | (((h >> 4) & 3) << 4)) - 32);
      t[out + 96 + i] = d * i8(s, scales + 6 + k) * (((b >> 4) | ((h >> 6) << 4)) - 32);
    }
  }
};

/** The 16 values that a nibble of IQ4_NL and IQ4_XS stands for. */
const NON_LINEAR = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;

const iq4_nl: BlockReader = (s, p, t, at) => {
  const d = half(s, p);
  for (let i = 0; i < 16; i++) {
    const q = u8(s, p + 2 + i);
    t[at + i] = d * (NON_LINEAR[q & 15] as number);
    t[at + 16 + i] = d * (NON_LINEAR[q >> 4] as number);
  }
};

/** d, high bits of eight scales, their low nibbles, then nibbles as IQ4_NL. */
const iq4_xs: BlockReader = (s, p, t, at) => {
  const d = half(s, p);
  for (let j = 0; j < 8; j++) {
    const low = (u8(s, p + 4 + (j >> 1)) >> (4 * (j & 1))) & 15;
    const high = (u8(s, p + 2 + (j >> 2)) >> (2 * (j & 3))) & 3;
    const scale = d * ((low | (high << 4)) - 32);
    for (let i = 0; i < 16; i++) {
      const q = u8(s, p + 8 + j * 16 + i);
      t[at + j * 32 + i] = scale * (NON_LINEAR[q & 15] as number);
      t[at + j * 32 + 16 + i] = scale * (NON_LINEAR[q >> 4] as number);
    }
  }
};

/** Twice the values of E2M1; the shared exponent is halved in turn. */
const FP4 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12] as const;

const mxfp4: BlockReader = (s, p, t, at) => {
  const d = 2 ** (u8(s, p) - 128);
  for (let i = 0; i < 16; i++) {
    const q = u8(s, p + 1 + i);
    t[at + i] = d * (FP4[q & 15] as number);
    t[at + 16 + i] = d * (FP4[q >> 4] as number);
  }
};

/** By the number in the file. Types without a reader are listed so that the layout of the file can be checked. */
export const GGML_TYPES: ReadonlyMap<number, GgmlType> = new Map<number, GgmlType>([
  [0, { name: 'F32', elements: 1, bytes: 4, plain: 'F32' }],
  [1, { name: 'F16', elements: 1, bytes: 2, plain: 'F16' }],
  [2, { name: 'Q4_0', elements: 32, bytes: 18, block: q4_0 }],
  [3, { name: 'Q4_1', elements: 32, bytes: 20, block: q4_1 }],
  [6, { name: 'Q5_0', elements: 32, bytes: 22, block: fiveBit(2, (q, d) => d * (q - 16)) }],
  [7, { name: 'Q5_1', elements: 32, bytes: 24, block: fiveBit(4, (q, d, m) => d * q + m) }],
  [8, { name: 'Q8_0', elements: 32, bytes: 34, block: q8_0 }],
  [9, { name: 'Q8_1', elements: 32, bytes: 36 }],
  [10, { name: 'Q2_K', elements: 256, bytes: 84, block: q2_k }],
  [11, { name: 'Q3_K', elements: 256, bytes: 110, block: q3_k }],
  [12, { name: 'Q4_K', elements: 256, bytes: 144, block: q4_k }],
  [13, { name: 'Q5_K', elements: 256, bytes: 176, block: q5_k }],
  [14, { name: 'Q6_K', elements: 256, bytes: 210, block: q6_k }],
  [15, { name: 'Q8_K', elements: 256, bytes: 292 }],
  [16, { name: 'IQ2_XXS', elements: 256, bytes: 66 }],
  [17, { name: 'IQ2_XS', elements: 256, bytes: 74 }],
  [18, { name: 'IQ3_XXS', elements: 256, bytes: 98 }],
  [19, { name: 'IQ1_S', elements: 256, bytes: 50 }],
  [20, { name: 'IQ4_NL', elements: 32, bytes: 18, block: iq4_nl }],
  [21, { name: 'IQ3_S', elements: 256, bytes: 110 }],
  [22, { name: 'IQ2_S', elements: 256, bytes: 82 }],
  [23, { name: 'IQ4_XS', elements: 256, bytes: 136, block: iq4_xs }],
  [24, { name: 'I8', elements: 1, bytes: 1, plain: 'I8' }],
  [25, { name: 'I16', elements: 1, bytes: 2, plain: 'I16' }],
  [26, { name: 'I32', elements: 1, bytes: 4, plain: 'I32' }],
  [27, { name: 'I64', elements: 1, bytes: 8, plain: 'I64' }],
  [28, { name: 'F64', elements: 1, bytes: 8, plain: 'F64' }],
  [29, { name: 'IQ1_M', elements: 256, bytes: 56 }],
  [30, { name: 'BF16', elements: 1, bytes: 2, plain: 'BF16' }],
  [34, { name: 'TQ1_0', elements: 256, bytes: 54 }],
  [35, { name: 'TQ2_0', elements: 256, bytes: 66 }],
  [39, { name: 'MXFP4', elements: 32, bytes: 17, block: mxfp4 }],
  [40, { name: 'NVFP4', elements: 64, bytes: 36 }],
]);

/** Whether elements of this type can be read. */
export function isReadable(type: GgmlType): boolean {
  return type.block !== undefined || type.plain !== undefined;
}

/** Dequantises whole blocks in `source` into `target` from element `at` on. */
export function dequantize(
  type: GgmlType,
  source: Uint8Array<ArrayBuffer>,
  target: Float32Array<ArrayBuffer>,
  at: number,
): void {
  if (type.plain !== undefined) {
    widen(type.plain, source, target, at);
    return;
  }
  if (type.block === undefined) throw new TypeError(`no reader for ${type.name}`);
  for (let from = 0, to = at; from < source.byteLength; from += type.bytes, to += type.elements)
    type.block(source, from, target, to);
}
