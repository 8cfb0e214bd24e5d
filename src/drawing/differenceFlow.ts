/** Facing rows of two models, from the top down, with what runs along them. */

import { elementAt } from '../model/elementAt';
import { formatInteger } from '../model/units';
import type { LayerKind } from '../serving/anatomy/anatomy';
import { type Box, COLUMNS, type LayerDrawing } from './box';
import { layerDrawing } from './layerDrawing';
import { faceBoxes, type FacingDrawing, type FacingRow, sameBox, sameRow, type VagueSide } from './differenceRows';
import { type DifferenceWords } from './differenceText';
import { boxHeight, boxPart, type Canvas, connectors, type PlacedBox, placeCard, placeText } from './layout';
import type { Ink, Part } from './scene';

import {
  ARROW,
  ROW_GAP,
  COLUMN_GAP,
  LANE,
  RAIL,
  NOTE,
  BAR,
  type Side,
  SIDES,
  type Page,
  round,
  noteLines,
  noteHeight,
} from './differencePage';

export interface StackBox {
  readonly box: Box;
  readonly ink: Ink;
}

export interface StackRepeat {
  readonly times: number;
  readonly boxes: readonly StackBox[];
}

/** "23 × (A, B)", "10 × (5 A, B), then 2 A": how kinds follow each other. */
export function orderText(stack: readonly StackRepeat[]): string {
  return stack
    .map(({ times, boxes }) => {
      const runs = boxes.map(({ box }) => box.title.replace(/^1 × /, '').replace(' × ', '\u00a0')).join(', ');
      return times === 1 ? runs : `${formatInteger(times)}\u00a0×\u00a0(${runs})`;
    })
    .join(', then ');
}

/** `follows`: changed with something that is said elsewhere. */
type Mark = 'same' | 'changed' | 'follows' | 'alone';

/** Facing rows from the top down, with what runs along them. */
export class Flow {
  y = 0;
  private readonly halves: Readonly<Record<Side, { readonly x: number; readonly width: number }>>;
  private readonly gutter: { readonly x: number; readonly width: number };
  /** Where the last box of a side ended, for the arrow to the next. */
  private readonly ends: Partial<Record<Side, number>> = {};
  private readonly canvas: Canvas;

  constructor(
    private readonly page: Page,
    private readonly words: DifferenceWords,
    private readonly prefix: string,
    x: number,
    width: number,
    private readonly vague: VagueSide = null,
  ) {
    const { halves, gutter } = page.columns(x, width);
    this.halves = halves;
    this.gutter = gutter;
    this.canvas = page.canvas;
  }

  /** Rows one below the other, each joined to the next. */
  rows(rows: readonly FacingRow[]): void {
    const lines = this.words.aboutRows(rows);
    for (const [index, row] of rows.entries()) {
      const placed = this.row(row, lines[index] ?? [], 0, { before: 0, after: 0 });
      for (const side of SIDES) {
        const [first] = placed[side];
        if (first) this.arrowTo(side, first.y, first.y + first.height);
      }
      this.y += ARROW - ROW_GAP;
    }
  }

  private arrowTo(side: Side, top: number, bottom: number): void {
    if (!this.page.wide) return;
    const from = this.ends[side];
    const { x, width } = this.halves[side];
    const at = Math.round(x + width / 2);
    if (from !== undefined)
      this.canvas.ground.push({
        shape: 'path',
        points: [
          [at, from],
          [at, top],
        ],
        arrow: true,
      });
    this.ends[side] = bottom;
  }

  /** One row on both sides; `y` goes below it. */
  private row(
    row: FacingRow,
    lines: readonly string[],
    indent: number,
    rail: Readonly<Record<Side, number>>,
  ): Readonly<Record<Side, readonly PlacedBox[]>> {
    const marks = marksOf(row, this.vague, lines.length > 0 || !this.page.wide);
    if (!this.page.wide) return this.stackedRow(row, marks, lines);
    const spans = (side: Side): ReturnType<typeof spansOf> =>
      spansOf(row[side], this.halves[side].x + indent, this.halves[side].width - indent - rail[side]);
    const sides = { before: spans('before'), after: spans('after') };
    const wrapped = noteLines(lines, this.gutter.width);
    const height = Math.max(
      ...[...sides.before, ...sides.after].map(({ box, width }) => boxHeight(box, width)),
      wrapped.length === 0 ? 0 : noteHeight(wrapped.length),
    );
    const placed = {
      before: sides.before.map((span): PlacedBox => ({ ...span, y: this.y, height })),
      after: sides.after.map((span): PlacedBox => ({ ...span, y: this.y, height })),
    };
    for (const side of SIDES)
      for (const one of placed[side])
        this.canvas.parts.push(
          marked(
            boxPart(one, `${side}.${this.prefix}`),
            marks.get(one.box) ?? 'same',
            side === 'before' ? 'right' : 'left',
          ),
        );
    this.page.note(lines, this.prefix, this.gutter.x, this.y, this.gutter.width, height);
    this.y += height + ROW_GAP;
    return placed;
  }

