/** Draws a heatmap: cells, labels; and above them the cursor's row and column. */

import { binOf } from './axis';
import { pixelsOf } from './canvas';
import { paintBins, reduceCells } from './raster';
import type { CanvasTheme } from './theme';
import { type CellPlace, type HeatmapLayout, type HeatmapModel, middleOf, textMiddle } from './viewModel';

const FONT = 11;

export function fontOf(theme: CanvasTheme, ratio: number): string {
  return theme.font(FONT * ratio);
}

/** The values of the bins, NaN where nothing is allowed, `[rows, columns]`. */
export function drawCells(context: CanvasRenderingContext2D, model: HeatmapModel, layout: HeatmapLayout, theme: CanvasTheme, ratio: number): Float32Array {
  const { rows, columns, left, top, plotWidth, plotHeight } = layout;
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  const values = reduceCells(model.cells, rows, columns, model.reduction);
  const image = context.createImageData(plotWidth, plotHeight);
  paintBins(pixelsOf(image), plotWidth, 0, 0, values, rows, columns, model.scale, theme.map(model.map), theme.hatch(ratio));
  context.putImageData(image, left, top);
  drawLabels(context, layout, theme, ratio);
  return values;
}

function drawLabels(context: CanvasRenderingContext2D, layout: HeatmapLayout, theme: CanvasTheme, ratio: number): void {
  const { left, top, lineHeight } = layout;
  context.font = theme.font(layout.font * ratio);
  context.textBaseline = 'middle';
  context.fillStyle = theme.quiet;
  context.textAlign = 'right';
  for (const { text, y } of layout.rowLabels) context.fillText(text, left - 5 * ratio, top + y);
  context.textAlign = 'left';
  for (const { text, x, y } of layout.diagonalLabels) {
    ground(context, theme, x - ratio, top + y, context.measureText(text).width + 3 * ratio, lineHeight);
    context.fillStyle = theme.quiet;
    context.fillText(text, x, top + y);
  }
  const tierY = (tier: number): number => top - (4 + 13 * tier + 6.5) * ratio;
  context.strokeStyle = theme.quiet;
  context.lineWidth = Math.max(1, Math.round(ratio));
  context.globalAlpha = 0.35;
  context.beginPath();
  for (const { middle, tier } of layout.columnLabels) {
    const x = Math.round(middle) + (context.lineWidth % 2) / 2;
    context.moveTo(x, tierY(tier) + (tier === 0 ? 6 * ratio : 0));
    context.lineTo(x, top - ratio);
  }
  context.stroke();
  context.globalAlpha = 1;
  for (const { text, x, tier } of layout.columnLabels) {
    ground(context, theme, x - ratio, tierY(tier), context.measureText(text).width + 2 * ratio, lineHeight);
    context.fillStyle = theme.quiet;
    context.fillText(text, x, tierY(tier));
  }
}

/** Makes a place for a text: whatever is below would disturb it. */
function ground(context: CanvasRenderingContext2D, theme: CanvasTheme, x: number, middle: number, width: number, height: number): void {
  context.fillStyle = theme.ground;
  context.fillRect(x, middle - height / 2, width, height);
}

/** Lights up a row and a column: everything else steps back, and their labels come forward. */
export function drawCursor(context: CanvasRenderingContext2D, model: HeatmapModel, layout: HeatmapLayout, place: CellPlace | null, theme: CanvasTheme, ratio: number): void {
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  if (place === null) return;
  const { rows, columns, left, top, plotWidth, plotHeight, lineHeight } = layout;
  const [x, y] = [left + (columns.pixels[place.column] ?? 0), top + (rows.pixels[place.row] ?? 0)];
  const width = (columns.pixels[place.column + 1] ?? 0) - (columns.pixels[place.column] ?? 0);
  const height = (rows.pixels[place.row + 1] ?? 0) - (rows.pixels[place.row] ?? 0);
  context.fillStyle = theme.veil;
  context.fillRect(left, top, plotWidth, plotHeight);
  context.clearRect(left, y, plotWidth, height);
  context.clearRect(x, top, width, plotHeight);
  const line = Math.max(1, Math.round(ratio));
  context.strokeStyle = theme.foreground;
  context.lineWidth = line;
  context.strokeRect(x - line / 2, y - line / 2, width + line, height + line);

  context.font = theme.font(layout.font * ratio);
  context.textBaseline = 'middle';
  const label = (text: string, at: number, middle: number, align: 'left' | 'right', limit: number): void => {
    context.textAlign = align;
    const size = Math.min(context.measureText(text).width, limit);
    ground(context, theme, align === 'left' ? at - 2 * ratio : at - size - 2 * ratio, middle, size + 4 * ratio, lineHeight);
    context.fillStyle = theme.foreground;
    context.fillText(text, at, middle);
  };
  const row = rows.positions[place.row] ?? 0;
  const rowMiddle = top + textMiddle(rows, place.row, lineHeight);
  label(layout.rowLabels.find(({ position }) => position === row)?.text ?? model.rowLabel(row), left - 5 * ratio, rowMiddle, 'right', left);
  const column = columns.positions[place.column] ?? 0;
  const text = model.columnLabel(column);
  const size = context.measureText(text).width;
  if (layout.diagonalLabels.length > 0) {
    const known = layout.diagonalLabels.find(({ position }) => position === column);
    const bin = binOf(rows, column);
    const at = left + (columns.pixels[place.column + 1] ?? 0) + 3 * ratio;
    label(known?.text ?? text, known?.x ?? Math.min(at, layout.width - size), top + (known?.y ?? (bin < 0 ? 0 : textMiddle(rows, bin, lineHeight))), 'left', layout.width);
  } else {
    const known = layout.columnLabels.find(({ position }) => position === column);
    const tier = known?.tier ?? 0;
    const at = known?.x ?? Math.max(0, Math.min(layout.width - size, left + middleOf(columns, place.column)));
    label(known?.text ?? text, at, top - (4 + 13 * tier + 6.5) * ratio, 'left', layout.width);
  }
}
