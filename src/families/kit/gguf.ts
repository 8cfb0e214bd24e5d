/** The `gguf` facet: a GGUF architecture in the terms of Hugging Face configs. */

import type { RotarySpec } from '../../attention/spec/rotarySpec';
import type { JsonValue } from '../../config/document';

/** The config being made from metadata, with Hugging Face's key names. */
export type GgufConfig = Record<string, JsonValue>;

/** Metadata of one architecture: `get('block_count')` is `olmo2.block_count`. */
export interface GgufSource {
  readonly architecture: string;
  get(key: string): unknown;
  number(key: string): number | undefined;
  flag(key: string): boolean | undefined;
  /** One number for all layers, or one per layer. */
  perLayer(key: string): number | readonly number[] | undefined;
  flags(key: string): readonly boolean[] | undefined;
}

export interface GgufFacet {
  /** `general.architecture`. */
  readonly architecture: string;
  /** The model type that it is read as. */
  readonly modelType: string;
  /**
   * How llama.cpp rotates it (`llama_model_rope_type`; the converter permutes Q and K of `interleaved` ones so that pairs are
   * adjacent). Absent where the conversion of its tensors is not known: its cache is estimated, its heads are not computed.
   */
  readonly rope?: RotarySpec['layout'] | 'none';
  /** Translates the keys that it spells in its own way; runs after the common ones. */
  readonly adapt?: (config: GgufConfig, source: GgufSource) => void;
  /** Adds what only the tensors tell. */
  readonly fromTensors?: (config: GgufConfig, has: (tensor: string) => boolean) => void;
}
