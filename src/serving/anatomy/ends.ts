/** What the two ends of a model multiply, and what they only look up. */

import type { Part } from '../../families/counted/tally';
import type { Anatomy } from './anatomy';

/** Parameters that a token is multiplied with, by part. */
export type PartCounts = Readonly<Partial<Record<Part, number>>>;

/** Null where the parameters are not known. */
export interface MultipliedEnds {
  readonly embedding: PartCounts | null;
  readonly head: PartCounts | null;
}

/** Tables that are looked up are multiplied with nothing, a tied one only in the head. */
export function multipliedEnds({ ends, count }: Pick<Anatomy, 'ends' | 'count'>): MultipliedEnds {
  const parts = ends.parameters?.parts;
  if (!parts || !count) return { embedding: null, head: null };
  const { outputHead } = parts;
  // What is untied counts its table as looked up, though the count of the head is where it is multiplied.
  const multiplied = parts.embedding - count.lookup;
  return ends.tied
    ? { embedding: {}, head: { embedding: multiplied, outputHead } }
    : { embedding: { embedding: multiplied }, head: { outputHead } };
}

export function countOf(parts: PartCounts): number {
  return Object.values(parts).reduce((sum, count) => sum + count, 0);
}
