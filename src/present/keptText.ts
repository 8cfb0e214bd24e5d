/** What is said of results that were removed. */

import { formatInteger, formatSize } from '../model/units';
import type { KeptBounds, Removed } from '../shared/keptBounds';

/** Null where nothing was removed. */
export function removedText({ files, bytes }: Removed, bounds: KeptBounds): string | null {
  if (files === 0) return null;
  const were = files === 1 ? 'The oldest kept result was' : `The ${formatInteger(files)} oldest kept results were`;
  return `${were} removed (${formatSize(bytes)}): at most ${formatInteger(bounds.files)} results and ${formatSize(bounds.bytes)} are kept`;
}
