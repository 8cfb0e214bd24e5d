/** Two models beside each other: same boxes face each other, what changed is marked and said with both values between them. */

import { elementAt } from '../model/elementAt';
import { formatInteger } from '../model/units';
import { designText, sentence, tokensText } from '../present/words';
import type { Anatomy, LayerKind } from '../serving/anatomy/anatomy';
import { type AnatomyDifference, isSame, isSamePair, type KindPair } from '../serving/anatomy/difference';
import type { Repeat } from '../serving/anatomy/fold';
import { type Box, COLUMNS, type LayerDrawing, layerDrawing } from './boxes';
import {
  faceBoxes,
  faceDrawings,
  type FacingDrawing,
  type FacingRow,
  faceRows,
  sameBox,
  sameRow,
  type VagueSide,
} from './differenceRows';
import { DifferenceWords, type Names, pairTitle, summaryText } from './differenceText';
import {
  activeText,
  embeddingBoxes,
  factsText,
  kindInk,
  kindLetter,
  kindLines,
  kindName,
  outputBoxes,
  totalsText,
} from './figure';
import { boxHeight, boxPart, Canvas, connectors, type PlacedBox, placeCard, placeLayer, placeText } from './layout';
import type { Ink, Part, Scene, Shape } from './scene';
import { wrapText } from './textWidth';

export interface DifferenceOptions {
  /** In pixels. */
  readonly width: number;
  readonly names: Names;
  /** Where the two are from, a sentence each. */
  readonly sources: Names;
  /** Pairs of kinds that are opened, by their places; where absent, those that differ. */
  readonly open?: ReadonlySet<number>;
  /** Around the figure, in pixels; a page has its own. */
  readonly margin?: number;
}

const MARGIN = 16;
const GAP = 20;
const ARROW = 18;
/** Width from which on the two stand side by side. */
const WIDE = 880;
const [NARROWEST_GUTTER, WIDEST_GUTTER] = [180, 300];
const GUTTER_GAP = 14;
const ROW_GAP = 16;
const COLUMN_GAP = 8;
/** Where the residual stream runs, left of the boxes. */
const LANE = 26;
/** For a line at the right of the boxes. */
const RAIL = 16;
const NOTE = 11;
const LEADING = 1.32;
const BAR = 3;
/** What is told of a kind beside one that is like it; with more it is another thing. */
const MOST_LINES = 5;

type Side = 'before' | 'after';
const SIDES: readonly Side[] = ['before', 'after'];

/** Letters of kinds: those that stand for each other have the same. */
type Letters = Readonly<Record<Side, ReadonlyMap<number, string>>>;

export function differenceFigure(difference: AnatomyDifference, options: DifferenceOptions): Scene {
  return new DifferenceFigure(difference, options).scene();
}

function kindAt({ kinds }: Anatomy, place: number | null): LayerKind | null {
  return place === null ? null : (kinds[place] ?? null);
}

/** What is drawn on: one side beside the other with what is said between them, or, where there is no room, one below the other. */
class Page {
  readonly canvas = new Canvas();
  readonly wide: boolean;
  private notes = 0;

  constructor({ width, names }: DifferenceOptions) {
    this.wide = width >= WIDE;
    this.names = names;
  }

  readonly names: Names;

  /** Places of the two, and of what is said of them; all take the whole width where they stand below each other. */
  columns(x: number, width: number): Columns {
    if (!this.wide) {
      const whole = { x, width };
      return { halves: { before: whole, after: whole }, gutter: whole };
    }
    const gutter = Math.round(Math.min(WIDEST_GUTTER, Math.max(NARROWEST_GUTTER, width * 0.2)));
    const half = Math.floor((width - gutter - 2 * GUTTER_GAP) / 2);
    return {
      halves: { before: { x, width: half }, after: { x: x + width - half, width: half } },
      gutter: { x: x + half + GUTTER_GAP, width: width - 2 * half - 2 * GUTTER_GAP },
    };
  }

  /** Lines beside a row; they are things to be pointed at and spoken. Returns their height. */
  note(lines: readonly string[], prefix: string, x: number, y: number, width: number, height: number): number {
    const wrapped = noteLines(lines, width);
    if (wrapped.length === 0) return 0;
    const tall = noteHeight(wrapped.length);
    const top = round(y + Math.max(0, (height - tall) / 2));
    this.canvas.parts.push({
      id: `note.${prefix}.${this.notes++}`,
      says: lines.join('; '),
      key: null,
      keys: [],
      parameters: null,
      flops: null,
      shares: null,
      x,
      y: top,
      width,
      height: tall,
      shapes: [
        // Its place, to be pointed at.
        { shape: 'rect', x, y: top, width, height: tall, fill: null, stroke: null, radius: 0 },
        ...wrapped.map(
          (text, index): Shape => ({
            shape: 'text',
            x: x + 1,
            y: round(top + (index + 1) * NOTE * LEADING - NOTE * (LEADING - 1)),
            text,
            size: NOTE,
            bold: true,
            ink: 'changed',
          }),
        ),
      ],
    });
    return tall;
  }
}

