/** Element types of weights, activations and caches, and what one cached row costs in each. */

/** Element types that a model config names (`torch_dtype`, `dtype`). */
export type ElementDtype = 'float64' | 'float32' | 'bfloat16' | 'float16' | 'float8' | 'int8';

/** Bytes of one element. */
export const ELEMENT_BYTES: Readonly<Record<ElementDtype, number>> = {
  float64: 8,
  float32: 4,
  bfloat16: 2,
  float16: 2,
  float8: 1,
  int8: 1,
};

/** Storage formats of a KV cache. `auto` is the config's own element type, or 2 bytes where it names none. */
// biome-ignore format: names fill their lines
export const KV_DTYPES = [
  'auto', 'f32', 'bf16', 'f16', 'fp8', 'fp8_ds_mla', 'int8_per_token_head', 'nvfp4', 'q8_0', 'q5_1', 'q5_0', 'q4_1',
  'q4_0', 'iq4_nl',
] as const;
export type KvDtype = (typeof KV_DTYPES)[number];

/** A format with its `auto` resolved. */
export type ResolvedKvDtype = Exclude<KvDtype, 'auto'>;

export function isKvDtype(text: string): text is KvDtype {
  return (KV_DTYPES as readonly string[]).includes(text);
}

/**
 * ggml block formats: bytes of a block of 32 elements, scales included.
 * Source: static asserts of `ggml-common.h` in llama.cpp.
 */
const GGML_BLOCK_BYTES: Readonly<Partial<Record<ResolvedKvDtype, number>>> = {
  q8_0: 34,
  q5_1: 24,
  q5_0: 22,
  q4_1: 20,
  q4_0: 18,
  iq4_nl: 18,
};
export const GGML_BLOCK_ELEMENTS = 32;

/** Bytes per element of formats without scales or blocks. */
const PLAIN_BYTES: Readonly<Partial<Record<ResolvedKvDtype, number>>> = { f32: 4, bf16: 2, f16: 2, fp8: 1 };

/** True for formats that store 32 elements in one block with a scale. */
export function isBlockDtype(dtype: ResolvedKvDtype): boolean {
  return GGML_BLOCK_BYTES[dtype] !== undefined;
}

/**
 * Bytes of the K (or V) vectors of one token: `heads` vectors of `dim` elements, with the format's scales.
 * - ggml blocks run over the whole row (heads × dim), rounded up to a block (llama.cpp `ggml_row_size`);
 * - `int8_per_token_head` adds one float32 scale per head (vLLM `kv_cache_interface.py`, per-token-head);
 * - `nvfp4` packs two elements a byte and adds one fp8 scale per 16 elements of a head (vLLM, TensorRT-LLM);
 * - `fp8_ds_mla` is a layout of latent rows only; other rows of such a cache are plain fp8.
 */
export function rowBytes(dtype: ResolvedKvDtype, heads: number, dim: number): number {
  const plain = PLAIN_BYTES[dtype];
  if (plain !== undefined) return heads * dim * plain;
  const block = GGML_BLOCK_BYTES[dtype];
  if (block !== undefined) return Math.ceil((heads * dim) / GGML_BLOCK_ELEMENTS) * block;
  if (dim === 0) return 0;
  if (dtype === 'int8_per_token_head') return heads * (dim + 4);
  if (dtype === 'nvfp4') return heads * (Math.ceil(dim / 2) + Math.ceil(dim / 16));
  return heads * dim;
}

/**
 * Bytes of one latent row (MLA): the compressed vector and the rotary key.
 * `fp8_ds_mla`: the latent in fp8 with a float32 scale per 128 elements, the rotary key in bf16
 * (656 bytes for 512 + 64; vLLM `MLAAttentionSpec`, FlashMLA README).
 */
export function latentRowBytes(dtype: ResolvedKvDtype, latentDim: number, ropeDim: number): number {
  if (dtype === 'fp8_ds_mla') return latentDim + Math.ceil(latentDim / 128) * 4 + ropeDim * 2;
  return rowBytes(dtype, 1, latentDim + ropeDim);
}

/**
 * Bytes of one row of a compressed cache (DeepSeek-V4, K = V): `fp8_ds_mla` keeps the non-rotary part in fp8, the
 * rotary part in bf16 and one byte of scale per 64 elements, padded to 8 (584 bytes for 448 + 64; vLLM).
 */
export function compressedRowBytes(dtype: ResolvedKvDtype, headDim: number, ropeDim: number): number {
  if (dtype !== 'fp8_ds_mla') return rowBytes(dtype, 1, headDim);
  const plain = headDim - ropeDim;
  return plain + ropeDim * 2 + Math.ceil(Math.ceil(plain / 64) / 8) * 8;
}

/** Bytes per element where a format has no scales; for texts ("2 bytes each"), else null. */
export function plainElementBytes(dtype: ResolvedKvDtype): number | null {
  return PLAIN_BYTES[dtype] ?? null;
}

/** The cache format that holds elements of a config's own type. */
export function kvDtypeOf(element: ElementDtype | null): ResolvedKvDtype {
  switch (element) {
    case 'float64':
    case 'float32':
      return 'f32';
    case 'float16':
      return 'f16';
    case 'float8':
    case 'int8':
      return 'fp8';
    default:
      return 'bf16';
  }
}

const ELEMENT_NAMES: Readonly<Record<string, ElementDtype>> = {
  float64: 'float64',
  double: 'float64',
  float32: 'float32',
  float: 'float32',
  fp32: 'float32',
  f32: 'float32',
  bfloat16: 'bfloat16',
  bf16: 'bfloat16',
  float16: 'float16',
  half: 'float16',
  fp16: 'float16',
  f16: 'float16',
  float8: 'float8',
  float8_e4m3fn: 'float8',
  float8_e5m2: 'float8',
  fp8: 'float8',
  int8: 'int8',
};

/** Parses what configs write: `bfloat16`, `torch.bfloat16`, `BF16`; null when it is no element type we know. */
export function parseElementDtype(text: string): ElementDtype | null {
  const name = text
    .trim()
    .toLowerCase()
    .replace(/^torch\./, '');
  return Object.hasOwn(ELEMENT_NAMES, name) ? (ELEMENT_NAMES[name] ?? null) : null;
}
