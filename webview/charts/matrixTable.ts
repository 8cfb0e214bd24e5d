/** A real table of any matrix, a page at a time: what a chart shows, for reading, selecting and screen readers. */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatInteger } from '../../src/model/units';
import { base, controls, tables } from '../styles/base';
import type { TableModel } from './tableModel';

const ROWS = 20;
const COLUMNS = 8;

@customElement('headlight-matrix-table')
export class MatrixTable extends LitElement {
  static override readonly styles = [
    base,
    controls,
    tables,
    css`
    .scroll { overflow-x: auto; }
    nav { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; min-height: 22px; }
    table { width: auto; }
    thead th { white-space: normal; vertical-align: bottom; line-height: 16px; }
    tbody th { white-space: nowrap; max-width: 16ch; overflow: hidden; text-overflow: ellipsis; }
  `,
  ];

  @property({ attribute: false }) model: TableModel | null = null;
  @state() private row = 0;
  @state() private column = 0;

  protected override willUpdate(): void {
    if (this.model === null) return;
    if (this.row >= this.model.rows) this.row = 0;
    if (this.column >= this.model.columns) this.column = 0;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { model } = this;
    if (model === null) return nothing;
    const rows = range(this.row, Math.min(model.rows, this.row + ROWS));
    const columns = range(this.column, Math.min(model.columns, this.column + COLUMNS));
    return html`
      <div class="scroll" tabindex="0" role="region" aria-label=${model.caption}>
        <table>
          <caption>${model.caption}</caption>
          <thead><tr><th scope="col">${model.corner}</th>${columns.map((column) => html`<th scope="col" class="number">${model.columnHead(column)}</th>`)}</tr></thead>
          <tbody>${rows.map((row) => html`<tr><th scope="row">${model.rowHead(row)}</th>${columns.map((column) => html`<td class="number">${model.cell(row, column)}</td>`)}</tr>`)}</tbody>
        </table>
      </div>
      ${this.pages('rows', this.row, ROWS, model.rows, (row) => (this.row = row))}
      ${this.pages('columns', this.column, COLUMNS, model.columns, (column) => (this.column = column))}
    `;
  }

  private pages(
    what: string,
    at: number,
    size: number,
    count: number,
    go: (at: number) => void,
  ): TemplateResult | typeof nothing {
    if (count <= size) return nothing;
    const end = Math.min(count, at + size);
    return html`<nav aria-label="Pages of ${what}" class="small figures">
      <span>${what} ${formatInteger(at)}–${formatInteger(end - 1)} of ${formatInteger(count)}</span>
      <button class="link" ?disabled=${at === 0} @click=${() => go(Math.max(0, at - size))}>Earlier ${what}</button>
      <button class="link" ?disabled=${end === count} @click=${() => go(at + size)}>Later ${what}</button>
    </nav>`;
  }
}

function range(start: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, i) => start + i);
}