  /** Where both stand below each other: what is alike once, what changed on each side. */
  private stackedRow(
    row: FacingRow,
    marks: ReadonlyMap<Box, Mark>,
    lines: readonly string[],
  ): Readonly<Record<Side, readonly PlacedBox[]>> {
    const { x, width } = this.gutter;
    const same = sameRow(row, this.vague);
    const said = this.page.note(lines, this.prefix, x, this.y, width, 0);
    this.y += said === 0 ? 0 : said + 2;
    for (const side of SIDES) {
      if (row[side].length === 0 || (same && side === 'before')) continue;
      const inset = same ? 0 : 10;
      const top = this.y;
      if (!same && row.before.length > 0 && row.after.length > 0)
        this.y =
          placeText(this.canvas, this.page.names[side], 10, false, 'muted', x + inset, this.y, width - inset) + 2;
      const spans = spansOf(row[side], x + inset, width - inset);
      const height = Math.max(...spans.map((span) => boxHeight(span.box, span.width)));
      for (const span of spans)
        this.canvas.parts.push(
          marked(
            boxPart({ ...span, y: this.y, height }, `${same ? 'both' : side}.${this.prefix}`),
            marks.get(span.box) ?? 'same',
            null,
          ),
        );
      this.y += height;
      if (!same)
        this.canvas.ground.push({
          shape: 'rect',
          x,
          y: top,
          width: BAR,
          height: Math.round((this.y - top) * 10) / 10,
          fill: side === 'before' ? 'line' : 'changed',
          stroke: null,
          radius: 1,
        });
      this.y += 6;
    }
    this.y += ROW_GAP - 8;
    return { before: [], after: [] };
  }

  /** A layer: its branches, with the stream at the left of each side. */
  layer({ branches, unplaced }: FacingDrawing, drawings: Readonly<Record<Side, LayerDrawing>>): void {
    if (!this.page.wide) {
      for (const branch of branches) {
        this.rows(branch.rows);
        if (branch.onStream.before.length + branch.onStream.after.length > 0) this.rows([branch.onStream]);
      }
      this.rows(unplaced);
      this.remarks(drawings);
      return;
    }
    const rail = { before: railOf(drawings.before), after: railOf(drawings.after) };
    const from = { before: this.y, after: this.y };
    const waiting: Record<Side, number[]> = { before: [], after: [] };
    for (const branch of branches) {
      const start = this.y + 6;
      this.y = start + 14;
      const placed: Record<Side, (readonly PlacedBox[])[]> = { before: [], after: [] };
      const lines = this.words.aboutRows(branch.rows);
      for (const [place, row] of branch.rows.entries()) {
        const boxes = this.row(row, lines[place] ?? [], LANE, rail);
        for (const side of SIDES) if (boxes[side].length > 0) placed[side].push(boxes[side]);
      }
      const join = this.y - ROW_GAP + 14;
      for (const side of SIDES) {
        const own = branch[side];
        if (!own) continue;
        this.branch(side, placed[side], start, join, own.withNext, waiting[side]);
        if (!own.withNext) from[side] = this.plus(side, from[side], join);
      }
      this.y = join + 10;
      const { onStream } = branch;
      if (onStream.before.length + onStream.after.length > 0) {
        this.y += 6;
        const norms = this.row(onStream, this.words.aboutRows([onStream])[0] ?? [], 0, { before: 0, after: 0 });
        for (const side of SIDES)
          for (const norm of norms[side]) {
            this.stream(side, from[side], norm.y, true);
            from[side] = norm.y + norm.height;
          }
        this.y += 6 - ROW_GAP;
      }
    }
    for (const side of SIDES) this.stream(side, from[side], this.y, false);
    const lines = this.words.aboutRows(unplaced);
    for (const [place, row] of unplaced.entries()) {
      this.y += 6;
      this.row(row, lines[place] ?? [], LANE, rail);
      this.y -= ROW_GAP - 6;
    }
    this.remarks(drawings);
  }

  private lane(side: Side): number {
    return this.halves[side].x + 10;
  }

