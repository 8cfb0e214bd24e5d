/**
 * Quantisation of test weights into ggml's blocks (ggml-common.h, v0.5.0). Scales are the plain ones of a block's range, not llama.cpp's
 * searched ones: any block is a valid one.
 */

/** Types of tensors in test files, by their number in ggml. */
export const TENSOR_TYPES = { F32: 0, F16: 1, Q8_0: 8, Q4_K: 12, Q6_K: 14, MXFP4: 39 } as const;
export type TensorType = keyof typeof TENSOR_TYPES;

/** Elements of a block. */
const ELEMENTS: Readonly<Record<TensorType, number>> = { F32: 1, F16: 1, Q8_0: 32, Q4_K: 256, Q6_K: 256, MXFP4: 32 };

export function fitsBlocks(type: TensorType, row: number): boolean {
  return row % ELEMENTS[type] === 0;
}

const word = new DataView(new ArrayBuffer(4));

/** Bits of the nearest half-precision number, ties to even. */
export function halfBits(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 255) - 112;
  const fraction = bits & 0x7fffff;
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent <= 0) {
    const shift = 14 - exponent;
    return shift > 24 ? sign : sign | rounded(fraction | 0x800000, shift);
  }
  // A carry out of the fraction grows the exponent, as it must.
  return sign | rounded((exponent << 23) | fraction, 13);
}

function rounded(bits: number, shift: number): number {
  const half = 1 << (shift - 1);
  const below = bits & ((half << 1) - 1);
  const whole = bits >>> shift;
  return whole + (below > half || (below === half && (whole & 1) === 1) ? 1 : 0);
}

/** The value of half-precision bits. */
export function halfValue(bits: number): number {
  const [sign, exponent, fraction] = [bits >>> 15 ? -1 : 1, (bits >>> 10) & 31, bits & 1023];
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** Bytes of a tensor's values in a type. */
export function quantise(type: TensorType, values: Float32Array): Uint8Array {
  switch (type) {
    case 'F32':
      return new Uint8Array(values.slice().buffer);
    case 'F16':
      return new Uint8Array(Uint16Array.from(values, halfBits).buffer);
    case 'Q8_0':
      return blocks(values, 32, 34, q8Block);
    case 'Q4_K':
      return blocks(values, 256, 144, q4Block);
    case 'Q6_K':
      return blocks(values, 256, 210, q6Block);
    case 'MXFP4':
      return blocks(values, 32, 17, fp4Block);
  }
}

type WriteBlock = (x: Float32Array, out: DataView) => void;

function blocks(values: Float32Array, elements: number, bytes: number, write: WriteBlock): Uint8Array {
  const count = values.length / elements;
  const result = new Uint8Array(count * bytes);
  for (let i = 0; i < count; i++)
    write(values.subarray(i * elements, (i + 1) * elements), new DataView(result.buffer, i * bytes, bytes));
  return result;
}

const at = (x: Float32Array, index: number): number => x[index] ?? Number.NaN;
const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(Math.round(value), low), high);
const largest = (x: Float32Array): number => x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Writes a half and gives the value that will be read. */
function half(out: DataView, offset: number, value: number): number {
  const bits = halfBits(value);
  out.setUint16(offset, bits, true);
  return halfValue(bits);
}

/** value / by, or 0 where nothing is to be divided. */
const over = (value: number, by: number): number => (by === 0 ? 0 : value / by);

/** d, then 32 × int8. */
const q8Block: WriteBlock = (x, out) => {
  const d = half(out, 0, largest(x) / 127);
  x.forEach((value, i) => out.setInt8(2 + i, clamp(over(value, d), -127, 127)));
};

/** d, dmin, eight scales and minima of 6 bits in 12 bytes, nibbles: two groups of 32 share bytes. */
const q4Block: WriteBlock = (x, out) => {
  const groups = Array.from({ length: 8 }, (_, j) => x.subarray(j * 32, j * 32 + 32));
  const minima = groups.map((group) => Math.max(0, -Math.min(...group)));
  const steps = groups.map((group, j) => (Math.max(...group) + (minima[j] ?? 0)) / 15);
  const d = half(out, 0, Math.max(...steps, 0) / 63);
  const dmin = half(out, 2, Math.max(...minima) / 63);
  const scales = steps.map((step) => clamp(over(step, d), 0, 63));
  const lows = minima.map((minimum) => clamp(over(minimum, dmin), 0, 63));
  for (let j = 0; j < 4; j++) {
    const [s, m, s4, m4] = [scales[j] ?? 0, lows[j] ?? 0, scales[j + 4] ?? 0, lows[j + 4] ?? 0];
    out.setUint8(4 + j, s | ((s4 >> 4) << 6));
    out.setUint8(8 + j, m | ((m4 >> 4) << 6));
    out.setUint8(12 + j, (s4 & 15) | ((m4 & 15) << 4));
  }
  for (let j = 0; j < 8; j++) {
    const [step, low] = [d * (scales[j] ?? 0), dmin * (lows[j] ?? 0)];
    for (let i = 0; i < 32; i++) {
      const place = 16 + (j >> 1) * 32 + i;
      const q = clamp(over(at(x, j * 32 + i) + low, step), 0, 15);
      out.setUint8(place, out.getUint8(place) | (q << (4 * (j & 1))));
    }
  }
};

/** 128 bytes of low nibbles, 64 of high pairs of bits, sixteen int8 scales, d. */
const q6Block: WriteBlock = (x, out) => {
  const steps = Array.from({ length: 16 }, (_, j) => largest(x.subarray(j * 16, j * 16 + 16)) / 31);
  const d = half(out, 208, Math.max(...steps) / 127);
  const scales = steps.map((step) => clamp(over(step, d), 0, 127));
  scales.forEach((scale, j) => out.setInt8(192 + j, scale));
  for (let e = 0; e < 256; e++) {
    const [group, quarter, i] = [e >> 7, (e >> 5) & 3, e & 31];
    const q = clamp(over(at(x, e), d * (scales[e >> 4] ?? 0)), -32, 31) + 32;
    const low = group * 64 + (quarter & 1) * 32 + i;
    out.setUint8(low, out.getUint8(low) | ((q & 15) << (4 * (quarter >> 1))));
    const high = 128 + group * 32 + i;
    out.setUint8(high, out.getUint8(high) | ((q >> 4) << (2 * quarter)));
  }
};

/** Values of E2M1 without their sign. */
const FP4 = [0, 0.5, 1, 1.5, 2, 3, 4, 6];

/** An exponent, then nibbles: low ones are elements 0 to 15. */
const fp4Block: WriteBlock = (x, out) => {
  const most = largest(x);
  const exponent = most === 0 ? 0 : Math.ceil(Math.log2(most / 6));
  out.setUint8(0, exponent + 127);
  x.forEach((value, i) => {
    const size = Math.abs(value) / 2 ** exponent;
    const far = FP4.map((step) => Math.abs(step - size));
    const q = far.indexOf(Math.min(...far)) | (value < 0 ? 8 : 0);
    const place = 1 + (i & 15);
    out.setUint8(place, out.getUint8(place) | (q << (4 * (i >> 4))));
  });
};
