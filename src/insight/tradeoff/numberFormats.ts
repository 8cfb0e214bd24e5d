/** Rounding to the number formats that caches are kept in: nearest, of two as near the even one, as hardware and ggml do. */

/** The nearest whole number; halves go to the even one. */
function toEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : rounded;
}

const word = new DataView(new ArrayBuffer(8));

/** The exponent of a number's leading bit; of numbers below the normal ones that of the least normal. */
function exponentOf(value: number): number {
  word.setFloat64(0, value);
  return ((word.getUint16(0) >> 4) & 0x7ff) - 1023;
}

/**
 * A float with so many bits of fraction, of which the smallest normal number is 2^`least`.
 * @param most Larger numbers become it (saturating), or infinite where it is so.
 */
function float(value: number, bits: number, least: number, most: number): number {
  if (value === 0 || !Number.isFinite(value))
    return Number.isNaN(value) ? value : Math.sign(value) * Math.min(Math.abs(value), most);
  const step = 2 ** (Math.max(exponentOf(value), least) - bits);
  const rounded = toEven(value / step) * step;
  return Math.abs(rounded) > most ? Math.sign(value) * most : rounded;
}

/** IEEE 754 binary16. Above 65,504 + half a step it is infinite; caches saturate instead in no engine. */
export function toF16(value: number): number {
  const rounded = float(value, 10, -14, Infinity);
  return Math.abs(rounded) > 65_504 ? Math.sign(value) * Infinity : rounded;
}

/** bfloat16: the upper half of a float32. */
export function toBf16(value: number): number {
  return float(Math.fround(value), 7, -126, Infinity);
}

/** OCP FP8 E4M3 (OFP8 specification, table 1: largest 448, no infinity), saturating as `__nv_cvt_float_to_fp8(__NV_SATFINITE)`. */
export function toE4m3(value: number): number {
  return float(value, 3, -6, 448);
}

/** OCP FP4 E2M1: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives (MX specification, §5.3.3). */
export function toE2m1(value: number): number {
  return float(value, 1, 0, 6);
}
