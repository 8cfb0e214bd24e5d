/** One device's memory as a bar and as its table: weights, buffers, cache, what is free, what the engine leaves. */

import { css, html, nothing, type TemplateResult } from 'lit';
import type { Memory, MemoryPart } from './viewModel';

/** Weights recede, the cache is what it is about; what is free is empty. */
const GROUNDS: Readonly<Record<MemoryPart, string>> = {
  weights: 'color-mix(in srgb, var(--vscode-descriptionForeground) 60%, transparent)',
  overhead: 'repeating-linear-gradient(-45deg, var(--vscode-descriptionForeground) 0 1px, transparent 1px 4px)',
  cache: 'var(--vscode-charts-blue)',
  free: 'transparent',
  kept: 'repeating-linear-gradient(90deg, color-mix(in srgb, var(--vscode-descriptionForeground) 60%, transparent) 0 1px, transparent 1px 4px)',
};

export const memoryStyles = css`
  .device { display: flex; height: 14px; margin: 4px 0; border: 1px solid var(--vscode-descriptionForeground); }
  .device.over { border-color: var(--vscode-errorForeground); }
  .parts { width: auto; margin-bottom: 4px; }
  .parts td, .parts th { height: 20px; padding: 0; }
  .parts th { white-space: normal; }
  .parts td { padding-left: clamp(6px, 5cqi, 16px); }
  .parts span { display: inline-block; width: 12px; height: 10px; margin-right: 6px; border: 1px solid var(--vscode-descriptionForeground); }
`;

/** `problem`: why it does not fit; `verdict`: that it fits. */
export function memoryBar({ segments, chosen }: Memory, problem: string, verdict = ''): TemplateResult {
  return html`
    <div class="device ${problem === '' ? '' : 'over'}" aria-hidden="true">
      ${segments.map(({ part, share }) => html`<span .style=${`flex: 0 0 ${share * 100}%; background: ${GROUNDS[part]}`}></span>`)}
    </div>
    <table class="parts">
      <caption class="visually-hidden">Memory of one device</caption>
      <tbody>
        ${segments.map(({ part, label, text, percent }) => html`<tr><th scope="row"><span .style=${`background: ${GROUNDS[part]}`}></span>${label}</th><td class="number">${text}</td><td class="number small">${percent}</td></tr>`)}
      </tbody>
    </table>
    ${chosen === null ? nothing : html`<p class="small">${chosen}</p>`}
    ${verdict === '' ? nothing : html`<p>${verdict}</p>`}
    ${problem === '' ? nothing : html`<p class="error">${problem}</p>`}
  `;
}
