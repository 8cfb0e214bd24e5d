/**
 * MLA step by step, and plain attention without and with a cache: one picture of real matrices that changes with each step. Arrow keys
 * step; with a matrix focused they move over its cells, and Page keys step.
 */

import { css, html, LitElement, nothing, svg, type SVGTemplateResult, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import type { Rgb } from '../charts/heatmap/colour';
import { onThemeChange, readTheme } from '../charts/heatmap/theme';
import { type CellChoice, type CellPlace, MatrixElement } from '../charts/matrix/element';
import { renderName } from '../charts/matrix/render';
import { cellSize, GAP, type LineItem, type MatrixModel, sizeText } from '../charts/matrix/viewModel';
import { button } from '../parts/button';
import { announce } from '../platform/announce';
import { keep, restored } from '../platform/host';
import type { PanelState, PanelStore } from '../platform/store';
import { base, controls, numbers, tables } from '../styles/base';
import { type CostTable, latentCosts, plainCosts } from './mla/costs';
import { latentWalk } from './mla/latentWalk';
import { plainWalk } from './mla/plainWalk';
import { LECTURE, restoreSettings, SIZE_BOUNDS, type Sizes, sizesProblem, type WalkKind, WALKS, type WalkSettings } from './mla/settings';
import { type Band, cellText, differenceText, knownColumns, knownRows, litWith, matrixOf, multiplications, type Operation, partOf, valueTable, type Walk, type WalkMatrix } from './mla/walk';

const KEPT = 'mla';
const SIDE_BY_SIDE_FROM = 720;
const MOST_LINKS = 6;
const BANDS: readonly Band[] = ['shared', 'left', 'right', 'end'];
const WALK_TITLES: Readonly<Record<WalkKind, string>> = { mla: 'MLA', plain: 'Plain, without and with a cache' };

interface Focus extends CellPlace {
  readonly id: string;
}

/** A line from an operand to the result. */
interface Link {
  readonly path: string;
}

@customElement('headlight-mla')
export class MlaView extends LitElement {
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
      .said { min-height: calc(3 * 18px + 22px); }
      @container (min-width: 480px) { .said { min-height: calc(2 * 18px + 22px); } }
      @container (min-width: 900px) { .said { min-height: calc(18px + 22px); } }
      .said p { line-height: 18px; }
      .formulas { display: flex; flex-wrap: wrap; gap: 0 24px; line-height: 20px; min-height: 20px; font-variant-numeric: tabular-nums; }
      .formulas sub { font-size: 9px; line-height: 0; }
      .readout { min-height: 34px; line-height: 17px; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; color: var(--vscode-descriptionForeground); }
      .readout.live { color: var(--vscode-foreground); }
      .picture { position: relative; padding: 10px 0 4px 8px; overflow-x: auto; overflow-y: hidden; }
      .links { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; pointer-events: none; }
      .link-line { fill: none; stroke: var(--vscode-focusBorder); stroke-width: 1.5; }
      .band { display: flex; flex-wrap: wrap; column-gap: 40px; }
      .sides { display: grid; grid-template-columns: minmax(0, 1fr); gap: 14px 32px; margin: 14px 0; }
      .sides.beside { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
      .side h2, .count { position: relative; z-index: 1; width: fit-content; background: var(--matrix-ground); }
      .side h2 { line-height: 20px; margin-bottom: 4px; }
      .line { display: flex; gap: ${GAP}px; margin-bottom: 12px; align-items: flex-start; }
      .line headlight-matrix { flex: none; }
      .count { line-height: 18px; min-height: 18px; }
      .equal { display: flex; flex-wrap: wrap; gap: 0 24px; min-height: 22px; line-height: 22px; }
      .mark { color: var(--vscode-charts-purple); }
      .values { overflow-x: auto; margin-top: 8px; }
      .values table { width: auto; }
      .costs { margin-top: 12px; overflow-x: auto; }
      .costs th[scope='row'] { color: inherit; white-space: normal; min-width: 9ch; }
      .costs thead th { white-space: normal; vertical-align: bottom; }
      .costs table { width: auto; min-width: min(100%, 480px); }
      .costs th, .costs td { padding-right: 12px; }
      .costs tr > :last-child { padding-right: 0; }
      @container (max-width: 400px) { .costs table { font-size: 12px; } .costs th, .costs td { padding-right: 8px; } }
      .costs td.number { white-space: nowrap; }
      .costs.now { border-left: 2px solid var(--vscode-focusBorder); padding-left: 10px; }
      summary { line-height: 22px; cursor: pointer; }
      .settings { display: grid; grid-template-columns: repeat(auto-fill, minmax(132px, 1fr)); gap: 6px 16px; margin: 6px 0; max-width: 760px; }
      .settings label { display: block; }
      .settings label > span { display: block; color: var(--vscode-descriptionForeground); font-size: 12px; }
      .settings .wide { grid-column: span 2; }
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
  @state() private links: readonly Link[] = [];
  @state() private problem = '';
  @state() private asTables = false;

  private stopTheme: (() => void) | undefined;
  private shownOnce = false;
  private readonly observer = new ResizeObserver(([entry]) => {
    if (entry) this.width = Math.floor(entry.contentRect.width);
  });

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
    this.observer.observe(this);
    this.readColours();
    this.stopTheme = onThemeChange(() => this.readColours());
    this.addEventListener('keydown', this.onKey);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.observer.disconnect();
    this.stopTheme?.();
    this.removeEventListener('keydown', this.onKey);
  }

  private get step(): number {
    return Math.max(0, this.walk.steps.findIndex((step) => step.id === this.settings.step));
  }

  protected override render(): TemplateResult {
    const { walk, step, settings } = this;
    const beside = this.width >= SIDE_BY_SIDE_FROM;
    const cell = this.cellSize(beside);
    return html`
      <div class="walks" role="group" aria-label="Walk">
        ${WALKS.map((kind) => html`<button aria-pressed=${kind === settings.walk} @click=${() => this.change({ walk: kind, step: null })}>${WALK_TITLES[kind]}</button>`)}
      </div>
      ${this.renderStepper()}
      <div class="picture">
        <svg class="links" aria-hidden="true">${this.links.map(({ path }) => renderLink(path))}</svg>
        ${this.renderBand('shared', cell)}
        <div class="sides ${beside ? 'beside' : ''}">
          ${(['left', 'right'] as const).map(
            (band) => html`<section class="side" aria-label=${walk.sides[band]}>
              <h2>${walk.sides[band]}</h2>
              ${this.renderBand(band, cell)}
              <p class="small count">${this.countText(band)}</p>
            </section>`,
          )}
        </div>
        ${this.renderBand('end', cell)}
        <p class="equal">${walk.measured.filter(({ from }) => walk.steps.findIndex((one) => one.id === from) <= step).map(({ what, difference }) => html`<span>${what}: largest difference <strong class="figures">${differenceText(difference)}</strong></span>`)}</p>
        <p class="small"><span class="mark">◆</span> kept between tokens · blue is below zero, orange above${settings.walk === 'plain' ? ' · dashed rows are computed again' : ''}</p>
      </div>
      <button class="link" aria-pressed=${this.asTables} @click=${() => (this.asTables = !this.asTables)}>${this.asTables ? 'Hide the tables' : 'Show the values of this step as tables'}</button>
      ${this.asTables ? this.renderTables() : nothing}
      ${this.renderCosts()} ${this.renderSettings()}
    `;
  }

  protected override updated(): void {
    void this.drawLinks();
  }

  private renderStepper(): TemplateResult {
    const { walk, step } = this;
    const { title, sentence, operations } = walk.steps[step] ?? { title: '', sentence: '', operations: [] };
    const count = walk.steps.length;
    return html`<div class="stepper">
      <div class="controls">
        ${button({ label: '‹', name: 'Step back', title: 'Step back (←)', run: () => this.go(step - 1), idle: step === 0 })}
        ${button({ label: '›', name: 'Step forward', title: 'Step forward (→)', run: () => this.go(step + 1), idle: step === count - 1 })}
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
        <p>${sentence}</p>
      </div>
      <p class="formulas small">${formulasOf(operations).map((operation) => this.renderFormula(operation))}</p>
      <p class="readout small ${this.cursor ? 'live' : ''}">${this.readout()}</p>
    </div>`;
  }

  private renderFormula({ text, result, left, right, rows }: Operation): TemplateResult {
    const parts = text.split(/(\w+_\w+)/).map((part) => (/^\w+_\w+$/.test(part) ? renderName(part) : part));
    const size = (id: string): string => {
      const { grid, weight } = matrixOf(this.walk, id);
      const known = weight ? grid.rows : Math.max(1, knownRows(this.walk, id, this.step));
      return `${known} × ${grid.columns}`;
    };
    const made = `${rows[1] - rows[0]} × ${knownColumns(this.walk, result, this.step)}`;
    const operands = [left, right].filter((id) => id !== undefined).map(size);
    return html`<span>${parts}${operands.length === 2 ? html` <span class="quiet">(${made} from ${operands.join(' and ')})</span>` : nothing}</span>`;
  }

  private renderBand(band: Band, cell: number): TemplateResult {
    return html`<div class="band">${linesOf(this.walk, band).map((line) => html`<div class="line">${line.map((matrix) => this.renderMatrix(matrix, cell))}</div>`)}</div>`;
  }

  private renderMatrix(matrix: WalkMatrix, cell: number): TemplateResult {
    const model = this.modelOf(matrix);
    const kept = matrix.cached ? ', kept between tokens' : '';
    const describe = `${matrix.name.replace('_', ' ')}: ${matrix.about}, ${sizeText(model)}${kept}${model.known === 0 ? ', not computed yet' : ''}. Arrow keys read its cells.`;
    return html`<headlight-matrix
      data-id=${matrix.id}
      .model=${model}
      .colours=${this.colours}
      .cell=${cell}
      .labelPixels=${rowLabelPixels(matrix)}
      .focusable=${model.role !== 'none'}
      .describe=${describe}
      @cell=${(event: CustomEvent<CellChoice | null>) => this.look(matrix.id, event.detail)}
    ></headlight-matrix>`;
  }

  private modelOf({ id, name, about, grid, causal, cached, rowNames }: WalkMatrix): MatrixModel {
    const { walk, step, cursor } = this;
    const { role, rows, again } = partOf(walk, id, step);
    const lit = cursor ? litWith(walk, cursor.id, cursor.row, cursor.column, step).filter((one) => one.id === id) : [];
    return {
      id,
      name,
      about,
      rows: grid.rows,
      columns: grid.columns,
      values: grid.values,
      known: knownRows(walk, id, step),
      knownColumns: knownColumns(walk, id, step),
      causal,
      cached,
      role,
      // At the end it is about what is kept.
      quiet: role === 'none' && !(cached && walk.steps[step]?.operations.length === 0),
      active: rows,
      again,
      rowLabels: id === 'x' ? rowNames : null,
      lit,
      cursor: cursor?.id === id ? cursor : null,
    };
  }

  private readout(): string {
    const { cursor } = this;
    return cursor ? cellText(this.walk, cursor.id, cursor.row, cursor.column, this.step) : 'Point at a cell, or Tab to a matrix and use the arrow keys, to see how it comes about.';
  }

  private countText(band: 'left' | 'right'): string {
    const { all, again } = multiplications(this.walk, this.step, band);
    if (all === 0) return '';
    return `${all} multiplications${again > 0 ? `, ${again} of them for what was known before` : ''}`;
  }

  /** What takes part in the step, as numbers. */
  private renderTables(): TemplateResult[] {
    return this.walk.matrices.flatMap((matrix) => {
      const model = this.modelOf(matrix);
      if (model.quiet || model.known === 0) return [];
      const { rows, columns } = valueTable(matrix, model.known, model.knownColumns);
      return [
        html`<div class="values" tabindex="0" role="region" aria-label="Values of ${matrix.name.replace('_', ' ')}">
          <table>
            <caption>${renderName(matrix.name)}: ${matrix.about}, ${sizeText(model)}</caption>
            <thead><tr><th scope="col"><span class="visually-hidden">Row</span></th>${columns.map((name) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
            <tbody>${rows.map(({ name, cells }) => html`<tr><th scope="row">${name}</th>${cells.map((text) => html`<td class="number">${text}</td>`)}</tr>`)}</tbody>
          </table>
        </div>`,
      ];
    });
  }

  private renderCosts(): TemplateResult {
    const { title, columns, rows, note } = this.costs();
    return html`<div class="costs ${this.step === this.walk.steps.length - 1 ? 'now' : ''}" tabindex="0" role="region" aria-label=${title}>
      <table>
        <caption>${title}</caption>
        <thead><tr><th scope="col"><span class="visually-hidden">Of</span></th>${columns.map((column) => html`<th scope="col" class="number">${column}</th>`)}<th scope="col" class="number"><span class="visually-hidden">Factor</span></th></tr></thead>
        <tbody>${rows.map(({ what, left, right, ratio }) => html`<tr><th scope="row">${what}</th><td class="number">${left}</td><td class="number">${right}</td><td class="number">${ratio}</td></tr>`)}</tbody>
      </table>
      <p class="small">${note}</p>
    </div>`;
  }

  private costs(): CostTable {
    const { settings, panel, walk } = this;
    const reading = panel.followed?.reading ?? null;
    const scenario = panel.settings?.scenario ?? null;
    return settings.walk === 'mla' ? latentCosts(settings, reading, scenario) : plainCosts(settings, walk, reading, scenario);
  }

  private renderSettings(): TemplateResult {
    const { settings } = this;
    const sizes = (Object.keys(SIZE_BOUNDS) as (keyof Sizes)[]).filter((name) => settings.walk === 'mla' || name === 'heads' || name === 'headDim');
    return html`<details>
      <summary>Sizes and words</summary>
      <div class="settings">
        <label class="wide"><span>Prompt, a word is a token</span><input type="text" maxlength="200" .value=${live(settings.prompt)} @change=${(event: Event) => this.change({ prompt: textOf(event) })} /></label>
        <label><span>New token</span><input type="text" maxlength="40" .value=${live(settings.newToken)} @change=${(event: Event) => this.change({ newToken: textOf(event) })} /></label>
        ${sizes.map((name) => this.renderSize(name))}
        <label><span>Head that is shown</span><select @change=${(event: Event) => this.change({ head: Number(textOf(event)) })}>
          ${Array.from({ length: settings.sizes.heads }, (_, head) => html`<option value=${head} ?selected=${head === settings.head}>${head + 1}</option>`)}
        </select></label>
      </div>
      <p class="warn" role="alert">${this.problem}</p>
      <button class="link" @click=${() => this.change({ ...LECTURE, walk: settings.walk, step: settings.step })}>As in the lecture</button>
      <p class="small">Values are random, with two decimals, and the same every time; a word has the same row everywhere. All is computed in float64.</p>
    </details>`;
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
    this.problem = '';
    const step = this.walk.steps[this.step]?.id ?? null;
    this.settings = { ...this.settings, step, ...some };
    this.walk = walkOf(this.settings);
    this.cursor = null;
    keep(KEPT, this.settings);
  }

  private go(step: number, tell = true): void {
    const next = this.walk.steps[Math.max(0, Math.min(this.walk.steps.length - 1, step))];
    if (!next || next.id === (this.settings.step ?? this.walk.steps[0]?.id)) return;
    this.settings = { ...this.settings, step: next.id };
    this.cursor = null;
    keep(KEPT, this.settings);
    // The slider says its own text.
    if (tell) announce(this, `${next.title}. ${next.sentence}`);
    void this.updateComplete.then(() => this.showResult());
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const target = event.composedPath()[0];
    const typing = target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
    if (typing && !(target instanceof HTMLInputElement && target.type === 'range' && event.key.startsWith('Page'))) return;
    const { step } = this;
    const next = { ArrowRight: step + 1, ArrowLeft: step - 1, PageDown: step + 1, PageUp: step - 1, Home: 0, End: this.walk.steps.length - 1 }[event.key];
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

  private cellSize(beside: boolean): number {
    const room = this.width - 16;
    const side = beside ? (room - 32) / 2 : room;
    const itemsOf = (line: readonly WalkMatrix[]): LineItem[] =>
      line.map((matrix) => ({
        columns: matrix.grid.columns,
        labelCharacters: Math.max(matrix.name.replace('_', '').length + (matrix.cached ? 1 : 0), `${matrix.grid.rows} × ${matrix.grid.columns}`.length),
        rowLabelPixels: rowLabelPixels(matrix),
      }));
    return cellSize(BANDS.flatMap((band) => linesOf(this.walk, band).map((line) => ({ items: itemsOf(line), width: band === 'left' || band === 'right' ? side : room }))));
  }

  private elementOf(id: string): MatrixElement | null {
    const found = this.renderRoot.querySelector(`headlight-matrix[data-id="${id}"]`);
    return found instanceof MatrixElement ? found : null;
  }

  /** Lines from what is read to what is made, behind the matrices. */
  private async drawLinks(): Promise<void> {
    await Promise.all([...this.renderRoot.querySelectorAll('headlight-matrix')].map((element) => (element instanceof MatrixElement ? element.updateComplete : null)));
    const picture = this.renderRoot.querySelector('.picture')?.getBoundingClientRect();
    if (!picture || this.width === 0) return;
    if (!this.shownOnce) {
      this.shownOnce = true;
      // A walk that comes back where it was.
      if (this.step > 0) this.showResult();
    }
    const links = (this.walk.steps[this.step]?.operations ?? []).flatMap(({ result, left, right, base: added }): Link[] => {
      const to = this.elementOf(result)?.box;
      if (!to) return [];
      return [left, right, added].flatMap((id): Link[] => {
        const from = id === undefined ? null : this.elementOf(id)?.box;
        return from ? [{ path: linkPath(from, to, this.elementOf(result)?.getBoundingClientRect().top ?? to.top, picture) }] : [];
      });
    });
    // Many lines would only tangle: the frames say what takes part.
    if (links.length > MOST_LINKS) links.length = 0;
    if (links.map(({ path }) => path).join() !== this.links.map(({ path }) => path).join()) this.links = links;
  }

  /** Keeps the result of a step in sight, below the stepper that stays at the top. */
  private showResult(): void {
    const operations = this.walk.steps[this.step]?.operations ?? [];
    const boxes = operations.flatMap(({ result }) => this.elementOf(result)?.box ?? []);
    const stepper = this.renderRoot.querySelector('.stepper')?.getBoundingClientRect();
    if (boxes.length === 0 || !stepper) return;
    const top = Math.min(...boxes.map((box) => box.top)) - 40;
    const bottom = Math.max(...boxes.map((box) => box.bottom)) + 24;
    const calm = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
    const by = top < stepper.bottom ? top - stepper.bottom : bottom > window.innerHeight ? Math.min(bottom - window.innerHeight, top - stepper.bottom) : 0;
    if (by !== 0) window.scrollBy({ top: by, behavior: calm ? 'instant' : 'smooth' });
  }
}

function walkOf(settings: WalkSettings): Walk {
  return settings.walk === 'mla' ? latentWalk(settings) : plainWalk(settings);
}

function linesOf(walk: Walk, band: Band): WalkMatrix[][] {
  const lines: WalkMatrix[][] = [];
  for (const matrix of walk.matrices) if (matrix.band === band) (lines[matrix.line] ??= []).push(matrix);
  return lines.filter((line) => line !== undefined);
}

const LABEL_CHARACTER = 6.2;

/** The tokens' words stand beside X alone. */
function rowLabelPixels({ id, rowNames }: WalkMatrix): number {
  return id === 'x' && rowNames ? Math.min(90, Math.ceil(Math.max(...rowNames.map((name) => name.length)) * LABEL_CHARACTER) + 8) : 0;
}

/** The same operation on both sides is written once. */
function formulasOf(operations: readonly Operation[]): Operation[] {
  return operations.filter((operation, index) => operations.findIndex((other) => other.text === operation.text) === index);
}

/** From the nearest edge of an operand to the nearest edge of a result (whose name begins at `top`), in the picture's coordinates. */
function linkPath(from: DOMRect, to: DOMRect, top: number, picture: DOMRect): string {
  const x = (value: number): string => (value - picture.left).toFixed(0);
  const y = (value: number): string => (value - picture.top).toFixed(0);
  const middle = (box: DOMRect): readonly [number, number] => [box.left + box.width / 2, box.top + box.height / 2];
  const [fromX, fromY] = middle(from);
  const [toX, toY] = middle(to);
  if (from.bottom < to.top) return `M${x(fromX)} ${y(from.bottom)}C${x(fromX)} ${y((from.bottom + top) / 2)} ${x(toX)} ${y((from.bottom + top) / 2)} ${x(toX)} ${y(top)}`;
  if (to.bottom < from.top) return `M${x(fromX)} ${y(from.top)}C${x(fromX)} ${y((from.top + to.bottom) / 2)} ${x(toX)} ${y((from.top + to.bottom) / 2)} ${x(toX)} ${y(to.bottom)}`;
  const [start, end] = fromX < toX ? [from.right, to.left] : [from.left, to.right];
  return `M${x(start)} ${y(fromY)}C${x((start + end) / 2)} ${y(fromY)} ${x((start + end) / 2)} ${y(toY)} ${x(end)} ${y(toY)}`;
}

function renderLink(path: string): SVGTemplateResult {
  return svg`<path class="link-line" d=${path}></path>`;
}

function textOf(event: Event): string {
  return event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement ? event.target.value : '';
}
