/**
 * What a file in this folder says about a lineage of models. Each facet is an export under its name (`layers`, `blocks`, `names`,
 * `gguf`, `counts`) that returns entries by model type, so that a bundle leaves out the facets it does not use; the registers are
 * generated from them by `npm run generate`.
 */

import type { Activation, BlockSpec, RouterSpec } from '../attention/spec/blockSpec';
import type { RunnableAttention } from '../attention/spec/layerSpec';
import type { HeadNormSpec, NormSpec } from '../attention/spec/normSpec';
import type { RotarySpec } from '../attention/spec/rotarySpec';
import type { JsonValue } from '../config/document';
import type { ConfigReader } from '../config/reader';
import type { AttentionSpec, StateSpec } from '../model/attention';
import type { FactorSources, SglangCaching, LlamacppCaching } from '../model/spec';
import type { CountedDecoder, WholeCount } from './counted/facet';
import type { GgufConfig, GgufSource } from './kit/ggufMetadata';
import type { WeightSources } from './kit/weightSource';

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
  /** The name of the design where its layers do not tell: of what keeps nothing, and is no encoder. */
  readonly variant?: string;
  /** What a file changes of the family's `llamacpp`. */
  readonly llamacpp?: LlamacppCaching;
}

/** The `layers` facet: what each layer of a config caches. */
export interface LayersFacet {
  /** Name of the lineage. */
  readonly id: string;
  /** `model_type` values of configs that follow it. */
  readonly modelTypes: readonly string[];
  /** Where its rules were read. */
  readonly cite: string;
  /** The configuration class's defaults for absent keys that decide the cache; by model type. */
  readonly defaults?: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  /**
   * Who refuses a hidden size that the heads do not divide, even with head_dim: the configuration class, or the model's code.
   * Others round the head width down and run.
   */
  readonly refusesRemainder?: 'class' | 'model';
  /** What SGLang's implementation caches (v0.5.16: is_hybrid_swa and the extra buffer of model_config.py). */
  readonly sglang?: SglangCaching;
  /** What llama.cpp's implementation caches (v0.5.0, its load_hparams of the architecture and create_memory). */
  readonly llamacpp?: LlamacppCaching;
  /** What the first layer is called in `linear_attn_config`: Kimi's lists count from 1, which is the default. */
  readonly linearLayersFrom?: 0 | 1;
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
   * with these words. Returns null, in place of the value that is left out.
   */
  readonly cannotRun: (what: string) => null;
}

/** Positions that are added to the embeddings. */
export type Positions =
  /** A learned table of `rows`; row = position + offset. */
  | { readonly kind: 'learned'; readonly offset: number; readonly rows: number }
  /** sin of all frequencies, then cos; position + offset (XGLM). */
  | { readonly kind: 'sinusoidal'; readonly offset: number };

