/**
 * Attention step by step, without and with a KV cache, and as MLA: each step's operation with its real matrices, and below it one picture
 * of all of them, in which each has its place. Arrow keys step, Space plays; with a matrix focused arrows move over its cells, and Page
 * keys step.
 */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { formatInteger } from '../../src/model/units';
import type { Rgb } from '../charts/heatmap/colour';
import { onThemeChange, readTheme } from '../charts/heatmap/theme';
import '../charts/matrix/element';
import { renderName } from '../charts/matrix/render';
import {
  type CellChoice,
  type CellPlace,
  cellSize,
  LEAST_CELL,
  magnitudeOf,
  type MatrixModel,
  sizeText,
  SMALL,
} from '../charts/matrix/viewModel';
import { button } from '../parts/button';
import { announce } from '../platform/announce';
import { keep, restored } from '../platform/editorApi';
import { prefersCalm } from '../platform/motion';
import type { PanelState, PanelStore } from '../platform/store';
import { followWidth } from '../platform/width';
import { base, controls, numbers, tables } from '../styles/base';
import { type CostTable, latentCosts, plainCosts } from './steps/costs';
import { latentWalk } from './steps/latentWalk';
import { plainWalk } from './steps/plainWalk';
import {
  LECTURE,
  restoreSettings,
  SIZE_BOUNDS,
  type Sizes,
  sizesProblem,
  type WalkKind,
  WALKS,
  type WalkSettings,
} from './steps/settings';
import type { StagePart } from './steps/equation';
import {
  cellText,
  labelPixels,
  lineItem,
  type Lit,
  litWith,
  type Stage,
  staged,
  STAGE_GAP,
  stageOf,
  type StageSide,
  unstaged,
} from './steps/stage';
import {
  type Band,
  differenceText,
  knownColumns,
  knownRows,
  matrixOf,
  multiplications,
  partOf,
  valueTable,
  type Walk,
  type WalkMatrix,
} from './steps/walk';

const KEPT = 'steps';
const SIDE_BY_SIDE_FROM = 720;
/** Pixels that the operations of a step may leave empty. */
const MOST_RESERVED = 230;
/** How long a step stands while they play. */
const PLAY_MS = 500;
/** Left and right of the picture, for the marks of what is kept and for frames. */
const EDGE = 16;
/** What Space presses. */
const PRESSED = 'button, vscode-button, summary';
const BANDS: readonly Band[] = ['shared', 'left', 'right'];
const WALK_TITLES: Readonly<Record<WalkKind, string>> = { kvCache: 'KV cache', mla: 'MLA' };

interface Focus extends CellPlace {
  readonly id: string;
}

