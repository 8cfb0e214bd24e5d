/** Draws points of size against damage as SVG. */

import { css, nothing, svg, type SVGTemplateResult } from 'lit';
import type { Placed, ScatterLayout, ScatterMark, ScatterModel } from './viewModel';

export const scatterStyles = css`
  svg { display: block; overflow: visible; user-select: none; -webkit-user-select: none; }
  text { fill: var(--vscode-descriptionForeground); font-size: 11px; font-variant-numeric: tabular-nums; }
  .grid { stroke: var(--vscode-editorIndentGuide-background1, var(--vscode-charts-lines)); stroke-opacity: 0.45; shape-rendering: crispEdges; }
  .unchanged { stroke: var(--vscode-descriptionForeground); stroke-dasharray: 2 3; shape-rendering: crispEdges; }
  .front { fill: none; stroke: var(--vscode-foreground); stroke-opacity: 0.5; stroke-width: 1.25; stroke-dasharray: 4 3; }
  .sign { stroke-width: 1.5; }
  .ring { fill: none; stroke: var(--vscode-focusBorder); stroke-width: 1.5; }
  .looked { fill: none; stroke: var(--vscode-descriptionForeground); stroke-dasharray: 2 2; }
  .mark { stroke: var(--vscode-foreground); fill: none; }
  .mark.trained { fill: var(--vscode-foreground); }
  .leader { stroke: var(--vscode-descriptionForeground); stroke-opacity: 0.35; fill: none; }
  .label { fill: var(--vscode-foreground); cursor: pointer; }
  .label.chosen { font-weight: 600; }
`;

/** Around 0, 0: a star, and a hollow mark. */
export const MARKS: Readonly<Record<ScatterMark['kind'], string>> = {
  trained: 'M0 -6.5L1.6 -2.1L6.2 -2L2.6 0.8L3.9 5.3L0 2.7L-3.9 5.3L-2.6 0.8L-6.2 -2L-1.6 -2.1z',
  published: 'M0 -5L5 0L0 5L-5 0z',
};

export function renderScatter(
  layout: ScatterLayout,
  model: ScatterModel,
  { chosen, looked }: { readonly chosen: string | null; readonly looked: string | null },
): SVGTemplateResult {
  const { left, right, top, bottom, width, height, placed } = layout;
  // Hollow ones below, and the chosen one on top.
  const rank = ({ point }: Placed): number => (point.id === chosen ? 2 : point.best ? 1 : 0);
  const order = placed.toSorted((a, b) => rank(a) - rank(b));
  return svg`<svg role="presentation" width=${width} height=${height} viewBox="0 0 ${width} ${height}">
    <g aria-hidden="true">
      ${layout.yTicks.map(({ at, text }) => svg`<line class="grid" x1=${left} x2=${right} y1=${at} y2=${at}></line><text x=${left - 6} y=${at + 4} text-anchor="end">${text}</text>`)}
      ${layout.xTicks.map(({ at, text }) => svg`<line class="grid" x1=${at} x2=${at} y1=${top} y2=${bottom}></line><text x=${at} y=${bottom + 16} text-anchor="middle">${text}</text>`)}
      <line class="unchanged" x1=${layout.unchangedX} x2=${layout.unchangedX} y1=${top} y2=${bottom}></line>
      <text x=${Math.min(layout.unchangedX + 28, right)} y=${top - 6} text-anchor="end">unchanged</text>
      <text x=${(left + right) / 2} y=${bottom + 34} text-anchor="middle">${model.bytesTitle}</text>
      <path class="front" d=${layout.front}></path>
      ${layout.marks.map(
        ({ mark: { title, label, kind }, x, y }) =>
          svg`<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)})"><path class="mark ${kind}" d=${MARKS[kind]}><title>${title}</title></path>${label === '' ? nothing : svg`<text class="label" x=${x > right - 60 ? -9 : 9} y="4" text-anchor=${x > right - 60 ? 'end' : 'start'}>${label}</text>`}</g>`,
      )}
      ${layout.labels.map(
        ({ placed: { point, x, y }, text, y: to }) =>
          svg`<path class="leader" d="M${x + 6} ${y}L${right + 10} ${to}"></path><text class="label ${point.id === chosen ? 'chosen' : ''}" data-id=${point.id} x=${right + 14} y=${to + 4}>${text}</text>`,
      )}
    </g>
    ${order.map((one) => sign(one, one.point.id === chosen, one.point.id === looked))}
  </svg>`;
}

function sign({ point, x, y }: Placed, chosen: boolean, looked: boolean): SVGTemplateResult {
  const { series, best } = point;
  return svg`<g id=${optionId(point.id)} role="option" aria-selected=${chosen} aria-label="${point.title}: ${point.says}" transform="translate(${x.toFixed(1)} ${y.toFixed(1)})">
    ${chosen ? svg`<circle class="ring" r="9"></circle>` : looked ? svg`<circle class="looked" r="9"></circle>` : nothing}
    <path class="sign" d=${series.sign} .style=${`stroke: ${series.color}; fill: ${best ? series.color : 'var(--scatter-ground)'}`}></path>
  </g>`;
}

/** Ids of elements have no spaces. */
export function optionId(id: string): string {
  return `point-${id.replace(/[^\w-]/g, (letter) => `_${letter.charCodeAt(0)}`)}`;
}
