/** Trade-off: what the whole model would lose with a smaller cache, measured method by method; what to do about the one that is chosen. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { convertHeads } from '../../src/reading/convertHeads';
import { formatSize } from '../../src/model/units';
import { sentence, sentencesText, workloadText } from '../../src/present/words';
import { PROBES_LEGEND, probeAbout, probeCells } from '../../src/present/tradeoffProbes';
import { SEEDED_SAYS_LITTLE } from '../../src/present/tradeoffSays';
import { sizeAtScenario, TRADEOFF_COLUMNS, TRADEOFF_LEGEND, tradeoffCells } from '../../src/present/tradeoffText';
import { MOST_SWEPT_TOKENS } from '../../src/shared/limits';
import type { ShownMethod, TradeoffState } from '../../src/shared/tradeoffState';
import '../charts/scatter/element';
import { button } from '../parts/button';
import '../parts/slider';
import type { SliderScale } from '../parts/sliderScale';
import { emptyState, errorState, loadingState, stateStyles } from '../parts/states';
import { Actions } from '../platform/actions';
import { announce } from '../platform/announce';
import { keep, restored } from '../platform/editorApi';
import { host } from '../platform/host';
import type { PanelState, PanelStore } from '../platform/store';
import { base, controls, numbers, tables } from '../styles/base';
import { headsStyles } from './heads/styles';
import { type Remembered, type SessionState, TradeoffSession } from './tradeoff/session';
import {
  bestOf,
  budgetMethods,
  confidenceText,
  detailLines,
  durationText,
  layerBars,
  leastWithin,
  leftText,
  type Measure,
  MEASURE_WORDS,
  measuredIn,
  MEASURES,
  missingIn,
  refusedIn,
  scatterOf,
  type Size,
  SIZES,
  unchangedIn,
  type Workload,
} from './tradeoff/viewModel';

const KEPT = 'tradeoff';
const SIZE_TITLES: Readonly<Record<Size, string>> = { token: 'Per token', scenario: 'At the scenario' };
const TOKENS = [128, 256, 512, 1024, 2048, MOST_SWEPT_TOKENS] as const;
const SHARES: SliderScale = { values: Array.from({ length: 19 }, (_, i) => 5 * (i + 1)), log: false };
/** "Half the cache": what is asked first. */
const USUAL_SHARE = 50;

/** How the view is looked at; kept across reloads with what the session remembers. */
interface Look {
  readonly measure: Measure;
  readonly size: Size;
  readonly method: string | null;
  readonly asTable: boolean;
  /** Of the cache, in per cent. */
  readonly share: number;
}

/** One for a store: it outlives the view, which another tab takes away. */
const sessions = new WeakMap<PanelStore, TradeoffSession>();

