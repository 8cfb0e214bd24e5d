/** Draws the strip: a block per run of layers, as wide as it has layers, and the cursor. Where they stand is the sheet's. */

import { html, nothing, type TemplateResult } from 'lit';
import { kindBackground, kindOutline } from '../../styles/kinds';
import { legendOf, type StripModel } from './viewModel';

export function stripBlocks(model: StripModel, cursor: number | null): TemplateResult {
  return html`
    ${model.runs.map(
      ({ kind, first, count, parallel }) =>
        html`<span
          class="run ${parallel ? 'parallel' : ''}"
          .style=${`--first: ${first}; --count: ${count}; background: ${kindBackground(kind)}; box-shadow: ${kindOutline(kind)}`}
        ></span>`,
    )}
    ${cursor === null ? nothing : html`<span class="cursor" .style=${`--first: ${cursor}; --count: 1`}></span>`}
  `;
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