interface Columns {
  readonly halves: Readonly<Record<Side, { readonly x: number; readonly width: number }>>;
  readonly gutter: { readonly x: number; readonly width: number };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** With a space's width to spare: pages put one behind each line. */
function noteLines(lines: readonly string[], width: number): string[] {
  return lines.flatMap((line) => wrapText(line, width - NOTE / 2, NOTE, true));
}

class DifferenceFigure {
  private readonly page: Page;
  private readonly canvas: Canvas;
  private readonly wide: boolean;
  private readonly letters: Letters;

  constructor(
    private readonly difference: AnatomyDifference,
    private readonly options: DifferenceOptions,
  ) {
    this.page = new Page(options);
    this.canvas = this.page.canvas;
    this.wide = this.page.wide;
    const letters = { before: new Map<number, string>(), after: new Map<number, string>() };
    for (const [index, pair] of difference.pairs.entries())
      for (const side of SIDES) {
        const place = pair[side];
        if (place !== null) letters[side].set(place, kindLetter(index));
      }
    this.letters = letters;
  }

  scene(): Scene {
    const { canvas } = this;
    const { names, width, margin = MARGIN } = this.options;
    const inner = width - 2 * margin;
    const title = `${names.before} → ${names.after}`;
    let y = placeText(canvas, title, 20, true, 'text', margin, margin, inner);
    y = placeText(canvas, sentence(summaryText(this.difference, names)), 13, false, 'text', margin, y + 4, inner);
    if (!isSame(this.difference)) y = this.legend(margin, y + 6, inner);
    y = this.heads(margin, y + 14, inner) + GAP;
    y = placeCard(canvas, { title: 'The model', lines: [], ink: 'line' }, margin, y, inner, (x, top, across) =>
      this.model(x, top, across),
    );
    for (const [index, pair] of this.difference.pairs.entries())
      if (pair.before !== null && pair.after !== null) y = this.pair(index, pair, margin, y + GAP, inner);
    y = this.alone(margin, y + GAP, inner);
    y = placeText(canvas, this.caption(), 11, false, 'muted', margin, y - 4, inner);
    return {
      width,
      height: Math.ceil(y + margin),
      title: `${title}: ${summaryText(this.difference, names)}`,
      ground: canvas.ground,
      parts: canvas.parts,
    };
  }

  private caption(): string {
    const { before, after } = this.difference;
    const { sources } = this.options;
    const types = before.kvDtype === after.kvDtype ? before.kvDtype : `${before.kvDtype} and ${after.kvDtype}`;
    return `${sources.before}. ${sources.after}. Operations are those of one decode step at a context of ${tokensText(after.tokens)}, the cache is ${types}; numbers in a box are of one layer.${activeText([before, after])} Drawn by Headlight.`;
  }

  /** What the marks mean. */
  private legend(x: number, y: number, width: number): number {
    const { names } = this.options;
    const entries: readonly { readonly dashed: boolean; readonly bar: boolean; readonly text: string }[] = [
      {
        dashed: false,
        bar: this.wide,
        text: this.wide ? 'changed; both values stand in the middle, each said once' : 'changed: before, then after',
      },
      ...(this.wide ? [{ dashed: false, bar: false, text: 'changed with what is said elsewhere' }] : []),
      {
        dashed: true,
        bar: false,
        text: `in one alone (${names.before} ${this.wide ? 'left' : 'first'}, ${names.after} ${this.wide ? 'right' : 'second'})`,
      },
    ];
    let top = y;
    for (const { dashed, bar, text } of entries) {
      this.canvas.ground.push({
        shape: 'rect',
        x,
        y: top + 2,
        width: 18,
        height: 12,
        fill: 'box',
        stroke: 'changed',
        radius: 3,
        ...(dashed ? { dashed } : {}),
      });
      if (bar)
        this.canvas.ground.push({
          shape: 'rect',
          x: x + 18 - BAR,
          y: top + 2,
          width: BAR,
          height: 12,
          fill: 'changed',
          stroke: null,
          radius: 1,
        });
      top = placeText(this.canvas, text, NOTE, false, 'muted', x + 26, top, width - 26) + 2;
    }
    return top;
  }

