import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { TextRange } from '../../src/model/spec';
import '../charts/strip/element';
import { stripModel } from '../charts/strip/viewModel';
import { guessMark, NOT_KNOWN, onlyState } from '../../src/present/sizeText';
import { keep, restored } from '../platform/editorApi';
import { host } from '../platform/host';
import { type PanelState, type PanelStore } from '../platform/store';
import { base, controls, numbers, tables } from '../styles/base';
import { memoryBar, memoryStyles } from './overview/memoryBar';
import { stepsOf, stepStyles } from './overview/steps';
import {
  derivationOf,
  type NumberName,
  NUMBERS,
  type OverviewModel,
  overviewModel,
  problemText,
  type Serving,
} from './overview/viewModel';

/** Asked for at once, and shown when it is there: the numbers above it need not wait. */
const SERVING = import('./overview/serving').then(
  ({ serving }) => ({ serving, trouble: null }),
  (error: unknown) => ({ serving: null, trouble: error instanceof Error ? error.message : String(error) }),
);

/** What a config is, what it caches, and how it fits: each number opens how it came about. */
@customElement('headlight-overview')
export class OverviewView extends LitElement {
  static override readonly styles = [
    base,
    numbers,
    controls,
    tables,
    stepStyles,
    memoryStyles,
    css`
      :host { container-type: inline-size; }
      section { padding: 8px 0; border-top: 1px solid var(--line); }
      section.top { border-top: 0; padding-top: 2px; }
      .design { padding-bottom: 8px; }
      .numbers { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 4px 28px; }
      .open { border-radius: 2px; }
      .open::after { content: '▸'; margin-left: 6px; font-size: 10px; color: var(--vscode-descriptionForeground); }
      .open[aria-expanded='true']::after { content: '▾'; }
      .open:hover::after, .open[aria-expanded='true']::after { color: var(--vscode-textLink-foreground); }
      .line { padding: 3px 0; }
      .line .open { text-align: left; }
      .line .value { white-space: normal; }
      .three { display: flex; flex-wrap: wrap; gap: 0 20px; align-items: baseline; }
      .sub { display: block; }
      @container (min-width: 480px) { .sub { display: inline; margin-left: 8px; } }
      .value { font-variant-numeric: tabular-nums; white-space: nowrap; }
      .loading { height: 226px; }
      .notes { padding-left: 0; }
      .notes li { line-height: 20px; max-width: 80ch; overflow-wrap: anywhere; }
      @container (min-width: 900px) {
        .columns { display: grid; grid: auto auto 1fr / 1fr 1fr; column-gap: 40px; align-items: start; }
        .memory { grid-area: 1 / 2 / span 3; }
      }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  @state() private opened: NumberName | null = (NUMBERS as readonly unknown[]).includes(restored('overview'))
    ? (restored('overview') as NumberName)
    : null;

  @state() private serving: Serving | null = null;
  /** Why that could not be loaded. */
  @state() private trouble: string | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    void SERVING.then(({ serving, trouble }) => {
      this.serving = serving;
      this.trouble = trouble;
    });
  }

  protected override render(): TemplateResult | typeof nothing {
    const { followed, settings } = this.panel;
    if (!followed || !settings) return nothing;
    const { reading } = followed;
    const model = overviewModel(reading, settings.scenario, settings, this.serving);
    const { figures, plan, memory } = model;
    // A set-up that does not start makes no guess of what a token takes.
    const guess = model.inexact === null ? '' : guessMark(plan);
    const [total = '', decimal = ''] = figures.total.split(/ (?=\()/);
    return html`
      <section class="top">
        <p class="design">${figures.design}</p>
        ${plan.spec.layers.length > 0 ? html`<headlight-strip .model=${stripModel(plan.spec, plan.kvDtype)}></headlight-strip>` : nothing}
      </section>
      <div class="columns">
        <section>
          <div class="numbers">
            ${this.number('perToken', html`<span class="big">${guess}${onlyState(plan) ? 'none' : figures.perToken}</span><br /><span class="small">per token${figures.perTokenBytes === NOT_KNOWN ? '' : ` · ${figures.perTokenBytes}`}${figures.beyond === '' ? nothing : html`<br />${figures.beyond}`}</span>`)}
            ${model.refusal === null ? this.number('total', html`<span class="big">${guess}${total}</span> <span class="small">${decimal}${figures.each === '' ? nothing : html` in total<br /><b>${figures.each}</b>`}</span><br /><span class="small">at ${figures.context}</span>`) : html`<p><span class="error">${model.refusal}</span><br /><span class="small">at ${figures.context}</span></p>`}
            ${model.state === null || model.refusal !== null ? nothing : this.number('state', html`<span class="big">${guess}${model.state}</span><br /><span class="small">state (part of the total; does not grow)</span>`)}
          </div>
          ${model.inexact === null ? nothing : html`<p class="warn">${plan.known ? 'Not exact.' : 'Not known.'} ${model.inexact}</p>`}
          ${this.steps(model, 'perToken')} ${this.steps(model, 'total')} ${this.steps(model, 'state')}
        </section>
        <section class="memory">
          ${
            memory
              ? html`
                ${this.number('memory', html`<span class="value">${memory.device}</span> <span class="small">${memory.size}${memory.device.includes('×') ? ' each; one of them is shown' : ''}</span>`)}
                ${memoryBar(memory, problemText(model))} ${this.steps(model, 'memory')}
                <div class="line">${this.number('sequences', html`<span class="value">${memory.sequences}</span>`)} <span class="small sub">${memory.longest}</span></div>
                ${this.steps(model, 'sequences')}
                ${memory.decode === null ? nothing : html`<div class="line">${this.number('decode', html`<span class="value">${memory.decode}</span>`)} <span class="small sub">${memory.limit}</span></div>`}
                ${this.steps(model, 'decode')}
              `
              : this.noMemory(model)
          }
        </section>
        ${
          model.three.length === 0
            ? nothing
            : html`<section>
          <div class="three">${model.three.map(({ label, text }) => html`<span><span class="value">${text}</span><br /><span class="small">${label}</span></span>`)}${this.number('three', html`<span class="small">why</span>`)}</div>
          ${this.steps(model, 'three')}
        </section>`
        }
        ${model.notes.length === 0 ? nothing : html`<section><ul class="notes small">${model.notes.map((note) => html`<li>${note}</li>`)}</ul></section>`}
      </div>
    `;
  }

  /** Why there is none; while it loads, the room that it takes. */
  private noMemory({ memoryProblem }: OverviewModel): TemplateResult {
    if (memoryProblem !== null) return html`<p class="quiet">${memoryProblem}</p>`;
    return this.trouble === null
      ? html`<div class="loading" aria-busy="true"></div>`
      : html`<p class="error">The memory figures could not be loaded: ${this.trouble}. Close the panel and open it again.</p>`;
  }

  private number(name: NumberName, content: TemplateResult): TemplateResult {
    return html`<button class="open" aria-expanded=${this.opened === name} aria-controls="steps-${name}" @click=${() => this.toggle(name)}>${content}</button>`;
  }

  private steps(model: OverviewModel, name: NumberName): TemplateResult {
    const open = this.opened === name;
    return html`<div id="steps-${name}" class="steps" ?hidden=${!open}>${open ? stepsOf(derivationOf(model, name), (range) => this.reveal(range)) : nothing}</div>`;
  }

  private toggle(name: NumberName): void {
    this.opened = this.opened === name ? null : name;
    keep('overview', this.opened);
  }

  private reveal({ offset, length }: TextRange): void {
    const { config } = this.panel;
    if (config) void host.call('panel/reveal', { id: config.id, offset, length });
  }
}
