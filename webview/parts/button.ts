/** The page's buttons: VS Code's, as an element of a library. What it leaves out is told here: the name of its state, and no scrolling by Space. */

import '@vscode-elements/elements/dist/vscode-button/index.js';
import { html, nothing, type TemplateResult } from 'lit';

export interface Button {
  readonly label: string;
  readonly run: () => void;
  /** What the view is about: at most one. */
  readonly primary?: boolean;
  /** Out of reach; the button keeps the focus that it has. */
  readonly disabled?: boolean;
  /** Looks disabled, and can be reached. */
  readonly idle?: boolean;
  readonly title?: string;
  /** Where the label is a sign. */
  readonly name?: string;
}

export function button({
  label,
  run,
  primary = false,
  disabled = false,
  idle = false,
  title,
  name,
}: Button): TemplateResult {
  return html`<vscode-button
    ?secondary=${!primary}
    ?disabled=${disabled}
    aria-disabled=${disabled || idle ? 'true' : nothing}
    aria-label=${name ?? nothing}
    title=${title ?? nothing}
    @click=${disabled ? nothing : run}
    @keydown=${stayInPlace}
  >${label}</vscode-button>`;
}

function stayInPlace(event: KeyboardEvent): void {
  if (event.key === ' ') event.preventDefault();
}
