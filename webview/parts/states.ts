/** What a view shows instead of numbers: nothing to show, still coming, or gone wrong. Each says what to do. */

import { css, html, nothing, type TemplateResult } from 'lit';
import { button } from './button';

export const stateStyles = css`
  .state { padding: 12px 0; max-width: 60ch; overflow-wrap: anywhere; }
  .state > * + * { margin-top: 8px; }
  .state .actions { display: flex; flex-wrap: wrap; gap: 8px; }
  .progress { height: 2px; background: color-mix(in srgb, var(--vscode-progressBar-background) 25%, transparent); overflow: hidden; }
  .progress > span { display: block; height: 100%; width: 100%; background: var(--vscode-progressBar-background); transform-origin: left; }
  .progress.open > span { animation: progress 1.4s linear infinite; }
  @keyframes progress { from { transform: translateX(-100%) scaleX(0.4); } to { transform: translateX(100%) scaleX(0.4); } }
`;

export interface StateAction {
  readonly label: string;
  run(): void;
}

function actionsOf(actions: readonly StateAction[]): TemplateResult | typeof nothing {
  if (actions.length === 0) return nothing;
  return html`<div class="actions">${actions.map(({ label, run }) => button({ label, run }))}</div>`;
}

/** Tells what to open. */
export function emptyState(text: string, actions: readonly StateAction[] = []): TemplateResult {
  return html`<div class="state"><p>${text}</p>${actionsOf(actions)}</div>`;
}

/** Tells what is going on and how far: `fraction` 0…1, null where it cannot be known. */
export function loadingState(
  text: string,
  fraction: number | null = null,
  actions: readonly StateAction[] = [],
): TemplateResult {
  return html`<div class="state" aria-busy="true">
    <p>${text}</p>
    <div class="progress ${fraction === null ? 'open' : ''}" role="progressbar" aria-label=${text} aria-valuemin="0" aria-valuemax="100" aria-valuenow=${fraction === null ? nothing : Math.round(fraction * 100)}>
      <span .style=${fraction === null ? '' : `transform: scaleX(${fraction})`}></span>
    </div>
    ${actionsOf(actions)}
  </div>`;
}

export interface Failure {
  /** What happened. */
  readonly what: string;
  /** In which part. */
  readonly where: string;
  /** What to do. */
  readonly then: string;
}

export function errorState({ what, where, then }: Failure, actions: readonly StateAction[] = []): TemplateResult {
  return html`<div class="state" role="alert">
    <p><strong>${where}</strong></p>
    <p>${what}</p>
    <p class="quiet">${then}</p>
    ${actionsOf(actions)}
  </div>`;
}
