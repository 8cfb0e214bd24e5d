/** Element types of caches as the engines compute them: what is read back of keys and values that went through one. */

import { rowBytes } from '../../model/dtype';
import type { Matrix } from '../matrix';
import { blockMinimum, GGML_BLOCK, hasMinimum, isGgmlBlock, throughBlock, throughSummedBlock } from './ggmlBlocks';
import { rotate, rotationSize } from './hadamard';
import { toBf16, toE2m1, toE4m3, toF16 } from './numberFormats';

/**
 * - `exact`: as computed, nothing is rounded; counted as 16 bits, which is what models are served with;
 * - `bf16`, `f16`: rounded to them;
 * - `fp8`: E4M3 ÷ a scale for the whole tensor, 1 where the checkpoint has none (vLLM `reshape_and_cache_flash`, saturating);
 * - `int8_per_token_head`: vLLM `_reshape_cache_per_token_head` (triton_reshape_and_cache_flash.py): scale = max(largest ÷ 127, 1e-6), and the
 *   store cuts fractions off instead of rounding;
 * - `nvfp4`: E2M1 with an E4M3 scale for 16 numbers, largest ÷ 6 (vLLM and TensorRT-LLM; their scale for the tensor is 1 where none is given);
 * - `q8_0` … `q4_0`: llama.cpp's blocks of 32, with its turn by a Hadamard matrix for heads of a multiple of 64 dims;
 * - `int4`: transformers' `QuantoQuantizedCache`: 4 bits from the smallest to the largest of 64 numbers, scale and shift in 16 bits, the newest
 *   128 tokens as they are (`QuantizedCacheConfig`: q_group_size 64, residual_length 128);
 * - `kivi2`: KIVI (arXiv 2402.02750, quant/new_pack.py): 2 bits from smallest to largest, keys per channel over 32 tokens, values per token over 32
 *   channels; the newest tokens as they are: up to 128 of the keys, 128 of the values.
 */
export const CACHE_TYPES = [
  'exact',
  'bf16',
  'f16',
  'fp8',
  'int8_per_token_head',
  'q8_0',
  'q5_1',
  'q5_0',
  'q4_1',
  'q4_0',
  'nvfp4',
  'int4',
  'kivi2',
] as const;
export type CacheType = (typeof CACHE_TYPES)[number];

export function isCacheType(text: string): text is CacheType {
  return (CACHE_TYPES as readonly string[]).includes(text);
}

export type Side = 'key' | 'value';

/** Newest tokens that KIVI and transformers keep as they are. */
const RESIDUAL = 128;
/** Numbers that share a scale. */
const KIVI_GROUP = 32;
const QUANTO_GROUP = 64;
const FP4_GROUP = 16;

/** Rows as a cache gives them back. */
export interface StoredRows {
  readonly rows: Matrix;
  /** The first key that a query reads as it was computed; keys from there on are not yet rounded. Null: none. */
  readonly freshFrom: ((query: number) => number) | null;
  /** `[tokens, heads · blocks]`: multiplied with what queries have behind their dims (`storedQueries`); null where there is no such thing. */
  readonly minima?: Matrix | null;
}

/** Why the engine that has this type would not take such heads, though the numbers can be computed; null where it takes them. */
export function refusedByEngine(type: CacheType, dim: number): string | null {
  if (isGgmlBlock(type) && dim % GGML_BLOCK !== 0)
    return `llama.cpp refuses ${type} for heads of ${dim} dims, which are no multiple of ${GGML_BLOCK}: in this measurement a block spans several heads of a token`;
  return null;
}

/** Why it cannot be computed for such heads; null where it can. */
export function cannotStore(type: CacheType, heads: number, dim: number): string | null {
  if (isGgmlBlock(type) && (heads * dim) % GGML_BLOCK !== 0)
    return `${type} has blocks of ${GGML_BLOCK}, which do not divide the ${heads * dim} numbers of a token`;
  if (type === 'nvfp4' && dim % FP4_GROUP !== 0)
    return `nvfp4 has a scale for ${FP4_GROUP} numbers, which do not divide a head of ${dim}`;
  return null;
}

