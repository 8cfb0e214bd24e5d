/** Draws a derivation: products as one table, so that their columns are the same, each factor with its place in the file. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { TextRange } from '../../../src/model/spec';
import type { FactorRow, Origin } from '../../parts/derivation';
import type { Step } from './viewModel';

/** A letter and its index, where the row has one: what is longer in a formula says itself what it is. */
const LETTER = 2;

type Reveal = (range: TextRange) => void;
type Calculation = Exclude<Step, { kind: 'text' }>;

export const stepStyles = css`
  .steps { border-left: 2px solid var(--vscode-focusBorder); padding: 2px 0 2px 10px; margin: 2px 0 8px; overflow-x: auto; }
  .steps p { padding: 2px 0; max-width: 70ch; overflow-wrap: anywhere; }
  .steps table { width: auto; }
  .steps td { height: 20px; padding-right: 6px; }
  .steps td.number { min-width: 6ch; }
  .steps td.sign { padding-right: 4px; color: var(--vscode-descriptionForeground); }
  .steps td.from { padding-left: 6px; }
  .steps th { font-size: 12px; white-space: normal; }
  .steps .link { white-space: nowrap; }
  .steps i { font-family: Georgia, 'Times New Roman', serif; font-size: 1.1em; line-height: 0; }
  .steps tr.result td { border-top: 1px solid var(--line); font-weight: 600; }
`;

export function stepsOf(steps: readonly Step[], reveal: Reveal): TemplateResult {
  const first = steps.findIndex(({ kind }) => kind !== 'text');
  const calculations = steps.filter((step) => step.kind !== 'text');
  return html`${steps.map((step, at) => (step.kind === 'text' ? html`<p>${step.text}<span class="small">${step.from.map((origin, index) => html`${index === 0 ? ' ' : ' · '}${link(origin, `${nameOf(origin)} `, reveal)}`)}</span></p>` : at === first ? html`<table>${calculations.map((one) => group(one, reveal))}</table>` : nothing))}`;
}

function group(step: Calculation, reveal: Reveal): TemplateResult {
  if (step.kind === 'sum') return html`<tbody>${result(step.text, '')}</tbody>`;
  const { title, formula, rows } = step;
  return html`<tbody>
    ${title === '' && formula === '' ? nothing : html`<tr><th scope="rowgroup" colspan="4">${title} ${formula === '' ? nothing : html`<i>${formula}</i>`}</th></tr>`}
    ${rows.map((row) => html`<tr><td class="sign">${row.sign}</td><td class="number">${row.value}</td><td>${row.name}${row.symbol.length > LETTER ? nothing : html` <i>${row.symbol}</i>`}</td><td class="from small">${from(row, reveal)}</td></tr>`)}
    ${result(step.result, '=')}
  </tbody>`;
}

function result(text: string, sign: string): TemplateResult {
  return html`<tr class="result"><td class="sign">${sign}</td><td colspan="3">${text}</td></tr>`;
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
