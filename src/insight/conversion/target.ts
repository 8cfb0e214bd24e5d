/** What a layer's keys and values are converted to, and by which methods. */

import { parseVariant, variantLabel, type VariantRequest } from '../../cache/variants';
import { divisorsOf } from '../../model/divisors';
import type { HeadedSpec } from './layerRows';

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

/** `gqa:8`, `mqa`, `mla:512+64`; null for anything else, `mha` among it. */
export function parseTarget(text: string): ConversionTarget | null {
  const request = parseVariant(text);
  if (request === null || request.kind === 'mha') return null;
  return request.kind === 'gqa' || request.kind === 'mla' ? request : { kind: 'mqa' };
}

/** One of the conversions that are asked for. */
export interface ConversionRequest {
  readonly target: ConversionTarget;
  readonly method: ConversionMethod;
}

/** Singular vectors of larger matrices take a minute: they are looked for once, for the latent that kernels can run. */
const QUICK_EIGEN = 1024;
/** RoPE dims of an MLA that is offered, at most: DeepSeek's. */
const OFFERED_ROPE = 64;

/**
 * Designs that cache alike beside each other: GQA of half and a quarter of the KV heads, MQA, each beside MLA of the same size. What would
 * fit any tokens of that number is left out.
 */
export function offeredConversions(
  { attention: { kvHeads, keyDim, valueDim }, hiddenSize, rotary, keyNorm, clip }: HeadedSpec,
  tokens: number,
): readonly ConversionRequest[] {
  const divisors = divisorsOf(kvHeads).filter((groups) => groups < kvHeads);
  // Half, a quarter or as near below as divides, and one.
  const atMost = (most: number): number => Math.max(1, ...divisors.filter((groups) => groups <= most));
  const shown = kvHeads === 1 ? [] : [...new Set([atMost(kvHeads / 2), atMost(kvHeads / 4), 1])];
  const sizes =
    shown.length > 0 ? shown.map((groups) => groups * (keyDim + valueDim)) : [Math.floor((keyDim + valueDim) / 2)];
  const slow = Math.min(kvHeads * (keyDim + valueDim), hiddenSize) > QUICK_EIGEN;
  return sizes.flatMap((size, index): readonly ConversionRequest[] => {
    const groups = shown[index];
    const pooled: readonly ConversionTarget[] =
      groups === undefined ? [] : [groups === 1 ? { kind: 'mqa' } : { kind: 'gqa', groups }];
    const shared =
      rotary === null || keyNorm !== null || clip !== null
        ? 0
        : Math.min(OFFERED_ROPE, kvHeads * rotary.dim, 2 * Math.floor(size / 8));
    const latent: readonly ConversionTarget[] = [
      { kind: 'mla', latentDim: size, ropeDim: 0 },
      ...(shared > 0 ? [{ kind: 'mla', latentDim: size - shared, ropeDim: shared } as const] : []),
    ];
    const worth = (target: ConversionTarget, method: ConversionMethod): boolean => {
      if (target.kind !== 'mla') return true;
      if (method === 'activation-pca') return target.latentDim < tokens;
      return method === 'joint-svd' && (!slow || shared === 0 || target.ropeDim > 0);
    };
    return [...pooled, ...latent].flatMap((target) =>
      methodsFor(target)
        .filter((method) => worth(target, method))
        .map((method) => ({ target, method })),
    );
  });
}

/** A conversion that this layer cannot have; the message says why. */
export class ConversionRefused extends Error {}
