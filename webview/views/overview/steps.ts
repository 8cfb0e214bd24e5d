/** Draws a derivation: products as small tables, each factor with its place in the file. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { TextRange } from '../../../src/model/spec';
import type { FactorRow } from '../../parts/derivation';
import type { Step } from './viewModel';

export const stepStyles = css`
  .steps { border-left: 2px solid var(--vscode-focusBorder); padding: 2px 0 2px 10px; margin: 2px 0 8px; }
  .steps p { padding: 2px 0; max-width: 70ch; overflow-wrap: anywhere; }
  .steps table { width: auto; }
  .steps td { height: 20px; padding-right: 6px; }
  .steps td.number { min-width: 6ch; }
  .steps td.sign { padding-right: 4px; color: var(--vscode-descriptionForeground); }
  .steps td.from { padding-left: 6px; }
  .steps tr.result td { border-top: 1px solid var(--line); font-weight: 600; }
`;

export function stepsOf(steps: readonly Step[], reveal: (range: TextRange) => void): TemplateResult {
  return html`${steps.map((step) => (step.kind === 'text' ? html`<p>${step.text}</p>` : product(step, reveal)))}`;
}

function product({ title, rows, result }: Extract<Step, { kind: 'product' }>, reveal: (range: TextRange) => void): TemplateResult {
  return html`<table>
    ${title === '' ? html`<caption class="visually-hidden">Factors</caption>` : html`<caption>${title}</caption>`}
    <tbody>
      ${rows.map((row) => html`<tr><td class="sign">${row.sign}</td><td class="number">${row.value}</td><td>${row.name}</td><td class="from small">${from(row, reveal)}</td></tr>`)}
      <tr class="result"><td class="sign">=</td><td colspan="3">${result}</td></tr>
    </tbody>
  </table>`;
}

function from({ origin }: FactorRow, reveal: (range: TextRange) => void): TemplateResult | typeof nothing {
  if (!origin) return nothing;
  const { key, range, rule } = origin;
  const name = key?.split('.').at(-1) ?? '';
  const place = range ? html`<button class="link" title=${name} @click=${() => reveal(range)}>line ${range.line}</button>` : nothing;
  return html`${place}${rule === '' ? nothing : html` ${name !== '' && !range ? `${name}: ` : ''}${rule}`}`;
}
