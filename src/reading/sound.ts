/** Sizes that no layer can have: what a config's numbers come to may be negative or broken though each of them is a number. */

import type { AttentionSpec } from '../model/attention';

/** Sizes that may be nothing: V that is K, keys without rotary part, the first layer as the one that is shared with. */
const MAY_BE_ZERO: ReadonlySet<string> = new Set([
  'valueDim',
  'ropeDim',
  'nopeDim',
  'sharedWith',
  'recurrentElements',
  'engineWidth',
  'topK',
  // Source tokens of cross attention: without pictures there are none.
  'tokens',
]);

/** "recurrentElements −64", the first size that is no whole number or too small; null where all can be. */
export function unsoundSize(attention: AttentionSpec): string | null {
  return sizeIn(attention) ?? emptyState(attention);
}

function sizeIn(object: object): string | null {
  for (const [name, value] of Object.entries(object) as [string, unknown][]) {
    if (typeof value === 'object' && value !== null) {
      const inner = sizeIn(value);
      if (inner !== null) return inner;
    } else if (typeof value === 'number') {
      const least = MAY_BE_ZERO.has(name) ? 0 : 1;
      if (!Number.isSafeInteger(value) || value < least) return `${name} ${value}`;
    }
  }
  return null;
}

function emptyState(attention: AttentionSpec): string | null {
  if (attention.kind !== 'recurrent' && attention.kind !== 'conv') return null;
  const { conv, recurrentElements } = attention.state;
  return conv === null && recurrentElements === 0 ? 'an empty state' : null;
}
