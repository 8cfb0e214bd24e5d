/** What a family is, and the shape of what it reads. One family per attention lineage, in families/. */

import type { AttentionSpec, StateSpec } from '../model/attention';
import type { FactorSources } from '../model/spec';
import type { JsonValue } from './document';
import type { ConfigReader } from './reader';

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

export interface Family {
  /** Name of the lineage. */
  readonly id: string;
  /** `model_type` values of configs that follow it. */
  readonly modelTypes: readonly string[];
  /** Where its rules were read. */
  readonly cite: string;
  /** What the configuration class gives to absent keys, for those that decide the cache; by model type. */
  readonly defaults?: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>;
  read(reader: ConfigReader, modelType: string): FamilyReading;
}
