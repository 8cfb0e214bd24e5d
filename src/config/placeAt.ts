/** Where in a config somebody types. */

import { getLocation, type Location } from 'jsonc-parser';
import type { ConfigDocument } from './document';

/** Null in a text that is not read (see ConfigDocument.parse): it may be nested deeper than can be walked. */
export function placeAt({ text, root }: ConfigDocument, offset: number): Location | null {
  return root ? getLocation(text, offset) : null;
}
