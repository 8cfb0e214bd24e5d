/** What a layer's keys and values are converted to, and by which methods. */

import { variantLabel, type VariantRequest } from '../../cache/variants';

/** `mha` is no conversion of what is there: nothing is left out. */
export type ConversionTarget = Exclude<VariantRequest, { readonly kind: 'mha' | 'mqa' }> | { readonly kind: 'mqa' };

/**
 * - `mean-pool`: a group's W_K and W_V are the mean of its heads' (Ainslie et al. 2023, arXiv 2305.13245);
 * - `aligned-pool`: heads are first turned towards each other by what W_Q and W_O can take back, K by a rotation in each pair of
 *   RoPE, V by any orthogonal matrix (Jin et al. 2024, arXiv 2412.20677);
 * - `joint-svd`: one truncated SVD of W_K over W_V (MHA2MLA, arXiv 2502.14837);
 * - `split-svd`: one of each (same source);
 * - `activation-pca`: principal directions of the keys and values of the given tokens, keys scaled to the size of values first
 *   (TransMLA, arXiv 2502.07864).
 */
export const METHODS = ['mean-pool', 'aligned-pool', 'joint-svd', 'split-svd', 'activation-pca'] as const;
export type ConversionMethod = (typeof METHODS)[number];

/** The first is the one that is taken where none is named. */
export function methodsFor(target: ConversionTarget): readonly [ConversionMethod, ...ConversionMethod[]] {
  return target.kind === 'mla' ? ['joint-svd', 'split-svd', 'activation-pca'] : ['mean-pool', 'aligned-pool'];
}

export function isConversionMethod(text: string): text is ConversionMethod {
  return (METHODS as readonly string[]).includes(text);
}

export function targetLabel(target: ConversionTarget): string {
  return variantLabel(target);
}

/** A conversion that this layer cannot have; the message says why. */
export class ConversionRefused extends Error {}
