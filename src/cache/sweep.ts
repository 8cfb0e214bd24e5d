/** Many scenarios at once, for curves and what-if controls: the intrinsic rule without a plan around it. */

import type { AttentionSpec } from '../model/attention';
import type { ResolvedKvDtype } from '../model/dtype';
import { layerCacheBytes } from './layerBytes';

/** Layers of one kind. */
export interface LayerCount {
  readonly attention: AttentionSpec;
  readonly count: number;
}

/** Cache bytes of `batch` sequences of `tokens` tokens; recurrent state is not in it. */
export function sweepBytes(
  layers: readonly LayerCount[],
  dtype: ResolvedKvDtype,
  batch: number,
  tokens: number,
): number {
  let bytes = 0;
  for (const { attention, count } of layers) bytes += layerCacheBytes(attention, dtype, tokens) * count;
  return bytes * batch;
}
