/**
 * llama.cpp turns queries, keys and values by a Hadamard matrix before they go into a cache of a quantised type, and what attention gives
 * back (src/llama-kv-cache.cpp, `attn_rot_k`, `attn_rot_v`; ggml-org/llama.cpp#21038). Scores stay the same, outliers are spread.
 */

/** Dims that are turned together; null where llama.cpp does not turn: heads that are no multiple of 64. */
export function rotationSize(side: 'key' | 'value', dim: number): number | null {
  if (dim % 64 !== 0) return null;
  if (side === 'value') return 64;
  let size = 64;
  while (dim % (2 * size) === 0) size *= 2;
  return size;
}

/** x · H ÷ √size on every `size` numbers, in place. It is its own inverse. */
export function rotate(x: Float64Array, size: number): void {
  const norm = 1 / Math.sqrt(size);
  for (let at = 0; at < x.length; at += size) {
    for (let half = 1; half < size; half *= 2)
      for (let i = at; i < at + size; i += 2 * half)
        for (let j = i; j < i + half; j++) {
          const [a, b] = [x[j] as number, x[j + half] as number];
          x[j] = a + b;
          x[j + half] = a - b;
        }
    for (let i = at; i < at + size; i++) x[i] = (x[i] as number) * norm;
  }
}
