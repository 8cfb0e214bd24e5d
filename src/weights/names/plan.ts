/** What it takes to run a model from its files: the specs of its blocks, and where each of their weights is stored. */

import type { BlockSpec } from '../../attention/blockSpec';
import type { NormSpec } from '../../attention/normSpec';

/** `times` blocks of `count` rows, the first at `start`, each `stride` behind the one before. */
export interface RowBlocks {
  readonly start: number;
  readonly count: number;
  readonly times?: number;
  readonly stride?: number;
}

/** A stored tensor, or rows of it. */
export interface Part {
  /** Name without prefix and suffix: `self_attn.qkv_proj`. */
  readonly base: string;
  /** Names of the tensors behind it; `.weight` and `.bias` by default. */
  readonly suffix?: { readonly weight: string; readonly bias: string };
  /** Output rows to take, in this order; all by default. For biases the same elements. */
  readonly rows?: readonly RowBlocks[];
  /** Stored `[in, out]` (GPT-2's Conv1D): transposed on reading. Biases are not affected. */
  readonly transposed?: boolean;
  /** Which slice of the leading dimension (experts as one tensor); taken before anything else. */
  readonly index?: number;
  /** Equal slices that the leading dimension has where it is not the experts' own axis (DBRX). */
  readonly slices?: number;
  /** Stored as MXFP4: `…_blocks` [experts, rows, groups, 16] and `…_scales` [experts, rows, groups] in place of the tensor (gpt-oss). */
  readonly packed?: 'mxfp4';
  /** Factor on the values (MiMo scales V). */
  readonly factor?: number;
  /** Each of the `blocks` equal parts along the first dimension is stored transposed (GGUF's per-head k_b). */
  readonly transposedBlocks?: number;
}

/** Where a weight is: one tensor, or several whose rows follow each other. */
export type WeightSource = Part | readonly Part[];

/** Sources by the base name of `weightNames.ts` (`q`, `norm_attention`, `gate_proj`, …); suffixes are added on reading. */
export type WeightSources = Readonly<Record<string, WeightSource>>;

export interface LayerPlan {
  readonly block: BlockSpec;
  /** Prefix of all names of this layer, with its dot. */
  readonly prefix: string;
  readonly sources: WeightSources;
  /** Sources of one expert's weights; null in dense layers. */
  readonly expert: ((expert: number) => WeightSources) | null;
}

/** Positions that are added to the embeddings. */
export type PositionPlan =
  /** A learned table; row = position + offset. */
  | { readonly kind: 'learned'; readonly tensor: string; readonly offset: number }
  /** sin of all frequencies, then cos; position + offset (XGLM). */
  | { readonly kind: 'sinusoidal'; readonly offset: number };

export interface EmbeddingPlan {
  /** Tensor `[vocabulary, width]`. */
  readonly tensor: string;
  readonly width: number;
  /** Factor on the token embedding, before positions are added. */
  readonly multiplier: number;
  /** Linear map without bias from `width` to the hidden size (OPT-350m), applied before positions are added. */
  readonly projection: string | null;
  readonly positions: PositionPlan | null;
  readonly norm: { readonly spec: NormSpec; readonly base: string } | null;
}

export interface OutputPlan {
  /** Norm after the last block; null where there is none (OPT-350m). */
  readonly norm: { readonly spec: NormSpec; readonly base: string } | null;
  /** Linear map without bias from the hidden size to `EmbeddingPlan.width` (OPT-350m). */
  readonly projection: string | null;
  /** Tensor `[vocabulary, width]`; the embedding's where they are tied. */
  readonly head: string;
  /** Tensor `[vocabulary]`, or null. */
  readonly bias: string | null;
  /** logits × this (Cohere's logit_scale, 1 / logits_scaling of Granite). */
  readonly multiplier: number;
  /** cap · tanh(logits / cap), or null. */
  readonly softcap: number | null;
}

export interface ModelPlan {
  /** Family whose rules were used: a model type of transformers. */
  readonly family: string;
  readonly hiddenSize: number;
  readonly vocabularySize: number;
  readonly embedding: EmbeddingPlan;
  readonly layers: readonly LayerPlan[];
  readonly output: OutputPlan;
}
