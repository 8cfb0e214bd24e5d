/** An attention layer as the whole-model pass runs it: its own, or converted. */

import type { AttentionLayerSpec, RunnableAttention } from '../../attention/spec/layerSpec';
import type { HeadedSpec, KeyValueRows, LayerNumbers } from '../conversion/layerRows';
import type { LatentBasis } from '../conversion/latent';
import type { Matrix } from '../matrix';
import { type CacheType, storedBytes } from './cacheTypes';
import { heldTokens } from './keep';
import type { LayerMethod } from './method';

export interface ModelLayer {
  /** Shapes and operators as they are now. */
  readonly spec: AttentionLayerSpec;
  /** Which keys a query sees: that of the layer before it was converted, which may have had a window. */
  readonly sees: RunnableAttention;
  /**
   * By the names of `layerWeights`, linear maps `[out, in]`. A converted latent layer may have biases on what it makes of the latent besides:
   * `uk.bias` [queryHeads · nopeDim], `uv.bias` [queryHeads · valueDim].
   */
  readonly weights: LayerNumbers;
  /** Keys and values of all heads come from one cached vector a token, RoPE after it (Palu, arXiv 2407.21118); null where they are cached. */
  readonly lowRank: LowRank | null;
  /** A latent layer that caches less than its latent; null where it caches it. */
  readonly narrow: NarrowLatent | null;
  /** Which head of the layer before each query head was; null where they stayed in their places. */
  readonly queryOrder: readonly number[] | null;
}

export interface LowRank {
  readonly latentDim: number;
  /** `[latentDim, hidden]` */
  readonly down: Matrix;
  readonly basis: LatentBasis;
  /** One row each, added to what the latent gives back. */
  readonly bias: KeyValueRows;
}

/** How the cached row of a smaller latent layer is made: its weights `kv_a` and its norm are those of the layer that it was. */
export interface NarrowLatent {
  /** What `kv_a` gives. */
  readonly latentDim: number;
  readonly ropeDim: number;
  /** Columns of the rotary key without RoPE, which the latent stands for too, and those with it, pair after pair. */
  readonly still: readonly number[];
  readonly turning: readonly number[];
  /** `[latent that is cached, latentDim + still]` */
  readonly down: Matrix;
}

export type HeadedLayer = ModelLayer & { readonly spec: HeadedSpec };

export function isHeaded(layer: ModelLayer): layer is HeadedLayer {
  return layer.spec.attention.kind !== 'latent';
}

/** Bytes of a layer's cache for a sequence of `tokens`. @param shared Reads the cache of another layer. */
export function layerCacheBytes(
  layer: ModelLayer,
  { key, value, keep }: LayerMethod,
  tokens: number,
  shared: boolean,
): number {
  if (shared) return 0;
  const windowed = layer.sees.kind === 'sliding' ? Math.min(tokens, layer.sees.window) : tokens;
  const held = Math.min(windowed, heldTokens(keep, tokens));
  return cachedParts(layer).reduce(
    (sum, { side, heads, dim }) => sum + storedBytes(side === 'key' ? key : value, heads, dim, held),
    0,
  );
}

/** What is cached of a token, with the type that it takes. */
export function cachedParts(
  layer: ModelLayer,
): readonly { readonly side: 'key' | 'value'; readonly heads: number; readonly dim: number }[] {
  const { attention } = layer.spec;
  if (layer.lowRank !== null) return [{ side: 'key', heads: 1, dim: layer.lowRank.latentDim }];
  if (attention.kind === 'latent') return [{ side: 'key', heads: 1, dim: attention.latentDim + attention.ropeDim }];
  const { kvHeads, keyDim, valueDim } = attention;
  return [
    { side: 'key', heads: kvHeads, dim: keyDim },
    { side: 'value', heads: kvHeads, dim: valueDim },
  ];
}

/** Numbers that the layer caches of a token. */
export function cachedNumbers(layer: ModelLayer): number {
  return cachedParts(layer).reduce((sum, { heads, dim }) => sum + heads * dim, 0);
}

/** The type of the only row of a latent layer: what is asked for keys. */
export function typeOf(side: 'key' | 'value', { key, value }: LayerMethod): CacheType {
  return side === 'key' ? key : value;
}
