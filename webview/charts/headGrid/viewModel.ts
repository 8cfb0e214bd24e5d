/** A grid of small pictures, one per head: which order, how large, where. */

import type { HeadMeasures } from '../../../src/shared/headsContract';
import type { CellAxis } from '../../../src/insight/cells';
import type { Window } from '../heatmap/axis';
import type { MapKind } from '../heatmap/colourMaps';
import type { Cells, Reduction } from '../heatmap/raster';
import type { Scale } from '../heatmap/scale';

export const MEASURES = ['entropy', 'sink', 'previousToken', 'duplicateToken', 'induction'] as const;
export type MeasureName = (typeof MEASURES)[number];

/** "previous token" */
export function measureTitle(name: MeasureName): string {
  return name.replace(/[A-Z]/, (letter) => ` ${letter.toLowerCase()}`);
}

/** What each measure says, for people who have not met it. */
export const MEASURE_MEANINGS: Readonly<Record<MeasureName, string>> = {
  entropy: '0: looks at one token; 1: at all equally',
  sink: 'mean weight on the first token',
  previousToken: 'share of weight on the token before',
  duplicateToken: 'share on earlier copies of the same token',
  induction: 'share on the tokens after earlier copies of the same token',
};

export type Order = 'position' | MeasureName;

/** Heads in the order wanted: by position, or the highest measure first; what was not measured comes last. */
export function sorted<T extends { readonly measures: HeadMeasures | null }>(
  heads: readonly T[],
  order: Order,
): readonly T[] {
  if (order === 'position') return heads;
  const value = ({ measures }: T): number => {
    const number = measures?.[order] ?? NaN;
    return Number.isNaN(number) ? -Infinity : number;
  };
  return heads.toSorted((a, b) => value(b) - value(a));
}

/** As `heads` prints it on the command line. */
export function measureText(value: number | undefined): string {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(4);
}

export interface GridPicture {
  /** Stands above the picture; empty where there is no room for it. */
  readonly title: string;
  /** A second, quieter text above it: the value that the grid is sorted by. */
  readonly detail: string;
  /** What a screen reader says. */
  readonly name: string;
  readonly cells: Cells;
}

export interface GridModel {
  readonly pictures: readonly GridPicture[];
  readonly rows: CellAxis;
  readonly columns: CellAxis;
  readonly view: { readonly rows: Window; readonly columns: Window };
  readonly reduction: Reduction;
  readonly map: MapKind;
  /** Reduced values of every picture are ready when it is asked for. */
  readonly scale: (picture: number, values: readonly Float32Array[]) => Scale;
  /** Pictures side by side; null: as many as look well. */
  readonly across: number | null;
  /** Marks of rows, where `across` is given. */
  readonly rowTitles: readonly string[];
}

export interface GridSpace {
  /** Device pixels. */
  readonly width: number;
  readonly ratio: number;
  /** Cells on a side of a picture's matrix: pictures are whole multiples of it where that wastes little. */
  readonly cells: readonly [rows: number, columns: number];
  /** Pictures side by side, where they must be as many (layers × heads); null: as many as look well. */
  readonly across: number | null;
  /** Room for marks at the left, of rows that have one. */
  readonly gutter: number;
  /** Lines of text above each picture. */
  readonly lines: number;
}

export interface GridLayout {
  readonly across: number;
  readonly down: number;
  readonly pictureWidth: number;
  readonly pictureHeight: number;
  readonly pitchX: number;
  readonly pitchY: number;
  readonly left: number;
  /** Height of the text above a picture. */
  readonly head: number;
  readonly width: number;
  readonly height: number;
}

const GAP = 8;
const SMALL_GAP = 3;
const LINE = 13;
/** Pictures are about this wide; narrower when there are many, wider when there are few. */
const WIDTHS = { least: 56, wanted: 84, most: 148 };
const MANY = 48;
const WIDTHS_OF_MANY = { least: 44, wanted: 60 };
/** Pictures of layers × heads are at least this wide; the grid is scrolled when that is too much. */
const LEAST_IN_MATRIX = 14;

