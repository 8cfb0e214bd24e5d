/** Whether input and output embedding are tied; parameters and weight plans both ask here. */

import type { ConfigReader, ReadingLog } from '../config/reader';
import { classDefaultsOf, languageTypeOf } from './classDefaults';
import { FOLLOW_TEXT, TEXT_DECIDES } from './composites';

const KEYS = ['tie_word_embeddings', 'tie_embedding', 'tied_embeddings'];

/** What is needed of a reading. */
export interface TiedReading {
  readonly location: { readonly rootModelType: string; readonly path: readonly string[] };
  readonly reader: (log?: ReadingLog) => ConfigReader;
  readonly readerAt: (path: readonly string[], log?: ReadingLog) => ConfigReader;
}

/**
 * In a composite model the object around the language model decides, then its class (with the exceptions in
 * composites.ts, found by executing transformers 5.18); then the language model's key, its class, and `PreTrainedConfig`, which ties.
 * @param log Records which keys were asked for.
 */
export function tiedEmbeddings({ location, ...reading }: TiedReading, log?: ReadingLog): boolean {
  const { rootModelType } = location;
  const reader = reading.reader(log);
  const composite = languageTypeOf(rootModelType) !== rootModelType;
  const ofText = said(reader);
  if (composite && TEXT_DECIDES.includes(rootModelType)) return ofText ?? true;
  const root = reading.readerAt([], log);
  for (let depth = Math.max(0, location.path.length - 1); depth >= 0; depth--) {
    const place = placeOf(root, location.path.slice(0, depth));
    const own = place && said(place);
    if (own !== null) return own;
  }
  if (composite && !(FOLLOW_TEXT.includes(rootModelType) && reader.has('tie_word_embeddings'))) {
    const ofClass = classDefaultsOf(rootModelType, '')?.values['tie_word_embeddings'];
    if (typeof ofClass === 'boolean') return ofClass;
  }
  return ofText ?? true;
}

/** Null where neither the file nor the class has the key. */
function said(place: ConfigReader): boolean | null {
  return place.spelling(KEYS) === null ? null : place.flag(KEYS, true);
}

function placeOf(root: ConfigReader, path: readonly string[]): ConfigReader | null {
  return path.reduce<ConfigReader | null>((reader, key) => reader?.nested(key) ?? null, root);
}
