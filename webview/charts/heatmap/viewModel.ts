/** Where everything of a heatmap stands, in device pixels: the plot, its labels, and the cell under a point. */

import type { CellAxis } from '../../../src/insight/cells';
import { type Bins, binAt, binsOf, type Window } from './axis';
import { type ColumnItem, columnLabels, elideMiddle, type Measure, type PlacedLabel, rowStep } from './labels';
import type { Cells, Reduction } from './raster';
import type { MapKind } from './colourMaps';
import type { Scale } from './scale';
import { elementAt } from '../../../src/model/elementAt';

/** A matrix and how it is to be read. Positions are tokens, heads or dims. */
export interface HeatmapModel {
  readonly cells: Cells;
  readonly rows: CellAxis;
  readonly columns: CellAxis;
  readonly reduction: Reduction;
  readonly map: MapKind;
  readonly scale: Scale;
  /** Rows and columns are the same tokens, and nothing lies above the diagonal: labels of columns stand there. */
  readonly triangle: boolean;
  /** Marks of both sides; texts as `tokenText` makes them. */
  readonly rowLabel: (position: number) => string;
  readonly columnLabel: (position: number) => string;
  /** Pixels (CSS) of a row; null: the plot is as high as it is wide, at most `highest`. */
  readonly rowHeight: number | null;
  /** Lines that column labels above the plot may take; numbers read best in one. */
  readonly tiers: number;
}

export interface View {
  readonly rows: Window;
  readonly columns: Window;
}

export interface RowLabel {
  readonly position: number;
  readonly text: string;
  /** Middle of the row. */
  readonly y: number;
}

/** A column's label beside the diagonal. */
export interface DiagonalLabel {
  readonly position: number;
  readonly text: string;
  readonly x: number;
  readonly y: number;
}

export interface HeatmapLayout {
  readonly width: number;
  readonly height: number;
  readonly left: number;
  readonly top: number;
  readonly plotWidth: number;
  readonly plotHeight: number;
  readonly rows: Bins;
  readonly columns: Bins;
  readonly rowLabels: readonly RowLabel[];
  readonly columnLabels: readonly (PlacedLabel & { readonly position: number })[];
  readonly diagonalLabels: readonly DiagonalLabel[];
  readonly lineHeight: number;
  /** CSS pixels. */
  readonly font: number;
}

export interface LayoutSpace {
  /** Device pixels that there are. */
  readonly width: number;
  readonly highest: number;
  /** Device pixels of a CSS pixel. */
  readonly ratio: number;
  /** In device pixels. */
  readonly measure: Measure;
}

const LINE_HEIGHT = 13;
const FONT = 11;
/** Rows a little lower than a line take a smaller text; still lower ones only every n-th label. */
const SMALL_LINE_HEIGHT = 10;
const SMALL_FONT = 10;

const GAP = 5;
const MOST_LABEL = 110;
/** Labels beside the plot take at most these shares of the width. */
const LEFT_SHARE = 0.26;
const RIGHT_SHARE = 0.14;
/** Labels are measured one by one up to this many, a sample of them above. */
const MOST_MEASURED = 400;

export function layoutHeatmap(model: HeatmapModel, view: View, space: LayoutSpace): HeatmapLayout {
  const { width, ratio, measure } = space;
  const gap = Math.round(GAP * ratio);
  const count = { rows: view.rows[1] - view.rows[0], columns: view.columns[1] - view.columns[0] };
  const widest = (label: (position: number) => string, [start, end]: Window): number => {
    const step = Math.ceil((end - start) / MOST_MEASURED);
    let result = 0;
    for (let position = start; position < end; position += step) result = Math.max(result, measure(label(position)));
    return Math.min(result, MOST_LABEL * ratio);
  };
  const left = Math.ceil(Math.min(widest(model.rowLabel, view.rows), width * LEFT_SHARE)) + gap;
  const diagonal = model.triangle && view.rows[0] === view.columns[0] && view.rows[1] === view.columns[1];
  const right = diagonal ? Math.ceil(Math.min(widest(model.columnLabel, view.columns), width * RIGHT_SHARE)) + gap : 0;
  const room = Math.max(16, width - left - right);
  // Whole pixels for every column where there are enough of them: all cells are of one size.
  const plotWidth = whole(room, count.columns);
  const wantedHeight =
    model.rowHeight === null
      ? Math.min(room * (count.rows / count.columns), space.highest)
      : Math.min(count.rows * model.rowHeight * ratio, space.highest);
  const plotHeight = Math.max(whole(Math.max(wantedHeight, 8), count.rows), 1);
  const square = diagonal ? Math.min(plotWidth, plotHeight) : null;
  const [w, h] = [square ?? plotWidth, square ?? plotHeight];
  const rows = binsOf(model.rows, view.rows, h);
  const pitch = h / rows.count / ratio;
  const small = pitch < LINE_HEIGHT && pitch >= SMALL_LINE_HEIGHT;
  const lineHeight = (small ? SMALL_LINE_HEIGHT : LINE_HEIGHT) * ratio;
  const columns = binsOf(model.columns, view.columns, w);
  const above = diagonal ? { labels: [], height: 0 } : topLabels(model, columns, w, space);
  const top = above.height;
  return {
    width,
    height: top + h,
    left,
    top,
    plotWidth: w,
    plotHeight: h,
    rows,
    columns,
    rowLabels: rowLabels(model, rows, left - gap, lineHeight, measure),
    columnLabels: above.labels.map((label) => ({ ...label, x: label.x + left, middle: label.middle + left })),
    diagonalLabels: diagonal
      ? diagonalLabels(model, rows, columns, {
          left,
          right: left + w + right,
          gap: Math.round(3 * ratio),
          lineHeight,
          measure,
        })
      : [],
    lineHeight,
    font: small ? SMALL_FONT : FONT,
  };
}

