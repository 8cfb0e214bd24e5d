/** Draws the curves as SVG. */

import { css, nothing, svg, type SVGTemplateResult } from 'lit';
import { formatInteger, formatSize } from '../../../src/model/units';
import { kindColor, kindDash } from '../../styles/kinds';
import { FONT_WIDTH } from './labels';
import { bytesY, contextX, type CurveLayout, type CurveLine } from './viewModel';

export const curveStyles = css`
  svg { display: block; overflow: visible; user-select: none; -webkit-user-select: none; }
  text { fill: var(--vscode-descriptionForeground); font-size: 11px; font-variant-numeric: tabular-nums; }
  .grid { stroke: var(--vscode-editorIndentGuide-background1, var(--vscode-charts-lines)); stroke-opacity: 0.45; shape-rendering: crispEdges; }
  .curve { fill: none; stroke-width: 1.25; stroke-linejoin: round; }
  .first .curve { stroke-width: 2; }
  .chosen .curve { stroke-width: 3; }
  .chosen text, .first text { fill: var(--vscode-foreground); }
  .chosen text { font-weight: 600; }
  /* One is looked at: the others are there to compare with. */
  .looking .line:not(.looked) .curve { stroke: var(--vscode-descriptionForeground); stroke-width: 1; opacity: 0.5; }
  .looking .line:not(.looked) text { fill: var(--vscode-descriptionForeground); font-weight: 400; }
  .looking circle:not(.looked) { fill: var(--vscode-descriptionForeground); }
  .looked .curve { stroke-width: 3; }
  .looked text, text.here { fill: var(--vscode-foreground); font-weight: 600; }
  text.here { paint-order: stroke; stroke: var(--curve-ground); stroke-width: 4px; stroke-linejoin: round; }
  .leader { stroke: var(--vscode-descriptionForeground); stroke-opacity: 0.6; fill: none; }
  .cursor { stroke: var(--vscode-foreground); stroke-opacity: 0.7; shape-rendering: crispEdges; }
  .scenario { stroke: var(--vscode-descriptionForeground); stroke-dasharray: 2 3; shape-rendering: crispEdges; }
`;

export interface CurveMarks {
  readonly chosen: string | null;
  /** The one that is pointed at, or that the keys reached. */
  readonly looked: string | null;
  readonly cursorTokens: number;
  readonly scenarioTokens: number;
}

export function renderCurve(
  layout: CurveLayout,
  { chosen, looked, cursorTokens, scenarioTokens }: CurveMarks,
): SVGTemplateResult {
  const { left, right, top, bottom } = layout;
  const cursor = contextX(layout, clamp(cursorTokens, layout));
  const scenario = contextX(layout, clamp(scenarioTokens, layout));
  // The chosen curve last, and after it the one that is looked at: on top of the others.
  const rank = ({ series: { id } }: CurveLine): number => (id === looked ? 2 : id === chosen ? 1 : 0);
  const lines = [...layout.lines].sort((a, b) => rank(a) - rank(b));
  return svg`<svg class=${looked === null ? '' : 'looking'} width=${layout.width} height=${layout.height} viewBox="0 0 ${layout.width} ${layout.height}" aria-hidden="true">
    ${layout.yTicks.map(({ at, text }) => svg`<line class="grid" x1=${left} x2=${right} y1=${at} y2=${at}></line><text x=${left - 6} y=${at + 4} text-anchor="end">${text}</text>`)}
    ${layout.xTicks.map(({ at, text }) => svg`<line class="grid" x1=${at} x2=${at} y1=${top} y2=${bottom}></line><text x=${at} y=${bottom + 16} text-anchor="middle">${text}</text>`)}
    <line class="scenario" x1=${scenario} x2=${scenario} y1=${top} y2=${bottom}><title>scenario: ${formatInteger(scenarioTokens)} tokens</title></line>
    ${lines.map((line) => renderLine(layout, line, `line ${line.series.id === chosen ? 'chosen' : ''} ${line.series.id === looked ? 'looked' : ''}`))}
    <line class="cursor" x1=${cursor} x2=${cursor} y1=${top} y2=${bottom}></line>
    ${lines.map((line) => renderDot(layout, line, cursor, cursorTokens, line.series.id === looked))}
  </svg>`;
}

function clamp(tokens: number, { range }: CurveLayout): number {
  return Math.min(range.most, Math.max(range.least, tokens));
}

function renderLine(layout: CurveLayout, line: CurveLine, marks: string): SVGTemplateResult {
  const { series, path, labelY, endY, text } = line;
  const { right } = layout;
  const moved = Math.abs(labelY - endY) > 3;
  return svg`<g class="${marks} ${layout.lines[0] === line ? 'first' : ''}">
    ${path === '' ? nothing : svg`<path class="curve" d=${path} stroke=${kindColor(series.kind)} stroke-dasharray=${kindDash(series.kind) || nothing}></path>`}
    ${moved ? svg`<path class="leader" d="M${right + 1} ${endY}L${right + 7} ${labelY}"></path>` : nothing}
    <text x=${right + 9} y=${labelY + 4}>${text}${text === series.label ? nothing : svg`<title>${series.label}</title>`}</text>
  </g>`;
}

function renderDot(
  layout: CurveLayout,
  { series }: CurveLine,
  x: number,
  tokens: number,
  looked: boolean,
): SVGTemplateResult | typeof nothing {
  const bytes = series.bytesAt(clamp(tokens, layout));
  if (bytes <= 0) return nothing;
  const y = bytesY(layout, bytes);
  const text = `${series.label} · ${formatSize(bytes)}`;
  // Curves rise: left of the cursor there is room above them, right of it below.
  const left = x - layout.left > text.length * FONT_WIDTH;
  return svg`<circle class=${looked ? 'looked' : ''} cx=${x} cy=${y} r=${looked ? 4 : 3} fill=${kindColor(series.kind)}></circle>
    ${looked ? svg`<text class="here" x=${x + (left ? -9 : 9)} y=${left ? Math.max(layout.top + 10, y - 7) : Math.min(layout.bottom - 4, y + 17)} text-anchor=${left ? 'end' : 'start'}>${text}</text>` : nothing}`;
}
