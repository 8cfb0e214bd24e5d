/** Draws a heatmap: cells, labels; and above them the cursor's row and column. */

import { binOf } from './axis';
import { pixelsOf } from './canvas';
import { paintBins, reduceCells } from './raster';
import type { CanvasTheme } from './theme';
import { type CellPlace, type HeatmapLayout, type HeatmapModel, middleOf, textMiddle } from './viewModel';
import { elementAt } from '../../../src/model/elementAt';

const FONT = 11;

export function fontOf(theme: CanvasTheme, ratio: number): string {
  return theme.font(FONT * ratio);
}

/** The values of the bins, NaN where nothing is allowed, `[rows, columns]`. */
export function drawCells(
  context: CanvasRenderingContext2D,
  model: HeatmapModel,
  layout: HeatmapLayout,
  theme: CanvasTheme,
  ratio: number,
): Float32Array {
  const { rows, columns, left, top, plotWidth, plotHeight } = layout;
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  const values = reduceCells(model.cells, rows, columns, model.reduction);
  const image = context.createImageData(plotWidth, plotHeight);
  paintBins(
    pixelsOf(image),
    plotWidth,
    0,
    0,
    values,
    rows,
    columns,
    model.scale,
    theme.map(model.map),
    theme.hatch(ratio),
  );
  context.putImageData(image, left, top);
  drawLabels(context, layout, theme, ratio);
  return values;
}

function drawLabels(context: CanvasRenderingContext2D, layout: HeatmapLayout, theme: CanvasTheme, ratio: number): void {
  const { left, top } = layout;
  const label = labeller(context, layout, theme, ratio, theme.quiet);
  for (const { text, y } of layout.rowLabels) label(text, left - 5 * ratio, top + y, 'right');
  for (const { text, x, y } of layout.diagonalLabels) label(text, x, top + y);
  context.strokeStyle = theme.quiet;
  context.lineWidth = Math.max(1, Math.round(ratio));
  context.globalAlpha = 0.35;
  context.beginPath();
  for (const { middle, tier } of layout.columnLabels) {
    const x = Math.round(middle) + (context.lineWidth % 2) / 2;
    context.moveTo(x, tierY(layout, tier, ratio) + (tier === 0 ? 6 * ratio : 0));
    context.lineTo(x, top - ratio);
  }
  context.stroke();
  context.globalAlpha = 1;
  for (const { text, x, tier } of layout.columnLabels) label(text, x, tierY(layout, tier, ratio));
}

/** The middle of a line of column labels. */
function tierY({ top }: HeatmapLayout, tier: number, ratio: number): number {
  return top - (4 + 13 * tier + 6.5) * ratio;
}

type Labeller = (text: string, x: number, middle: number, align?: 'left' | 'right') => void;

/** Writes texts on a ground of their own: whatever is below would disturb them. */
function labeller(
  context: CanvasRenderingContext2D,
  { font, lineHeight, width, left }: HeatmapLayout,
  theme: CanvasTheme,
  ratio: number,
  colour: string,
): Labeller {
  context.font = theme.font(font * ratio);
  context.textBaseline = 'middle';
  return (text, x, middle, align = 'left') => {
    context.textAlign = align;
    const size = Math.min(context.measureText(text).width, align === 'left' ? width : left);
    context.fillStyle = theme.ground;
    context.fillRect(
      (align === 'left' ? x : x - size) - 2 * ratio,
      middle - lineHeight / 2,
      size + 4 * ratio,
      lineHeight,
    );
    context.fillStyle = colour;
    context.fillText(text, x, middle);
  };
}

/** Lights up a row and a column: everything else steps back, and their labels come forward. */
export function drawCursor(
  context: CanvasRenderingContext2D,
  model: HeatmapModel,
  layout: HeatmapLayout,
  place: CellPlace | null,
  theme: CanvasTheme,
  ratio: number,
): void {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (place === null) return;
  const { rows, columns, left, top, plotWidth, plotHeight, lineHeight } = layout;
  const [x, y] = [left + elementAt(columns.pixels, place.column), top + elementAt(rows.pixels, place.row)];
  const width = elementAt(columns.pixels, place.column + 1) - elementAt(columns.pixels, place.column);
  const height = elementAt(rows.pixels, place.row + 1) - elementAt(rows.pixels, place.row);
  context.fillStyle = theme.veil;
  context.fillRect(left, top, plotWidth, plotHeight);
  context.clearRect(left, y, plotWidth, height);
  context.clearRect(x, top, width, plotHeight);
  const line = Math.max(1, Math.round(ratio));
  context.strokeStyle = theme.foreground;
  context.lineWidth = line;
  context.strokeRect(x - line / 2, y - line / 2, width + line, height + line);

  const label = labeller(context, layout, theme, ratio, theme.foreground);
  const row = elementAt(rows.positions, place.row);
  label(
    layout.rowLabels.find(({ position }) => position === row)?.text ?? model.rowLabel(row),
    left - 5 * ratio,
    top + textMiddle(rows, place.row, lineHeight),
    'right',
  );
  const column = elementAt(columns.positions, place.column);
  const text = model.columnLabel(column);
  const isColumn = ({ position }: { readonly position: number }): boolean => position === column;
  // A column without a label gets one where there is room for it.
  const last = layout.width - context.measureText(text).width;
  if (layout.diagonalLabels.length > 0) {
    const known = layout.diagonalLabels.find(isColumn);
    const bin = binOf(rows, column);
    label(
      known?.text ?? text,
      known?.x ?? Math.min(last, left + elementAt(columns.pixels, place.column + 1) + 3 * ratio),
      top + (known?.y ?? (bin < 0 ? 0 : textMiddle(rows, bin, lineHeight))),
    );
  } else {
    const known = layout.columnLabels.find((each) => isColumn(each) && each.text !== '');
    label(
      known?.text ?? text,
      known?.x ?? Math.max(0, Math.min(last, left + middleOf(columns, place.column))),
      tierY(layout, known?.tier ?? 0, ratio),
    );
  }
}
