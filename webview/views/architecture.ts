/** Architecture, the first view: what the model caches in numbers, and below them its drawing, whose code comes after their first frame. */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { guessMark, onlyState } from '../../src/present/sizeText';
import type { PanelState, PanelStore } from '../platform/store';
import { errorState } from '../parts/states';
import { base, controls, numbers } from '../styles/base';
import { overviewModel, type OverviewModel } from './overview/viewModel';

let drawing: Promise<string | null> | undefined;

/**
 * Asks for the drawing, which is shown when it is there: the numbers need not wait for the blocks of every family, and other views not
 * for both. Resolves with why it could not be loaded, else null.
 */
export function loadDrawing(): Promise<string | null> {
  drawing ??= import('./architecture/drawing').then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
  return drawing;
}

@customElement('headlight-architecture')
export class ArchitectureView extends LitElement {
  static override readonly styles = [
    base,
    numbers,
    controls,
    css`
      .design { padding: 2px 0 8px; }
      .numbers { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 28px; padding-bottom: 8px; }
      .numbers button { border-radius: 2px; }
      .numbers button:hover .small { color: var(--vscode-textLink-foreground); }
      .warn { padding-bottom: 4px; max-width: 80ch; }
      .loading { height: 480px; }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  @state() private loaded = false;
  /** Why the drawing could not be loaded. */
  @state() private trouble: string | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    void loadDrawing().then((trouble) => {
      this.loaded = true;
      this.trouble = trouble;
    });
  }

  protected override render(): TemplateResult | typeof nothing {
    const { followed, settings } = this.panel;
    if (!followed || !settings) return nothing;
    const model = overviewModel(followed.reading, settings.scenario, settings, null);
    return html`
      <p class="design">${model.figures.design}</p>
      <div class="numbers">${this.renderNumbers(model)}</div>
      ${model.inexact === null ? nothing : html`<p class="warn">${model.plan.known ? 'Not exact.' : 'Not known.'} ${model.inexact}</p>`}
      ${this.renderDrawing(model)}
    `;
  }

  private renderNumbers({ figures, plan, refusal, inexact }: OverviewModel): TemplateResult {
    // A set-up that does not start makes no guess of what a token takes.
    const guess = inexact === null ? '' : guessMark(plan);
    const [total] = figures.total.split(/ (?=\()/);
    return html`
      ${this.link(html`<span class="big">${guess}${onlyState(plan) ? 'none' : figures.perToken}</span> <span class="small">per token${figures.beyond === '' ? nothing : html` ${figures.beyond}`}</span>`)}
      ${
        refusal === null
          ? this.link(
              html`<span class="big">${guess}${total}</span> <span class="small">${figures.each === '' ? nothing : html`in total, <b>${figures.each}</b>, `}at ${figures.context}</span>`,
            )
          : html`<p><span class="error">${refusal}</span><br /><span class="small">at ${figures.context}</span></p>`
      }
    `;
  }

  /** The overview says how a number came about. */
  private link(content: TemplateResult): TemplateResult {
    return html`<button title="Overview: how this number came about" @click=${() => this.store.show('overview')}>${content}</button>`;
  }

  private renderDrawing(model: OverviewModel): TemplateResult {
    if (!this.loaded) return html`<div class="loading" aria-busy="true"></div>`;
    if (this.trouble !== null)
      return errorState({
        where: 'The drawing could not be loaded',
        what: this.trouble,
        then: 'Look at another view. If that does not help, close the panel and open it again.',
      });
    return html`<headlight-drawing .store=${this.store} .panel=${this.panel} .model=${model}></headlight-drawing>`;
  }
}
