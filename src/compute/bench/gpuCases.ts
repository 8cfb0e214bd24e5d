/**
 * What is measured on a GPU, the most important first: a machine is lent for minutes. The lectures' cases have their names: a decode step of
 * DeepSeek-V3 as MHA and as absorbed MLA (the attention core, and the layer with its projections), GQA-8 against MHA, and a new token with the
 * cache and without.
 */

import { type AttentionLayerSpec, headDims } from '../../attention/spec/layerSpec';
import type { Precision } from '../../shared/devices';
import { type BenchCase, DEEPSEEK_V3, DEEPSEEK_V3_MHA, LLAMA3_8B } from './cases';

/** Llama-3-8B's layer with a K and V for each of its 32 heads. */
const LLAMA3_8B_MHA: AttentionLayerSpec = {
  ...LLAMA3_8B,
  attention: { kind: 'full', queryHeads: 32, kvHeads: 32, keyDim: 128, valueDim: 128 },
};

/** The same, with a window as Mistral-7B-v0.1 has it (`sliding_window` of its config.json). */
const LLAMA3_8B_WINDOW: AttentionLayerSpec = {
  ...LLAMA3_8B,
  attention: { kind: 'sliding', queryHeads: 32, kvHeads: 8, keyDim: 128, valueDim: 128, window: 4096 },
};

const step = { tokens: 1, form: null, core: false, folded: false } as const;
const PRECISIONS: readonly Precision[] = ['float32', 'float16'];
/** Tokens with the cache and without. */
const LENGTHS = [256, 1024, 4096, 16384, 32768] as const;
/** Cached tokens by sequences. */
const SIZES = [
  [1, 32768],
  [8, 4096],
  [1, 131072],
  [8, 32768],
  [8, 131072],
] as const;

export function gpuCases(): readonly BenchCase[] {
  const llama = { ...step, name: 'decode-4096-llama3-8b', variant: 'gqa', layer: LLAMA3_8B, past: 4095 };
  const core = { ...step, name: 'decode-4096-deepseek-v3', past: 4095, core: true };
  const layer = { ...core, name: 'decode-4096-deepseek-v3-layer', core: false };
  const both = (test: BenchCase): readonly BenchCase[] =>
    PRECISIONS.map((precision) => ({ ...test, precision, variant: `${test.variant} ${precision}` }));
  return [
    // Operators of their own, which hold no scores, beside the products written out.
    ...both({ ...llama, variant: 'gqa fused', fused: true }),
    ...both(llama),
    ...both({ ...core, variant: 'mha', layer: DEEPSEEK_V3_MHA }),
    ...both({ ...core, variant: 'mla-absorbed', layer: DEEPSEEK_V3, form: 'absorbed', folded: true }),
    ...both({ ...layer, variant: 'mha', layer: DEEPSEEK_V3_MHA }),
    ...both({ ...layer, variant: 'mla-absorbed', layer: DEEPSEEK_V3, form: 'absorbed' }),
    // Far behind the window's end: rows lie in a ring.
    ...both({ ...llama, name: 'decode-32768-window-4096', layer: LLAMA3_8B_WINDOW, past: 32767 }),
    ...both({ ...llama, variant: 'mha fused', layer: LLAMA3_8B_MHA, fused: true }),
    ...LENGTHS.flatMap((length): readonly BenchCase[] => {
      const token = { ...step, name: `token-${length}-llama3-8b`, layer: LLAMA3_8B, fused: true };
      const uncached = { ...token, variant: 'uncached float32', tokens: length, past: 0 };
      return [{ ...token, variant: 'cached float32', past: length - 1 }, uncached];
    }),
    ...SIZES.flatMap(([batch, length]) =>
      both({
        ...llama,
        name: `decode-${batch}x${length}-llama3-8b`,
        variant: 'gqa fused',
        fused: true,
        batch,
        past: length - 1,
      }),
    ),
  ];
}

/** What a processor computes in a few seconds, to compare with; beyond it peers are compared with each other. */
export const MOST_REFERENCE_FLOPS = 6e12;

/**
 * The same cases, names and all, so small that a processor that stands in for a GPU computes each in a moment.
 * @internal
 */
export function smallCase(test: BenchCase): BenchCase {
  const { attention } = test.layer;
  const { queryHeads, kvHeads } = headDims(attention);
  const small =
    attention.kind === 'latent'
      ? { ...attention, queryHeads: 4, latentDim: 16, ropeDim: 8, nopeDim: 8, valueDim: 8, queryLatentDim: 16 }
      : { ...attention, queryHeads: 4, kvHeads: Math.max(1, (4 * kvHeads) / queryHeads), keyDim: 8, valueDim: 8 };
  const seen = small.kind === 'sliding' ? { ...small, window: 12 } : small;
  const turned = 8;
  const { rotary } = test.layer;
  const fewer = (tokens: number): number => Math.min(tokens, 31);
  return {
    ...test,
    layer: { ...test.layer, attention: seen, hiddenSize: 32, rotary: rotary && { ...rotary, dim: turned } },
    tokens: fewer(test.tokens),
    past: fewer(test.past),
    batch: Math.min(test.batch ?? 1, 2),
  };
}
