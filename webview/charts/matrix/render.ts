/** Draws a matrix as SVG: cells, frames of what takes part, the mark of what is cached. */

import { css, html, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import { type Rgb } from '../heatmap/colour';
import {
  cellHeight,
  cellNumber,
  cellState,
  colourIndex,
  inkOn,
  type MatrixModel,
  MOST_LABEL,
  sizeText,
  WRITTEN_FROM,
} from './viewModel';
import { elementAt } from '../../../src/model/elementAt';

export const matrixStyles = css`
  :host { display: inline-block; vertical-align: top; }
  .label { line-height: 15px; white-space: nowrap; font-size: 12px; }
  .label sub { font-size: 9px; line-height: 0; }
  .mark { color: var(--vscode-charts-purple); margin-left: 3px; }
  .size { color: var(--vscode-descriptionForeground); font-size: var(--size-font, 11px); line-height: 14px; margin-bottom: 3px; font-variant-numeric: tabular-nums; white-space: nowrap; }
  svg { display: block; overflow: visible; }
  svg:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: 3px; }
  .ground { fill: var(--matrix-ground); }
  .frame { fill: none; stroke: var(--vscode-descriptionForeground); stroke-opacity: 0.6; }
  .frame.open { stroke-dasharray: 2 2; stroke-opacity: 0.7; }
  .operand { fill: none; stroke: var(--vscode-focusBorder); stroke-width: 1.5; }
  .result { fill: none; stroke: var(--vscode-focusBorder); stroke-width: 3; }
  .again { fill: none; stroke: var(--vscode-editorWarning-foreground, var(--vscode-foreground)); stroke-width: 2; stroke-dasharray: 4 2; }
  .lit { fill: none; stroke: var(--vscode-foreground); stroke-width: 1.5; }
  .cursor { fill: none; stroke: var(--vscode-foreground); stroke-width: 2; }
  .cached { fill: var(--vscode-charts-purple); }
  .hatch { stroke: var(--vscode-descriptionForeground); stroke-opacity: 0.7; stroke-width: 1; }
  .row-label { fill: var(--vscode-descriptionForeground); font-size: 11px; text-anchor: end; }
  .value { text-anchor: middle; font-variant-numeric: tabular-nums; pointer-events: none; }
  .quiet-part .cells { opacity: 0.6; }
`;

export interface MatrixLook {
  readonly cell: number;
  /** Diverging: −most … 0 … most. */
  readonly colours: readonly Rgb[];
  /** Pixels at the left for row labels. */
  readonly labelPixels: number;
}

/** What follows an underscore is set lower, but for the sign that a matrix is turned. */
export function renderName(name: string): TemplateResult {
  const [, main = '', sub, turned] = /^([^_]*?)(?:_(.*?))?(ᵀ?)$/.exec(name) ?? [];
  return html`${main}${sub === undefined ? nothing : html`<sub>${sub}</sub>`}${turned}`;
}

export function renderMatrix(
  model: MatrixModel,
  look: MatrixLook,
  focusable: boolean,
  describe: string,
): TemplateResult {
  const { rows, columns, quiet } = model;
  const { cell, labelPixels } = look;
  const high = cellHeight(cell);
  const [width, height] = [columns * cell, rows * high];
  return html`
    <div class=${quiet ? 'quiet-part' : ''} .style=${`padding-left: ${labelPixels}px`}>
      <div class="label" title=${model.about}>${renderName(model.name)}${model.cached ? html`<span class="mark" title="kept between tokens">◆</span>` : nothing}</div>
      <div class="size">${sizeText(model)}</div>
      <svg width=${width} height=${height} viewBox="0 0 ${width} ${height}" role="img" tabindex=${focusable ? 0 : -1} aria-label=${describe}>
        <defs><pattern id="hatch" width="4" height="4" patternUnits="userSpaceOnUse"><path class="hatch" d="M-1 1 1 -1M0 4 4 0M3 5 5 3"></path></pattern></defs>
        <rect class="ground" width=${width} height=${height}></rect>
        <g class="cells">${cells(model, look)}</g> ${frames(model, cell)}
        ${model.rowLabels?.slice(0, model.known).map((text, row) => svg`<text class="row-label" x="-6" y=${(row + 0.5) * high + 4} .style=${`font-size: ${Math.min(11, high)}px`}>${text.length > MOST_LABEL ? `${text.slice(0, MOST_LABEL - 1)}…` : text}</text>`) ?? nothing}
      </svg>
    </div>
  `;
}

function cells(model: MatrixModel, { cell, colours }: MatrixLook): SVGTemplateResult[] {
  const gap = cell >= 7 ? 1 : 0;
  const high = cellHeight(cell);
  const font = Math.min(11, Math.floor(cell * 0.3));
  const result: SVGTemplateResult[] = [];
  for (let row = 0; row < model.known; row++) {
    for (let column = 0; column < model.knownColumns; column++) {
      const masked = cellState(model, row, column) === 'masked';
      const value = elementAt(model.values, row * model.columns + column);
      const colour = elementAt(colours, colourIndex(value, model.magnitude, colours.length));
      const fill = masked ? 'url(#hatch)' : `rgb(${colour.join(', ')})`;
      result.push(
        svg`<rect x=${column * cell} y=${row * high} width=${cell - gap} height=${high - gap} fill=${fill}></rect>`,
      );
      if (cell >= WRITTEN_FROM && !masked)
        result.push(
          svg`<text class="value" x=${(column + 0.5) * cell} y=${(row + 0.5) * high + font * 0.36} fill=${inkOn(colour)} .style=${`font-size: ${font}px`}>${cellNumber(value)}</text>`,
        );
    }
  }
  return result;
}

function frames(
  { rows, columns, known, knownColumns, cached, role, active, again, lit, cursor }: MatrixModel,
  cell: number,
): (SVGTemplateResult | typeof nothing)[] {
  const width = known === 0 ? columns : knownColumns;
  const tall = cellHeight(cell);
  const box = (
    kind: string,
    row: number,
    column: number,
    high: number,
    wide: number,
    outset = 1,
  ): SVGTemplateResult | typeof nothing =>
    high <= 0
      ? nothing
      : svg`<rect class=${kind} x=${column * cell - outset} y=${row * tall - outset} width=${wide * cell + 2 * outset - 1} height=${high * tall + 2 * outset - 1}></rect>`;
  const [from, to] = active;
  return [
    known < rows || knownColumns < columns ? box('frame open', 0, 0, rows, columns, 0.5) : nothing,
    box('frame', 0, 0, known, width, 0.5),
    cached && known > 0
      ? svg`<rect class="cached" x="-1" y=${rows * tall + 3} width=${columns * cell + 1} height="3"></rect>`
      : nothing,
    role === 'none' ? nothing : box(role, from, 0, to - from, width, role === 'result' ? 2 : 1.5),
    box('again', from, 0, again, width, 2),
    ...lit.map(({ row, column }) =>
      box('lit', row ?? 0, column ?? 0, row === null ? known : 1, column === null ? width : 1),
    ),
    cursor === null ? nothing : box('cursor', cursor.row, cursor.column, 1, 1),
  ];
}
