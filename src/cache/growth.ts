/** How a cache grows with the context: as long as no window is full, and beyond each. */

import type { AttentionSpec } from '../model/attention';
import type { ResolvedKvDtype } from '../model/dtype';
import type { ModelSpec } from '../model/spec';
import { layerGroups } from './groups';
import { entryBytes, indexRowBytes, ownIndexer } from './layerBytes';

export interface Growth {
  /** A window that is full after so many tokens. */
  readonly beyondTokens: number;
  /** What one more token then adds to one sequence, all layers, intrinsic; on average where entries stand for several tokens. */
  readonly bytesPerToken: number;
}

/** Growth beyond each window or chunk of a model, the smallest first; empty where none bounds a layer. */
export function growthBeyondWindows(spec: ModelSpec, dtype: ResolvedKvDtype): Growth[] {
  const groups = layerGroups(spec);
  const windows = new Set(groups.flatMap(({ attention }) => windowOf(attention) ?? []));
  return [...windows]
    .sort((a, b) => a - b)
    .map((beyondTokens) => ({
      beyondTokens,
      bytesPerToken: groups.reduce(
        (sum, { attention, indexes }) => sum + bytesOfNext(attention, dtype, beyondTokens) * indexes.length,
        0,
      ),
    }));
}

/** Tokens after which a layer keeps no more, or fewer for each; null where it keeps all alike. */
export function windowOf(attention: AttentionSpec): number | null {
  switch (attention.kind) {
    case 'sliding':
    case 'compressed':
      return attention.window;
    case 'chunked':
      return attention.chunk;
    default:
      return null;
  }
}

/** What the token after `tokens` adds to one layer; the slope of `layerCacheBytes`, without its steps. */
export function bytesOfNext(attention: AttentionSpec, dtype: ResolvedKvDtype, tokens: number): number {
  const entry = entryBytes(attention, dtype);
  const index = indexRowBytes(dtype, ownIndexer(attention));
  const window = windowOf(attention) ?? Number.POSITIVE_INFINITY;
  switch (attention.kind) {
    case 'full':
    case 'latent':
      return entry + index / (attention.indexer?.pool ?? 1);
    case 'cross':
      return attention.source.tokens === 'target' ? entry : 0;
    case 'compressed':
      return (tokens < window ? entry : 0) + (entry + index) / attention.ratio;
    default:
      return tokens < window ? entry : 0;
  }
}
