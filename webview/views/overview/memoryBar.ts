/** One device's memory as a bar: weights, buffers, cache, what is free, what the engine leaves. */

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
  .bar { display: flex; height: 14px; margin: 4px 0; border: 1px solid var(--vscode-descriptionForeground); max-width: 900px; }
  .bar.over { border-color: var(--vscode-errorForeground); }
  .bar span { min-width: 0; }
  .parts { display: flex; flex-wrap: wrap; gap: 0 14px; }
  .parts li { display: flex; align-items: center; gap: 6px; line-height: 20px; white-space: nowrap; font-variant-numeric: tabular-nums; }
  .parts .key { width: 12px; height: 10px; flex: none; border: 1px solid var(--vscode-descriptionForeground); }
  .over-text { color: var(--vscode-errorForeground); }
`;

export function memoryBar(memory: Memory): TemplateResult {
  const { segments, fits } = memory;
  return html`
    <div class="bar ${fits ? '' : 'over'}" role="img" aria-label=${segments.map(({ label, text }) => `${label} ${text}`).join(', ')}>
      ${segments.map(({ part, share }) => html`<span .style=${`flex: 0 0 ${share * 100}%; background: ${GROUNDS[part]}`}></span>`)}
    </div>
    <ul class="parts">
      ${segments.map(({ part, label, text }) => html`<li><span class="key" .style=${`background: ${GROUNDS[part]}`}></span><span class="small">${label}</span> ${text}</li>`)}
    </ul>
    ${fits ? nothing : html`<p class="over-text">The cache does not fit beside the weights.</p>`}
  `;
}