  /** Names and totals of the two, over their halves. */
  private heads(x: number, y: number, width: number): number {
    const { halves } = this.page.columns(x, width);
    let top = y;
    const bottoms = SIDES.map((side) => {
      const anatomy = this.difference[side];
      const at = halves[side];
      let bottom = placeText(this.canvas, this.options.names[side], 15, true, 'text', at.x, top, at.width);
      bottom = placeText(this.canvas, designText(anatomy.spec), 12, false, 'text', at.x, bottom + 2, at.width);
      bottom = placeText(this.canvas, totalsText(anatomy), 12, false, 'muted', at.x, bottom + 2, at.width);
      for (const facts of factsText(anatomy))
        bottom = placeText(this.canvas, facts, 12, false, 'muted', at.x, bottom + 2, at.width);
      if (!this.wide) top = bottom + 10;
      return bottom;
    });
    return Math.max(...bottoms);
  }

  private words(changes: KindPair['changes'], vague: VagueSide = null): DifferenceWords {
    const sized = this.difference.changes.some(({ path }) => path === 'hiddenSize');
    return new DifferenceWords(changes, this.options.names, sized, vague);
  }

  // The model: ends and stack.

  private model(x: number, top: number, width: number): number {
    const { before, after } = this.difference;
    const words = this.words(this.difference.changes);
    const alone = (boxes: readonly Box[]): Box[][] => boxes.map((box) => [box]);
    const flow = new Flow(this.page, words, 'model', x, width);
    flow.y = top;
    flow.rows(faceRows(alone(embeddingBoxes(before)), alone(embeddingBoxes(after))));
    this.stacks(flow);
    flow.rows(faceRows(alone(outputBoxes(before)), alone(outputBoxes(after))));
    return flow.y;
  }

  private stacks(flow: Flow): void {
    const [old, now] = SIDES.map((side) => JSON.stringify(this.runsOf(side)));
    if (!this.wide && old === now) {
      flow.stack('both', this.runsOf('after'));
      return;
    }
    const [before, after] = [this.runsOf('before'), this.runsOf('after')];
    const { changes } = this.difference;
    const layers = changes.find(({ path }) => path === 'layers');
    const lines =
      typeof layers?.before === 'number' && typeof layers.after === 'number'
        ? [`${formatInteger(layers.before)} → ${formatInteger(layers.after)} layers`]
        : [];
    const [one, other] = [orderText(before), orderText(after)];
    flow.stacks(before, after, one === other ? lines : [...lines, `${one} → ${other}`]);
  }

  /** The stack's runs as boxes: "3 × A". */
  private runsOf(side: Side): readonly StackRepeat[] {
    const anatomy = this.difference[side];
    return anatomy.stack.map(
      ({ times, runs }: Repeat): StackRepeat => ({
        times,
        boxes: runs.map(({ kind, count }): StackBox => {
          const of = anatomy.kinds[kind];
          const letter = this.letters[side].get(kind) ?? '?';
          return {
            ink: of ? kindInk(of) : 'line',
            box: {
              id: letter,
              look: of?.attention.kind === 'unknown' ? 'unknown' : 'step',
              title: `${formatInteger(count)} × ${letter}`,
              lines: of ? [sentence(kindName(of, anatomy.kinds))] : [],
              parameters: null,
              flops: null,
              from: 0,
              to: COLUMNS,
              keys: [of?.sources['layers']?.key ?? []].flat(),
            },
          };
        }),
      }),
    );
  }

  // Kinds of layers.

  private pair(index: number, pair: KindPair, x: number, y: number, width: number): number {
    const { before, after } = this.difference;
    const [one, other] = [kindAt(before, pair.before), kindAt(after, pair.after)];
    if (!one || !other) return y;
    const [old, now] = comparable(one, other);
    const { open } = this.options;
    const opened = open ? open.has(index) : !isSamePair(pair);
    const title = `${kindLetter(index)} · ${pairTitle(one, other, [before.kinds, after.kinds])}`;
    const alike = isSamePair(pair) ? ['the same in both'] : [];
    return placeCard(
      this.canvas,
      { title, lines: [...alike, ...(opened || isSamePair(pair) ? [] : ['not opened'])], ink: kindInk(other) },
      x,
      y,
      width,
      (left, top, across) => {
        const headed = this.kindHeads(one, other, left, top, across);
        if (!opened) return headed;
        const vague = vagueSide(one, other);
        const flow = new Flow(
          this.page,
          this.words(pair.changes, vague),
          `layer.${kindLetter(index)}`,
          left,
          across,
          vague,
        );
        flow.y = headed + 4;
        flow.layer(faceDrawings(old, now), { before: old, after: now });
        return flow.y;
      },
    );
  }

