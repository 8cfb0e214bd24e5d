/**
 * What a file of this folder says of a lineage of models. Each facet is an export of its own name (`layers`, `blocks`, `names`,
 * `gguf`, `counts`), a list of entries by model type, so that a bundle which does not ask for one leaves it out; register.ts is
 * made from them by `npm run generate`.
 */

import type { BlockSpec } from '../attention/spec/blockSpec';
import type { RunnableAttention } from '../attention/spec/layerSpec';
import type { NormSpec } from '../attention/spec/normSpec';
import type { JsonValue } from '../config/document';
import type { ConfigReader } from '../config/reader';
import type { AttentionSpec, StateSpec } from '../model/attention';
import type { FactorSources } from '../model/spec';
import type { WeightSources } from './kit/sources';

/** A layer before it has an index. Layers of one kind share the same draft object. */
export interface LayerDraft {
  readonly attention: AttentionSpec;
  readonly sources: FactorSources;
  readonly parallelState?: StateSpec;
  readonly assumed?: boolean;
}

export interface FamilyReading {
  readonly layers: readonly LayerDraft[];
  /** Multi-token-prediction layers that are not in `layers`. */
  readonly draftLayers?: number;
}

/** What is cached: a config's layers. */
export interface LayersFacet {
  /** Name of the lineage. */
  readonly id: string;
  /** `model_type` values of configs that follow it. */
  readonly modelTypes: readonly string[];
  /** Where its rules were read. */
  readonly cite: string;
  /** What the configuration class gives to absent keys, for those that decide the cache; by model type. */
  readonly defaults?: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  /**
   * Where a width that heads do not divide is refused, head_dim or not: by the configuration class, or by the model's code.
   * The others cut it off and run.
   */
  readonly refusesRemainder?: 'class' | 'model';
  read(reader: ConfigReader, modelType: string): FamilyReading;
}

/** What is known before a family's blocks are built. */
export interface BlockInput {
  readonly config: ConfigReader;
  /** Attention of each layer as the `layers` facet read it: kinds, windows, heads, widths. */
  readonly attentions: readonly RunnableAttention[];
  readonly hiddenSize: number;
  /** The value of a learned tensor with one element (name without the model's prefix), or null. */
  readonly scalar: (name: string) => number | null;
  /**
   * Notes a setting whose maths is not known here, while the shapes still hold: parameters are counted, heads are refused
   * with these words. Gives null, to stand in for what is left out.
   */
  readonly cannotRun: (what: string) => null;
}

/** Positions that are added to the embeddings. */
export type Positions =
  /** A learned table of `rows`; row = position + offset. */
  | { readonly kind: 'learned'; readonly offset: number; readonly rows: number }
  /** sin of all frequencies, then cos; position + offset (XGLM). */
  | { readonly kind: 'sinusoidal'; readonly offset: number };

/** A model as it computes: its blocks and its two ends. Shapes and switches; where weights are stored is not in it. */
export interface BlockModel {
  readonly embedding?: {
    /** The hidden size where absent; another width has a linear map without bias to the hidden size (OPT-350m), and back. */
    readonly width?: number;
    /** Factor on the token embedding, before positions are added; 1 where absent. */
    readonly multiplier?: number;
    readonly positions?: Positions;
    readonly norm?: NormSpec;
  };
  readonly output: {
    /** After the last block; null where there is none (OPT-350m). */
    readonly norm: NormSpec | null;
    /** logits × this (Cohere's logit_scale, 1 / logits_scaling of Granite); 1 where absent. */
    readonly multiplier?: number;
    /** cap · tanh(logits / cap). */
    readonly softcap?: number | null;
    readonly bias?: boolean;
  };
  readonly block: (index: number) => BlockSpec;
  /** Layers whose values are projected with the weights of the keys: one tensor for both (Gemma 4). */
  readonly valuesFromKeys?: (index: number) => boolean;
  /** True where a layer that reads another's cache still has projections of keys and values. */
  readonly sharedLayersProject?: boolean;
}

/** What a model computes: norms, biases, projections, feed-forward, router. */
export interface BlocksFacet {
  readonly modelTypes: readonly string[];
  /** @throws ConfigRefusal where the config lacks what the shapes need. */
  readonly build: (input: BlockInput) => BlockModel;
}

export interface NamesInput {
  readonly config: ConfigReader;
  /** True when the store has this tensor (name without the model's prefix). */
  readonly has: (name: string) => boolean;
}

/** Names of a model's tensors, without the model's prefix but for the head's, which may stand outside of it. */
export interface ModelNames {
  /** Tensor `[vocabulary, width]`. */
  readonly embedding: string;
  /** Tensor of learned positions. */
  readonly positions?: string;
  /** Base names of norms. */
  readonly embeddingNorm?: string;
  readonly outputNorm: string;
  /** Linear maps from the embedding's width to the hidden size and back. */
  readonly projectionIn?: string;
  readonly projectionOut?: string;
  /** Base of an untied head (`lm_head`, `embed_out`). */
  readonly head: string;
  /** Prefix of a layer after the model's: `layers.3.`. */
  readonly layerPrefix: (index: number) => string;
  readonly layer: (index: number, block: BlockSpec) => LayerNames;
}

export interface LayerNames {
  readonly sources: WeightSources;
  readonly expert?: (expert: number) => WeightSources;
}

/** Where the weights of a model stand in its own files. */
export interface NamesFacet {
  readonly modelTypes: readonly string[];
  /** Prefixes under which the model's tensors may stand, most common first; '' is always tried last. */
  readonly prefixes: readonly string[];
  readonly of: (input: NamesInput) => ModelNames;
}
