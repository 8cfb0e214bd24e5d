/** The transformer block around an attention layer: norms, residuals, feed-forward. */

import type { AttentionLayerSpec } from './layerSpec';
import type { NormSpec } from './normSpec';

/** `gelu` is the exact one (erf); `gelu-tanh` is gelu_new, gelu_fast, gelu_pytorch_tanh; `relu2` is relu(x)². */
export type PlainActivation =
  | 'silu'
  | 'gelu'
  | 'gelu-tanh'
  | 'quick-gelu'
  | 'relu'
  | 'relu2'
  | 'tanh'
  | 'sigmoid'
  | 'identity';

export type Activation =
  | PlainActivation
  /** Apertus xIELU: αp·x² + β·x for x > 0, αn·(expm1(min(x, ε)) − x) + β·x else; α already softplus-ed. */
  | {
      readonly kind: 'xielu';
      readonly alphaPositive: number;
      readonly alphaNegative: number;
      readonly beta: number;
      readonly epsilon: number;
    };

/** Two projections: down(act(up(x))). */
export interface PlainFeedForward {
  readonly kind: 'plain';
  readonly width: number;
  readonly activation: Activation;
  readonly biasIn: boolean;
  readonly biasOut: boolean;
}

/** Three projections: down(act(gate(x)) · up(x)). */
export interface GatedFeedForward {
  readonly kind: 'gated';
  readonly width: number;
  readonly activation: Activation;
  /** Of gate and up. */
  readonly biasIn: boolean;
  readonly biasOut: boolean;
  /**
   * gpt-oss: gate ≤ limit, |up| ≤ limit, then gate · sigmoid(alpha · gate) · (up + 1); `activation` is not used.
   * Null elsewhere.
   */
  readonly clampedSwiglu: { readonly alpha: number; readonly limit: number } | null;
  /** Norm over the product before `down` (BitNet `ffn_sub_norm`), else null. */
  readonly innerNorm?: NormSpec | null;
}

export type DenseFeedForward = PlainFeedForward | GatedFeedForward;

/** How a token chooses its experts. */
export interface RouterSpec {
  readonly experts: number;
  readonly topK: number;
  /**
   * `softmax`: over all experts (Mixtral, Qwen, OLMoE, DeepSeek-V2, DBRX, Ernie); `sigmoid`: each for itself (DeepSeek-V3,
   * GLM-4, Llama 4); `softmax-selected`: over the logits of the chosen ones (gpt-oss, GraniteMoE);
   * `sparsemixer`: PhiMoE at inference, top 2, each a softmax over the near-best.
   */
  readonly scoring: 'softmax' | 'sigmoid' | 'softmax-selected' | 'sparsemixer';
  /** The chosen scores are divided by their sum (norm_topk_prob). */
  readonly normalize: boolean;
  /** Factor on the weights (routed_scaling_factor). */
  readonly factor: number;
  /** The router's linear map has a bias (gpt-oss). */
  readonly bias: boolean;
  /** A learned number per expert is added to its score for the choice only (e_score_correction_bias). */
  readonly correctionBias: boolean;
  /** The correction counts as a parameter (Ernie 4.5); elsewhere it is a buffer. */
  readonly correctionTrained?: boolean;
  /** Experts are chosen in the best groups only; a group is as good as its best, or as its two best together (V3). */
  readonly groups: { readonly count: number; readonly top: number; readonly score: 'max' | 'top2-sum' } | null;
  /** PhiMoE's threshold (router_jitter_noise); `sparsemixer` only. */
  readonly jitter?: number;
}

/** Mixture of experts; only experts that some token chose are computed. */
export interface MoeFeedForward {
  readonly kind: 'moe';
  readonly router: RouterSpec;
  /** One expert; all are alike. */
  readonly expert: DenseFeedForward;
  /** Where the routing weight multiplies: the expert's output, or its input (Llama 4). */
  readonly weighting: 'output' | 'input';
  /** An expert for all tokens, beside the chosen ones; several shared ones are one of their summed width. */
  readonly shared: {
    readonly expert: DenseFeedForward;
    /** Its output × sigmoid(x · w) (Qwen2-MoE, Qwen3-Next). */
    readonly gate: boolean;
  } | null;
}

export type FeedForward = DenseFeedForward | MoeFeedForward;

/**
 * Norms by place; null where there is none.
 * Pre-norm (Llama): attention + feedForward. Gemma 2: all of attention, attentionOutput, feedForward, feedForwardOutput.
 * OLMo 2: attentionOutput + feedForwardOutput. Post-norm (OPT-350m, GPT-1): attentionResidual + feedForwardResidual.
 */
export interface BlockNorms {
  /** Before the attention. */
  readonly attention: NormSpec | null;
  /** On the attention's output, before it joins the residual. */
  readonly attentionOutput: NormSpec | null;
  /** On the sum of residual and attention. */
  readonly attentionResidual: NormSpec | null;
  /** Before the feed-forward. In a parallel block null means: it receives what the attention receives. */
  readonly feedForward: NormSpec | null;
  readonly feedForwardOutput: NormSpec | null;
  readonly feedForwardResidual: NormSpec | null;
}

export const NO_NORMS: BlockNorms = {
  attention: null,
  attentionOutput: null,
  attentionResidual: null,
  feedForward: null,
  feedForwardOutput: null,
  feedForwardResidual: null,
};

export interface BlockSpec {
  readonly layer: AttentionLayerSpec;
  readonly feedForward: FeedForward;
  readonly norms: BlockNorms;
  /** `parallel`: attention and feed-forward both start from the block's input and are added to it together. */
  readonly arrangement: 'sequential' | 'parallel';
  /** Both branches × this before they join the residual (Granite, MiniCPM scale_depth/√layers); 1 elsewhere. */
  readonly residualMultiplier: number;
  /** What a branch is added to: the block's running sum, or its normed form (BLOOM apply_residual_connection_post_layernorm). */
  readonly residualFrom: 'sum' | 'normed';
  /** The block's output × this (Gemma 4 `layer_scalar`); 1 elsewhere. */
  readonly outputMultiplier?: number;
}
