/** Where things are: boxes on a grid of columns, as high as their text, joined by lines that cross nothing. */

import { formatFlops, formatCount } from '../present/quantities';
import { type Box, type Branch, COLUMNS, type LayerDrawing } from './box';
import { marksShapes, marksSize } from './marks';
import type { Ink, Part, Place, Shape, TextShape } from './scene';
import { MOST, stepBarHeight, stepShapes } from './stepMarks';
import { wrapText } from './textWidth';

/** Within a box; narrow ones have less. */
function padding(width: number): number {
  return width < 110 ? 4 : 7;
}

const TITLE = 12;
const BODY = 11;
const LEADING = 1.32;
const COLUMN_GAP = 8;
const ROW_GAP = 16;
/** Where the residual stream runs, left of the boxes. */
const LANE = 26;
const INSET = 10;
/** For a line at the right of the boxes. */
const RAIL = 16;

/** Shapes and parts that grow downwards. */
export class Canvas {
  readonly ground: Shape[] = [];
  readonly parts: Part[] = [];
}

const FILLS: Readonly<Record<Box['look'], Ink>> = {
  norm: 'norm',
  step: 'box',
  cache: 'cache',
  attention: 'box',
  unknown: 'paper',
};

export interface TextLine {
  readonly text: string;
  readonly size: number;
  readonly bold: boolean;
  readonly ink: Ink;
}

/** What a box says, in lines that fit. */
function boxLines(box: Box, width: number): readonly TextLine[] {
  const inner = width - 2 * padding(width);
  const wrapped = (text: string, size: number, bold: boolean, ink: Ink): TextLine[] =>
    wrapText(text, inner, size, bold).map((line) => ({ text: line, size, bold, ink }));
  return [
    ...wrapped(box.title, TITLE, true, 'text'),
    ...box.lines.flatMap((line) => wrapped(line, BODY, false, 'text')),
    ...(box.step
      ? box.step.lines.flatMap((line) => wrapped(line, BODY, line === MOST, line === MOST ? 'text' : 'muted'))
      : numberLines(box, inner).flatMap((line) => wrapped(line, BODY, false, 'muted'))),
  ];
}

/** "16.8 M · 33.6 MFLOP" in one line, or in two where that is too long. */
function numberLines(box: Box, width: number): readonly string[] {
  const numbers = numberTexts(box);
  const together = numbers.join(' · ');
  if (wrapText(together, width, BODY).length === 1) return [together];
  // Too narrow for a number with its share: the share is below it.
  return numbers.map((number) =>
    wrapText(number, width, BODY).length === 1 ? number : number.replace(`${NO_BREAK}(`, ' ('),
  );
}

/** Parameters and operations, with shares from a percent on; those that a box has. A number is not parted from its unit. */
function numberTexts({ parameters, flops, shares }: Box): readonly string[] {
  return [
    ...(parameters === null || parameters === 0 ? [] : [`${formatCount(parameters)}${shareText(shares?.parameters)}`]),
    ...(flops === null || flops === 0 ? [] : [`${formatFlops(flops)}${shareText(shares?.flops)}`]),
  ].map((number) => number.replaceAll(' ', NO_BREAK));
}

const NO_BREAK = '\u00a0';

function shareText(share: number | null | undefined): string {
  return share === null || share === undefined || share < 0.01 ? '' : ` (${Math.round(share * 100)} %)`;
}

/** The same, spoken. */
function numbersSpoken({ parameters, flops, shares }: Box): string[] {
  const of = (share: number | null | undefined, what: string): string =>
    share === null || share === undefined ? '' : `, ${percentText(share)} of all ${what}`;
  return [
    ...(parameters === null || parameters === 0
      ? []
      : [`${formatCount(parameters)} parameters${of(shares?.parameters, 'parameters')}`]),
    ...(flops === null || flops === 0 ? [] : [`${formatFlops(flops)}${of(shares?.flops, 'operations')}`]),
  ];
}

function percentText(share: number): string {
  if (share >= 0.01 || share === 0) return `${Math.round(share * 100)} %`;
  return 'less than 1 %';
}

function linesHeight(lines: readonly TextLine[]): number {
  return lines.reduce((sum, { size }) => sum + size * LEADING, 0);
}

export function boxHeight(box: Box, width: number): number {
  const marks = box.marks ? marksSize(box.marks, width - 2 * padding(width)).height + 5 : 0;
  return Math.ceil(2 * padding(width) + linesHeight(boxLines(box, width)) + marks + stepBarHeight(box.step));
}