@customElement('headlight-steps')
export class StepsView extends LitElement {
  static override readonly styles = [
    base,
    numbers,
    controls,
    tables,
    css`
      :host { container-type: inline-size; --matrix-ground: var(--vscode-sideBar-background, var(--vscode-editor-background)); padding-top: 8px; }
      :host([place='editor']) { --matrix-ground: var(--vscode-editor-background); }
      .walks { display: flex; flex-wrap: wrap; gap: 4px 16px; margin-bottom: 4px; }
      .walks button { padding: 2px 0; border-bottom: 1px solid transparent; color: var(--vscode-descriptionForeground); }
      .walks button[aria-pressed='true'] { color: var(--vscode-foreground); border-bottom-color: var(--vscode-panelTitle-activeBorder, var(--vscode-focusBorder)); }
      .stepper { position: sticky; top: 31px; z-index: 3; background: var(--matrix-ground); padding: 4px 0 6px; border-bottom: 1px solid var(--line); }
      .controls { display: flex; align-items: center; gap: 8px; }
      .controls vscode-button::part(base) { padding: 0 8px; min-width: 28px; }
      input[type='range'] { flex: 1 1 auto; min-width: 60px; max-width: 420px; height: 22px; margin: 0; appearance: none; background: none; }
      input[type='range']::-webkit-slider-runnable-track { height: 2px; background: color-mix(in srgb, var(--vscode-foreground) 30%, transparent); }
      input[type='range']::-webkit-slider-thumb { appearance: none; width: 12px; height: 12px; margin-top: -5px; border-radius: 50%; background: var(--vscode-focusBorder); }
      .controls .figures { white-space: nowrap; }
      sub { font-size: 9px; line-height: 0; }
      .said { padding-top: 2px; min-height: calc(3 * 18px + 22px); }
      .said p { line-height: 18px; overflow-wrap: anywhere; }
      /* What the letters mean and what a cell is made of have one place: nothing moves below the pointer. */
      .readout { display: grid; line-height: 17px; min-height: calc(3 * 17px); overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
      .readout > * { grid-area: 1 / 1; }
      .readout .live { color: var(--vscode-foreground); background: var(--matrix-ground); }
      @container (min-width: 480px) { .said { min-height: calc(2 * 18px + 22px); } .readout { min-height: calc(2 * 17px); } }
      @container (min-width: 900px) { .said { min-height: calc(18px + 22px); } }
      .sides { display: grid; grid-template-columns: minmax(0, 1fr); gap: 6px ${STAGE_GAP}px; align-content: start; }
      .sides.beside { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
      .stage, .picture { padding: 8px ${EDGE / 2}px 0; overflow: auto hidden; }
      .stage h2 { line-height: 20px; }
      .line { display: flex; gap: ${SMALL.gap}px; margin-bottom: 8px; }
      .stage .line { gap: 3px; align-items: center; }
      .line headlight-matrix { flex: none; }
      /* As high as what stands above a matrix: so its middle is that of the cells. */
      .sign { flex: none; min-width: 12px; margin-top: 32px; line-height: 14px; font-size: 12px; text-align: center; white-space: nowrap; }
      .sign div:only-child { font-size: 14px; font-weight: 600; }
      .picture { --size-font: 10px; border-top: 1px solid var(--line); }
      .picture .band { display: flex; flex-wrap: wrap; column-gap: ${EDGE}px; }
      .picture h2 { line-height: 18px; margin-bottom: 4px; font-size: 12px; }
      .count { line-height: 17px; }
      .equal strong { white-space: nowrap; }
      .equal { display: flex; flex-wrap: wrap; gap: 0 24px; min-height: 22px; line-height: 22px; }
      .mark { color: var(--vscode-charts-purple); }
      .values { position: relative; overflow-x: auto; margin-top: 8px; }
      .values table { width: auto; }
      .costs { position: relative; margin-top: 12px; overflow-x: auto; }
      .costs th[scope='row'] { color: inherit; white-space: normal; min-width: 9ch; }
      .costs thead th { white-space: normal; vertical-align: bottom; }
      .costs table { width: auto; min-width: min(100%, 480px); }
      .costs th, .costs td { padding-right: 12px; }
      .costs tr > :last-child { padding-right: 0; }
      @container (max-width: 400px) { .costs table { font-size: 11px; } .costs th, .costs td { padding-right: 4px; } .costs th[scope='row'] { min-width: 0; } }
      .costs td.number { white-space: nowrap; }
      .costs.now { border-left: 2px solid var(--vscode-focusBorder); padding-left: 6px; }
      summary { line-height: 22px; cursor: pointer; }
      .settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 6px 16px; margin: 6px 0; max-width: 760px; }
      .settings label { display: block; }
      .settings label > span { display: block; color: var(--vscode-descriptionForeground); font-size: 12px; }
      .settings .prompt { grid-column: span 2; }
      input[type='number'], input[type='text'], select { font: inherit; width: 100%; height: 24px; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--vscode-contrastBorder, var(--line))); border-radius: 2px; padding: 0 4px; }
      select { color: var(--vscode-dropdown-foreground); background: var(--vscode-dropdown-background); border-color: var(--vscode-dropdown-border, var(--vscode-contrastBorder, var(--line))); }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  @state() private settings: WalkSettings = restoreSettings(restored(KEPT));
  @state() private walk: Walk = walkOf(this.settings);
  @state() private width = 0;
  @state() private cursor: Focus | null = null;
  @state() private colours: readonly Rgb[] = [];
  @state() private problem = '';
  @state() private asTables = false;
  /** The timer of the steps that play; null: they stand. */
  @state() private playing: ReturnType<typeof setInterval> | null = null;

  /** Of every step. */
  private stages: readonly Stage[] = [];
  private picture = { cell: 0, beside: false };
  private lit: readonly Lit[] = [];
  private stopTheme: (() => void) | undefined;

  constructor() {
    super();
    followWidth(this, (width) => (this.width = width));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
    this.readColours();
    this.stopTheme = onThemeChange(() => this.readColours());
    this.addEventListener('keydown', this.onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopTheme?.();
    this.stop();
  }

  private get step(): number {
    return Math.max(
      0,
      this.walk.steps.findIndex((step) => step.id === this.settings.step),
    );
  }

  protected override willUpdate(changed: PropertyValues): void {
    const { walk, cursor, step } = this;
    this.lit = cursor ? litWith(walk, cursor.id, cursor.row, cursor.column, step) : [];
    if (!changed.has('walk') && !changed.has('width')) return;
    this.stages = walk.steps.map((_, at) => stageOf(walk, at, this.width - EDGE));
    this.picture = this.pictureLook();
  }

  protected override render(): TemplateResult {
    const { walk, step, settings } = this;
    const { cell, beside } = this.picture;
    const last = step === walk.steps.length - 1;
    const outcome = html`
      <p class="equal">${walk.measured.filter(({ from }) => walk.steps.findIndex((one) => one.id === from) <= step).map(({ what, difference }) => html`<span>${what}: largest difference <strong class="figures">${differenceText(difference)}</strong></span>`)}</p>
      ${last ? this.renderCosts() : nothing}
    `;
    return html`
      <div class="walks" role="group" aria-label="Walkthrough">
        ${WALKS.map((kind) => html`<button aria-pressed=${kind === settings.walk} @click=${() => this.change({ walk: kind, step: null })}>${WALK_TITLES[kind]}</button>`)}
      </div>
      ${this.renderStepper()} ${this.renderStage(last)} ${last ? outcome : nothing}
      <div class="picture" role="group" aria-label="All matrices, each in its place">
        ${this.renderBand('shared', cell)}
        <div class="sides ${beside ? 'beside' : ''}">
          ${(['left', 'right'] as const).map((band) => html`<section aria-label=${walk.sides[band]}><h2>${walk.sides[band]}</h2>${this.renderBand(band, cell)}</section>`)}
        </div>
      </div>
      <p class="small">
        <span class="mark">◆</span> kept between tokens · blue is below zero, orange above${settings.walk === 'kvCache' ? ' · dashed: recomputed' : ''} · point at a cell, or Tab to a matrix, to see its sum
      </p>
      ${last ? nothing : outcome}
      <button class="link" aria-pressed=${this.asTables} @click=${() => (this.asTables = !this.asTables)}>${this.asTables ? 'Hide the tables' : 'Show the values of this step as tables'}</button>
      ${this.asTables ? this.renderTables() : nothing} ${last ? nothing : this.renderCosts()} ${this.renderSettings()}
    `;
  }

  /** The step's operations. As high as the highest, so that what is below stays where it is. */
  private renderStage(last: boolean): TemplateResult {
    const { stages, step, walk } = this;
    const { columns = [], beside = false, cell = 0, labelled = false } = stages[step] ?? {};
    const height = last ? 0 : Math.min(MOST_RESERVED, Math.max(...stages.map((stage) => stage.height)));
    return html`<div class="stage sides ${beside ? 'beside' : ''}" .style=${`min-height: ${height}px`}>
      ${columns.map(
        ({ side, equations }) => html`<section>
          ${side === 'both' ? nothing : html`<h2>${walk.sides[side]}</h2>`}
          ${equations.map(
            (parts) =>
              html`<div class="line">${parts.map((part, index) => html`${part.sign.length > 0 ? html`<span class="sign">${part.sign.map((text) => html`<div>${text}</div>`)}</span>` : nothing}${this.renderPart(part, cell, labelled && index === 0)}`)}</div>`,
          )}
          <p class="small count">${this.countText(side)}</p>
        </section>`,
      )}
    </div>`;
  }

  private renderStepper(): TemplateResult {
    const { walk, step } = this;
    const { title = '', sentence = '' } = walk.steps[step] ?? {};
    const count = walk.steps.length;
    return html`<div class="stepper">
      <div class="controls">
        ${button({ label: '‹', name: 'Step back', title: 'Step back (←)', run: () => this.go(step - 1), idle: step === 0 })}
        ${button({ label: '›', name: 'Step forward', title: 'Step forward (→)', run: () => this.go(step + 1), idle: step === count - 1 })}
        ${prefersCalm() ? nothing : this.renderPlay()}
        <input
          type="range"
          min="1"
          max=${count}
          .value=${String(step + 1)}
          aria-label="Step"
          aria-valuetext="Step ${step + 1} of ${count}: ${title}. ${sentence}"
          @input=${(event: Event) => this.go(event.target instanceof HTMLInputElement ? event.target.valueAsNumber - 1 : step, false)}
        />
        <span class="figures small">${step + 1} of ${count}</span>
      </div>
      <div class="said">
        <h2>${title}</h2>
        <p>${named(sentence)}</p>
      </div>
      <p class="readout small"><span>${this.renderLetters()}</span>${this.cursor ? html`<span class="live">${this.readout()}</span>` : nothing}</p>
    </div>`;
  }

  private renderPlay(): TemplateResult {
    const playing = this.playing !== null;
    return button({
      label: playing ? '❚❚' : '▶\uFE0E',
      name: playing ? 'Pause' : 'Play',
      title: playing ? 'Pause (Space)' : 'Play, half a second per step (Space)',
      run: () => this.togglePlay(),
    });
  }

  /** What the letters of the step mean. */
  private renderLetters(): TemplateResult[] {
    const parts = (this.stages[this.step]?.columns ?? []).flatMap(({ equations }) => equations.flat());
    const letters = new Map(parts.map(({ id }) => matrixOf(this.walk, id)).map(({ name, about }) => [name, about]));
    if (parts.some(({ turned }) => turned)) letters.set('ᵀ', 'rows become columns');
    return [...letters].map(
      ([name, about], index) => html`${index > 0 ? ' · ' : ''}<strong>${renderName(name)}</strong> ${named(about)}`,
    );
  }

  private renderBand(band: Band, cell: number): TemplateResult {
    return html`<div class="band">${linesOf(this.walk, band).map((line) => html`<div class="line">${line.map((matrix) => this.renderMatrix(this.modelOf(matrix), cell, this.rowLabelPixels(matrix), null))}</div>`)}</div>`;
  }

  private renderPart(part: StagePart, cell: number, labelled: boolean): TemplateResult {
    return this.renderMatrix(
      staged(this.modelOf(matrixOf(this.walk, part.id)), part, labelled),
      cell,
      labelled ? labelPixels(part.rowNames) : 0,
      part,
    );
  }

  /** In the picture, or as a part of an operation. */
  private renderMatrix(model: MatrixModel, cell: number, labels: number, part: StagePart | null): TemplateResult {
    const { id, name, about } = model;
    const describe = `${name.replace('_', ' ')}: ${about}, ${sizeText(model)}${model.cached ? ', kept between tokens' : ''}${model.known === 0 ? ', not computed yet' : ''}${part ? '. Arrow keys read its cells.' : ''}`;
    return html`<headlight-matrix
      .model=${model}
      .colours=${this.colours}
      .cell=${cell}
      .labelPixels=${labels}
      .focusable=${part !== null}
      .describe=${describe}
      @cell=${({ detail }: CustomEvent<CellChoice | null>) => this.look(id, detail && part ? unstaged(part, detail) : detail)}
    ></headlight-matrix>`;
  }

  private modelOf(matrix: WalkMatrix): MatrixModel {
    const { id, name, about, grid, causal, cached, rowNames } = matrix;
    const { walk, step, cursor } = this;
    const { role, rows, again } = partOf(walk, id, step);
    const known = knownRows(walk, id, step);
    const width = knownColumns(walk, id, step);
    return {
      id,
      name,
      about,
      rows: grid.rows,
      columns: grid.columns,
      values: grid.values,
      known,
      knownColumns: width,
      magnitude: magnitudeOf({ values: grid.values, known, knownColumns: width, columns: grid.columns, causal }),
      causal,
      cached,
      role,
      // At the end it is about what is kept.
      quiet: role === 'none' && !(cached && walk.steps[step]?.operations.length === 0),
      active: rows,
      again,
      rowLabels: this.rowLabelPixels(matrix) > 0 ? rowNames : null,
      lit: this.lit.filter((one) => one.id === id),
      cursor: cursor?.id === id ? cursor : null,
    };
  }

  private readout(): string {
    const { cursor } = this;
    return cursor ? cellText(this.walk, cursor.id, cursor.row, cursor.column, this.step) : '';
  }

  private countText(side: StageSide): string {
    const { all, again } = multiplications(this.walk, this.step, side === 'both' ? 'shared' : side);
    if (all === 0) return '';
    return `${formatInteger(all)} multiplications${again > 0 ? `, ${formatInteger(again)} of them repeated` : ''}`;
  }

  /** What takes part in the step, as numbers. */
  private renderTables(): TemplateResult[] {
    return this.walk.matrices.flatMap((matrix) => {
      const model = this.modelOf(matrix);
      if (model.quiet || model.known === 0) return [];
      const { rows, columns } = valueTable(matrix, model.known, model.knownColumns);
      const { name, about, band } = matrix;
      const side = band === 'shared' ? '' : `, ${this.walk.sides[band]}`;
      return [
        tableOf(
          'values',
          `Values of ${name.replace('_', ' ')}${side}`,
          html`${renderName(name)}: ${about}, ${sizeText(model)}${side}`,
          columns,
          rows,
        ),
      ];
    });
  }

  private renderCosts(): TemplateResult {
    const { title, columns, rows, note } = this.costs();
    const cells = rows.map(({ what, left, right, ratio }) => ({ name: what, cells: [left, right, ratio] }));
    return tableOf(
      `costs ${this.step === this.walk.steps.length - 1 ? 'now' : ''}`,
      title,
      title,
      [...columns, html`<span class="visually-hidden">Factor</span>`],
      cells,
      note,
    );
  }

  private costs(): CostTable {
    const { settings, panel, walk } = this;
    const reading = panel.followed?.reading ?? null;
    const scenario = panel.settings?.scenario ?? null;
    const name = panel.config?.name ?? '';
    return settings.walk === 'mla'
      ? latentCosts(settings, reading, scenario, name)
      : plainCosts(settings, walk, reading, scenario, name);
  }

  private renderSettings(): TemplateResult {
    const { settings } = this;
    const sizes = (Object.keys(SIZE_BOUNDS) as (keyof Sizes)[]).filter(
      (name) => settings.walk === 'mla' || name === 'heads' || name === 'headDim',
    );
    return html`<details>
      <summary>Sizes and words</summary>
      <div class="settings">
        ${this.renderWords('prompt', 'Prompt (each word is a token)')} ${this.renderWords('newToken', 'New token')}
        ${sizes.map((name) => this.renderSize(name))}
        <label><span>Head that is shown</span><select @change=${(event: Event) => this.change({ head: Number(textOf(event)) })}>
          ${Array.from({ length: settings.sizes.heads }, (_, head) => html`<option value=${head} ?selected=${head === settings.head}>${head + 1}</option>`)}
        </select></label>
      </div>
      <p class="warn" role="alert">${this.problem}</p>
      <button class="link" @click=${() => this.change({ ...LECTURE, walk: settings.walk, step: settings.step })}>Reset the example</button>
      <p class="small">Values are random numbers with two decimals, the same every time; a word has the same row wherever it appears. Everything is computed in float64.</p>
    </details>`;
  }

  private renderWords(name: 'prompt' | 'newToken', title: string): TemplateResult {
    return html`<label class=${name}><span>${title}</span><input type="text" maxlength="200" .value=${live(this.settings[name])} @change=${(event: Event) => this.change({ [name]: textOf(event) })} /></label>`;
  }

  private renderSize(name: keyof Sizes): TemplateResult {
    const { least, most, step, title } = SIZE_BOUNDS[name];
    return html`<label><span>${title}</span><input type="number" min=${least} max=${most} step=${step} .value=${live(String(this.settings.sizes[name]))} @change=${(event: Event) => this.resize(name, Number(textOf(event)))} /></label>`;
  }

  private resize(name: keyof Sizes, value: number): void {
    const sizes = { ...this.settings.sizes, [name]: value };
    const problem = sizesProblem(sizes);
    if (problem !== null) {
      this.problem = problem;
      return;
    }
    this.change({ sizes, head: Math.min(this.settings.head, sizes.heads - 1) });
  }

  private change(some: Partial<WalkSettings>): void {
    this.stop();
    this.problem = '';
    const step = this.walk.steps[this.step]?.id ?? null;
    this.settings = { ...this.settings, step, ...some };
    this.walk = walkOf(this.settings);
    this.cursor = null;
    keep(KEPT, this.settings);
  }

  private go(step: number, tell = true): void {
    this.stop();
    if (!this.stand(step)) return;
    // The slider says its own text.
    if (tell) this.tellStep();
    const held = this.renderRoot.querySelector(':focus') !== null;
    void this.updateComplete.then(() => this.showStage(held));
  }

  /** False where there is no such step, or it is this one. */
  private stand(step: number): boolean {
    const next = this.walk.steps[step];
    if (!next || step === this.step) return false;
    this.settings = { ...this.settings, step: next.id };
    this.cursor = null;
    keep(KEPT, this.settings);
    return true;
  }

  private tellStep(): void {
    const { title = '', sentence = '' } = this.walk.steps[this.step] ?? {};
    announce(this, `${title}. ${sentence}`);
  }

  /** Steps that play are not said aloud, each would cut off the one before; where they stop is. From the end they begin again. */
  private togglePlay(): void {
    if (this.playing !== null) {
      this.stop();
      this.tellStep();
      return;
    }
    const last = this.walk.steps.length - 1;
    if (this.step === last) this.stand(0);
    this.showStage(false);
    announce(this, 'Playing');
    this.playing = setInterval(() => {
      this.stand(this.step + 1);
      if (this.step < last) return;
      this.stop();
      this.tellStep();
    }, PLAY_MS);
  }

  private stop(): void {
    if (this.playing !== null) clearInterval(this.playing);
    this.playing = null;
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0];
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (
      typing &&
      !(
        target instanceof HTMLInputElement &&
        target.type === 'range' &&
        (event.key === ' ' || event.key.startsWith('Page'))
      )
    )
      return;
    // On a button Space presses it.
    if (event.key === ' ' && !event.composedPath().some((one) => one instanceof Element && one.matches(PRESSED))) {
      event.preventDefault();
      if (!prefersCalm()) this.togglePlay();
      return;
    }
    const { step } = this;
    const next = {
      ArrowRight: step + 1,
      ArrowLeft: step - 1,
      PageDown: step + 1,
      PageUp: step - 1,
      Home: 0,
      End: this.walk.steps.length - 1,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.go(next);
  };

  private look(id: string, place: CellChoice | null): void {
    if (place) {
      this.cursor = { id, row: place.row, column: place.column };
      if (place.byKeyboard) announce(this, this.readout());
    } else if (this.cursor?.id === id) this.cursor = null;
  }

  private readColours(): void {
    this.colours = readTheme(this).map('diverging').colours;
  }

  /** In the picture the tokens' words stand beside X alone, where cells are large enough to read them. */
  private rowLabelPixels({ id, rowNames }: WalkMatrix): number {
    return id === 'x' && this.width >= SIDE_BY_SIDE_FROM ? labelPixels(rowNames) : 0;
  }

  private pictureLook(): { readonly cell: number; readonly beside: boolean } {
    const room = this.width - EDGE;
    const look = (side: number): readonly [number, boolean] =>
      cellSize(
        BANDS.flatMap((band) =>
          linesOf(this.walk, band).map((line) => ({
            items: line.map((matrix) => lineItem(matrix, this.rowLabelPixels(matrix))),
            width: band === 'shared' ? room : side,
          })),
        ),
        SMALL,
      );
    const [cell, fits] = look((room - STAGE_GAP) / 2);
    const beside = this.width >= SIDE_BY_SIDE_FROM || (fits && cell > LEAST_CELL);
    return { cell: beside ? cell : look(room)[0], beside };
  }

  /** Keeps the operation in sight, below the stepper that stays at the top, and the focus on a matrix that a step took away in the view. */
  private showStage(held: boolean): void {
    const { renderRoot } = this;
    const stage = renderRoot.querySelector('.stage')?.getBoundingClientRect();
    const stepper = renderRoot.querySelector('.stepper')?.getBoundingClientRect();
    if (!stage || !stepper) return;
    if (held && renderRoot.querySelector(':focus') === null)
      renderRoot.querySelector('input')?.focus({ preventScroll: true });
    if (stage.top < stepper.bottom || stage.bottom > window.innerHeight)
      window.scrollBy({ top: stage.top - stepper.bottom, behavior: prefersCalm() ? 'instant' : 'smooth' });
  }
}

interface NamedRow {
  readonly name: string;
  readonly cells: readonly string[];
}

function tableOf(
  kind: string,
  label: string,
  caption: unknown,
  columns: readonly unknown[],
  rows: readonly NamedRow[],
  note = '',
): TemplateResult {
  return html`<div class=${kind} tabindex="0" role="region" aria-label=${label}>
    <table>
      <caption>${caption}</caption>
      <thead><tr><th scope="col"><span class="visually-hidden">Row</span></th>${columns.map((column) => html`<th scope="col" class="number">${column}</th>`)}</tr></thead>
      <tbody>${rows.map(({ name, cells }) => html`<tr><th scope="row">${name}</th>${cells.map((text) => html`<td class="number">${text}</td>`)}</tr>`)}</tbody>
    </table>
    <p class="small">${note}</p>
  </div>`;
}

function walkOf(settings: WalkSettings): Walk {
  return settings.walk === 'mla' ? latentWalk(settings) : plainWalk(settings);
}

function linesOf(walk: Walk, band: Band): WalkMatrix[][] {
  const lines: WalkMatrix[][] = [];
  for (const matrix of walk.matrices) if (matrix.band === band) (lines[matrix.line] ??= []).push(matrix);
  return lines.filter((line) => line !== undefined);
}

/** A sentence with its matrices as they are written elsewhere. */
function named(sentence: string): (string | TemplateResult)[] {
  return sentence.split(/([A-Za-z]_\w+ᵀ?)/).map((part, index) => (index % 2 === 1 ? renderName(part) : part));
}

function textOf(event: Event): string {
  return event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement
    ? event.target.value
    : '';
}
