/** The `gguf` facet: a GGUF architecture in the terms of Hugging Face configs. */

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
  /** One number for all layers, or one per layer, under a key that has no architecture before it. */
  apart(key: string): number | readonly number[] | undefined;
}