  private stream(side: Side, from: number, to: number, arrow: boolean): void {
    const at = this.lane(side);
    if (to > from)
      this.canvas.ground.push({
        shape: 'path',
        points: [
          [at, from],
          [at, to],
        ],
        arrow,
      });
  }

  /** Where a branch joins the stream; returns where the stream goes on. */
  private plus(side: Side, from: number, join: number): number {
    this.stream(side, from, join - 7, false);
    this.canvas.ground.push({ shape: 'circle', x: this.lane(side), y: join, radius: 7, plus: true });
    return join + 7;
  }

  /** Lines of a branch: from the stream into its first boxes, from box to box, and back. */
  private branch(
    side: Side,
    placed: readonly (readonly PlacedBox[])[],
    start: number,
    join: number,
    waits: boolean,
    waiting: number[],
  ): void {
    const { ground } = this.canvas;
    const lane = this.lane(side);
    const rail = this.halves[side].x + this.halves[side].width - RAIL / 2;
    ground.push(...connectors(placed));
    for (const first of placed[0] ?? [])
      ground.push({
        shape: 'path',
        points: [
          [lane, start],
          [middle(first), start],
          [middle(first), first.y],
        ],
        arrow: true,
      });
    const end = waits ? join - 6 : join;
    for (const last of placed.at(-1) ?? [])
      ground.push({
        shape: 'path',
        points: [
          [middle(last), last.y + last.height],
          [middle(last), end],
          [waits ? rail : lane + 7, end],
        ],
        arrow: !waits,
      });
    if (waits) {
      waiting.push(end);
      return;
    }
    for (const began of waiting.splice(0))
      ground.push({
        shape: 'path',
        points: [
          [rail, began],
          [rail, join],
          [lane + 7, join],
        ],
        arrow: true,
      });
  }

  /** What the drawings note beside their boxes. */
  private remarks(drawings: Readonly<Record<Side, LayerDrawing>>): void {
    const wide = this.page.wide;
    const top = this.y + 2;
    const shared = drawings.before.notes.filter((note) => drawings.after.notes.includes(note));
    for (const side of SIDES) {
      let at = wide ? top : this.y;
      for (const note of drawings[side].notes) {
        if (!wide && shared.includes(note) && side === 'before') continue;
        const text = wide || shared.includes(note) ? note : `${this.page.names[side]}: ${note}`;
        at = placeText(this.canvas, text, NOTE, false, 'muted', this.halves[side].x, at, this.halves[side].width);
      }
      this.y = Math.max(this.y, at);
    }
    if (this.y > top) this.y += 4;
  }

  // The stack of layers.

  stacks(before: readonly StackRepeat[], after: readonly StackRepeat[], lines: readonly string[]): void {
    const wide = this.page.wide;
    const { x, width } = this.gutter;
    if (!wide) {
      const said = this.page.note(lines, this.prefix, x, this.y, width, 0);
      this.y += said === 0 ? 0 : said + 2;
    }
    const top = this.y;
    const others = { before: new Set(after.map(repeatKey)), after: new Set(before.map(repeatKey)) };
    let bottom = top;
    for (const [side, repeats] of [
      ['before', before],
      ['after', after],
    ] as const) {
      if (wide) this.y = top;
      else
        this.y =
          placeText(this.canvas, this.page.names[side], 10, false, 'muted', this.gutter.x, this.y, this.gutter.width) +
          2;
      this.stack(side, repeats, others[side]);
      bottom = Math.max(bottom, this.y);
    }
    if (wide) bottom = Math.max(bottom, top + this.page.note(lines, this.prefix, x, top, width, 0) + ARROW);
    this.y = bottom;
  }

  stack(side: Side | 'both', repeats: readonly StackRepeat[], others?: ReadonlySet<string>): void {
    const half = this.halves[side === 'both' ? 'after' : side];
    const wide = this.page.wide;
    for (const [index, { times, boxes }] of repeats.entries()) {
      const inside = (x: number, y: number, width: number): number => {
        let at = y;
        for (const [place, { box, ink }] of boxes.entries()) {
          if (place > 0) {
            const center = Math.round(x + width / 2);
            this.canvas.ground.push({
              shape: 'path',
              points: [
                [center, at],
                [center, at + ARROW],
              ],
              arrow: true,
            });
            at += ARROW;
          }
          const height = boxHeight(box, width);
          const part = boxPart({ box, x, y: at, width, height }, `${side}.stack.${index}.${place}`);
          const same = others === undefined || others.has(repeatKey({ times, boxes }));
          this.canvas.parts.push(marked(part, same ? 'same' : wide ? 'follows' : 'changed', null));
          this.canvas.ground.push({
            shape: 'rect',
            x: x - 3,
            y: at,
            width: 3,
            height,
            fill: ink,
            stroke: null,
            radius: 1,
          });
          at += height;
        }
        return at;
      };
      const top = this.y;
      const bottom =
        times === 1
          ? inside(half.x, top, half.width)
          : placeCard(
              this.canvas,
              { title: `× ${formatInteger(times)}`, lines: ['this sequence, repeated'], ink: 'line' },
              half.x,
              top,
              half.width,
              inside,
            );
      if (wide && side !== 'both') this.arrowTo(side, top, bottom);
      this.y = bottom + ARROW;
    }
  }
}

