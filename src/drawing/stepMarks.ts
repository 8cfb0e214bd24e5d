/** Marks of a step in a figure: what a box reads, writes and computes, its share of the time, and how the cache has grown. */

import type { Ink, RectShape, Shape } from './scene';

/** What a box says of a step in place of its parameters. */
export interface BoxMark {
  readonly lines: readonly string[];
  /** Of the step's time; null where it is not known. */
  readonly share: number | null;
  readonly limitedBy: 'memory' | 'compute';
  /** Takes most of the step. */
  readonly most: boolean;
}

export const MOST = 'Takes most of the step';

const BAR = 4;
const BAR_GAP = 4;
/** What is there at all is seen. */
const LEAST = 1.5;

export function stepBarHeight(mark: BoxMark | undefined): number {
  return mark?.share == null || mark.share === 0 ? 0 : BAR + BAR_GAP;
}

/** The bar at the foot of a box, and a second frame around what takes most. */
export function stepShapes(
  mark: BoxMark,
  x: number,
  y: number,
  width: number,
  height: number,
  padding: number,
): Shape[] {
  const inner = width - 2 * padding;
  const foot = y + height - padding - BAR;
  const bar = stepBarHeight(mark) === 0 ? [] : barShapes(mark.share ?? 0, x + padding, foot, inner, mark.limitedBy);
  return mark.most ? [...bar, frame(x + 2, y + 2, width - 4, height - 4)] : bar;
}

/** What is filled, and the rest of its track beside it: nothing lies on anything. */
export function barShapes(share: number, x: number, y: number, width: number, ink: Ink, height = BAR): RectShape[] {
  const filled = round(Math.min(width, Math.max(share > 0 ? LEAST : 0, share * width)));
  const bar = (from: number, across: number, fill: Ink): RectShape[] =>
    across <= 0
      ? []
      : [
          {
            shape: 'rect',
            x: round(x + from),
            y: round(y),
            width: round(across),
            height,
            fill,
            stroke: null,
            radius: 0,
          },
        ];
  return [...bar(0, filled, ink), ...bar(filled, width - filled, 'track')];
}

function frame(x: number, y: number, width: number, height: number): RectShape {
  return {
    shape: 'rect',
    x: round(x),
    y: round(y),
    width: round(width),
    height: round(height),
    fill: null,
    stroke: 'text',
    radius: 3,
  };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