  /** How many layers, their parameters and what they cache, over the halves. */
  private kindHeads(one: LayerKind, other: LayerKind, x: number, y: number, width: number): number {
    const { halves } = this.page.columns(x, width);
    const lines = { before: kindLines(one), after: kindLines(other) };
    const same = JSON.stringify(lines.before) === JSON.stringify(lines.after);
    let top = y;
    let bottom = y;
    for (const side of SIDES) {
      if (!this.wide && same && side === 'before') continue;
      let at = top;
      for (const text of this.wide || same
        ? lines[side]
        : [`${this.options.names[side]}: ${lines[side][0] ?? ''}`, ...lines[side].slice(1)])
        at = placeText(this.canvas, text, NOTE, false, 'muted', halves[side].x, at, halves[side].width);
      bottom = Math.max(bottom, at);
      if (!this.wide) top = at + 4;
    }
    return bottom + 2;
  }

  /** "As B, but: Attention to all tokens → to the last 128 tokens": of a kind that is mostly as one of its own model above it. */
  private asAnother(kind: LayerKind, letter: string, side: Side): string[] {
    const drawing = layerDrawing(kind);
    const alike = this.difference.pairs.flatMap((pair, index) => {
      const other = pair.before === null || pair.after === null ? null : kindAt(this.difference[side], pair[side]);
      if (!other || other.state?.flavour !== kind.state?.flavour) return [];
      const { branches, unplaced } = faceDrawings(layerDrawing(other), drawing);
      const rows = [...branches.flatMap((branch) => [...branch.rows, branch.onStream]), ...unplaced];
      const changed = rows.filter((row) => !sameRow(row));
      return 2 * changed.length > rows.length ? [] : [{ changed, name: kindLetter(index) }];
    });
    const [first, ...others] = alike;
    if (!first) return [];
    const best = others.reduce((most, each) => (each.changed.length < most.changed.length ? each : most), first);
    const words = new DifferenceWords([], { before: best.name, after: letter }, false);
    const lines = words.aboutRows(best.changed).flat();
    if (lines.length === 0 || lines.length > MOST_LINES) return [];
    const [own, lost] = [`: only ${letter}`, `: only ${best.name}`];
    const said = lines.map((line) =>
      line.endsWith(lost)
        ? `no ${line.slice(0, -lost.length)}`
        : line.endsWith(own)
          ? line.slice(0, -own.length)
          : line,
    );
    return [`As ${best.name}, but: ${said.join('; ')}`];
  }

  /** Kinds that stand for nothing on the other side, in columns of their own. */
  private alone(x: number, y: number, width: number): number {
    const { open, names } = this.options;
    const column = this.wide ? Math.floor((width - GAP) / 2) : width;
    const bottoms = { before: y, after: y };
    for (const [index, pair] of this.difference.pairs.entries()) {
      if (pair.before !== null && pair.after !== null) continue;
      if (open && !open.has(index)) continue;
      const side: Side = pair.before === null ? 'after' : 'before';
      const anatomy = this.difference[side];
      const kind = kindAt(anatomy, pair[side]);
      if (!kind) continue;
      const top = this.wide ? bottoms[side] : Math.max(bottoms.before, bottoms.after);
      const left = this.wide && side === 'after' ? x + width - column : x;
      const at = this.canvas.ground.length;
      const bottom = placeCard(
        this.canvas,
        {
          title: `${kindLetter(index)} · ${kindName(kind, anatomy.kinds)}`,
          lines: [`only ${names[side]}`, ...kindLines(kind), ...this.asAnother(kind, kindLetter(index), side)],
          ink: kindInk(kind),
        },
        left,
        top,
        column,
        (within, below, across) =>
          placeLayer(this.canvas, layerDrawing(kind), `${side}.layer.${kindLetter(index)}`, within, below, across),
      );
      const frame = this.canvas.ground[at];
      if (frame?.shape === 'rect') this.canvas.ground[at] = { ...frame, stroke: 'changed', dashed: true };
      bottoms[side] = bottom + GAP;
    }
    return Math.max(bottoms.before, bottoms.after);
  }
}

function noteHeight(lines: number): number {
  return Math.ceil(lines * NOTE * LEADING + 3);
}

interface StackBox {
  readonly box: Box;
  readonly ink: Ink;
}

interface StackRepeat {
  readonly times: number;
  readonly boxes: readonly StackBox[];
}

/** "23 × (A, B)", "10 × (5 A, B), then 2 A": how kinds follow each other. */
function orderText(stack: readonly StackRepeat[]): string {
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
class Flow {
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
function comparable(one: LayerKind, other: LayerKind): readonly [LayerDrawing, LayerDrawing] {
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
function vagueSide(one: LayerKind, other: LayerKind): VagueSide {
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