@customElement('headlight-tradeoff')
export class TradeoffView extends LitElement {
  static override readonly styles = [
    base,
    numbers,
    controls,
    tables,
    stateStyles,
    headsStyles,
    css`
      :host { padding-top: 4px; }
      input[type='text'] { flex: 1 1 auto; width: 100%; min-width: 0; min-height: 24px; font: inherit; padding: 1px 4px; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--line)); border-radius: 2px; }
      input[type='text']:focus-visible { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
      section { margin-top: 16px; }
      .status { min-height: 22px; padding: 4px 0 2px; }
      .status .state { padding: 2px 0; }
      .first { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 12px; margin-top: 8px; }
      .pick { display: flex; flex-wrap: wrap; gap: 4px 8px; margin: 6px 0; }
      headlight-scatter { --scatter-ground: var(--vscode-sideBar-background, var(--vscode-editor-background)); }
      :host([place='editor']) headlight-scatter { --scatter-ground: var(--vscode-editor-background); }
      .details { border-left: 2px solid var(--vscode-focusBorder); padding-left: 10px; margin-top: 12px; max-width: 90ch; }
      .details > * + * { margin-top: 6px; }
      .layers { display: flex; align-items: flex-end; height: 44px; gap: 1px; max-width: 480px; border-bottom: 1px solid var(--line); }
      .layers span { flex: 1 1 0; min-width: 1px; max-width: 28px; background: var(--vscode-descriptionForeground); }
      .layers .unknown { height: 100%; background: repeating-linear-gradient(45deg, var(--vscode-descriptionForeground) 0 1px, transparent 1px 4px); }
      .do { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; }
      code { font-family: var(--vscode-editor-font-family, monospace); font-size: 12px; overflow-wrap: anywhere; }
      .scroll { overflow-x: auto; }
      .scroll table { white-space: nowrap; }
      .scroll tbody th { color: inherit; }
      .scroll tr > :first-child { position: sticky; left: 0; background: var(--ground); }
      .scroll { --ground: var(--vscode-sideBar-background, var(--vscode-editor-background)); }
      :host([place='editor']) .scroll { --ground: var(--vscode-editor-background); }
      @container (max-width: 639px) { .scroll tr > :first-child { min-width: 13ch; max-width: 13ch; white-space: normal; overflow-wrap: anywhere; } }
      .scroll tr[aria-current='true'] > * { background: var(--vscode-list-inactiveSelectionBackground); outline: 1px solid var(--vscode-contrastActiveBorder, transparent); outline-offset: -1px; }
      .budget { max-width: 480px; }
      .actions { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: center; }
      li { overflow-wrap: anywhere; }
      @container (min-width: 900px) { .work { grid-template-columns: minmax(0, 3fr) minmax(320px, 2fr); gap: 32px; } .work .details { margin-top: 0; } }
      @container (max-width: 899px) { .work { display: block; } }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  @state() private session: SessionState | null = null;
  @state() private look: Look = restoredLook(restored(KEPT));
  private readonly actions = new Actions(this);

  private runner: TradeoffSession | undefined;
  private stop: (() => void) | undefined;
  private toldOf = '';

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
    if (this.runner !== undefined) this.listen(this.runner);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.();
    this.stop = undefined;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const first = this.runner === undefined;
    const runner = (this.runner ??= this.sessionOf());
    if (first) this.listen(runner);
    if (changed.has('panel')) void runner.follow(this.panel.config, first ? restoredSession(restored(KEPT)) : {});
  }

  private sessionOf(): TradeoffSession {
    const known = sessions.get(this.store) ?? new TradeoffSession(host);
    sessions.set(this.store, known);
    return known;
  }

  private listen(runner: TradeoffSession): void {
    this.stop?.();
    this.session = runner.state;
    this.stop = runner.subscribe((session) => this.hear(session));
  }

  /** A screen reader hears when something ends, not of each step. */
  private hear(session: SessionState): void {
    const before = this.session;
    this.session = session;
    if (
      session.source !== before?.source ||
      session.text !== before?.text ||
      session.tokens !== before.tokens ||
      session.probes !== before.probes
    )
      this.remember();
    const { state, running } = session.shown;
    if (before?.shown.running && running === null && state !== null) {
      const missing = missingIn(state);
      const said = `${measuredIn(state).length} methods measured${missing === 0 ? '' : `, ${missing} left`}`;
      if (said !== this.toldOf) announce(this, said);
      this.toldOf = said;
    }
  }

  private remember(): void {
    keep(KEPT, { ...this.look, ...this.runner?.remembered });
  }

  private change(some: Partial<Look>): void {
    this.look = { ...this.look, ...some };
    this.remember();
  }

  private get workload(): Workload {
    return this.panel.settings?.scenario.workload ?? { batch: 1, tokens: 1 };
  }

  protected override render(): TemplateResult | typeof nothing {
    const { session, runner } = this;
    if (session === null || runner === undefined) return nothing;
    if (session.sources === null) {
      return session.problem === ''
        ? loadingState('Looking for weights')
        : errorState({ where: 'Weights to choose from', what: session.problem, then: 'See the log.' }, [
            { label: 'Try again', run: () => void runner.follow(this.panel.config) },
          ]);
    }
    const state = runner.isCurrent || session.shown.running !== null ? session.shown.state : null;
    return html`
      <p class="small">What would the whole model lose with a smaller cache? Each method runs on the same text; nothing is trained, no file is changed.</p>
      ${this.renderForm(session, runner)}
      ${state?.seeded === true || session.source?.origin === 'seeded' ? html`<p class="warn">${SEEDED_SAYS_LITTLE}</p>` : nothing}
      <div class="status">${this.renderStatus(session, state, runner)}</div>
      ${state === null ? nothing : this.renderFound(state, session, runner)}
    `;
  }

  private renderForm(session: SessionState, runner: TradeoffSession): TemplateResult {
    const { sources, source, text, tokens, textName, probes, typedMethods, methodsProblem } = session;
    const choice = text === null ? 'bundled' : 'typed' in text ? 'typed' : 'file';
    return html`<div class="form">
      <div class="line">
        <label class="wide">Weights
          <select .value=${live(source?.id ?? '')} @change=${(event: Event) => void runner.choose((event.target as HTMLSelectElement).value)}>
            ${(sources ?? []).map(({ id, label, problem }) => html`<option value=${id} ?selected=${id === source?.id} ?disabled=${problem !== null}>${label}${problem === null ? '' : ' – not available'}</option>`)}
          </select>
        </label>
        <button type="button" class="link" @click=${() => void runner.browse()}>Choose…</button>
      </div>
      <div class="line">
        <label>Text
          <select .value=${live(choice)} @change=${(event: Event) => this.chooseText(event.target as HTMLSelectElement, runner)}>
            <option value="bundled" ?selected=${choice === 'bundled'}>bundled</option>
            <option value="typed" ?selected=${choice === 'typed'}>my own</option>
            <option value="file" ?selected=${choice === 'file'}>${choice === 'file' ? textName : 'a file…'}</option>
          </select>
        </label>
        <label>Tokens
          <select aria-label="Tokens of the text, at most" .value=${live(String(tokens))} @change=${(event: Event) => void runner.setTokens(Number((event.target as HTMLSelectElement).value))}>
            ${TOKENS.map((count) => html`<option value=${count} ?selected=${count === tokens}>${count}</option>`)}
          </select>
        </label>
        ${
          source?.origin === 'seeded'
            ? nothing
            : html`<label title=${PROBES_LEGEND}><input type="checkbox" .checked=${live(probes)} @change=${(event: Event) => void runner.setProbes((event.target as HTMLInputElement).checked)} />Probes</label>`
        }
        ${this.renderStart(session, runner)}
      </div>
      <div class="line">
        <label class="wide">Methods of your own
          <input type="text" spellcheck="false" maxlength="4000" placeholder="mla:32+8, q8_0/window:256" aria-invalid=${methodsProblem !== null} .value=${live(typedMethods)}
            @change=${(event: Event) => void this.typed(event.target as HTMLInputElement, false)}
            @keydown=${(event: KeyboardEvent) => event.key === 'Enter' && void this.typed(event.target as HTMLInputElement, true)} />
        </label>
      </div>
      ${methodsProblem === null ? nothing : html`<p class="warn" role="alert">${sentence(methodsProblem)}.</p>`}
      ${
        text !== null && 'typed' in text
          ? html`<textarea aria-label="Text that damage is measured on" rows="3" maxlength="1000000" spellcheck="false" placeholder="Some paragraphs: the more, the surer the numbers" .value=${live(text.typed)}
              @change=${(event: Event) => void runner.setText({ typed: (event.target as HTMLTextAreaElement).value })}></textarea>`
          : nothing
      }
    </div>`;
  }

  private chooseText(select: HTMLSelectElement, runner: TradeoffSession): void {
    const { value } = select;
    if (value === 'file') {
      // What was chosen before stays shown until a file is.
      this.requestUpdate();
      void runner.chooseText();
    } else void runner.setText(value === 'bundled' ? null : { typed: '' });
  }

  /** Enter measures them, too, and shows the first of them. */
  private async typed({ value }: HTMLInputElement, start: boolean): Promise<void> {
    const methods = await this.runner?.setMethods(value);
    const [first] = methods ?? [];
    if (!start || first === undefined) return;
    this.change({ method: first });
    await this.runner?.start();
  }

  private renderStart({ shown, source }: SessionState, runner: TradeoffSession): TemplateResult | typeof nothing {
    const { running, state } = shown;
    if (running !== null && running.what !== 'opening') return button({ label: 'Stop', run: () => void runner.stop() });
    const found = runner.isCurrent && state !== null && state.outcomes.length > 0;
    if (found && missingIn(state) === 0) return nothing;
    const ask = runner.ask;
    const empty = ask === null || (ask.text !== null && 'typed' in ask.text && ask.text.typed.trim() === '');
    return button({
      label: found ? 'Go on' : 'Measure',
      run: () => void runner.start(),
      primary: true,
      disabled: empty || source === null,
    });
  }

  private renderStatus(
    session: SessionState,
    state: TradeoffState | null,
    runner: TradeoffSession,
  ): TemplateResult | typeof nothing {
    const { shown, source, problem } = session;
    const { running, failure } = shown;
    if (running !== null && running.what !== 'opening') {
      const left = leftText(running);
      return loadingState(`${sentence(running.message)}${left === '' ? '' : ` · ${left}`}`, running.fraction);
    }
    const what = problem === '' ? failure : problem;
    if (what !== null) {
      const retry = runner.ask === null ? [] : [{ label: 'Try again', run: () => void runner.start() }];
      return errorState(
        {
          where: 'It could not be measured',
          what: sentence(what),
          then: 'What was found before stays. Change that, or see the log.',
        },
        retry,
      );
    }
    if (source?.problem != null)
      return emptyState(`${source.problem}. Choose a sample model, or weights on this machine.`);
    if (state === null)
      return running === null ? nothing : html`<p class="small" aria-busy="true">Reading the model</p>`;
    const missing = missingIn(state);
    const tokens = unchangedIn(state)?.damage.tokens ?? null;
    const left =
      missing === 0
        ? ''
        : state.outcomes.length === 0
          ? ` · ${missing - 1} methods to measure`
          : ` · ${missing} of ${state.asked.length - 1} methods left`;
    return html`<p class="small figures">${confidenceText(state, tokens)}${left}</p>${state.removed === null ? nothing : html`<p class="small">${state.removed}.</p>`}`;
  }

  private renderFound(
    state: TradeoffState,
    session: SessionState,
    runner: TradeoffSession,
  ): TemplateResult | typeof nothing {
    const { measure, size, asTable, share } = this.look;
    const { workload } = this;
    const model = scatterOf(state, measure, size, workload);
    const methods = measuredIn(state);
    if (model === null) return nothing;
    const least = leastWithin(state, share / 100, measure, size, workload);
    const chosen = methods.find(({ method }) => method === this.look.method) ?? least ?? methods[0];
    return html`
      ${this.renderFirst(least, share, missingIn(state))}
      <div class="pick">
        <span class="switch" role="group" aria-label="Damage">${MEASURES.map((one) => html`<button aria-pressed=${one === measure} title=${MEASURE_WORDS[one].title} @click=${() => this.change({ measure: one })}>${MEASURE_WORDS[one].short}</button>`)}</span>
        <span class="switch" role="group" aria-label="Size">${SIZES.map((one) => html`<button aria-pressed=${one === size} title=${one === 'scenario' ? workloadText({ workload }) : 'at the length of the text'} @click=${() => this.change({ size: one })}>${SIZE_TITLES[one]}</button>`)}</span>
      </div>
      <div class="work">
        <div>
          ${
            asTable
              ? this.renderTable(state, methods, chosen?.method ?? null)
              : html`<headlight-scatter .model=${model} .chosen=${chosen?.method ?? null} label="Methods, smaller caches first: ${model.damageTitle}" @choose=${(event: CustomEvent<string>) => this.choose(event.detail, methods)}></headlight-scatter>`
          }
        </div>
        ${chosen === undefined ? nothing : this.renderDetails(chosen, state, session, runner)}
      </div>
      ${this.renderBudget(state, least, session, runner)} ${this.renderRefused(state)} ${this.renderBeside(state)}
      <section class="actions" aria-label="Other forms">
        <button class="link" @click=${() => this.change({ asTable: !asTable })}>${asTable ? 'Show as a chart' : 'Show as a table'}</button>
        <button class="link" @click=${() => void runner.page()}>Open as a page</button>
        <span class="small" aria-hidden="true">${this.actions.done}</span>
      </section>
    `;
  }

  /** The number first: what a share of the cache costs at least. */
  private renderFirst(least: ShownMethod | null, share: number, missing: number): TemplateResult {
    const { measure } = this.look;
    if (least === null)
      return html`<p class="first">No method${missing > 0 ? ' so far' : ''} makes the cache as small as ${share} % of what it is.</p>`;
    const { of, says } = MEASURE_WORDS[measure];
    return html`<p class="first"><span class="big">${sentence(says(of(least)))}</span><span class="small">is the least that ${share === USUAL_SHARE ? 'half' : `${share} % of`} the cache costs: <button class="link" @click=${() => this.change({ method: least.method })}>${least.title}</button></span></p>`;
  }

  private choose(method: string, methods: readonly ShownMethod[]): void {
    this.change({ method });
    const found = methods.find((one) => one.method === method);
    if (found === undefined) return;
    const { of, says } = MEASURE_WORDS[this.look.measure];
    announce(this, `${found.title}: ${says(of(found))}`);
  }

  private renderDetails(
    method: ShownMethod,
    state: TradeoffState,
    session: SessionState,
    runner: TradeoffSession,
  ): TemplateResult {
    const bars = layerBars(method);
    const most = bars.reduce((best, bar) => ((bar.fraction ?? 0) > (best?.fraction ?? 0) ? bar : best), bars[0]);
    const said = `Error of each layer’s attention output: ${bars.map(({ layer, text }) => `layer ${layer} ${text}`).join(', ')}`;
    const idle = session.shown.running !== null;
    return html`<section class="details" aria-label="The chosen method">
      <h2>${method.title}</h2>
      <p>${method.about}</p>
      ${detailLines(method, state, this.workload).map((line) => html`<p class="small figures">${sentence(line)}</p>`)}
      <div>
        <p class="small">Error of each layer’s attention output${most === undefined ? '' : `, most in layer ${most.layer}: ${most.text}`}</p>
        <div class="layers" role="img" aria-label=${said}>${bars.map(
          ({ layer, fraction, text }) =>
            html`<span class=${fraction === null ? 'unknown' : ''} title="layer ${layer}: ${text}" .style=${fraction === null ? '' : `height: ${Math.max(2, 100 * fraction)}%`}></span>`,
        )}</div>
      </div>
      ${
        method.probes.length === 0
          ? nothing
          : html`<table class="figures" title=${PROBES_LEGEND}><caption>Long-range probes: tokens that stay right, loss</caption>
              <thead><tr><th scope="col">probe</th><th scope="col" class="number">unchanged</th><th scope="col" class="number">now</th></tr></thead>
              <tbody>${method.probes.map((probe) => html`<tr title=${sentence(probeAbout(probe))}><th scope="row">${probe.name}</th>${probeCells(probe).map((text) => html`<td class="number">${text}</td>`)}</tr>`)}</tbody></table>`
      }
      ${
        method.chosen === undefined
          ? nothing
          : html`<table><caption>A method for each layer</caption><tbody>${method.chosen.map(({ layer, title }) => html`<tr><th scope="row">layer ${layer}</th><td>${title}</td></tr>`)}</tbody></table>`
      }
      ${method.launches.map(
        ({ engine, option }) =>
          html`<p class="do"><span class="small">${engine}</span><code>${option}</code> <button class="link" aria-label="Copy the option of ${engine}" @click=${() => void this.actions.copy('an option of the engine', () => option)}>Copy</button></p>`,
      )}
      ${method.none === null ? nothing : html`<p class="small">${sentence(method.none)}.</p>`}
      ${this.renderApply(method)}
      ${
        state.seeded || !method.exported
          ? nothing
          : html`<p class="do">${button({ label: 'Export…', run: () => void this.export(method, runner), disabled: idle, title: 'config.json, safetensors and a model card, into a folder that you choose' })}<span class="small">the converted model, with a card that says what it lost</span></p>`
      }
      ${method.notes.length === 0 ? nothing : html`<p class="small">${sentencesText(method.notes)}</p>`}
      ${this.actions.problem === '' ? nothing : html`<p class="warn" role="alert">${this.actions.problem}</p>`}
    </section>`;
  }

  /** Only KV heads are a value of the config; what engines do is an option of theirs, and anything else is another model. */
  private renderApply({ kvHeads, title }: ShownMethod): TemplateResult | typeof nothing {
    const { followed, config } = this.panel;
    if (kvHeads === null || !followed || !config || followed.document.errors.length > 0) return nothing;
    const conversion = convertHeads(followed.reading, kvHeads);
    if (typeof conversion === 'string') return html`<p class="small">No edit of the config: ${conversion}.</p>`;
    const text = conversion.edits.map(({ path, value }) => `${path.join('.')}: ${JSON.stringify(value)}`).join(', ');
    if (!config.editable) return html`<p class="small">As an edit of the config: <code>${text}</code></p>`;
    return html`<p class="do">${button({
      label: 'Apply',
      primary: true,
      title: text,
      run: () =>
        void this.actions.attempt(async () => {
          await host.call('panel/apply', { id: config.id, version: config.version, edits: conversion.edits });
          announce(this, `${title} applied to ${config.name}. Undo takes it back.`);
        }),
    })}<code>${text}</code><span class="small">the config alone: its weights stay as they are</span></p>`;
  }

  private async export({ method }: ShownMethod, runner: TradeoffSession): Promise<void> {
    const name = await runner.export(method);
    if (name !== null) announce(this, `Exported as ${name}`);
  }

  private renderBudget(
    state: TradeoffState,
    least: ShownMethod | null,
    session: SessionState,
    runner: TradeoffSession,
  ): TemplateResult {
    const { share, measure } = this.look;
    const { of, says } = MEASURE_WORDS[measure];
    const methods = budgetMethods(state, this.workload);
    const runs = state.layers * methods.length;
    const ms = measuredIn(state).reduce((sum, one) => sum + one.ms, 0) / Math.max(1, measuredIn(state).length);
    const running = session.shown.running !== null;
    return html`<section class="budget" aria-labelledby="budget-title">
      <h2 id="budget-title">Budget</h2>
      <headlight-slider
        label="Cache, %"
        .scale=${SHARES}
        .value=${share}
        .mark=${USUAL_SHARE}
        .meaning=${least === null ? 'nothing is so small' : `at least ${says(of(least))}`}
        @slide=${(event: CustomEvent<number>) => this.change({ share: event.detail })}
        .problem=${(value: number) => (value >= 1 && value <= 100 ? null : 'From 1 to 100 per cent.')}
      ></headlight-slider>
      <p class="do">${button({ label: 'Share out over layers', run: () => void this.shareOut(share, methods, runner), disabled: running || methods.length === 0 })}
      <span class="small">each layer alone with ${methods.length === 1 ? 'the best method' : `each of the ${methods.length} best methods`}, ${runs} runs, about ${durationText(runs * ms)}; then the mix that loses least is measured</span></p>
    </section>`;
  }

  private async shareOut(share: number, methods: readonly string[], runner: TradeoffSession): Promise<void> {
    this.change({ method: `budget:${share / 100}` });
    await runner.budget(share / 100, methods);
  }

  private renderRefused(state: TradeoffState): TemplateResult | typeof nothing {
    const refused = refusedIn(state);
    if (refused.length === 0) return nothing;
    return html`<section><details><summary>${refused.length} ${refused.length === 1 ? 'method is' : 'methods are'} not possible here</summary>
      <ul class="small">${refused.map(({ title, refused: why }) => html`<li>${title}: ${why}</li>`)}</ul>
    </details></section>`;
  }

  /** What cannot be chosen: what training gives back, and what others published. */
  private renderBeside({ siblings, anchors }: TradeoffState): TemplateResult {
    const { of, says } = MEASURE_WORDS[this.look.measure];
    return html`<section>
      ${siblings.length === 0 ? nothing : html`<p class="small">Trained as what they are, on the same text: ${siblings.map((one) => `${one.title.replace(/^trained /, '')} ${formatSize(one.bytesPerToken)} per token, ${says(of(one))}, perplexity ${one.damage.perplexityAfter.toPrecision(4)}`).join('; ')}.</p>`}
      <details><summary>Published, on other models and texts</summary><ul class="small">${anchors.map(({ text }) => html`<li>${text}</li>`)}</ul></details>
    </section>`;
  }

  private renderTable(state: TradeoffState, methods: readonly ShownMethod[], chosen: string | null): TemplateResult {
    const { workload } = this;
    const own = unchangedIn(state);
    if (own === null) return html``;
    const best = new Set(bestOf(methods, this.look.measure, this.look.size, workload).map(({ method }) => method));
    const rows = methods.toSorted((a, b) => b.bytesPerToken - a.bytesPerToken || a.damage.klMean - b.damage.klMean);
    const [, ...columns] = TRADEOFF_COLUMNS;
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Methods as a table">
      <table>
        <thead><tr><th scope="col">method</th>${[...columns, `at ${workloadText({ workload })}`, ...own.probes.map(({ name }) => name)].map((title) => html`<th scope="col" class="number">${title}</th>`)}<th scope="col">best</th></tr></thead>
        <tbody>${rows.map((one) => {
          const [, ...cells] = tradeoffCells(one, { unchanged: own });
          return html`<tr aria-current=${one.method === chosen}><th scope="row"><button class="link" @click=${() => this.choose(one.method, methods)}>${one.title}</button></th>${[...cells, sizeAtScenario(one, workload), ...own.probes.map((_, i) => probeShare(one.probes[i]))].map((text) => html`<td class="number">${text}</td>`)}<td>${best.has(one.method) ? 'yes' : ''}</td></tr>`;
        })}</tbody>
      </table>
    </div>
    <p class="small">${sentence(TRADEOFF_LEGEND.replace(/; \*[^;]*$/, '; best: no other method is both smaller and better'))}</p>`;
  }
}

