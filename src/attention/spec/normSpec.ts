/** Normalisations of hidden states, projections and heads. */

export interface NormSpec {
  /**
   * `rms`: x / sqrt(mean(x²) + ε) (Zhang & Sennrich 2019); `layer`: (x − mean) / sqrt(var + ε) (Ba et al. 2016).
   * Both then × weight + bias.
   */
  readonly kind: 'rms' | 'layer';
  readonly epsilon: number;
  /** `plus-one` multiplies by 1 + weight (Gemma, Nemotron's LayerNorm1p); `none` has no weight (OLMo, Llama 4 QK-norm). */
  readonly weight: 'none' | 'plain' | 'plus-one';
  readonly bias: boolean;
}

/** A norm on queries or keys. */
export interface HeadNormSpec {
  readonly norm: NormSpec;
  /**
   * What is normalised, and the shape of the weight:
   * `head`: each head over its dims, one weight `[dim]` for all heads (Qwen3, Gemma 3, Persimmon);
   * `head-own`: each head over its dims, own weights `[heads, dim]` (Cohere, StableLM);
   * `projection`: all heads together, weight `[heads · dim]` (OLMo 2, MiniMax-M2).
   */
  readonly extent: 'head' | 'head-own' | 'projection';
  /** Most families normalise before RoPE; Llama 4 and HunYuan after it. */
  readonly stage: 'before-rope' | 'after-rope';
}
