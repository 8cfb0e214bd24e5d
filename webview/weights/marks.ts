/** Whose a row or column of an attention tensor is. */

import type { AttentionMark, HeadPart } from '../../src/shared/weightsContract';

/** A head, and its group where heads share K and V. */
export interface HeadPlace {
  readonly letter: string;
  readonly head: number;
  /** Row of the head. */
  readonly dim: number;
  readonly group: number | null;
}

/** Whose a row is, or a column; null where it is no head's. */
export function headAt(mark: AttentionMark | null, along: HeadPart['along'], position: number): HeadPlace | null {
  for (const part of mark?.parts ?? []) {
    if (part.along !== along || part.heads === 0) continue;
    const at = placeIn(part, position);
    if (at === null || at >= part.heads * part.dim) continue;
    const head = Math.floor(at / part.dim);
    return { letter: part.letter, head, dim: at % part.dim, group: groupOf(part, head) };
  }
  return null;
}

function groupOf({ letter, heads, queryHeads, groups }: HeadPart, head: number): number | null {
  if (groups <= 1 || groups === queryHeads) return null;
  return letter === 'K' || letter === 'V' ? head : Math.floor((head * groups) / heads);
}

/** Place of a position among those of a part; null where it is not in it. */
function placeIn({ blocks }: HeadPart, position: number): number | null {
  if (blocks === undefined) return position;
  let before = 0;
  for (const { start, count, times = 1, stride = count } of blocks) {
    const run = Math.floor((position - start) / stride);
    const within = position - start - run * stride;
    if (run >= 0 && run < times && within < count) return before + run * count + within;
    before += count * times;
  }
  return null;
}

/** A head as a range of rows or columns, for a list to choose from. */
export interface HeadRange {
  readonly name: string;
  readonly along: HeadPart['along'];
  readonly range: readonly [start: number, end: number];
}

/** All heads whose positions stand together. */
export function headRanges(mark: AttentionMark | null): readonly HeadRange[] {
  return (mark?.parts ?? []).flatMap((part) =>
    Array.from({ length: part.heads }, (_, head): HeadRange | null => {
      const start = positionOf(part, head * part.dim);
      const last = positionOf(part, (head + 1) * part.dim - 1);
      if (start === null || last === null || last - start !== part.dim - 1) return null;
      const group = groupOf(part, head);
      const name = `${part.letter} head ${head}${group === null || group === head ? '' : ` · group ${group}`}`;
      return { name, along: part.along, range: [start, last + 1] };
    }).filter((range) => range !== null),
  );
}

/** Where a place of a part lies. */
function positionOf({ blocks }: HeadPart, place: number): number | null {
  if (blocks === undefined) return place;
  let rest = place;
  for (const { start, count, times = 1, stride = count } of blocks) {
    if (rest < count * times) return start + Math.floor(rest / count) * stride + (rest % count);
    rest -= count * times;
  }
  return null;
}
