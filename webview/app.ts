/** The page: tabs, and the view that is shown. Views load when they are first shown. */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { PANEL_VIEWS, type PanelView } from '../src/shared/panelContract';
import { host, keep, restored } from './platform/host';
import { type PanelState, PanelStore } from './platform/store';

const TITLES: Readonly<Record<PanelView, string>> = { overview: 'Overview', compare: 'Compare', whatIf: 'What-if', heads: 'Heads', mla: 'MLA' };

const LOAD: Readonly<Record<PanelView, () => Promise<unknown>>> = {
  overview: () => import('./views/overview'),
  compare: () => import('./views/compare'),
  whatIf: () => import('./views/whatIf'),
  heads: () => import('./views/heads'),
  mla: () => import('./views/mla'),
};

@customElement('headlight-app')
export class HeadlightApp extends LitElement {
  static override readonly styles = css`
    :host { display: block; }
  `;

  private readonly store = new PanelStore(host);

  @state() private panel: PanelState = this.store.state;
  @state() private loaded: ReadonlySet<PanelView> = new Set();

  override connectedCallback(): void {
    super.connectedCallback();
    this.store.subscribe((panel) => {
      keep('view', panel.view);
      this.panel = panel;
      void this.load(panel.view);
    });
    const view = restored('view');
    if (typeof view === 'string' && (PANEL_VIEWS as readonly string[]).includes(view)) this.store.show(view as PanelView);
    void this.store.start();
  }

  protected override render(): TemplateResult {
    return html`
      <nav>${PANEL_VIEWS.map((view) => html`<button aria-pressed=${view === this.panel.view} @click=${() => this.store.show(view)}>${TITLES[view]}</button>`)}</nav>
      ${this.loaded.has(this.panel.view) ? this.renderView() : nothing}
    `;
  }

  private renderView(): TemplateResult {
    const { store, panel } = this;
    switch (panel.view) {
      case 'overview':
        return html`<headlight-overview .store=${store} .panel=${panel}></headlight-overview>`;
      case 'compare':
        return html`<headlight-compare .store=${store} .panel=${panel}></headlight-compare>`;
      case 'whatIf':
        return html`<headlight-what-if .store=${store} .panel=${panel}></headlight-what-if>`;
      case 'heads':
        return html`<headlight-heads .store=${store} .panel=${panel}></headlight-heads>`;
      case 'mla':
        return html`<headlight-mla .store=${store} .panel=${panel}></headlight-mla>`;
    }
  }

  private async load(view: PanelView): Promise<void> {
    if (this.loaded.has(view)) return;
    await LOAD[view]();
    this.loaded = new Set([...this.loaded, view]);
  }
}
