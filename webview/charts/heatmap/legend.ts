/** What the colours mean: the map from nothing to most, and what is hatched. */

import { css, html, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { base } from '../../styles/base';
import type { MapKind } from './colourMaps';
import { onThemeChange, readTheme } from './theme';

/** Colours of a gradient: more are not told apart. */
const STOPS = 16;

@customElement('headlight-legend')
export class Legend extends LitElement {
  static override readonly styles = [
    base,
    css`
    :host { display: flex; flex-wrap: wrap; align-items: center; gap: 0 6px; min-height: 22px; font-size: 12px; color: var(--vscode-descriptionForeground); font-variant-numeric: tabular-nums; }
    .bar { width: 72px; height: 8px; outline: 1px solid color-mix(in srgb, var(--vscode-foreground) 30%, transparent); }
    .hatched { display: inline-flex; align-items: center; gap: 6px; white-space: nowrap; margin-left: 4px; }
    .none { width: 14px; height: 8px; outline: 1px solid color-mix(in srgb, var(--vscode-foreground) 30%, transparent); background: repeating-linear-gradient(-45deg, color-mix(in srgb, var(--vscode-foreground) 35%, transparent) 0 1px, transparent 1px 4px); }
  `,
  ];

  @property() kind: MapKind = 'sequential';
  @property() from = '0';
  @property() to = '';
  @property() note = '';
  @property({ type: Boolean }) hatched = false;

  private stop: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.stop = onThemeChange(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.();
  }

  protected override render(): TemplateResult {
    const { colours } = readTheme(this).map(this.kind);
    const stops = Array.from(
      { length: STOPS },
      (_, i) => `rgb(${(colours[Math.round((i * (colours.length - 1)) / (STOPS - 1))] ?? [0, 0, 0]).join(' ')})`,
    );
    return html`<span>${this.from}</span><span class="bar" .style=${`background:linear-gradient(90deg,${stops.join(',')})`}></span><span>${this.to}</span>${this.note === '' ? '' : html`<span>· ${this.note}</span>`}${this.hatched ? html`<span class="hatched"><span class="none"></span>not allowed</span>` : ''}`;
  }
}