/**
 * @param rows `[tokens, heads · dim]`, keys after RoPE, as caches hold them.
 * @throws RangeError where `cannotStore` says why.
 */
export function stored(type: CacheType, rows: Matrix, heads: number, side: Side): StoredRows {
  const dim = rows.columns / heads;
  const why = cannotStore(type, heads, dim);
  if (why !== null) throw new RangeError(why);
  if (type === 'exact') return { rows, freshFrom: null };
  const result: Matrix = { ...rows, data: Float64Array.from(rows.data, Math.fround) };
  const { data } = result;
  switch (type) {
    case 'bf16':
    case 'f16':
    case 'fp8': {
      const to = { bf16: toBf16, f16: toF16, fp8: toE4m3 }[type];
      for (let i = 0; i < data.length; i++) data[i] = to(data[i] as number);
      return { rows: result, freshFrom: null };
    }
    case 'int8_per_token_head':
      for (let at = 0; at < data.length; at += dim) throughInt8(data, at, dim);
      return { rows: result, freshFrom: null };
    case 'nvfp4':
      for (let at = 0; at < data.length; at += FP4_GROUP) throughFp4(data, at);
      return { rows: result, freshFrom: null };
    case 'int4': {
      const group = Math.min(QUANTO_GROUP, dim);
      for (let at = 0; at < data.length; at += dim)
        for (let i = 0; i < dim; i += group) throughRange(data, at + i, 1, Math.min(group, dim - i), 15);
      return { rows: result, freshFrom: (query) => Math.max(0, query + 1 - RESIDUAL) };
    }
    case 'kivi2':
      return kivi(result, side, dim);
    default: {
      const size = rotationSize(side, dim);
      if (size !== null) rotate(data, size);
      const minima = side === 'key' && hasMinimum(type) && dim % GGML_BLOCK === 0 ? minimaOf(result) : null;
      for (let at = 0; at < data.length; at += GGML_BLOCK) throughBlock(type, data, at);
      // Back, so that scores and outputs need not know: the turn is orthogonal.
      if (size !== null) rotate(data, size);
      return { rows: result, freshFrom: null, minima };
    }
  }
}

function minimaOf({ rows, columns, data }: Matrix): Matrix {
  const found = Float64Array.from({ length: data.length / GGML_BLOCK }, (_, block) =>
    blockMinimum(data, block * GGML_BLOCK),
  );
  return { rows, columns: columns / GGML_BLOCK, data: found };
}

/**
 * Queries as the engine multiplies them with keys of this type: llama.cpp's processor code makes them q8_0 for keys in blocks (`vec_dot_type` of
 * ggml-cpu.c), and q8_1 for keys with a minimum, which meets the sum of a block: of half precision, so that it is not quite that of the numbers.
 * @param q `[heads, tokens, dim]`; is not changed.
 * @returns `[heads, tokens, dim]`, or with one more for each block, that a key's minimum is multiplied with.
 */
export function storedQueries(type: CacheType, q: Float64Array, dim: number): Float64Array {
  if (!isGgmlBlock(type) || dim % GGML_BLOCK !== 0) return q;
  const result = Float64Array.from(q, Math.fround);
  const size = rotationSize('key', dim);
  if (size !== null) rotate(result, size);
  const summed = hasMinimum(type);
  const behind = new Float64Array(summed ? result.length / GGML_BLOCK : 0);
  for (let at = 0; at < result.length; at += GGML_BLOCK) {
    if (summed) behind[at / GGML_BLOCK] = throughSummedBlock(result, at);
    else throughBlock('q8_0', result, at);
  }
  if (size !== null) rotate(result, size);
  return summed ? withBehind(result, behind, dim) : result;
}

/** Every `dim` numbers, and the blocks' own behind them. */
export function withBehind(data: Float64Array, behind: Float64Array, dim: number): Float64Array {
  const blocks = dim / GGML_BLOCK;
  const wide = dim + blocks;
  const result = new Float64Array((data.length / dim) * wide);
  for (let row = 0; row < data.length / dim; row++) {
    result.set(data.subarray(row * dim, (row + 1) * dim), row * wide);
    result.set(behind.subarray(row * blocks, (row + 1) * blocks), row * wide + dim);
  }
  return result;
}