/** What a model computes: its blocks and its two ends, as shapes and switches. Where weights are stored is in `names`. */
export interface BlockModel {
  readonly embedding?: {
    /** The hidden size where absent. Another width is mapped to the hidden size and back, without bias (OPT-350m). */
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

/** The `blocks` facet: norms, biases, projections, feed-forward and router of each layer. */
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

/** Names of a model's tensors without the model's prefix, except for the head, which may be outside of it. */
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

/** The `names` facet: where a model's weights are in safetensors files. */
export interface NamesFacet {
  readonly modelTypes: readonly string[];
  /** Prefixes that the model's tensors may have, most common first; '' is always tried last. Llama's where absent. */
  readonly prefixes?: readonly string[];
  /** Llama's names where absent. */
  readonly of?: (input: NamesInput) => ModelNames;
}

/** A layer of a GGUF file. */
export interface GgufLayer {
  readonly index: number;
  readonly source: GgufSource;
  /** True when the file has this tensor (name without `blk.N.`). */
  readonly has: (name: string) => boolean;
  /** Refuses the file: this setting is not known here. */
  readonly unsupported: (setting: string) => never;
}

export interface GgufFacet {
  /** `general.architecture`. */
  readonly architecture: string;
  /** The model type that it is read as. */
  readonly modelType: string;
  /** Other model types whose files come under this name; some are told apart by `adapt`. */
  readonly alsoOf?: readonly string[];
  /**
   * How llama.cpp rotates it (`llama_model_rope_type`; the converter permutes Q and K of `interleaved` ones so that pairs are
   * adjacent). Absent where the conversion of its tensors is not known: its cache is estimated, its heads are not computed.
   */
  readonly rope?: RotarySpec['layout'] | 'none';
  /** Translates the keys that it spells in its own way; runs after the common ones. */
  readonly adapt?: (config: GgufConfig, source: GgufSource) => void;
  /** Adds what only the tensors tell. */
  readonly fromTensors?: (config: GgufConfig, has: (tensor: string) => boolean) => void;
  /** Places of weights that differ from llama.cpp's common names. */
  readonly sources?: (layer: GgufLayer, block: BlockSpec) => WeightSources;
  /** What llama.cpp computes otherwise than the model's own code, and what the file tells of a layer; runs last. */
  readonly block?: (block: BlockSpec, layer: GgufLayer) => BlockSpec;
  /** What it computes otherwise in the norm after the last block. */
  readonly outputNorm?: (norm: NormSpec) => NormSpec;
  /** Learned numbers (see `BlockInput.scalar`): themselves, or the tensor that has them. */
  readonly scalar?: (name: string, source: GgufSource) => number | { readonly tensor: string } | null;
}

/**
 * The `arrangements` facet: of model types that have `counts` and no `blocks`, where norms stand and what is between the projections.
 * Shapes come from the layers and from `counts`; figures are drawn from both.
 */
export interface ArrangementsFacet {
  readonly modelTypes: readonly string[];
  /** Where it was read. */
  readonly cite: string;
  /**
   * `pre`: before each branch that a layer has (the default); `four`: before and after each; `output`: after each alone;
   * `sum`: on the sum of stream and branch; `parallel`: one norm, from which both branches start.
   */
  readonly norms?: NormPlaces | ((config: ConfigReader, attention: AttentionSpec) => NormPlaces);
  /** What turns the gate of the output into a factor; a sigmoid where absent. */
  readonly gateFunction?: 'softplus';
  /** RMSNorm with a plain weight where absent. */
  readonly norm?: Partial<Pick<NormSpec, 'kind' | 'weight'>>;
  /** Of queries and keys, where it is another one. */
  readonly headNorm?: Partial<Pick<NormSpec, 'kind' | 'weight'>>;
  /** What their norm is over, where its weights do not say: each head by itself, with weights of its own. */
  readonly headNormExtent?: HeadNormSpec['extent'];
  /** Queries and keys are normed after RoPE. */
  readonly headNormLast?: boolean;
  /** Of the feed-forward; what `hidden_act` or its like says where absent. */
  readonly activation?: Activation | ((config: ConfigReader) => Activation);
  /** How layers are built, of types whose parameters are counted as a whole. */
  readonly built?: Pick<CountedDecoder, 'bias' | 'mlpBias' | 'plain' | 'normBias'>;
  /**
   * RoPE over the whole head where absent; over part of it (the number: where the config gives none); `none`; `elsewhere`: at the
   * embedding, or on the scores; `unsaid` where the config does not say which positions it has.
   */
  readonly positions?: Positioning | ((config: ConfigReader, attention: AttentionSpec) => Positioning);
  /** How experts are chosen, in each layer; a figure is silent about what is absent. */
  readonly router?: (config: ConfigReader, layer: number) => RouterWords;
  /** The shared expert has a sigmoid gate. */
  readonly sharedGate?: boolean;
  /** Both branches × this. */
  readonly residual?: (config: ConfigReader) => number;
  /** Branches are added to the normed input. */
  readonly fromNormed?: boolean;
  /** Scores × this. */
  readonly scale?: (config: ConfigReader) => number;
  /** Values are normed, without a weight. */
  readonly valueNorm?: boolean;
  /** Key of the RoPE base of sliding layers, where they have their own. */
  readonly localTheta?: string;
  /** How many hidden states wide the stream is: each branch begins with a mix of them (weights `streams.*`) and is written into all; 1 where absent. */
  readonly streams?: (config: ConfigReader) => number;
  /** What a figure must say beside its boxes. */
  readonly says?: readonly string[] | ((config: ConfigReader) => readonly string[]);
}

export type NormPlaces = 'pre' | 'four' | 'output' | 'sum' | 'parallel';

/** What a figure says of a router. */
export interface RouterWords {
  /** √softplus: DeepSeek-V4. */
  readonly scoring?: RouterSpec['scoring'] | 'sqrt-softplus' | undefined;
  readonly groups?: Omit<NonNullable<RouterSpec['groups']>, 'score'> | null;
  /** A learned number for each expert takes part in the choice. */
  readonly correctionBias?: boolean;
  /** A fixed table of the vocabulary chooses, and no score. */
  readonly byTable?: boolean;
  /** The weights of the chosen are divided by their sum. */
  readonly normalize?: boolean;
}

export type Positioning = number | 'rope' | 'none' | 'elsewhere' | 'unsaid';

/** Parameters of model types without a `blocks` facet. */
export type CountsFacet = { readonly modelTypes: readonly string[] } & (
  | (CountedDecoder & { readonly whole?: never })
  | { readonly whole: WholeCount }
);
