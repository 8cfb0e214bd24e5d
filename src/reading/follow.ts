/** Follows a text while it is edited: the reading of what stands there, or of the last complete text while it is half-typed. */

import { ConfigDocument } from '../config/document';
import { mayBeModelConfig } from '../config/mayBe';
import { type Reading, readDocument, type ReadOptions } from './read';

export interface FollowedReading {
  /** The text as it is now. */
  readonly document: ConfigDocument;
  /** Reading of the text as it is now, or, while that is not complete JSON, of the last version that was. */
  readonly reading: Reading;
  readonly stale: boolean;
}

export interface Followed {
  readonly result: FollowedReading | null;
  /** To be given to the next call. */
  readonly lastGood: Reading | null;
}

export function follow(text: string, lastGood: Reading | null, options: ReadOptions = {}): Followed {
  if (!mayBeModelConfig(text)) return { result: null, lastGood: null };
  const document = ConfigDocument.parse(text);
  const reading = readDocument(document, options);
  const complete = document.errors.length === 0;
  if (!complete && lastGood) return { result: { document, reading: lastGood, stale: true }, lastGood };
  return { result: reading && { document, reading, stale: false }, lastGood: complete ? reading : lastGood };
}