export function layoutGrid(
  count: number,
  { width, ratio, cells, across: fixed, gutter, lines }: GridSpace,
): GridLayout {
  const room = width - gutter;
  const across =
    fixed ??
    (count > MANY
      ? bestAcross(count, room / ratio, WIDTHS_OF_MANY.wanted, WIDTHS_OF_MANY.least)
      : bestAcross(count, room / ratio));
  const gap = Math.round((fixed !== null && room / across < 40 * ratio ? SMALL_GAP : GAP) * ratio);
  const share = Math.floor((room - gap * (across - 1)) / across);
  const least = Math.round(LEAST_IN_MATRIX * ratio);
  const size = Math.min(Math.max(share, least), Math.round(WIDTHS.most * ratio));
  const pictureWidth = multiple(size, cells[1]);
  const pictureHeight = cells[0] === cells[1] ? pictureWidth : multiple(size, cells[0]);
  const head = Math.round((lines * LINE + (lines > 0 ? 4 : 0)) * ratio);
  const down = Math.ceil(count / across);
  // What pictures leave of their share is spread between them, so that the grid ends where everything else ends.
  const pitchX =
    fixed === null && across > 1 && down > 1
      ? Math.min(Math.floor((room - pictureWidth) / (across - 1)), pictureWidth + gap * 3)
      : pictureWidth + gap;
  const pitchY = pictureHeight + head + gap;
  return {
    across,
    down,
    pictureWidth,
    pictureHeight,
    pitchX,
    pitchY,
    left: gutter,
    head,
    width: Math.max(width, gutter + pitchX * (across - 1) + pictureWidth),
    height: down * pitchY - gap,
  };
}

/** Rows that come out even look best: 8 heads are 4 + 4, not 5 + 3. */
export function bestAcross(
  count: number,
  room: number,
  wantedWidth = WIDTHS.wanted,
  leastWidth = WIDTHS.least,
): number {
  const most = Math.max(1, Math.floor((room + GAP) / (leastWidth + GAP)));
  const wanted = Math.max(1, Math.min(most, Math.floor((room + GAP) / (wantedWidth + GAP))));
  if (count <= wanted) return Math.max(1, count);
  const even = [wanted, wanted + 1, wanted - 1, wanted - 2].find(
    (across) => across >= 2 && across <= most && count % across === 0,
  );
  return even ?? wanted;
}

function multiple(size: number, cells: number): number {
  const even = Math.floor(size / cells) * cells;
  return even >= size * 0.75 ? even : size;
}

/** The picture at a point in device pixels, its text included, or null. */
export function pictureAt(layout: GridLayout, count: number, x: number, y: number): number | null {
  const { across, pitchX, pitchY, pictureWidth, pictureHeight, head, left } = layout;
  const column = Math.floor((x - left) / pitchX);
  const row = Math.floor(y / pitchY);
  if (column < 0 || column >= across || row < 0) return null;
  if (x - left - column * pitchX >= pictureWidth || y - row * pitchY >= pictureHeight + head) return null;
  const index = row * across + column;
  return index < count ? index : null;
}

/** Where a key leads from a picture; null where the key is not about moving. */
export function neighbour(key: string, index: number, count: number, across: number): number | null {
  const clamp = (to: number): number => Math.min(count - 1, Math.max(0, to));
  switch (key) {
    case 'ArrowLeft':
      return clamp(index - 1);
    case 'ArrowRight':
      return clamp(index + 1);
    case 'ArrowUp':
      return index - across >= 0 ? index - across : index;
    case 'ArrowDown':
      return index + across < count ? index + across : index;
    case 'Home':
      return 0;
    case 'End':
      return count - 1;
    default:
      return null;
  }
}
