/** Addresses of configs in the stores of this machine: `headlight-model://ollama/registry.ollama.ai/library/llama3:8b/config.json`. */

import { Uri } from 'vscode';
import { type StoreId, STORES } from '../shared/storesContract';
import { MODEL_SCHEME } from './ids';

export interface ModelPlace {
  readonly store: StoreId;
  /** As in `LocalModel`. */
  readonly place: string;
}

const CONFIG = '/config.json';

/** The name of the model is the folder of its config, by which it is called everywhere. */
export function modelUri({ store, place }: ModelPlace): Uri {
  const path = `/${place}${/(?:^|\/)(?:config|params)\.json$/.test(place) ? '' : CONFIG}`;
  return Uri.from({ scheme: MODEL_SCHEME, authority: store.toLowerCase(), path });
}

/** Null for another address. The place may have `config.json` behind the name of a file. */
export function modelPlace({ scheme, authority, path }: Uri): ModelPlace | null {
  const store = scheme === MODEL_SCHEME ? STORES.find((each) => each.toLowerCase() === authority) : undefined;
  return store === undefined || !path.startsWith('/') ? null : { store, place: path.slice(1) };
}
