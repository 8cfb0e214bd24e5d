/** Bytes that one layer caches for one sequence: the intrinsic rule, from which all others start. */

import type { AttentionSpec, IndexerSpec, StateSpec } from '../model/attention';
import { compressedRowBytes, latentRowBytes, type ResolvedKvDtype, rowBytes } from '../model/dtype';

/** Bytes of one index key. In the DeepSeek layout (`fp8_ds_mla`): fp8 and a float32 scale per 128 (132 bytes for 128). */
export function indexRowBytes(dtype: ResolvedKvDtype, indexer: IndexerSpec | undefined): number {
  if (!indexer?.owned) return 0;
  if (dtype === 'fp8_ds_mla') return indexer.headDim + Math.ceil(indexer.headDim / 128) * 4;
  return rowBytes(dtype, 1, indexer.headDim);
}

/** Bytes of one cached entry (a token, or a compressed group of tokens), without index keys. */
export function entryBytes(spec: AttentionSpec, dtype: ResolvedKvDtype): number {
  switch (spec.kind) {
    case 'full':
    case 'sliding':
    case 'chunked':
    case 'cross':
      return rowBytes(dtype, spec.kvHeads, spec.keyDim) + rowBytes(dtype, spec.kvHeads, spec.valueDim);
    case 'latent':
      return latentRowBytes(dtype, spec.latentDim, spec.ropeDim);
    case 'compressed':
      return compressedRowBytes(dtype, spec.headDim, spec.ropeDim);
    default:
      return 0;
  }
}

/** Entries that a layer holds after `tokens` tokens of one sequence. */
export function entriesHeld(spec: AttentionSpec, tokens: number): number {
  switch (spec.kind) {
    case 'full':
    case 'latent':
      return tokens;
    case 'sliding':
      return Math.min(tokens, spec.window);
    case 'chunked':
      return Math.min(tokens, spec.chunk);
    case 'cross':
      return spec.source.tokens === 'target' ? tokens : spec.source.tokens;
    case 'compressed':
      return Math.min(tokens, spec.window) + Math.floor(tokens / spec.ratio);
    default:
      return 0;
  }
}

/** Index keys that a layer holds after `tokens` tokens of one sequence. */
export function indexKeysHeld(spec: AttentionSpec, tokens: number): number {
  if (spec.kind === 'compressed') return spec.indexer?.owned ? Math.floor(tokens / spec.ratio) : 0;
  if (spec.kind === 'latent' || spec.kind === 'full')
    return spec.indexer?.owned ? Math.floor(tokens / (spec.indexer.pool ?? 1)) : 0;
  return 0;
}

/** Keys, values or latents of one layer for one sequence, without index keys. */
export function mainCacheBytes(spec: AttentionSpec, dtype: ResolvedKvDtype, tokens: number): number {
  return entriesHeld(spec, tokens) * entryBytes(spec, dtype);
}

/** The indexer of a layer that stores index keys of its own. */
export function ownIndexer(spec: AttentionSpec): IndexerSpec | undefined {
  return 'indexer' in spec && spec.indexer?.owned ? spec.indexer : undefined;
}

/** Cache of one layer for one sequence of `tokens` tokens; recurrent state is not in it. */
export function layerCacheBytes(spec: AttentionSpec, dtype: ResolvedKvDtype, tokens: number): number {
  return mainCacheBytes(spec, dtype, tokens) + indexKeysHeld(spec, tokens) * indexRowBytes(dtype, ownIndexer(spec));
}

/** Bytes per element of state that is kept at the cache's type. Block and scaled formats hold no state: 2 bytes. */
export function stateElementBytes(dtype: ResolvedKvDtype): number {
  return dtype === 'f32' ? 4 : 2;
}

/** Bytes of the state of one layer and one sequence, with the convolution width of the intrinsic rule. */
export function layerStateBytes(state: StateSpec | undefined, dtype: ResolvedKvDtype): number {
  if (!state) return 0;
  const cacheBytes = stateElementBytes(dtype);
  const inputs = [state.conv, state.beside].reduce((sum, conv) => sum + (conv ? conv.channels * conv.width : 0), 0);
  return inputs * cacheBytes + state.recurrentElements * (state.recurrentDtype === 'float32' ? 4 : cacheBytes);
}

/** The recurrent part of a layer, whether it is the layer's mixer or runs beside its attention. */
export function stateOf(attention: AttentionSpec, parallelState: StateSpec | undefined): StateSpec | undefined {
  return attention.kind === 'recurrent' || attention.kind === 'conv' ? attention.state : parallelState;
}
