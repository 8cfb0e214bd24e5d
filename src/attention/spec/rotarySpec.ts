/** Rotary position embedding of one layer: what is needed to compute its cos/sin tables. */

/**
 * How frequencies are changed for longer contexts. Names and formulas follow `modeling_rope_utils.py` of transformers;
 * `null` means that the config does not give the number and its default rule holds.
 */
export type RotaryScaling =
  /** frequencies ÷ factor */
  | { readonly kind: 'linear'; readonly factor: number }
  /** Dynamic NTK: theta grows once the sequence is longer than `originalContext`. */
  | { readonly kind: 'dynamic'; readonly factor: number; readonly originalContext: number }
  /** Llama 3.1: low frequencies ÷ factor, high ones kept, smooth between. */
  | {
      readonly kind: 'llama3';
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly originalContext: number;
    }
  /** YaRN (Peng et al. 2023), with DeepSeek's mscale. */
  | {
      readonly kind: 'yarn';
      readonly factor: number;
      readonly originalContext: number;
      /** Default 32. */
      readonly betaFast: number;
      /** Default 1. */
      readonly betaSlow: number;
      readonly mscale: number | null;
      readonly mscaleAllDim: number | null;
      /** Multiplies cos and sin; null: from mscale, mscaleAllDim, factor. */
      readonly attentionFactor: number | null;
      /** Round the bounds of the ramp to whole dims (default true; gpt-oss false). */
      readonly truncate: boolean;
    }
  /** LongRoPE (Phi-3): a factor per frequency, another list beyond `originalContext`. Lists have `dim / 2` numbers. */
  | {
      readonly kind: 'longrope';
      readonly shortFactor: readonly number[];
      readonly longFactor: readonly number[];
      readonly originalContext: number;
      /** `max_position_embeddings / originalContext` or the config's own `factor`; null where neither is known. */
      readonly factor: number | null;
      /** Multiplies cos and sin; null: sqrt(1 + ln(factor) / ln(originalContext)). */
      readonly attentionFactor: number | null;
    }
  /**
   * Gemma 4 full layers: frequencies θ^(−2i/headDim) for the first `rotatedDim / 2` pairs, the other pairs are not
   * rotated (frequency 0); ÷ factor. The spec's `dim` is the whole head.
   */
  | { readonly kind: 'proportional'; readonly rotatedDim: number; readonly factor: number };

export interface RotarySpec {
  /** Base of the frequencies (`rope_theta`); local layers of Gemma 3 have their own. */
  readonly theta: number;
  /** Dims of a head that are rotated, from its first one (partial rotary: fewer than the head has). Even. */
  readonly dim: number;
  /**
   * `half`: dim i pairs with i + dim/2 (Llama, NeoX). `interleaved`: 2i pairs with 2i + 1 and stays there (GPT-J, Cohere,
   * GLM-4, DeepSeek-V2). `interleaved-to-half`: 2i pairs with 2i + 1, and the result is regrouped: first all even, then
   * all odd dims (DeepSeek-V3 in transformers).
   */
  readonly layout: 'half' | 'interleaved' | 'interleaved-to-half';
  readonly scaling: RotaryScaling | null;
}