/** The largest multiple of `count` that fits, unless that would waste a fifth. */
function whole(pixels: number, count: number): number {
  const size = Math.floor(pixels);
  const even = Math.floor(size / count) * count;
  return even > size * 0.8 ? even : size;
}

/** Where texts of a line height stand beside the rows, so that none touches another or is cut by the picture's edge. */
function lines(rows: Bins, lineHeight: number): { readonly bin: number; readonly y: number }[] {
  const result: { readonly bin: number; readonly y: number }[] = [];
  let from = -Infinity;
  for (let bin = 0; bin < rows.count; bin += rowStep(elementAt(rows.pixels, rows.count) / rows.count, lineHeight)) {
    const y = textMiddle(rows, bin, lineHeight);
    // The first and the last stand nearer to the middle than their rows.
    if (y < from) continue;
    from = y + lineHeight * 0.9;
    result.push({ bin, y });
  }
  return result;
}

function rowLabels(model: HeatmapModel, rows: Bins, width: number, lineHeight: number, measure: Measure): RowLabel[] {
  return lines(rows, lineHeight).map(({ bin, y }) => {
    const position = elementAt(rows.positions, bin);
    return { position, text: elideMiddle(model.rowLabel(position), width, measure), y };
  });
}

function topLabels(
  model: HeatmapModel,
  columns: Bins,
  width: number,
  { ratio, measure }: LayoutSpace,
): { readonly labels: readonly (PlacedLabel & { readonly position: number })[]; readonly height: number } {
  const items: ColumnItem[] = Array.from({ length: columns.count }, (_, bin) => ({
    text: model.columnLabel(elementAt(columns.positions, bin)),
    middle: middleOf(columns, bin),
  }));
  const labels = columnLabels(items, model.tiers, width, measure, 26 * ratio, 6 * ratio);
  const tiers = Math.max(0, ...labels.map(({ tier }) => tier)) + 1;
  return {
    labels: labels.map((label) => ({ ...label, position: elementAt(columns.positions, label.index) })),
    height: Math.round((tiers * LINE_HEIGHT + 4) * ratio),
  };
}

interface DiagonalSpace {
  readonly left: number;
  readonly right: number;
  readonly gap: number;
  readonly lineHeight: number;
  readonly measure: Measure;
}

function diagonalLabels(
  model: HeatmapModel,
  rows: Bins,
  columns: Bins,
  { left, right, gap, lineHeight, measure }: DiagonalSpace,
): DiagonalLabel[] {
  return lines(rows, lineHeight).flatMap(({ bin, y }) => {
    const position = elementAt(columns.positions, bin);
    const x = left + elementAt(columns.pixels, bin + 1) + gap;
    const text = elideMiddle(model.columnLabel(position), right - x, measure);
    return text === '' ? [] : [{ position, text, x, y }];
  });
}

/** Where the text of a row stands: its middle, but never cut by the picture's edge. */
export function textMiddle(rows: Bins, bin: number, lineHeight: number): number {
  const height = elementAt(rows.pixels, rows.count);
  return Math.min(Math.max(middleOf(rows, bin), lineHeight / 2), Math.max(height - lineHeight / 2, lineHeight / 2));
}

export function middleOf(bins: Bins, bin: number): number {
  return (elementAt(bins.pixels, bin) + elementAt(bins.pixels, bin + 1)) / 2;
}

/** A bin of rows and one of columns. */
export interface CellPlace {
  readonly row: number;
  readonly column: number;
}

/** The cell at a point in device pixels from the picture's corner; in the labels, the row or column that they name. */
export function cellAt(
  layout: HeatmapLayout,
  x: number,
  y: number,
): { readonly row: number | null; readonly column: number | null } {
  const { left, top, plotWidth, plotHeight } = layout;
  const insideX = x >= left && x < left + plotWidth;
  const insideY = y >= top && y < top + plotHeight;
  return {
    row: insideY && x < left + plotWidth ? binAt(layout.rows, y - top) : null,
    column: insideX && y < top + plotHeight ? binAt(layout.columns, x - left) : null,
  };
}

/** The cell that a key leads to; null where the key is not about moving. */
export function movedBy(
  key: string,
  { row, column }: CellPlace,
  rows: number,
  columns: number,
  whole: boolean,
): CellPlace | null {
  const at = (r: number, c: number): CellPlace => ({
    row: Math.min(rows - 1, Math.max(0, r)),
    column: Math.min(columns - 1, Math.max(0, c)),
  });
  switch (key) {
    case 'ArrowLeft':
      return at(row, column - 1);
    case 'ArrowRight':
      return at(row, column + 1);
    case 'ArrowUp':
      return at(row - 1, column);
    case 'ArrowDown':
      return at(row + 1, column);
    case 'PageUp':
      return at(row - 10, column);
    case 'PageDown':
      return at(row + 10, column);
    case 'Home':
      return at(whole ? 0 : row, 0);
    case 'End':
      return at(whole ? rows - 1 : row, columns - 1);
    default:
      return null;
  }
}