/** Text from the top of a place, left-aligned. */
function textShapes(lines: readonly TextLine[], x: number, top: number): TextShape[] {
  let y = top;
  return lines.map(({ text, size, bold, ink }): TextShape => {
    y += size * LEADING;
    return { shape: 'text', x, y: round(y - size * (LEADING - 1)), text, size, bold, ink };
  });
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

export interface PlacedBox extends Place {
  readonly box: Box;
}

/** @param prefix Of the parts' ids. */
export function boxPart({ box, x, y, width, height }: PlacedBox, prefix: string): Part {
  const lines = boxLines(box, width);
  const inset = padding(width);
  const marks = box.marks
    ? marksShapes(box.marks, x + inset, y + inset + linesHeight(lines) + 5, width - 2 * inset)
    : [];
  return {
    id: `${prefix}.${box.id}`,
    says: [box.title, ...box.lines, ...(box.step?.lines ?? numbersSpoken(box))].join(', ').replaceAll(NO_BREAK, ' '),
    key: box.keys[0] ?? null,
    keys: box.keys,
    shares: box.shares ?? null,
    parameters: box.parameters,
    flops: box.flops,
    x,
    y,
    width,
    height,
    shapes: [
      {
        shape: 'rect',
        x,
        y,
        width,
        height,
        fill: FILLS[box.look],
        stroke: box.look === 'unknown' ? 'kind-unknown' : 'line',
        radius: box.look === 'norm' ? 10 : 4,
        ...(box.look === 'unknown' ? { dashed: true } : {}),
      },
      ...textShapes(lines, x + inset, y + inset),
      ...marks,
      ...(box.step ? stepShapes(box.step, x, y, width, height, padding(width)) : []),
    ],
  };
}

/** Rows of boxes within a width; returns the bottom. */
function placeRows(
  rows: Branch['rows'],
  x: number,
  top: number,
  width: number,
): { readonly placed: PlacedBox[][]; readonly bottom: number } {
  let y = top;
  const column = (width + COLUMN_GAP) / COLUMNS;
  const placed = rows.map((row) => {
    const spans = row.map((box) => ({
      x: round(x + box.from * column),
      width: round((box.to - box.from) * column - COLUMN_GAP),
    }));
    const height = Math.max(...row.map((box, index) => boxHeight(box, spans[index]?.width ?? width)));
    const boxes = row.map((box, index): PlacedBox => ({ box, x, width, ...spans[index], y, height }));
    y += height + ROW_GAP;
    return boxes;
  });
  return { placed, bottom: y - ROW_GAP };
}

const middle = ({ x, width }: Place): number => x + width / 2;

/** Where a column begins, or the last one ends, within a box. */
function columnAt({ box, x, width }: PlacedBox, column: number): number {
  return x + ((column - box.from) / (box.to - box.from)) * width;
}

/** From each box to what is next below it. */
export function connectors(placed: readonly (readonly PlacedBox[])[]): Shape[] {
  const found: Shape[] = [];
  for (const [row, boxes] of placed.entries())
    for (const upper of boxes) {
      let [left, open] = [upper.box.from, upper.box.to];
      for (const lower of placed.slice(row + 1)) {
        const under = lower.filter(({ box }) => box.from < open && box.to > left);
        for (const one of under) {
          const from = Math.max(columnAt(upper, left), one.x);
          const to = Math.min(columnAt(upper, open), one.x + one.width);
          const at = round((from + to) / 2);
          found.push({
            shape: 'path',
            points: [
              [at, upper.y + upper.height],
              [at, one.y],
            ],
            arrow: true,
          });
        }
        if (under.length === 0) continue;
        // What is not covered goes on to the rows below.
        const covered = Math.max(...under.map(({ box }) => box.to));
        const start = Math.min(...under.map(({ box }) => box.from));
        if (start > left) open = start;
        else left = covered;
        if (left >= open) break;
      }
    }
  return found;
}

/** A layer's branches with the stream at their left; returns the bottom. */
export function placeLayer(
  canvas: Canvas,
  drawing: LayerDrawing,
  prefix: string,
  x: number,
  top: number,
  width: number,
): number {
  const lane = x + 10;
  const left = x + LANE;
  // Branches that are added together: what the first gives runs down at the right.
  const inner = width - LANE - (drawing.branches.some(({ withNext }) => withNext) ? RAIL : 0);
  const rail = x + width - RAIL / 2;
  let y = top;
  const begin = y;
  const joined: Joined[] = [];
  const waiting: number[] = [];
  for (const branch of drawing.branches) {
    const start = y + 6;
    const { placed, bottom } = placeRows(branch.rows, left, start + 14, inner);
    for (const row of placed) for (const one of row) canvas.parts.push(boxPart(one, prefix));
    canvas.ground.push(...connectors(placed));
    for (const first of placed[0] ?? [])
      canvas.ground.push({
        shape: 'path',
        points: [
          [lane, start],
          [middle(first), start],
          [middle(first), first.y],
        ],
        arrow: true,
      });
    const join = bottom + 14;
    if (branch.withNext) {
      for (const last of placed.at(-1) ?? [])
        canvas.ground.push({
          shape: 'path',
          points: [
            [middle(last), bottom],
            [middle(last), bottom + 8],
            [rail, bottom + 8],
          ],
          arrow: false,
        });
      waiting.push(bottom + 8);
      y = bottom + 12;
      continue;
    }
    for (const from of waiting.splice(0))
      canvas.ground.push({
        shape: 'path',
        points: [
          [rail, from],
          [rail, join],
          [lane + 7, join],
        ],
        arrow: true,
      });
    for (const last of placed.at(-1) ?? [])
      canvas.ground.push({
        shape: 'path',
        points: [
          [middle(last), bottom],
          [middle(last), join],
          [lane + 7, join],
        ],
        arrow: true,
      });
    joined.push({ join, onStream: branch.onStream });
    y = join + 10;
    if (branch.onStream) {
      const placedNorm = placeRows([[{ ...branch.onStream, from: 0, to: COLUMNS }]], x, y + 6, width);
      for (const one of placedNorm.placed.flat()) canvas.parts.push(boxPart(one, prefix));
      canvas.ground.push({
        shape: 'path',
        points: [
          [lane, y],
          [lane, y + 6],
        ],
        arrow: true,
      });
      y = placedNorm.bottom + 6;
    }
  }
  streamShapes(canvas, lane, begin, joined, y);
  for (const box of drawing.unplaced) y = placeBox(canvas, box, prefix, left, y + 6, inner) + 6;
  const notes = drawing.notes.flatMap((note) =>
    wrapText(note, inner, BODY).map((text): TextLine => ({ text, size: BODY, bold: false, ink: 'muted' })),
  );
  canvas.ground.push(...textShapes(notes, left, y));
  return y + linesHeight(notes) + (notes.length > 0 ? 4 : 0);
}

/** Where a branch joins the stream, and the norm on their sum. */
interface Joined {
  readonly join: number;
  readonly onStream: Box | null;
}

/** The stream, broken by the norms that stand on it. */
function streamShapes(canvas: Canvas, lane: number, begin: number, joined: readonly Joined[], end: number): void {
  let from = begin;
  for (const { join, onStream } of joined) {
    canvas.ground.push({
      shape: 'path',
      points: [
        [lane, from],
        [lane, join - 7],
      ],
      arrow: false,
    });
    canvas.ground.push({ shape: 'circle', x: lane, y: join, radius: 7, plus: true });
    from = join + 7;
    if (!onStream) continue;
    canvas.ground.push({
      shape: 'path',
      points: [
        [lane, from],
        [lane, join + 10],
      ],
      arrow: false,
    });
    const norm = canvas.parts.find(({ y, id }) => y >= join && id.endsWith(`.${onStream.id}`));
    from = norm ? norm.y + norm.height : from;
  }
  canvas.ground.push({
    shape: 'path',
    points: [
      [lane, from],
      [lane, end],
    ],
    arrow: false,
  });
}

/** One box over a whole width; returns the bottom. */
export function placeBox(canvas: Canvas, box: Box, prefix: string, x: number, y: number, width: number): number {
  const height = boxHeight(box, width);
  canvas.parts.push(boxPart({ box, x, y, width, height }, prefix));
  return y + height;
}

export interface Heading {
  readonly title: string;
  readonly lines: readonly string[];
  readonly ink: Ink;
}

/** A frame with a heading around what `fill` places; returns the bottom. */
export function placeCard(
  canvas: Canvas,
  heading: Heading,
  x: number,
  y: number,
  width: number,
  fill: (x: number, y: number, width: number) => number,
): number {
  const inner = width - 2 * INSET;
  const lines: TextLine[] = [
    ...wrapText(heading.title, inner, 13, true).map((text): TextLine => ({ text, size: 13, bold: true, ink: 'text' })),
    ...heading.lines.flatMap((line) =>
      wrapText(line, inner, BODY).map((text): TextLine => ({ text, size: BODY, bold: false, ink: 'muted' })),
    ),
  ];
  const at = canvas.ground.length;
  const headed = y + 8 + linesHeight(lines);
  const bottom = round(fill(x + INSET, headed + 6, inner) + INSET);
  canvas.ground.splice(
    at,
    0,
    { shape: 'rect', x, y, width, height: round(bottom - y), fill: 'card', stroke: 'line', radius: 6 },
    { shape: 'rect', x, y, width, height: 4, fill: heading.ink, stroke: null, radius: 2 },
    ...textShapes(lines, x + INSET, y + 8),
  );
  return bottom;
}

/** Lines of text over a width; returns the bottom. */
export function placeText(
  canvas: Canvas,
  text: string,
  size: number,
  bold: boolean,
  ink: Ink,
  x: number,
  y: number,
  width: number,
): number {
  const lines = wrapText(text, width, size, bold).map((line): TextLine => ({ text: line, size, bold, ink }));
  canvas.ground.push(...textShapes(lines, x, y));
  return y + linesHeight(lines);
}
