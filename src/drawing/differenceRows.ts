/** Boxes of two drawings, row by row, so that those with the same role face each other. */

import type { Box, Branch, LayerDrawing } from './box';

export interface FacingRow {
  readonly before: readonly Box[];
  readonly after: readonly Box[];
}

/** Boxes with the same role, and those that have no counterpart in their row. */
export interface FacingBoxes {
  readonly before: Box | null;
  readonly after: Box | null;
}

export interface FacingBranch {
  readonly rows: readonly FacingRow[];
  /** Norms on the sum of stream and branch. */
  readonly onStream: FacingRow;
  /** Null where that side has no such branch. */
  readonly before: Branch | null;
  readonly after: Branch | null;
}

export interface FacingDrawing {
  readonly branches: readonly FacingBranch[];
  readonly unplaced: readonly FacingRow[];
}

/** What stands at the same place under another name: a latent's way down is where Q, K and V are projected. */
const ROLES: Readonly<Record<string, string>> = {
  q_a: 'q',
  kv_a: 'k',
  projections: 'q',
  mixer: 'attention',
  alibi: 'rope',
  nope: 'rope',
  rope_q: 'rope',
  kv: 'k',
  kv_norm: 'kv_a_norm',
};

function roleOf({ id }: Box): string {
  return Object.hasOwn(ROLES, id) ? (ROLES[id] ?? id) : id;
}

export function faceDrawings(before: LayerDrawing | null, after: LayerDrawing | null): FacingDrawing {
  const branches = aligned(before?.branches ?? [], after?.branches ?? [], branchLikeness).map(
    ([one, other]): FacingBranch => ({
      rows: faceRows(one?.rows ?? [], other?.rows ?? []),
      onStream: { before: one?.onStream ? [one.onStream] : [], after: other?.onStream ? [other.onStream] : [] },
      before: one,
      after: other,
    }),
  );
  const alone = (boxes: readonly Box[]): Box[][] => boxes.map((box) => [box]);
  return { branches, unplaced: faceRows(alone(before?.unplaced ?? []), alone(after?.unplaced ?? [])) };
}

export function faceRows(
  before: readonly (readonly Box[])[],
  after: readonly (readonly Box[])[],
): readonly FacingRow[] {
  const rows: FacingRow[] = [];
  // Between rows that are alike, what one side has stands beside what the other has instead.
  let [left, right]: [(readonly Box[])[], (readonly Box[])[]] = [[], []];
  const flush = (): void => {
    for (let index = 0; index < Math.max(left.length, right.length); index++)
      rows.push({ before: left[index] ?? [], after: right[index] ?? [] });
    [left, right] = [[], []];
  };
  for (const [one, other] of aligned(before, after, rowLikeness)) {
    if (one && other) {
      flush();
      rows.push({ before: one, after: other });
    } else if (one) left.push(one);
    else if (other) right.push(other);
  }
  flush();
  return rows;
}

/** True where no box of a row has a counterpart beside it. */
export function isReplaced(row: FacingRow): boolean {
  return rowLikeness(row.before, row.after) === 0;
}

/** In the order of the later one; what only the earlier one has comes last. */
export function faceBoxes({ before, after }: FacingRow): readonly FacingBoxes[] {
  const left = [...before];
  const pairs = after.map((box): FacingBoxes => {
    const at = left.findIndex((other) => roleOf(other) === roleOf(box));
    return { before: at < 0 ? null : (left.splice(at, 1)[0] ?? null), after: box };
  });
  return [...pairs, ...left.map((box): FacingBoxes => ({ before: box, after: null }))];
}

/** A side whose blocks are described by their arrangement alone: lines that it lacks are not known, and no difference. */
export type VagueSide = 'before' | 'after' | null;

/** All that a reader sees of a box, and what it counts. */
export function sameBox(before: Box, after: Box, vague: VagueSide = null): boolean {
  const lines = linesOf(before, after, vague);
  const seen = ({ title, parameters, flops, marks, look }: Box): unknown => [title, parameters, flops, marks, look];
  return (
    JSON.stringify(seen(before)) === JSON.stringify(seen(after)) &&
    JSON.stringify(lines.before) === JSON.stringify(lines.after)
  );
}

/** Lines to be compared: without those that a vague side could have, too. */
export function linesOf(
  before: Box,
  after: Box,
  vague: VagueSide,
): { readonly before: readonly string[]; readonly after: readonly string[] } {
  const known = (lines: readonly string[], others: readonly string[]): readonly string[] =>
    lines.length > others.length
      ? lines.filter((line) => others.some((other) => skeleton(other) === skeleton(line)))
      : lines;
  return {
    before: vague === 'after' ? known(before.lines, after.lines) : before.lines,
    after: vague === 'before' ? known(after.lines, before.lines) : after.lines,
  };
}

export const NUMBER = /\d+(?:[,.]\d+)*/g;

/** A line without its numbers. */
export function skeleton(line: string): string {
  return line.replace(NUMBER, '#');
}

export function sameRow(row: FacingRow, vague: VagueSide = null): boolean {
  return faceBoxes(row).every(
    ({ before, after }) => before !== null && after !== null && sameBox(before, after, vague),
  );
}

function rowLikeness(one: readonly Box[], other: readonly Box[]): number {
  const roles = new Set(one.map(roleOf));
  return other.filter((box) => roles.has(roleOf(box))).length;
}

const FEED_FORWARD = new Set(['gate_proj', 'up', 'down', 'router', 'experts', 'feed_forward']);

/** Branches that mix tokens stand for each other, and those that do not. */
function branchLikeness(one: Branch, other: Branch): number {
  const feeds = ({ rows }: Branch): boolean => rows.flat().some(({ id }) => FEED_FORWARD.has(id));
  return feeds(one) === feeds(other) ? 1 + rowLikeness(one.rows.flat(), other.rows.flat()) : 0;
}

/** Pairs in the order of both lists with the largest sum of likeness; what is like nothing (0) is never paired. */
function aligned<T>(
  before: readonly T[],
  after: readonly T[],
  likeness: (one: T, other: T) => number,
): (readonly [T | null, T | null])[] {
  // Of what is left from i and from j on; nothing where one list has ended.
  const best = new Map<number, number>();
  const keyOf = (i: number, j: number): number => i * (after.length + 1) + j;
  const at = (i: number, j: number): number => best.get(keyOf(i, j)) ?? 0;
  const paired = (i: number, j: number): number => {
    const [one, other] = [before[i], after[j]];
    const value = one === undefined || other === undefined ? 0 : likeness(one, other);
    return value > 0 ? value + at(i + 1, j + 1) : -1;
  };
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      best.set(keyOf(i, j), Math.max(at(i + 1, j), at(i, j + 1), paired(i, j)));
  const pairs: (readonly [T | null, T | null])[] = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [one, other] = [before[i] ?? null, after[j] ?? null];
    if (one !== null && other !== null && paired(i, j) === at(i, j)) {
      pairs.push([one, other]);
      i++;
      j++;
    } else if (one !== null && (other === null || at(i + 1, j) >= at(i, j + 1))) {
      pairs.push([one, null]);
      i++;
    } else {
      pairs.push([null, other]);
      j++;
    }
  }
  return pairs;
}
