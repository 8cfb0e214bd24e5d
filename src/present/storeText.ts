/** Words for the programs that keep models on this machine, and for how much of a model is here. */

import type { LocalState, StoreId } from '../shared/storesContract';

const NAMES: Readonly<Record<StoreId, string>> = {
  huggingFace: 'Hugging Face',
  ollama: 'Ollama',
  lmStudio: 'LM Studio',
  llamaCpp: 'llama.cpp',
};

/** As the program calls itself. */
export function storeName(store: StoreId): string {
  return NAMES[store];
}

const STATES: Readonly<Record<LocalState, string>> = {
  whole: 'whole',
  incomplete: 'download incomplete',
  configOnly: 'config only',
  parts: 'parts of the weights',
};

export function stateText(state: LocalState): string {
  return STATES[state];
}
