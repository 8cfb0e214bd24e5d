/** The `counts` facet: how layers are built in lineages without a `blocks` facet, as far as parameters go. */

import type { ConfigReader } from '../../config/reader';
import { type Switch } from './switches';
import type { AttentionSpec } from '../../model/attention';
import type { MixerParts } from './mixers';
import type { Tally, Weights } from './tally';

/** Routed experts in place of a layer's feed-forward. All keys are tried in order. */
export interface ExpertRule {
  /** Nested object that holds the keys. */
  readonly within?: string;
  /** Number of routed experts. */
  readonly count: readonly string[];
  /** Routed experts that a token uses. */
  readonly perToken: readonly string[];
  /** What the class gives where no key does. */
  readonly perTokenDefault?: number;
  /** Inner width of an expert. */
  readonly width: readonly string[];
  /** Width that routed experts work in, with projections to it and back, where that is not the hidden size. */
  readonly latent?: readonly string[];
  /** A norm of that width. */
  readonly latentNorm?: Switch;
  /** Inner width of all shared experts together; 0 where there are none. */
  readonly shared?: (config: ConfigReader) => number;
  /** Further parameters of a router, beyond hidden × experts. */
  readonly router?: (config: ConfigReader, experts: number) => number;
  /** Parameters of one router, where it is not hidden × experts. */
  readonly ownRouter?: (config: ConfigReader, experts: number) => number;
  /** Biases of routed experts; shared ones have the lineage's `mlpBias`. */
  readonly bias?: Switch;
  /** Layers with experts, all where absent; the others have a plain feed-forward. */
  readonly sparse?: (config: ConfigReader) => (layer: number) => boolean;
  /** True where layers with experts also have their plain feed-forward. */
  readonly beside?: boolean;
}

/** One layer as the walk sees it. */
export interface LayerView {
  readonly index: number;
  readonly attention: AttentionSpec;
  readonly hidden: number;
}

export interface CountedDecoder {
  /** How the mixers of its recurrent layers differ from the flavour's usual build. */
  readonly mixerParts?: MixerParts;
  /** Bias of the query, key and value projections. */
  readonly bias?: Switch;
  /** Bias of the output projection; as `bias` where absent. */
  readonly outBias?: Switch;
  /** Norms of queries and keys: over a head's width, or over all heads. */
  readonly qkNorm?: 'head' | 'wide';
  readonly qkNormIf?: Switch;
  readonly qkNormBias?: Switch;
  /** A gate on the attention's output: as wide as the queries, or one number a head. */
  readonly gate?: 'wide' | 'head' | ((config: ConfigReader) => 'wide' | 'head' | null);
  /** The gate is part of the query projection and shares its bias. */
  readonly gateBias?: boolean;
  /** One learned sink a query head, in all or in sliding layers. */
  readonly sinks?: 'all' | 'sliding';
  /** Full-attention layers have no value projection (values are the keys). */
  readonly keysAreValues?: Switch;
  /** Layers that read another's cache have no projections of keys and values. */
  readonly sharedHaveNoKeys?: boolean;
  /**
   * Parameters of a layer's token mixer where it is not built from the usual projections, in one or weight by weight; null means the
   * usual ones.
   */
  readonly mixer?: (config: ConfigReader, layer: LayerView) => number | Weights | null;

  /** The state next to a layer's attention is not a mixer (short convolutions inside the attention). */
  readonly statesInside?: boolean;
  /** Number of layers with weights, where some run more than once. */
  readonly built?: (config: ConfigReader) => number;

  /** Norm vectors of hidden width in a layer (2 where absent). */
  readonly norms?: number | ((config: ConfigReader, layer: LayerView) => number);
  readonly normBias?: Switch;
  /** Norm vectors of hidden width after the last layer (1 where absent), and at the embedding. */
  readonly finalNorms?: number | ((config: ConfigReader) => number);

  /** True for an up and a down projection without a gate. */
  readonly plain?: boolean;
  readonly mlpBias?: Switch;
  /** Inner width of the feed-forward (`intermediate_size` and its spellings where absent). */
  readonly width?: readonly string[] | ((config: ConfigReader, layer: LayerView) => number);
  readonly experts?: ExpertRule;
  /** Layers that have no feed-forward at all. */
  readonly mlpAt?: (config: ConfigReader, layer: LayerView) => boolean;

  readonly headBias?: Switch;
  /** Whether input and output embedding are tied; `tie_word_embeddings` decides where absent. */
  readonly tied?: Switch;
  readonly vocabulary?: readonly string[];
  /** Rows of a learned position table. */
  readonly positions?: (config: ConfigReader) => number;
  /** Parts that only this lineage has. */
  readonly extra?: (config: ConfigReader, tally: Tally, layers: readonly LayerView[]) => void;
  /** Known keys about the build whose values make no difference here. */
  readonly knows?: readonly string[];
  /** A note to show with the count. */
  readonly note?: string;
  /** Small parts that the config has but that are not counted; null where there are none. */
  readonly leftOut?: (config: ConfigReader) => string | null;
}

/** Adds all parameters of a model that is not just a decoder. */
export type WholeCount = (config: ConfigReader, tally: Tally, tied: boolean) => void;
