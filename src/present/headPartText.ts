/** What a tensor is to the heads of its layer, in words. */

import type { HeadPart } from '../shared/weightsContract';

/** "Q · 32 heads of 128 in 8 groups of 4"; of a fused tensor all that is in it. */
export function markText(parts: readonly HeadPart[]): string {
  return parts.map(partText).join(' + ');
}

function partText({ letter, heads, dim, queryHeads, groups }: HeadPart): string {
  if (letter === 'latent') return `latent of ${dim}, for all ${queryHeads} heads`;
  if (heads === 0) return `${letter} · latent of ${dim}`;
  const sharing = queryHeads / Math.max(1, groups);
  if (letter === 'K' || letter === 'V') {
    if (groups === heads && sharing > 1)
      return `${letter} · ${heads === 1 ? 'one head' : `${heads} heads`} of ${dim}, each for ${sharing} query heads`;
    return `${letter} · ${heads} heads of ${dim}`;
  }
  const grouped = groups > 1 && sharing > 1 ? ` in ${groups} groups of ${sharing}` : '';
  return `${letter} · ${heads} heads of ${dim}${grouped}`;
}

/** "K · 8 × 128", where there is little room. */
export function shortMark(parts: readonly HeadPart[]): string {
  return parts
    .map(({ letter, heads, dim }) => (heads === 0 ? `${letter} · ${dim}` : `${letter} · ${heads} × ${dim}`))
    .join(' + ');
}
