/** AttentionProgram: the graph of a layer or block, and what a runner must know to feed it. */

import type { Graph, ValueInfo } from './graph';
import { keyLimit, type RunnableAttention } from '../spec/layerSpec';
import type { WeightInfo, WeightLayout, WeightMap } from '../spec/weightNames';

/**
 * Intermediate results by name. B batch, T new tokens, S keys (cached and new), H query heads, G KV heads, D dims.
 * - `attentionInput` [B,T,hidden]: what the projections receive (blocks: after the norm);
 * - `qRaw` [B,H,T,keyDim], `kRaw` [B,G,T,keyDim]: after bias, clipping and norm, before RoPE, new tokens only;
 * - `q` [B,H,T,keyDim]: after RoPE and temperature; `k` [B,G,S,keyDim], `v` [B,G,S,valueDim]: all keys seen, as cached;
 *   latent layers: expanded per query head, k = [nope | rope];
 * - `latent` [B,S,latentDim], `ropeKey` [B,S,ropeDim]: latent layers, as cached;
 * - `absorbedQuery` [B,H,T,latentDim]: q_nope · W_UK (absorbed form);
 * - `scores` [B,H,T,S]: × scale, soft-capped, with ALiBi, before the mask; `weights` [B,H,T,S]: after softmax;
 * - `heads` [B,H,T,valueDim]: weights · v, before gate and output projection;
 * - `output` [B,T,hidden]: after the output projection and its bias, before residual and post-norm;
 * - `hidden` [B,T,hidden]: the block's output (blocks only);
 * - `feedForwardInput` [B,T,hidden], `routerLogits` [B,T,experts]: blocks only.
 */
// biome-ignore format: names fill their lines
export const CAPTURES = [
  'attentionInput', 'qRaw', 'kRaw', 'q', 'k', 'v', 'latent', 'ropeKey', 'absorbedQuery', 'scores', 'weights',
  'heads', 'output', 'feedForwardInput', 'routerLogits', 'hidden',
] as const;
export type CaptureName = (typeof CAPTURES)[number];

/** `expanded`: per-head K and V are made from the latent. `absorbed`: queries go to latent space, K is never made. */
export type LatentForm = 'expanded' | 'absorbed';

/**
 * How the cache passes through the graph.
 * - `present`: past tensors in, past + new out (cut to the window): what is measured;
 * - `append`: past tensors in (may be a longer buffer, masked), only the new rows out: no copy of the past per step;
 * - `written`: past tensors in that hold the rows of this step already (a buffer that the runner writes into), no cache
 *   outputs: the graph joins and copies nothing. The rows come from an `append` program without its main output;
 * - `inPlace`: past tensors in that have room for what comes (step/ring.ts), and the same out, with the rows of this step written into their
 *   slots: a runner binds both to one piece of the device's memory, and a step copies nothing of the cache. Needs `room`. A layer with a
 *   window or chunk takes a ring of slots, and keys come in the order of slots, not of positions;
 * - `none`: no cache outputs; with `decode` the past is still an input.
 */
export type CacheMode = 'present' | 'append' | 'written' | 'inPlace' | 'none';

/** What a cache that is written in place has room for. */
export interface CacheRoom {
  readonly batch: number;
  /** Slots of each sequence: `ringSlots`. */
  readonly tokens: number;
}

/**
 * How much a layer with a window or chunk keeps between steps: as many tokens as it sees, or one less, because the next
 * token completes it (transformers: `cache_utils.py`, SlidingWindowLayer). Other layers keep all under both.
 */
export const CACHE_RULES = ['intrinsic', 'transformers'] as const;
export type CacheRule = (typeof CACHE_RULES)[number];

/** Tokens that a layer keeps at most; null: all. */
export function keptTokens(attention: RunnableAttention, rule: CacheRule = 'intrinsic'): number | null {
  const limit = keyLimit(attention);
  return limit === null || rule === 'intrinsic' ? limit : Math.max(1, limit - 1);
}

export interface ProgramOptions {
  /** `prefill` has no past; `decode` takes past tensors (of length 0 too) and any number of new tokens. */
  readonly mode: 'prefill' | 'decode';
  /** Latent layers only; default `expanded` for prefill, `absorbed` for decode. */
  readonly form?: LatentForm;
  readonly captures?: readonly CaptureName[];
  /** Leave out the main output and everything that only it needs (k and v alone, say). Default true: it is there. */
  readonly output?: boolean;
  /**
   * Use fused operators where the layer allows and no inner capture is asked. Default false. They need no mask; with a
   * past they take several sequences by one token, or several tokens of one sequence.
   */
  readonly fused?: boolean;
  /** Default `present`. */
  readonly cache?: CacheMode;
  /** With cache `inPlace`. */
  readonly room?: CacheRoom;
  /** Default `intrinsic`. */
  readonly cacheRule?: CacheRule;
  /** Take a mask. Default true; one new token that sees all keys (full, latent) needs none. */
  readonly mask?: boolean;
  /** Default `inputs`. `initializers` needs `weightData` and lets onnxruntime pre-pack. */
  readonly weights?: 'inputs' | 'initializers';
  readonly weightData?: WeightMap;
  /** Default `out-in`. */
  readonly weightLayout?: WeightLayout;
}

/** A cache tensor: its input (decode only), its output (unless `cache` is `none`), and its shape per entry. */
export interface CacheTensor {
  /** `latent`: [latent | rotary key], one row a token for all heads. */
  readonly role: 'key' | 'value' | 'latent';
  /** Name of the input that holds the past, null in prefill. */
  readonly past: string | null;
  /** Name of the output: present (past + new, cut to the window) or the new rows; null with cache `written` and `none`. */
  readonly present: string | null;
  /**
   * [batch, heads, tokens, dim]; `batch` and tokens are names. Latent tensors have no head axis: [batch, tokens, dim]. With cache
   * `inPlace`, and no fused operator: [batch · heads · tokens, dim], numbers all.
   */
  readonly shape: readonly (number | string)[];
  /** Axis of tokens in the shape. */
  readonly tokenAxis: number;
}

export interface AttentionProgram {
  readonly graph: Graph;
  /** Inputs that are not weights: `hidden`, past tensors, `cos`, `sin`, `mask`, `alibi`, `query_factor`. */
  readonly inputs: readonly ValueInfo[];
  /** Weights that the graph takes as inputs (none when they are initializers). */
  readonly weightInputs: readonly WeightInfo[];
  /** Name of the main output: `output`, or `hidden_out` of a block; null when it was left out or lies behind experts. */
  readonly mainOutput: string | null;
  /** Captures that the graph yields, by the name of the graph output. */
  readonly captures: Readonly<Partial<Record<CaptureName, string>>>;
  readonly cache: readonly CacheTensor[];
  /** Entries that the cache keeps; null: all. */
  readonly cacheLimit: number | null;
  /** With cache `inPlace`: what its tensors have room for. */
  readonly room: CacheRoom | null;
  readonly form: LatentForm | null;
  /** True when fused operators were used. */
  readonly fused: boolean;
}
