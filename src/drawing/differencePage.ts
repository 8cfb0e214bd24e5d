/** Where two models stand on a page, and what is said between them. */

import { type Names } from './differenceText';
import { Canvas } from './layout';
import type { Shape } from './scene';
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

export const MARGIN = 16;
export const GAP = 20;
export const ARROW = 18;
/** Width from which on the two stand side by side. */
const WIDE = 880;
const [NARROWEST_GUTTER, WIDEST_GUTTER] = [180, 300];
const GUTTER_GAP = 14;
export const ROW_GAP = 16;
export const COLUMN_GAP = 8;
/** Where the residual stream runs, left of the boxes. */
export const LANE = 26;
/** For a line at the right of the boxes. */
export const RAIL = 16;
export const NOTE = 11;
const LEADING = 1.32;
export const BAR = 3;

export type Side = 'before' | 'after';
export const SIDES: readonly Side[] = ['before', 'after'];

/** Letters of kinds: those that stand for each other have the same. */
export type Letters = Readonly<Record<Side, ReadonlyMap<number, string>>>;

/** What is drawn on: one side beside the other with what is said between them, or, where there is no room, one below the other. */
export class Page {
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

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** With a space's width to spare: pages put one behind each line. */
export function noteLines(lines: readonly string[], width: number): string[] {
  return lines.flatMap((line) => wrapText(line, width - NOTE / 2, NOTE, true));
}

export function noteHeight(lines: number): number {
  return Math.ceil(lines * NOTE * LEADING + 3);
}
