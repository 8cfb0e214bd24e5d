/** Which keys a query sees. */

import type { RunnableAttention } from '../spec/layerSpec';

/** Added to scores of keys that are not seen: the lowest float32, so that a row without keys stays finite. */
export const MASKED = -3.4028234663852886e38;

/** Positions are counted from 0; a key position below 0 is an unused slot. */
export function sees(attention: RunnableAttention, query: number, key: number): boolean {
  if (key < 0 || key > query) return false;
  if (attention.kind === 'sliding') return key > query - attention.window;
  if (attention.kind === 'chunked') return Math.floor(key / attention.chunk) === Math.floor(query / attention.chunk);
  return true;
}

/** Additive mask `[queries, keys]`: 0 where the key is seen, else `MASKED`. */
export function attentionMask(
  attention: RunnableAttention,
  queryPositions: ArrayLike<number>,
  keyPositions: ArrayLike<number>,
): Float32Array {
  const keys = Int32Array.from(keyPositions);
  const mask = new Float32Array(queryPositions.length * keys.length);
  Int32Array.from(queryPositions).forEach((query, i) => {
    keys.forEach((key, j) => {
      if (!sees(attention, query, key)) mask[i * keys.length + j] = MASKED;
    });
  });
  return mask;
}