/**
 * Like faces like: where the parts of one side are not described, or its parameters are not known by layer, those of the other are left
 * out, too. What a drawing leaves out is no difference of the models.
 */
export function comparable(one: LayerKind, other: LayerKind): readonly [LayerDrawing, LayerDrawing] {
  const known = one.parameters !== null && other.parameters !== null;
  const drawings = [one, other].map((kind) =>
    layerDrawing(
      known || one.parameters === other.parameters ? kind : { ...kind, parameters: null, description: null },
    ),
  );
  const [old, now] = [elementAt(drawings, 0), elementAt(drawings, 1)];
  if (isCoarse(old) === isCoarse(now)) return [old, now];
  const byParts = (kind: LayerKind): LayerDrawing => layerDrawing({ ...kind, description: null });
  return [byParts(one), byParts(other)];
}

/** Of a layer whose block is described, beside one whose arrangement is. */
export function vagueSide(one: LayerKind, other: LayerKind): VagueSide {
  if ((one.block === null) === (other.block === null)) return null;
  return one.block === null ? 'before' : 'after';
}

/** Boxes that stand for several of a described layer. */
const COARSE = ['projections', 'mixer', 'norms'];

function isCoarse({ branches, unplaced }: LayerDrawing): boolean {
  return [...branches.flatMap(({ rows }) => rows.flat()), ...unplaced].some(({ id }) => COARSE.includes(id));
}

function repeatKey({ times, boxes }: StackRepeat): string {
  return [`${times} times`, ...boxes.map(({ box }) => box.title)].join(', ');
}

const middle = ({ x, width }: PlacedBox): number => x + width / 2;

function railOf({ branches }: LayerDrawing): number {
  return branches.some(({ withNext }) => withNext) ? RAIL : 0;
}

/** Where the boxes of a row are, on the grid of columns. */
function spansOf(
  row: readonly Box[],
  x: number,
  width: number,
): readonly { readonly box: Box; readonly x: number; readonly width: number }[] {
  const column = (width + COLUMN_GAP) / COLUMNS;
  return row.map((box) => ({
    box,
    x: round(x + box.from * column),
    width: round((box.to - box.from) * column - COLUMN_GAP),
  }));
}

/** @param said Something stands beside the row. */
function marksOf(row: FacingRow, vague: VagueSide, said: boolean): ReadonlyMap<Box, Mark> {
  const marks = new Map<Box, Mark>();
  const changed = said ? 'changed' : 'follows';
  for (const { before, after } of faceBoxes(row)) {
    const mark = before === null || after === null ? 'alone' : sameBox(before, after, vague) ? 'same' : changed;
    for (const box of [before, after]) if (box) marks.set(box, mark);
  }
  return marks;
}

const SPOKEN: Readonly<Record<Exclude<Mark, 'same'>, string>> = {
  changed: ', changed',
  follows: ', changed with what is said elsewhere',
  alone: ', in one alone',
};

/** @param bar Where what is said of it stands; null where there is no place for a bar. */
function marked(part: Part, mark: Mark, bar: 'left' | 'right' | null): Part {
  if (mark === 'same') return part;
  const { x, y, width, height } = part;
  const [frame, ...rest] = part.shapes;
  if (frame?.shape !== 'rect') return part;
  const alone = mark === 'alone';
  return {
    ...part,
    says: `${part.says}${SPOKEN[mark]}`,
    shapes: [
      { ...frame, stroke: 'changed', ...(alone ? { dashed: true } : {}) },
      ...(bar === null || mark === 'follows'
        ? []
        : [
            {
              shape: 'rect',
              x: bar === 'left' ? x : x + width - BAR,
              y,
              width: BAR,
              height,
              fill: 'changed',
              stroke: null,
              radius: 1,
            } as const,
          ]),
      ...rest,
    ],
  };
}
