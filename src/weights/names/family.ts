/** What a family description gives, and what it is given. */

import type { BlockNorms, BlockSpec, FeedForward } from '../../attention/blockSpec';
import { NO_NORMS } from '../../attention/blockSpec';
import { type AttentionLayerSpec, headDims, PLAIN_LAYER, type RunnableAttention } from '../../attention/layerSpec';
import type { NormSpec } from '../../attention/normSpec';
import type { HfConfig } from './hfConfig';
import type { EmbeddingPlan, OutputPlan, WeightSources } from './plan';

/** What is known before a family is asked. */
export interface FamilyInput {
  readonly config: HfConfig;
  /** Attention of each layer, as src/config reads it: kinds, windows, heads, widths. */
  readonly attentions: readonly RunnableAttention[];
  /** The value of a stored tensor with one element (name without the model's prefix), or null. */
  readonly scalar: (name: string) => number | null;
  /** True when the store has this tensor (name without the model's prefix). */
  readonly has: (name: string) => boolean;
}

/** One layer: what it computes, and where its weights are. */
export interface FamilyLayer {
  readonly block: BlockSpec;
  readonly sources: WeightSources;
  readonly expert?: (expert: number) => WeightSources;
}

/** Names here are without the model's prefix, except `head`, which may stand outside of it: see `FamilyModel.root`. */
export interface FamilyModel {
  readonly hiddenSize: number;
  readonly embedding: Partial<EmbeddingPlan> & Pick<EmbeddingPlan, 'tensor'>;
  readonly output: Partial<Omit<OutputPlan, 'head' | 'bias'>> & Pick<OutputPlan, 'norm'>;
  /** Tensor base of an untied head at the root of the names (`lm_head`, `embed_out`), and whether it has a bias. */
  readonly head: { readonly base: string; readonly tied: boolean; readonly bias: boolean };
  /** Prefix of a layer after the model's: `layers.3.`. */
  readonly layerPrefix: (index: number) => string;
  readonly layer: (index: number) => FamilyLayer;
}

export interface FamilyDefinition {
  /** `model_type` values that it describes. */
  readonly modelTypes: readonly string[];
  /** Prefixes under which the model's tensors may stand, most common first; '' is always tried last. */
  readonly prefixes: readonly string[];
  readonly build: (input: FamilyInput, modelType: string) => FamilyModel;
}

/** The attention of a layer; a config that does not give one for every layer has been refused before. */
export function attentionAt(input: FamilyInput, index: number): RunnableAttention {
  return input.attentions[index] ?? input.config.unsupported(`layer ${index}`);
}

/** An attention layer with 1/√keyDim and everything else off, but for what is given. */
export function attentionLayer(
  attention: RunnableAttention,
  hiddenSize: number,
  changes: Partial<AttentionLayerSpec> = {},
): AttentionLayerSpec {
  return { ...PLAIN_LAYER, attention, hiddenSize, scale: headDims(attention).keyDim ** -0.5, ...changes };
}

export function block(
  layer: AttentionLayerSpec,
  feedForward: FeedForward,
  norms: Partial<BlockNorms>,
  changes: Partial<BlockSpec> = {},
): BlockSpec {
  return {
    layer,
    feedForward,
    norms: { ...NO_NORMS, ...norms },
    arrangement: 'sequential',
    residualMultiplier: 1,
    residualFrom: 'sum',
    ...changes,
  };
}

/** The two norms of a pre-norm block. */
export function preNorms(norm: NormSpec): Partial<BlockNorms> {
  return { attention: norm, feedForward: norm };
}
