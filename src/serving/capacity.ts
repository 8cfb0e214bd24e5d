/** What fits: the memory that a cache gets, and the inverse of the cache plan. */

/**
 * Whose reading of the memory fraction applies.
 * - `ofTotal`: vLLM `gpu_memory_utilization`, SGLang `mem_fraction_static`: weights, activations and cache together take
 *   that part of the whole memory.
 * - `ofFree`: TensorRT-LLM `free_gpu_memory_fraction`: the cache takes that part of what is left after all else.
 */
export type FractionRule = 'ofTotal' | 'ofFree';

export interface MemoryBudget {
  /** Of one device. */
  readonly memoryBytes: number;
  readonly fraction: number;
  readonly fractionRule: FractionRule;
  /** Of one rank. */
  readonly weightBytes: number;
  /** Activations, CUDA graphs, communication buffers and what else is neither weights nor cache, of one rank. */
  readonly overheadBytes: number;
}

/**
 * Bytes that the cache of one rank gets; never negative.
 * vLLM, SGLang: total · fraction − (weights + overhead); TensorRT-LLM: (total − weights − overhead) · fraction
 * (aiconfigurator `kv_cache_budget_bytes`).
 */
export function cacheBudgetBytes({
  memoryBytes,
  fraction,
  fractionRule,
  weightBytes,
  overheadBytes,
}: MemoryBudget): number {
  const other = weightBytes + overheadBytes;
  const bytes = fractionRule === 'ofTotal' ? memoryBytes * fraction - other : (memoryBytes - other) * fraction;
  return Number.isFinite(bytes) ? Math.max(0, Math.floor(bytes)) : 0;
}

/** Cache and state of one rank at a workload, by any engine's rule. Must not fall when tokens or batch grow. */
export type CacheBytes = (tokens: number, batch: number) => number;

/**
 * The largest number that fits, or why there is none.
 * - `count`: fits, and the next step does not.
 * - `unbounded`: the plan does not grow any more (recurrent state, sliding windows alone): any number fits.
 * - `none`: not even one fits.
 */
export type Fit =
  | { readonly kind: 'count'; readonly value: number }
  | { readonly kind: 'unbounded' }
  | { readonly kind: 'none' };

/** Beyond this, a plan that still fits is taken not to grow: 2^40 tokens or sequences. */
const CEILING = 2 ** 40;

/** What is known of a fit from smaller and larger budgets: they shorten the search. */
export interface Bounds {
  readonly least: Fit;
  readonly most?: Fit;
}

/** Straight lines that are tried before halving. */
const LINES = 4;

/**
 * Largest number whose bytes are within the budget. Plans grow in nearly straight lines: a few are followed, and what is left
 * is halved. At most 90 calls of the real plan, mostly a quarter of that. `bytes` must be monotone. Where the plan rounds up to
 * pages, the result is the last token of the last page that fits.
 */
function largestFit(bytes: (count: number) => number, budgetBytes: number, bounds?: Bounds): Fit {
  if (bounds?.least.kind === 'unbounded') return bounds.least;
  if (bounds?.most?.kind === 'none') return bounds.most;
  let low = bounds?.least.kind === 'count' ? bounds.least.value : 1;
  let lowBytes = bytes(low);
  // A bound is true of what fits, also where its own number is too much for this budget.
  if (lowBytes > budgetBytes) {
    if (low === 1) return { kind: 'none' };
    low = 1;
    lowBytes = bytes(1);
    if (lowBytes > budgetBytes) return { kind: 'none' };
  }
  let high = bounds?.most?.kind === 'count' ? bounds.most.value + 1 : Number.POSITIVE_INFINITY;
  let [step, slope] = [1024, 0];
  for (let line = 0; line < LINES && high - low > 1; line++) {
    // From here as steep as between the last two; a step beside it, so that pages are crossed.
    const next = slope > 0 ? low + Math.floor((budgetBytes - lowBytes) / slope) : low + step;
    const tried = Math.min(Math.max(next, low + 1), high - 1, CEILING);
    const triedBytes = bytes(tried);
    slope = (triedBytes - lowBytes) / (tried - low);
    step *= 1024;
    if (triedBytes > budgetBytes) high = tried;
    else [low, lowBytes] = [tried, triedBytes];
  }
  // From the last line outwards: up while it fits, and down from what does not.
  for (step = 16; high === Number.POSITIVE_INFINITY; step *= 4) {
    if (low + step > CEILING) return { kind: 'unbounded' };
    if (bytes(low + step) <= budgetBytes) low += step;
    else high = low + step;
  }
  for (step = 16; high - step > low && high - low > 32; step *= 4) {
    if (bytes(high - step) > budgetBytes) high -= step;
    else {
      low = high - step;
      break;
    }
  }
  while (high - low > 1) {
    const middle = low + Math.floor((high - low) / 2);
    if (bytes(middle) <= budgetBytes) low = middle;
    else high = middle;
  }
  return { kind: 'count', value: low };
}

/** Longest context of `batch` sequences that fits. */
export function longestContext(cacheBytes: CacheBytes, budgetBytes: number, batch = 1, bounds?: Bounds): Fit {
  return largestFit((tokens) => cacheBytes(tokens, batch), budgetBytes, bounds);
}

/** Sequences of `tokens` tokens that fit at the same time. */
export function concurrentSequences(cacheBytes: CacheBytes, budgetBytes: number, tokens: number, bounds?: Bounds): Fit {
  return largestFit((batch) => cacheBytes(tokens, batch), budgetBytes, bounds);
}

/**
 * Tokens that fit in all, held by sequences of `tokens` each: what vLLM logs as "GPU KV cache size" at the model's full
 * length. Sequences that are not whole do not count.
 */
export function cachedTokens(
  cacheBytes: CacheBytes,
  budgetBytes: number,
  tokens: number,
  sequences = concurrentSequences(cacheBytes, budgetBytes, tokens),
): Fit {
  if (sequences.kind === 'count') return { kind: 'count', value: sequences.value * tokens };
  // Not one whole sequence: as much of one as there is room for.
  return sequences.kind === 'none' ? longestContext(cacheBytes, budgetBytes) : sequences;
}
