/** Compare: the followed model as it is, as MHA, GQA, MQA and MLA, beside other configs. Choosing a row writes nothing. */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { convertHeads } from '../../src/reading/convertHeads';
import { type Reading, readModelConfig } from '../../src/reading/read';
import { formatInteger } from '../../src/model/units';
import { comparisonCsv, comparisonMarkdown, comparisonTable } from '../../src/present/comparisonText';
import { type ComparedModel, compareDesigns, type Comparison, type ComparisonRow } from '../../src/serving/comparison';
import type { Candidate, ConfigEdit, PanelConfig } from '../../src/shared/panelContract';
import '../charts/bars/element';
import { type Bars, barsOf } from '../charts/bars/viewModel';
import '../charts/curve/element';
import { type ContextRange, contextRange, type CurveSeries, curveSeries, curveTable } from '../charts/curve/viewModel';
import { button } from '../parts/button';
import { Actions } from '../platform/actions';
import { announce } from '../platform/announce';
import { keep, restored } from '../platform/editorApi';
import { host } from '../platform/host';
import { readOptions } from '../platform/readOptions';
import type { PanelState, PanelStore } from '../platform/store';
import { base, controls, numbers, tables } from '../styles/base';
import {
  type Choices,
  LATENT_BOUNDS,
  MAX_OTHERS,
  type Offer,
  offersOf,
  restoreChoices,
  toggled,
} from './compare/choices';
import { detailLines } from './compare/details';
import { comparisonPicture } from './compare/picture';

const KEPT = 'compare';

/** Everything that is drawn, from the choices and the panel's state. */
interface Shown {
  readonly offers: readonly Offer[];
  readonly comparison: Comparison;
  readonly bars: Bars;
  readonly range: ContextRange;
  readonly series: readonly CurveSeries[];
}