/** Of the tokens asked for, those that are right; nothing where a method was not probed. */
function probeShare(probe: ShownMethod['probes'][number] | undefined): string {
  return probe === undefined ? '' : `${(100 * probe.rightAfter).toFixed(0)} %`;
}

function restoredLook(kept: unknown): Look {
  const { measure, size, method, asTable, share } = (
    typeof kept === 'object' && kept !== null ? kept : {}
  ) as Partial<Look>;
  return {
    measure: MEASURES.find((one) => one === measure) ?? 'kl',
    size: SIZES.find((one) => one === size) ?? 'token',
    method: typeof method === 'string' ? method : null,
    asTable: asTable === true,
    share: typeof share === 'number' && share >= 1 && share <= 100 ? share : USUAL_SHARE,
  };
}

function restoredSession(kept: unknown): Remembered {
  const { source, chosenFor, typed, tokens, probes } = (
    typeof kept === 'object' && kept !== null ? kept : {}
  ) as Record<string, unknown>;
  return {
    ...(typeof source === 'string' && { source }),
    ...(typeof chosenFor === 'string' && { chosenFor }),
    ...(typeof typed === 'string' && { typed }),
    ...(typeof tokens === 'number' && tokens >= 4 && tokens <= MOST_SWEPT_TOKENS && { tokens }),
    ...(typeof probes === 'boolean' && { probes }),
  };
}
