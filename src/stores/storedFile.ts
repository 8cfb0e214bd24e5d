/** From the place of a model in a store to its file on this machine. */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isInside } from '../hub/hubName';
import type { StoreEnvironment, StoreId } from '../shared/storesContract';
import { ollamaBlob } from './ollama';
import { placesOf } from './storePlaces';

/** The weight file or config that a place in a store means. Null where it leaves the store, or nothing is there. */
export async function storedFile(
  store: Exclude<StoreId, 'huggingFace'>,
  place: string,
  environment: StoreEnvironment,
): Promise<string | null> {
  // The tag of an Ollama model stands behind a colon.
  if (!isInside(store === 'ollama' ? place.replace(':', '') : place)) return null;
  for (const root of await placesOf(store, environment)) {
    const file = store === 'ollama' ? await ollamaBlob(root, place) : join(root, ...place.split('/'));
    const info = file === null ? null : await stat(file).catch(() => null);
    if (info?.isFile() === true) return file;
  }
  return null;
}
