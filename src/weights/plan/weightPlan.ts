/** What it takes to run a model from its files: the specs of its blocks, and where each of their weights is stored. */

import type { BlockSpec } from '../../attention/spec/blockSpec';
import type { NormSpec } from '../../attention/spec/normSpec';
import type { Positions } from '../../families/facets';
import type { WeightSources } from '../../families/kit/weightSource';

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
  | Extract<Positions, { kind: 'sinusoidal' }>
  | (Extract<Positions, { kind: 'learned' }> & { readonly tensor: string });

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
