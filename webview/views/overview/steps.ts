/** Draws a derivation: products as small tables, each factor with its place in the file. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { TextRange } from '../../../src/model/spec';
import type { FactorRow, Origin } from '../../parts/derivation';
import type { Step } from './viewModel';

type Reveal = (range: TextRange) => void;

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

export function stepsOf(steps: readonly Step[], reveal: Reveal): TemplateResult {
  return html`${steps.map((step) => (step.kind === 'product' ? product(step, reveal) : html`<p>${step.text}<span class="small">${step.from.map((origin, at) => html`${at === 0 ? ' ' : ' · '}${link(origin, `${nameOf(origin)} `, reveal)}`)}</span></p>`))}`;
}

function product({ title, rows, result }: Extract<Step, { kind: 'product' }>, reveal: Reveal): TemplateResult {
  return html`<table>
    ${title === '' ? html`<caption class="visually-hidden">Factors</caption>` : html`<caption>${title}</caption>`}
    <tbody>
      ${rows.map((row) => html`<tr><td class="sign">${row.sign}</td><td class="number">${row.value}</td><td>${row.name}</td><td class="from small">${from(row, reveal)}</td></tr>`)}
      <tr class="result"><td class="sign">=</td><td colspan="3">${result}</td></tr>
    </tbody>
  </table>`;
}

function from({ origin }: FactorRow, reveal: Reveal): TemplateResult | typeof nothing {
  if (!origin) return nothing;
  const { range, rule } = origin;
  const name = nameOf(origin);
  return html`${link(origin, '', reveal)}${rule === '' ? nothing : html` ${name !== '' && !range ? `${name}: ` : ''}${rule}`}`;
}

const nameOf = ({ key }: Origin): string => key?.split('.').at(-1) ?? '';

function link(origin: Origin, name: string, reveal: Reveal): TemplateResult | typeof nothing {
  const { range } = origin;
  return range
    ? html`<button class="link" title=${nameOf(origin)} @click=${() => reveal(range)}>${name}line ${range.line}</button>`
    : nothing;
}
