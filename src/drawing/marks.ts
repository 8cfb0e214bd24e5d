/** Small marks that show numbers: query heads over the K and V that they share, experts of which some are used. */

import type { ExpertMarks, HeadMarks } from './box';
import type { Shape } from './scene';

interface Size {
  readonly width: number;
  readonly height: number;
}

/** Rows of marks at most: beyond, marks become smaller, and then they stop. */
const MOST_ROWS = 12;
const STEPS = [7, 6, 5, 4, 3, 2];

interface Grid {
  /** Side of a mark; 0 where not even the smallest fit. */
  readonly side: number;
  readonly perRow: number;
  readonly rows: number;
}

/** The largest marks of which `count` fit. */
function gridOf(count: number, width: number, unit: (side: number) => number): Grid {
  for (const side of STEPS) {
    const perRow = Math.floor(width / unit(side));
    const rows = perRow > 0 ? Math.ceil(count / perRow) : Number.POSITIVE_INFINITY;
    if (rows <= MOST_ROWS) return { side, perRow, rows };
  }
  return { side: 0, perRow: 0, rows: 0 };
}

/** A group: its query heads beside each other, K and V below them as wide. */
function groupWidth(group: number, side: number): number {
  return group * (side + 1) - 1;
}

function groupGap(side: number): number {
  return Math.max(2, side);
}

function headGrid({ queryHeads, kvHeads }: HeadMarks, width: number): Grid & { readonly group: number } {
  const group = Math.max(1, Math.ceil(queryHeads / Math.max(1, kvHeads)));
  // One group over several rows: its K and V stretch below all of them.
  if (kvHeads === 1) return { ...gridOf(queryHeads, width, (side) => side + 1), group: 1 };
  return { ...gridOf(kvHeads, width, (side) => groupWidth(group, side) + groupGap(side)), group };
}

export function marksSize(marks: HeadMarks | ExpertMarks, width: number): Size {
  if (marks.mark === 'experts') {
    const { side, rows } = gridOf(marks.experts, width, (each) => each + 1);
    return { width, height: rows * (side + 1) };
  }
  const { side, rows } = headGrid(marks, width);
  if (marks.kvHeads === 1) return { width, height: side === 0 ? 0 : rows * (side + 1) + side + 1 };
  return { width, height: rows * (2 * side + 4) };
}

export function marksShapes(marks: HeadMarks | ExpertMarks, x: number, y: number, width: number): Shape[] {
  if (marks.mark === 'experts') {
    const { side, perRow } = gridOf(marks.experts, width, (each) => each + 1);
    if (side === 0) return [];
    return Array.from({ length: marks.experts }, (_, index) =>
      square(
        x + (index % perRow) * (side + 1),
        y + Math.floor(index / perRow) * (side + 1),
        side,
        side,
        index < marks.perToken ? 'expertUsed' : 'expert',
      ),
    );
  }
  const { side, perRow, rows, group } = headGrid(marks, width);
  if (side === 0) return [];
  if (marks.kvHeads === 1) {
    const across = Math.min(marks.queryHeads, perRow) * (side + 1) - 1;
    return [
      ...Array.from({ length: marks.queryHeads }, (_, index) =>
        square(x + (index % perRow) * (side + 1), y + Math.floor(index / perRow) * (side + 1), side, side, 'query'),
      ),
      square(x, y + rows * (side + 1), across, side, 'keyValue'),
    ];
  }
  const shapes: Shape[] = [];
  const pitch = groupWidth(group, side) + groupGap(side);
  for (let index = 0; index < marks.kvHeads; index++) {
    const left = x + (index % perRow) * pitch;
    const top = y + Math.floor(index / perRow) * (2 * side + 4);
    const heads = Math.min(group, marks.queryHeads - index * group);
    for (let head = 0; head < heads; head++) shapes.push(square(left + head * (side + 1), top, side, side, 'query'));
    shapes.push(square(left, top + side + 1, groupWidth(group, side), side, 'keyValue'));
  }
  return shapes;
}

function square(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: 'query' | 'keyValue' | 'expert' | 'expertUsed',
): Shape {
  return {
    shape: 'rect',
    x: Math.round(x * 10) / 10,
    y: Math.round(y * 10) / 10,
    width,
    height,
    fill,
    stroke: null,
    radius: 1,
  };
}
