/** The rows of a bar chart: name, bar, size, factor; further columns where there is room. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { kindTitle } from '../../../src/present/words';
import { kindBackground, kindOutline } from '../../styles/kinds';
import type { BarRow, Bars } from './viewModel';

export const barStyles = css`
  :host { container-type: inline-size; }
  .bars { display: grid; grid-template-columns: minmax(0, 1fr) auto minmax(5.5ch, auto); }
  .head { display: none; }
  .row { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; column-gap: 8px; align-items: baseline; padding: 3px 4px 5px; margin: 0 -4px; cursor: pointer; line-height: 18px; }
  .row:hover { background: var(--vscode-list-hoverBackground); }
  .row[aria-selected='true'] { background: var(--vscode-list-inactiveSelectionBackground); color: var(--vscode-list-inactiveSelectionForeground, inherit); outline: 1px solid var(--vscode-contrastActiveBorder, transparent); outline-offset: -1px; }
  .row:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
  .row.first { border-bottom: 1px solid var(--line); }
  .name { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  .first .name { font-weight: 600; }
  .size, .ratio, .more { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
  .track { grid-column: 1 / -1; grid-row: 2; height: 8px; display: flex; margin-top: 2px; }
  .track span { height: 100%; min-width: 1px; flex: none; }
  /* Two slanted gaps near its end: a bar that goes on. */
  .cut { mask: linear-gradient(115deg, #000 calc(100% - 40px), transparent 0 calc(100% - 37px), #000 0 calc(100% - 33px), transparent 0 calc(100% - 30px), #000 0); }
  .kinds > span > .cut { background: var(--vscode-descriptionForeground); width: 56px; }
  .more { display: none; }
  .kinds { display: flex; flex-wrap: wrap; gap: 0 14px; padding-top: 4px; }
  .kinds > span > span { display: inline-block; width: 14px; height: 8px; margin-right: 6px; }
  .name { grid-column: 1; }
  .size { grid-column: 2; }
  .ratio { grid-column: 3; }
  @container (min-width: 640px) {
    .bars { grid-template-columns: minmax(120px, max-content) minmax(80px, 1fr) repeat(var(--columns), auto); }
    .head, .row { column-gap: 16px; }
    .head { display: grid; grid-template-columns: subgrid; grid-column: 1 / -1; color: var(--vscode-descriptionForeground); line-height: 22px; }
    .head span:nth-child(n + 3) { text-align: right; white-space: nowrap; }
    .row { padding: 2px 4px; }
    .name { max-width: 32ch; }
    .size { grid-column: 3; }
    .ratio { grid-column: 4; }
    .name, .size, .ratio, .more { grid-row: 1; }
    .track { grid-column: 2; grid-row: 1; height: 10px; margin: 0; align-self: center; }
    .more { display: block; }
  }
`;

export interface BarsHandlers {
  readonly select: (id: string) => void;
  readonly keydown: (event: KeyboardEvent) => void;
}

export function renderBars(bars: Bars, selected: string | null, handlers: BarsHandlers): TemplateResult {
  const active = bars.rows.some((row) => row.id === selected) ? selected : bars.rows[0]?.id;
  const columns = 2 + bars.columns.length;
  return html`<div class="bars" .style=${`--columns: ${columns}`}>
    <div class="head" aria-hidden="true">
      <span>Design</span><span></span><span>Cache</span><span>vs. first</span>${bars.columns.map((column) => html`<span title=${column.about}>${column.title}</span>`)}
    </div>
    <div role="listbox" aria-label="Designs, by what they cache" class="row-list" @keydown=${handlers.keydown}>
      ${bars.rows.map((row, index) => renderRow(row, index === 0, row.id === selected, row.id === active, handlers))}
    </div>
  </div>
  ${bars.kinds.length < 2 && bars.cutText === '' ? nothing : html`<p class="kinds small">${bars.kinds.length < 2 ? nothing : bars.kinds.map((kind) => html`<span><span .style=${`background: ${kindBackground(kind)}; box-shadow: ${kindOutline(kind)}`}></span>${kindTitle(kind)}</span>`)}${bars.cutText === '' ? nothing : html`<span><span class="cut"></span>${bars.cutText}</span>`}</p>`}`;
}

function renderRow(
  row: BarRow,
  first: boolean,
  selected: boolean,
  active: boolean,
  { select }: BarsHandlers,
): TemplateResult {
  return html`<div
    class="row ${first ? 'first' : ''}"
    role="option"
    aria-selected=${selected}
    tabindex=${active ? 0 : -1}
    data-id=${row.id}
    @click=${() => select(row.id)}
  >
    <span class="name" title=${row.label}>${row.label}</span>
    <span class="track ${row.cut ? 'cut' : ''}">${row.segments.map(
      ({ kind, fraction, title }) =>
        html`<span title=${title} .style=${`width: ${fraction * 100}%; background: ${kindBackground(kind)}; box-shadow: ${kindOutline(kind)}`}></span>`,
    )}</span>
    <span class="size">${row.size}</span>
    <span class="ratio">${row.ratio === '' ? nothing : row.ratio}</span>
    ${row.more.map((text) => html`<span class="more" aria-hidden="true">${text}</span>`)}
  </div>`;
}