@customElement('headlight-compare')
export class CompareView extends LitElement {
  static override readonly styles = [
    base,
    numbers,
    controls,
    tables,
    css`
      :host { container-type: inline-size; padding-top: 8px; }
      section { margin-top: 16px; }
      .chips { display: flex; flex-wrap: wrap; gap: 4px; align-items: center; }
      .what { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; }
      .chip { padding: 0 8px; height: 22px; border-radius: 3px; border: 1px dashed var(--vscode-contrastBorder, var(--line)); color: var(--vscode-descriptionForeground); white-space: nowrap; }
      .chip:hover { color: var(--vscode-foreground); background: var(--vscode-toolbar-hoverBackground); }
      .chip[aria-pressed='true'] { color: var(--vscode-foreground); border: 1px solid var(--vscode-contrastActiveBorder, var(--vscode-inputOption-activeBorder, var(--vscode-focusBorder))); background: var(--vscode-inputOption-activeBackground, transparent); }
      .latent { display: inline-flex; align-items: center; gap: 4px; white-space: nowrap; }
      input, select { font: inherit; height: 22px; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--vscode-contrastBorder, var(--line))); border-radius: 2px; padding: 0 4px; min-width: 0; }
      input { width: 6.5ch; font-variant-numeric: tabular-nums; appearance: textfield; }
      input::-webkit-inner-spin-button { appearance: none; }
      select { color: var(--vscode-dropdown-foreground); background: var(--vscode-dropdown-background); border-color: var(--vscode-dropdown-border, var(--vscode-contrastBorder, var(--line))); max-width: 100%; }
      input:focus-visible, select:focus-visible { outline-color: var(--vscode-focusBorder); }
      .others { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center; }
      .other { display: inline-flex; gap: 4px; align-items: center; max-width: 100%; }
      .other span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
      .other button { width: 22px; height: 22px; text-align: center; border-radius: 3px; color: var(--vscode-descriptionForeground); }
      .other button:hover { background: var(--vscode-toolbar-hoverBackground); color: var(--vscode-foreground); }
      .details { display: flex; flex-wrap: wrap; gap: 4px 24px; align-items: flex-start; justify-content: space-between; border-left: 2px solid var(--vscode-focusBorder); padding-left: 10px; margin-top: 12px; }
      .details > div { flex: 1 1 30ch; max-width: 72ch; }
      .details .apply { flex: 0 1 auto; display: flex; align-items: center; gap: 8px; }
      .actions { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: center; }
      headlight-curve { --curve-ground: var(--vscode-sideBar-background, var(--vscode-editor-background)); }
      :host([place='editor']) headlight-curve { --curve-ground: var(--vscode-editor-background); }
      /* A shadow at the right edge while there is more: the ground that lies over it at the end comes along. */
      .scroll { --ground: var(--vscode-sideBar-background, var(--vscode-editor-background)); overflow-x: auto; background: linear-gradient(to left, var(--ground) 40%, transparent) 100% 0 / 32px 100% no-repeat local, linear-gradient(to left, color-mix(in srgb, var(--vscode-foreground) 38%, transparent), transparent) 100% 0 / 12px 100% no-repeat scroll; }
      :host([place='editor']) .scroll { --ground: var(--vscode-editor-background); }
      .scroll table { white-space: nowrap; }
      .scroll .of-scenario > * { font-weight: 600; color: var(--vscode-foreground); border-block: 1px solid var(--line); }
      .scroll tbody th { color: inherit; }
      .scroll tr > :first-child { position: sticky; left: 0; background: var(--ground); }
      @container (max-width: 639px) { .scroll.designs tr > :first-child { min-width: 15ch; max-width: 15ch; white-space: normal; overflow-wrap: anywhere; } }
      .title { margin-bottom: 4px; }
      #curve-title { margin-bottom: 4px; }
      @container (min-width: 900px) { .under { display: grid; grid-template-columns: 1fr 1fr; gap: 40px; align-items: start; } .under:not(:has(.details)) { display: block; } .under section { margin-top: 12px; } .under .details > div { flex-basis: 100%; } }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  private leafing = false;
  @state() private choices: Choices = restoreChoices(restored(KEPT));
  @state() private candidates: readonly Candidate[] = [];
  /** Texts of the other configs, by the candidate's id. */
  @state() private texts: ReadonlyMap<string, PanelConfig> = new Map();
  private readonly actions = new Actions(this);

  private shown: Shown | null = null;

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
    void this.loadOthers();
  }

  protected override willUpdate(changed: ReadonlyMap<PropertyKey, unknown>): void {
    if (changed.has('panel') || changed.has('choices') || changed.has('texts')) this.shown = this.compute(changed);
  }

  /** Moving the cursor or choosing a row changes no number: what was computed stays. */
  private compute(changed: ReadonlyMap<PropertyKey, unknown>): Shown | null {
    const { followed, settings } = this.panel;
    if (!followed || !settings) return null;
    const before = changed.get('choices') as Choices | undefined;
    const { variants, latent, others } = this.choices;
    if (
      this.shown &&
      before &&
      !changed.has('panel') &&
      !changed.has('texts') &&
      before.variants === variants &&
      before.latent === latent &&
      before.others === others
    )
      return this.shown;
    const offers = offersOf(followed.reading.spec, this.choices);
    const requests = offers.filter((offer) => offer.shown).map((offer) => offer.request);
    const models: ComparedModel[] = [
      { name: null, title: this.panel.config?.name ?? '', reading: followed.reading, requests },
      ...this.otherReadings().map(({ name, reading }) => ({ name, reading, requests: [] })),
    ];
    const comparison = compareDesigns(models, settings.scenario, settings.device?.device ?? null);
    const range = contextRange(comparison);
    const label = (row: ComparisonRow): string => (row.id === '0' ? 'current' : row.label);
    return { offers, comparison, bars: barsOf(comparison), range, series: curveSeries(comparison, range, label) };
  }

  private otherReadings(): { readonly name: string; readonly reading: Reading }[] {
    return this.choices.others.flatMap((id) => {
      const config = this.texts.get(id);
      const reading = config && readModelConfig(config.text, readOptions(config, this.panel.settings));
      return config && reading && reading.spec.layers.length > 0 ? [{ name: config.name, reading }] : [];
    });
  }

  protected override render(): TemplateResult | typeof nothing {
    const { shown, choices } = this;
    if (!shown) return nothing;
    const { comparison, bars, range, series, offers } = shown;
    const table = comparisonTable(comparison);
    const row = comparison.rows.find((one) => one.id === choices.row) ?? comparison.rows[0];
    const scenarioTokens = comparison.scenario.workload.tokens;
    const cursorTokens = Math.min(range.most, Math.max(range.least, choices.cursorTokens ?? scenarioTokens));
    return html`
      <p class="title small">${table.title}</p>
      ${choices.asTable ? this.renderTable(comparison) : html`<headlight-bars .bars=${bars} .selected=${row?.id ?? null} @choose=${(event: CustomEvent<string>) => this.chooseRow(event.detail)}></headlight-bars>`}
      <div class="under">
      ${row && !choices.asTable ? this.renderDetails(row, comparison, bars) : nothing}
      <section aria-label="What is compared">
        <div class="what">
          <div class="chips">${offers.map((offer) => this.renderOffer(offer, offers))}</div>
          ${this.renderOthers()}
        </div>
        <p class="warn" role="alert">${this.actions.problem}</p>
      </section>
      </div>
      <section aria-labelledby="curve-title">
        <h2 id="curve-title">Cache over context</h2>
        ${
          series.length === 0
            ? html`<p class="small">Headlight does not fully understand any of these designs: what they cache is not known.</p>`
            : choices.asTable
              ? this.renderCurveTable(series, range, scenarioTokens)
              : html`<headlight-curve
          .series=${series}
          .range=${range}
          .chosen=${row?.id ?? null}
          .scenarioTokens=${scenarioTokens}
          .cursorTokens=${cursorTokens}
          @cursor=${(event: CustomEvent<number>) => this.change({ cursorTokens: event.detail })}
        ></headlight-curve>`
        }
      </section>
      <section class="actions" aria-label="Export the comparison">
        <button class="link" @click=${() => this.change({ asTable: !choices.asTable })}>${choices.asTable ? 'Show as charts' : 'Show as tables'}</button>
        <button class="link" @click=${() => void this.actions.copy('Markdown', () => comparisonMarkdown(comparison).source)}>Copy as Markdown</button>
        <button class="link" @click=${() => void this.actions.copy('CSV', () => comparisonCsv(comparison))}>Copy as CSV</button>
        <button class="link" @click=${() => void this.actions.savePicture('comparison.png', () => this.picture(shown))}>Save as PNG…</button>
        <span class="small" aria-hidden="true">${this.actions.done}</span>
      </section>
    `;
  }

  private renderOffer(offer: Offer, offers: readonly Offer[]): TemplateResult {
    const { request, text, label, shown, same } = offer;
    const toggle = html`<button class="chip" aria-pressed=${shown} ?disabled=${same} title=${same ? 'The model has this design already' : nothing} @click=${() => this.change({ variants: toggled(this.choices, offers, text) })}>${request.kind === 'mla' ? 'MLA' : label}</button>`;
    if (request.kind !== 'mla') return toggle;
    const width = (name: 'latentDim' | 'ropeDim', least: number, title: string): TemplateResult => html`<input
      type="number"
      aria-label=${title}
      title=${title}
      min=${least}
      max=${LATENT_BOUNDS.most}
      .value=${live(String(request[name]))}
      @change=${(event: Event) => this.changeLatent({ latentDim: request.latentDim, ropeDim: request.ropeDim, [name]: valueOf(event) }, offers, text)}
    />`;
    return html`<span class="latent">${toggle}${width('latentDim', 1, 'Latent width (kv_lora_rank)')}<span>+</span>${width('ropeDim', 0, 'Rotary key width (qk_rope_head_dim)')}</span>`;
  }

  private renderOthers(): TemplateResult {
    const { others } = this.choices;
    const free = this.candidates.filter(
      (candidate) => !others.includes(candidate.id) && candidate.id !== this.panel.config?.id,
    );
    const groups = (['editor', 'workspace', 'preset'] as const).flatMap((origin) => {
      const some = free.filter((candidate) => candidate.origin === origin);
      return some.length === 0
        ? []
        : [
            html`<optgroup label=${ORIGINS[origin]}>${some.map(({ id, name, detail }) => html`<option value=${id} title=${detail}>${name}</option>`)}</optgroup>`,
          ];
    });
    return html`<div class="others" @pointerenter=${() => void this.refreshCandidates()} @focusin=${() => void this.refreshCandidates()}>
      ${others.map((id) => {
        const name = this.texts.get(id)?.name ?? '…';
        return html`<span class="other"><span title=${name}>${name}</span><button aria-label="Remove ${name}" title="Remove ${name}" @click=${() => this.change({ others: others.filter((other) => other !== id) })}>×</button></span>`;
      })}
      ${
        others.length < MAX_OTHERS && groups.length > 0
          ? html`<select
            aria-label="Compare with another config; Enter adds it"
            @pointerdown=${() => (this.leafing = false)}
            @keydown=${(event: KeyboardEvent) => this.leafOrAdd(event)}
            @change=${(event: Event) => this.leafing || void this.addOther(event)}
            @blur=${(event: Event) => ((event.target as HTMLSelectElement).value = '')}
          ><option value="">Compare with…</option>${groups}</select>`
          : nothing
      }
    </div>`;
  }

  private renderDetails(row: ComparisonRow, comparison: Comparison, bars: Bars): TemplateResult {
    const [first, ...rest] = detailLines(row, comparison);
    const segments = bars.rows.find(({ id }) => id === row.id)?.segments ?? [];
    return html`<div class="details">
      <div>
        <h2>${row.label}</h2>
        <p>${first}</p>
        ${[...rest, segments.length > 1 ? segments.map(({ title }) => title).join(', ') : ''].map((line) => html`<p class="small">${line}</p>`)}
        ${row.model === 0 && row.request !== null && row.ratio !== null && row.ratio > 1 ? html`<button class="link" @click=${() => void this.measure('panel/measureConversion')}>Measure what it loses…</button>` : nothing}
        ${row.model === 0 && this.panel.settings?.native ? html`<button class="link" @click=${() => void this.measure('panel/measureDecode')}>Measure decode here…</button>` : nothing}
      </div>
      ${this.renderApply(row)}
    </div>`;
  }

  /** Only KV heads are a value of the config; anything else is another model. */
  private renderApply(row: ComparisonRow): TemplateResult | typeof nothing {
    const edits = this.editsOf(row);
    if (edits === null) return nothing;
    if (typeof edits === 'string') return html`<p class="apply small">Not applicable: ${edits}</p>`;
    const text = edits.map((edit) => `${edit.path.join('.')}: ${JSON.stringify(edit.value)}`).join(', ');
    return html`<p class="apply">${button({ label: 'Apply', run: () => void this.apply(row, edits), primary: true, title: text })} <span class="small">${text}</span></p>`;
  }

  private measure(what: 'panel/measureConversion' | 'panel/measureDecode'): Promise<void> {
    return this.actions.attempt(async () => void (await host.call(what, { id: this.panel.config?.id ?? '' })));
  }

  private editsOf(row: ComparisonRow): readonly ConfigEdit[] | string | null {
    const { followed, config } = this.panel;
    if (
      !followed ||
      !config?.editable ||
      followed.document.errors.length > 0 ||
      row.model !== 0 ||
      row.request === null ||
      row.request.kind === 'mla'
    )
      return null;
    const heads = row.plan.spec.layers
      .map((layer) => layer.attention)
      .find((attention) => attention.kind !== 'shared' && 'kvHeads' in attention);
    if (!heads || !('kvHeads' in heads)) return null;
    const conversion = convertHeads(followed.reading, heads.kvHeads);
    return typeof conversion === 'string' ? conversion : conversion.edits;
  }

  private async apply(row: ComparisonRow, edits: readonly ConfigEdit[]): Promise<void> {
    const { config } = this.panel;
    if (!config) return;
    await this.actions.attempt(async () => {
      await host.call('panel/apply', { id: config.id, version: config.version, edits });
      announce(this, `${row.label} applied to ${config.name}. Undo takes it back.`);
    });
  }

  private renderTable(comparison: Comparison): TemplateResult {
    const { columns, cells } = comparisonTable(comparison);
    return html`<div class="scroll designs" tabindex="0" role="region" aria-label="Comparison as a table">
      <table>
        <thead><tr>${columns.map(({ id, title, about }) => html`<th scope="col" class=${id === 'design' ? '' : 'number'} title=${about}>${title}</th>`)}</tr></thead>
        <tbody>${cells.map(([design, ...rest]) => html`<tr><th scope="row" title=${design ?? ''}>${design}</th>${rest.map((text) => html`<td class="number">${text}</td>`)}</tr>`)}</tbody>
      </table>
    </div>`;
  }

  private renderCurveTable(
    series: readonly CurveSeries[],
    range: ContextRange,
    scenarioTokens: number,
  ): TemplateResult {
    return html`<div class="scroll" tabindex="0" role="region" aria-label="Cache over context as a table">
      <table>
        <thead><tr><th scope="col">Tokens</th>${series.map(({ label }) => html`<th scope="col" class="number">${label}</th>`)}</tr></thead>
        <tbody>${curveTable(series, range, scenarioTokens).map(({ tokens, cells, ofScenario }) => html`<tr class=${ofScenario ? 'of-scenario' : ''} title=${ofScenario ? 'The context of the scenario' : nothing}><th scope="row">${tokens}</th>${cells.map((text) => html`<td class="number">${text}</td>`)}</tr>`)}</tbody>
      </table>
    </div>`;
  }

  private chooseRow(id: string): void {
    this.change({ row: id });
  }

  private changeLatent(
    latent: { readonly latentDim: number; readonly ropeDim: number },
    offers: readonly Offer[],
    text: string,
  ): void {
    const valid =
      Object.values(latent).every(
        (value) => Number.isSafeInteger(value) && value >= 0 && value <= LATENT_BOUNDS.most,
      ) && latent.latentDim >= 1;
    if (!valid) {
      this.actions.problem = `The latent can have 1 to ${formatInteger(LATENT_BOUNDS.most)} elements, and the rotary key 0 to ${formatInteger(LATENT_BOUNDS.most)}.`;
      this.requestUpdate();
      return;
    }
    this.actions.problem = '';
    const shown = offers.filter((offer) => offer.shown && offer.text !== text).map((offer) => offer.text);
    this.change({ latent, variants: [...shown, `mla:${latent.latentDim}+${latent.ropeDim}`] });
  }

  private async loadOthers(): Promise<void> {
    await this.actions.attempt(async () => {
      this.candidates = await host.call('panel/candidates', null);
      // What was kept may be gone: a file deleted, an editor closed.
      const known = this.choices.others.filter((id) => this.candidates.some((candidate) => candidate.id === id));
      if (known.length < this.choices.others.length) this.change({ others: known });
      await Promise.all(known.map((id) => this.loadOther(id)));
    });
  }

  /** Editors come and go: the list is asked for again before it is opened. */
  private async refreshCandidates(): Promise<void> {
    await this.actions.attempt(async () => {
      const candidates = await host.call('panel/candidates', null);
      if (JSON.stringify(candidates) !== JSON.stringify(this.candidates)) this.candidates = candidates;
    });
  }

  private async loadOther(id: string): Promise<void> {
    const config = await host.call('panel/candidate', { id });
    this.texts = new Map([...this.texts, [id, config]]);
  }

  /** Keys that lead through a closed list change it at each entry: only what Enter chooses is added. */
  private leafOrAdd(event: KeyboardEvent): void {
    // With Alt an arrow opens the list.
    this.leafing = !event.altKey && /^(Arrow.*|\S)$/.test(event.key);
    if (event.key === 'Enter') void this.addOther(event);
  }

  private async addOther(event: Event): Promise<void> {
    if (!(event.target instanceof HTMLSelectElement) || event.target.value === '') return;
    const id = event.target.value;
    event.target.value = '';
    await this.actions.attempt(async () => {
      await this.loadOther(id);
      const config = this.texts.get(id);
      const reading = config && readModelConfig(config.text, readOptions(config, this.panel.settings));
      if (!config || !reading || reading.spec.layers.length === 0) {
        this.actions.problem = `${config?.name ?? 'This file'} is not a model config.`;
        return;
      }
      this.change({ others: [...this.choices.others, id] });
      announce(this, `${config.name} added to the comparison`);
    });
  }

  private picture({ comparison, bars, series, range }: Shown): Promise<Uint8Array> {
    const title = `${this.panel.config?.name ?? ''}: ${comparisonTable(comparison).title}`;
    return comparisonPicture(this, title, bars, series, range);
  }

  private change(some: Partial<Choices>): void {
    this.choices = { ...this.choices, ...some };
    keep(KEPT, this.choices);
  }
}

const ORIGINS: Readonly<Record<Candidate['origin'], string>> = {
  editor: 'Open editors',
  workspace: 'Workspace',
  preset: 'Presets',
};

function valueOf(event: Event): number {
  return event.target instanceof HTMLInputElement ? event.target.valueAsNumber : Number.NaN;
}
