/** The comparison as a PNG: bars and curves in the theme's colours, with the conditions under which the numbers hold. */

import { canvasPng } from '../../platform/canvasPng';
import type { AttentionKind } from '../../../src/model/attention';
import { formatInteger } from '../../../src/model/units';
import { kindTitle } from '../../../src/present/words';
import type { Bars } from '../../charts/bars/viewModel';
import { elide } from '../../charts/curve/labels';
import {
  type ContextRange,
  contextX,
  type CurveLayout,
  type CurveSeries,
  layoutCurve,
} from '../../charts/curve/viewModel';
import { kindColor, kindDash, KINDS } from '../../styles/kinds';

const WIDTH = 900;
const MARGIN = 24;
const ROW = 26;
const CURVE_HEIGHT = 300;
/** Pixels of the picture per drawn unit: sharp on the usual screens and in documents. */
const SCALE = 2;
const NAME_CHARACTERS = 34;
const COLUMNS = { bar: 230, size: 720, ratio: 800 } as const;

interface Palette {
  readonly background: string;
  readonly text: string;
  readonly quiet: string;
  readonly kind: (kind: AttentionKind) => string;
}

/** `from`: an element of the page, whose colours and font are taken. */
export async function comparisonPicture(
  from: HTMLElement,
  title: string,
  bars: Bars,
  series: readonly CurveSeries[],
  range: ContextRange,
): Promise<Uint8Array> {
  const above = (bars.rows.length + 1) * ROW;
  const height = MARGIN * 3 + 20 + above + CURVE_HEIGHT + 24;
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH * SCALE;
  canvas.height = height * SCALE;
  const context = canvas.getContext('2d');
  if (!context) throw new Error('The picture cannot be drawn in this window. Copy the comparison as Markdown instead.');
  const palette = paletteOf(from);
  context.scale(SCALE, SCALE);
  context.fillStyle = palette.background;
  context.fillRect(0, 0, WIDTH, height);
  const family = getComputedStyle(from).fontFamily;
  const font = (size: number, weight = 400): string => `${weight} ${size}px ${family}`;
  context.fillStyle = palette.text;
  context.font = font(15, 600);
  context.fillText(title, MARGIN, MARGIN + 12, WIDTH - 2 * MARGIN);
  context.font = font(13);
  context.translate(0, MARGIN * 2 + 12);
  drawBars(context, bars, palette);
  context.font = font(11);
  drawLegend(context, bars, palette);
  context.translate(MARGIN, above + MARGIN);
  drawCurves(context, layoutCurve(series, range, WIDTH - 2 * MARGIN, CURVE_HEIGHT), palette);
  return canvasPng(canvas, 'Copy the comparison as Markdown instead.');
}

function paletteOf(from: HTMLElement): Palette {
  const probe = document.createElement('span');
  // In the shadow tree: what stands outside it has no style.
  (from.shadowRoot ?? from).append(probe);
  const resolve = (color: string): string => {
    probe.style.color = color;
    return getComputedStyle(probe).color;
  };
  // All at once, while the probe is there.
  const colors = new Map(KINDS.map((kind) => [kind, resolve(kindColor(kind))]));
  const palette: Palette = {
    background: resolve('var(--vscode-editor-background)'),
    text: resolve('var(--vscode-foreground)'),
    quiet: resolve('var(--vscode-descriptionForeground)'),
    kind: (kind) => colors.get(kind) ?? '',
  };
  probe.remove();
  return palette;
}

function drawBars(context: CanvasRenderingContext2D, bars: Bars, palette: Palette): void {
  const room = COLUMNS.size - 90 - COLUMNS.bar;
  bars.rows.forEach((row, index) => {
    const y = index * ROW;
    context.textAlign = 'left';
    context.fillStyle = palette.text;
    context.fillText(elide(row.label, NAME_CHARACTERS), MARGIN, y + 12);
    let x: number = COLUMNS.bar;
    for (const { kind, fraction } of row.segments) {
      context.fillStyle = palette.kind(kind);
      context.fillRect(x, y + 3, Math.max(1, fraction * room), 11);
      x += fraction * room;
    }
    if (row.cut) drawCut(context, x, y, palette);
    context.textAlign = 'right';
    context.fillStyle = palette.text;
    context.fillText(row.size, COLUMNS.size, y + 12);
    context.fillText(row.ratio, COLUMNS.ratio, y + 12);
  });
}

/** Two slanted gaps near a bar's end. */
function drawCut(context: CanvasRenderingContext2D, end: number, y: number, { background }: Palette): void {
  context.fillStyle = background;
  for (const gap of [end - 32, end - 24]) context.fill(new Path2D(`M${gap} ${y + 15}l5 -13h3l-5 13z`));
}

function drawLegend(context: CanvasRenderingContext2D, { rows, kinds, cutText }: Bars, palette: Palette): void {
  const y = rows.length * ROW;
  let x: number = COLUMNS.bar;
  context.textAlign = 'left';
  for (const kind of kinds) {
    const title = kindTitle(kind);
    context.fillStyle = palette.kind(kind);
    context.fillRect(x, y + 3, 11, 11);
    context.fillStyle = palette.quiet;
    context.fillText(title, x + 16, y + 12);
    x += 34 + context.measureText(title).width;
  }
  context.fillStyle = palette.quiet;
  if (cutText !== '') context.fillText(cutText, x, y + 12);
}

function drawCurves(context: CanvasRenderingContext2D, layout: CurveLayout, palette: Palette): void {
  const { left, right, top, bottom } = layout;
  const line = (x1: number, y1: number, x2: number, y2: number): void =>
    context.stroke(new Path2D(`M${x1} ${y1}L${x2} ${y2}`));
  context.lineWidth = 1;
  context.strokeStyle = context.fillStyle = palette.quiet;
  for (const { at, text } of layout.yTicks) {
    context.globalAlpha = 0.25;
    line(left, at, right, at);
    context.globalAlpha = 1;
    context.textAlign = 'right';
    context.fillText(text, left - 6, at + 4);
  }
  for (const { at, text } of layout.xTicks) {
    context.globalAlpha = 0.25;
    line(at, top, at, bottom);
    context.globalAlpha = 1;
    context.textAlign = 'center';
    context.fillText(text, at, bottom + 16);
  }
  context.textAlign = 'left';
  context.fillText(
    `cache over context, ${formatInteger(layout.range.least)} to ${formatInteger(layout.range.most)} tokens (1K = 1,024)`,
    contextX(layout, layout.range.least),
    bottom + 34,
  );
  for (const { series, path, labelY, text } of layout.lines) {
    context.strokeStyle = palette.kind(series.kind);
    context.setLineDash(
      kindDash(series.kind)
        .split(' ')
        .filter((length) => length !== '')
        .map(Number),
    );
    context.lineWidth = series.id === '0' ? 2.5 : 1.5;
    context.stroke(new Path2D(path));
    context.fillStyle = palette.text;
    context.fillText(text, right + 9, labelY + 4);
  }
  context.setLineDash([]);
}