/** Bytes of `heads` vectors of `dim` numbers for each of `tokens` tokens. */
export function storedBytes(type: CacheType, heads: number, dim: number, tokens: number): number {
  if (type === 'int4' || type === 'kivi2') {
    const fresh = Math.min(tokens, RESIDUAL);
    const [bits, group] = type === 'int4' ? [4, Math.min(QUANTO_GROUP, dim)] : [2, KIVI_GROUP];
    // Scale and shift of a group in 16 bits each.
    return (heads * dim * (fresh * 16 + (tokens - fresh) * (bits + 32 / group))) / 8;
  }
  return tokens * rowBytes(type === 'exact' ? 'bf16' : type, heads, dim);
}

function throughInt8(x: Float64Array, at: number, dim: number): void {
  let most = 0;
  for (let i = at; i < at + dim; i++) most = Math.max(most, Math.abs(x[i] as number));
  const scale = Math.max(Math.fround(most / 127), Math.fround(1e-6));
  const by = Math.fround(1 / scale);
  for (let i = at; i < at + dim; i++) {
    const scaled = Math.fround((x[i] as number) * by);
    x[i] = Math.fround(Math.trunc(Math.min(127, Math.max(-128, scaled))) * scale);
  }
}

function throughFp4(x: Float64Array, at: number): void {
  let most = 0;
  for (let i = at; i < at + FP4_GROUP; i++) most = Math.max(most, Math.abs(x[i] as number));
  const scale = toE4m3(Math.fround(most / 6));
  for (let i = at; i < at + FP4_GROUP; i++)
    x[i] = scale === 0 ? 0 : toE2m1(Math.fround((x[i] as number) / scale)) * scale;
}

/** From the smallest to the largest of `count` numbers that are `stride` apart, in `steps` steps; scale and shift in half precision. */
function throughRange(x: Float64Array, at: number, stride: number, count: number, steps: number): void {
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < count; i++) {
    const value = x[at + i * stride] as number;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  const [scale, from] = [toF16(Math.fround((most - least) / steps)), toF16(least)];
  for (let i = 0; i < count; i++) {
    const place = at + i * stride;
    const q = scale === 0 ? 0 : Math.round(Math.min(steps, Math.max(0, ((x[place] as number) - from) / scale)));
    x[place] = Math.fround(q * scale + from);
  }
}

function kivi(result: Matrix, side: Side, dim: number): StoredRows {
  const { rows: tokens, columns, data } = result;
  if (side === 'value') {
    for (let at = 0; at < data.length; at += dim)
      for (let i = 0; i < dim; i += KIVI_GROUP) throughRange(data, at + i, 1, Math.min(KIVI_GROUP, dim - i), 3);
    // The oldest of the fresh ones is rounded after each step (models/llama_kivi.py).
    return { rows: result, freshFrom: (query) => Math.max(0, query - RESIDUAL) };
  }
  for (let first = 0; first < tokens; first += KIVI_GROUP)
    for (let column = 0; column < columns; column++)
      throughRange(data, first * columns + column, columns, Math.min(KIVI_GROUP, tokens - first), 3);
  // Keys are rounded all together once there are 128.
  return { rows: result, freshFrom: (query) => Math.floor(query / RESIDUAL) * RESIDUAL };
}

/** vLLM's names of the types that it has. */
const VLLM: Readonly<Partial<Record<CacheType, string>>> = {
  bf16: 'bfloat16',
  fp8: 'fp8',
  int8_per_token_head: 'int8_per_token_head',
  nvfp4: 'nvfp4',
};

/** The engine's option for types of keys and values; null where no engine has one for them. */
export function launchOption(key: CacheType, value: CacheType): string | null {
  const llamaCpp = (type: CacheType): boolean => isGgmlBlock(type) || type === 'f16';
  if (llamaCpp(key) && llamaCpp(value)) return `-ctk ${key} -ctv ${value}`;
  const name = key === value ? VLLM[key] : undefined;
  return name === undefined ? null : `--kv-cache-dtype ${name}`;
}
