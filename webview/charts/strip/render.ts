/** Draws the strip: a cell per layer, so that patterns begin anew in each, and the cursor. */

import { html, nothing, type TemplateResult } from 'lit';
import { kindBackground, kindOutline } from '../../styles/kinds';
import { type CellEdges, legendOf, type StripModel } from './viewModel';
import { elementAt } from '../../../src/model/elementAt';

export function stripCells({ runs }: StripModel, cursor: number | null, { edges, hair }: CellEdges): TemplateResult {
  const place = (layer: number, gap: number): string =>
    `left: ${edges[layer]}px; width: ${elementAt(edges, layer + 1) - elementAt(edges, layer) - gap}px;`;
  const cells = runs.flatMap(({ kind, first, count, parallel }) => {
    const look = `background: ${kindBackground(kind)}; box-shadow: ${kindOutline(kind)}`;
    return Array.from(
      { length: count },
      (_, at) => html`<span class=${parallel ? 'parallel' : ''} .style=${place(first + at, hair) + look}></span>`,
    );
  });
  return html`${cells}${cursor === null ? nothing : html`<span class="cursor" .style=${place(cursor, 0)}></span>`}`;
}

export function stripLegend(model: StripModel): TemplateResult {
  return html`<ul class="legend">
    ${legendOf(model).map(({ kind, text }) => html`<li><span class="key" .style=${`background: ${kindBackground(kind)}; box-shadow: ${kindOutline(kind)}`}></span>${text}</li>`)}
  </ul>`;
}

export function stripTable(model: StripModel): TemplateResult {
  return html`<table>
    <thead><tr><th scope="col">Layers</th><th scope="col">Kind</th><th scope="col">Each caches</th></tr></thead>
    <tbody>
      ${model.rows.map(({ layers, title, shape, caches }) => html`<tr><td>${layers}</td><td>${[title, shape].filter((part) => part !== '').join(', ')}</td><td>${caches}</td></tr>`)}
    </tbody>
  </table>`;
}
