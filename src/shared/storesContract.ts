/** What the compute process answers about the models that other programs keep on this machine. */

import * as v from 'valibot';
import { list, type MethodsOf, natural, record, type SchemasOf, text } from './schema';

export const STORES = ['huggingFace', 'ollama', 'lmStudio', 'llamaCpp'] as const;
export type StoreId = (typeof STORES)[number];

const environment = v.strictObject({
  /** Those of `STORE_VARIABLES` that are set. */
  variables: record(text(4096), 32),
  home: text(4096),
  platform: text(40),
});
/** What decides where the folders are. */
export type StoreEnvironment = Readonly<v.InferOutput<typeof environment>>;

/**
 * How much of a model is here.
 * - incomplete: a download that has not ended, or files that its index names and that are not here
 * - configOnly: its config, without weights
 * - parts: parts of its weights, as Headlight fetches them
 */
const LOCAL_STATES = ['whole', 'incomplete', 'configOnly', 'parts'] as const;
export type LocalState = (typeof LOCAL_STATES)[number];

/** Longer configs are none of a model. */
export const MOST_CONFIG_TEXT = 200_000;

export interface LocalModel {
  readonly store: StoreId;
  /** As its program calls it. */
  readonly name: string;
  /** Where its config is in the store, with slashes on every system; '' where it cannot be opened. */
  readonly place: string;
  /** The weight file, or the folder of config and weights. */
  readonly path: string;
  /** On the disk. */
  readonly bytes: number;
  readonly state: LocalState;
  /** The text of its config; of a GGUF file, its metadata as one. Null where it cannot be read. */
  readonly config: string | null;
  /** Why it cannot, as sentences. */
  readonly problem: string | null;
}

const path = text(8192);
const localModel = v.object({
  store: v.picklist(STORES),
  name: path,
  place: path,
  path,
  bytes: natural,
  state: v.picklist(LOCAL_STATES),
  config: v.nullable(text(MOST_CONFIG_TEXT)),
  problem: v.nullable(text(4000)),
} satisfies SchemasOf<LocalModel>);

const localModels = v.object({
  models: list(localModel, 10_000),
  /** Stores and models in them that are broken, as sentences. */
  problems: list(text(4000), 100_000),
  /** Folders that were looked into. */
  places: list(v.object({ store: v.picklist(STORES), path }), 100),
  /** A bound was reached, or the look was stopped: there may be more. */
  cut: v.boolean(),
});
export type LocalModels = Readonly<v.InferOutput<typeof localModels>>;

export const STORES_CONTRACT = {
  'stores/list': { params: v.strictObject({ environment }), result: localModels },
};
export type StoresMethods = MethodsOf<typeof STORES_CONTRACT>;
