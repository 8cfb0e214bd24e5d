/** One tensor: a heatmap in tiles that are read when they are looked at, and figures that are measured part by part. */

import { css, html, LitElement, nothing, type PropertyValues, svg, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { elementAt } from '../../src/model/elementAt';
import { joinStatistics, NO_VALUES, type TensorStatistics } from '../../src/insight/tensorStatistics';
import { formatExactBytes, formatInteger, formatSize, type Units } from '../../src/model/units';
import { isGivenUp, isRpcError, messageOf } from '../../src/shared/rpcError';
import type { AttentionMark } from '../../src/shared/weightsContract';
import '../charts/heatmap/element';
import type { ReadCell, Readout } from '../charts/heatmap/element';
import '../charts/heatmap/legend';
import { SCALES, type ScaleKind } from '../charts/heatmap/scale';
import type { HeatmapModel, View } from '../charts/heatmap/viewModel';
import { button } from '../parts/button';
import { loadingState, stateStyles } from '../parts/states';
import { announce, emit } from '../platform/announce';
import { base, controls, tables } from '../styles/base';
import { host } from './host';
import { type HeadRange, headRanges } from './marks';
import type { TensorList } from './tensorList';
import {
  barsOf,
  contains,
  figuresOf,
  matrixOf,
  positionText,
  readText,
  type ShownTile,
  tileModel,
  valueText,
  wholeView,
} from './tensorModel';

/** Cells on a side of a tile: more than a plot has pixels. */
const TILE = 384;
/** Elements of a part that is measured: a moment's work, after which it can be given up. */
const PART = 4 * 2 ** 20;
/** Larger tensors are measured when it is asked for. */
const UNASKED = 64 * 2 ** 20;
/** Zooming goes on for so long before it is read. */
const REST_MS = 120;
/** Name in the page's timeline: from the choice of a tensor to its first tile. */
const TILE_MEASURE = 'headlight:tile';

interface Measured {
  readonly statistics: TensorStatistics;
  /** Elements that were looked at. */
  readonly done: number;
  readonly running: boolean;
}

const UNMEASURED: Measured = { statistics: NO_VALUES, done: 0, running: false };

@customElement('headlight-tensor')
export class TensorView extends LitElement {
  static override readonly styles = [
    base,
    controls,
    tables,
    stateStyles,
    css`
      header { display: flex; gap: 8px; align-items: baseline; }
      h2 { flex: 1; overflow-wrap: anywhere; font-family: var(--vscode-editor-font-family, monospace); }
      .tools { display: flex; flex-wrap: wrap; gap: 4px 12px; align-items: center; margin: 6px 0; }
      .tools label { display: inline-flex; gap: 6px; align-items: center; }
      select { font: inherit; color: var(--vscode-dropdown-foreground); background: var(--vscode-dropdown-background); border: 1px solid var(--vscode-dropdown-border, var(--line)); height: 24px; max-width: 180px; }
      dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(104px, 1fr)); gap: 4px 12px; margin: 8px 0; }
      dt { color: var(--vscode-descriptionForeground); font-size: 12px; }
      dd { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
      svg { display: block; width: 100%; height: 72px; }
      .bar { fill: var(--vscode-charts-blue); }
      .zero { stroke: var(--vscode-descriptionForeground); stroke-width: 1; vector-effect: non-scaling-stroke; }
      .ends { display: flex; justify-content: space-between; font-size: 12px; color: var(--vscode-descriptionForeground); font-variant-numeric: tabular-nums; }
    `,
  ];

  @property({ attribute: false }) list: TensorList | null = null;
  @property() version = '';
  @property({ type: Number }) tensor = -1;
  @property({ attribute: false }) mark: AttentionMark | null = null;
  @property() units: Units = 'GiB';

  /** Of the whole tensor, and of the part that is looked at. */
  @state() private whole: ShownTile | null = null;
  @state() private detail: ShownTile | null = null;
  @state() private view: View | null = null;
  @state() private problem = '';
  @state() private measured: Measured = UNMEASURED;
  @state() private measuring = '';
  @state() private scale: ScaleKind = 'linear';
  @state() private showBars = false;

  private looking: AbortController | null = null;
  private counting: AbortController | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private shown: {
    readonly of: ShownTile;
    readonly mark: AttentionMark | null;
    readonly scale: ScaleKind;
    readonly model: HeatmapModel;
  } | null = null;

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('tensor') && !changed.has('version') && !changed.has('list')) return;
    this.stop();
    this.whole = this.detail = this.view = null;
    this.problem = this.measuring = '';
    this.measured = UNMEASURED;
    void this.begin();
  }

  private stop(): void {
    clearTimeout(this.timer);
    this.looking?.abort();
    this.counting?.abort();
  }

  private get shape(): readonly number[] {
    return this.list === null || this.tensor < 0 ? [] : this.list.shapeOf(this.tensor);
  }

  private get count(): number {
    return this.list === null || this.tensor < 0 ? 0 : elementAt(this.list.elements, this.tensor);
  }

  private async begin(): Promise<void> {
    if (this.list === null || this.tensor < 0) return;
    if (this.count === 0) {
      this.problem = 'The tensor is empty: one of its dimensions is 0.';
      return;
    }
    const start = performance.now();
    const tensor = this.tensor;
    await this.look(wholeView(matrixOf(this.shape)), (tile) => (this.whole = tile));
    if (this.tensor !== tensor || this.whole === null) return;
    const read = performance.now() - start;
    await this.updateComplete;
    requestAnimationFrame(() => performance.measure(TILE_MEASURE, { start, end: performance.now(), detail: { read } }));
    if (this.count <= UNASKED) void this.measureAll();
  }

  private async look(view: View, take: (tile: ShownTile) => void): Promise<void> {
    this.looking?.abort();
    const looking = (this.looking = new AbortController());
    const { version, tensor } = this;
    try {
      const tile = await host.call(
        'editor/tile',
        { version, tensor, rows: view.rows, columns: view.columns, size: [TILE, TILE] },
        { signal: looking.signal },
      );
      if (!looking.signal.aborted) take({ tile, view });
    } catch (error) {
      if (!looking.signal.aborted) this.fail(error, (message) => (this.problem = message));
    }
  }

  private fail(error: unknown, show: (message: string) => void): void {
    if (isGivenUp(error)) return;
    if (isRpcError(error) && error.code === 'conflict') emit(this, 'headlight-changed');
    else show(messageOf(error));
  }

  /** Part by part, from where it was stopped. */
  private async measureAll(): Promise<void> {
    this.counting?.abort();
    const counting = (this.counting = new AbortController());
    const { version, tensor, count } = this;
    this.measuring = '';
    try {
      for (let from = this.measured.done; from < count; from = this.measured.done) {
        const to = Math.min(count, from + PART);
        this.measured = { ...this.measured, running: true };
        const part = await host.call('editor/statistics', { version, tensor, from, to }, { signal: counting.signal });
        if (counting.signal.aborted) return;
        this.measured = { statistics: joinStatistics(this.measured.statistics, part), done: to, running: to < count };
      }
      announce(this, `Statistics of ${formatInteger(count)} values computed`);
    } catch (error) {
      if (counting.signal.aborted) return;
      this.measured = { ...this.measured, running: false };
      this.fail(error, (message) => (this.measuring = message));
    }
  }

  private cancel(): void {
    this.counting?.abort();
    this.measured = { ...this.measured, running: false };
  }

  protected override render(): TemplateResult | typeof nothing {
    const { list, tensor } = this;
    if (list === null || tensor < 0) return nothing;
    const name = list.nameOf(tensor);
    const mark = list.markTextOf(tensor);
    return html`<article aria-label=${name} @keydown=${(event: KeyboardEvent) => this.onKey(event)}>
      <header><h2>${name}</h2>${button({ label: 'Close', run: () => emit(this, 'headlight-close') })}</header>
      <p class="small">${list.typeOf(tensor)} · ${this.shape.join(' × ') || 'scalar'} · ${formatInteger(this.count)} weights · ${formatExactBytes(list.bytesOf(tensor))} · ${list.fileOf(tensor)}</p>
      ${mark === '' ? nothing : html`<p>Layer ${this.mark?.layer}: ${mark}</p>`}
      ${this.problem === '' ? this.renderPicture(name) : html`<p class="error" role="alert">${this.problem}</p>`}
      ${this.renderFigures()}
    </article>`;
  }

  private onKey(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    emit(this, 'headlight-close');
  }

  private renderPicture(name: string): TemplateResult {
    const tile = this.current();
    if (tile === null) return loadingState(`Reading ${name}`);
    const model = this.modelOf(tile);
    const most = valueText(model.scale.most);
    const matrix = matrixOf(this.shape);
    const ranges = headRanges(this.mark);
    return html`
      <div class="tools">
        ${ranges.length === 0 ? nothing : this.renderHeads(ranges)}
        <label>scale <select @change=${(event: Event) => this.setScale((event.target as HTMLSelectElement).value)}>${SCALES.map((kind) => html`<option ?selected=${kind === this.scale}>${kind}</option>`)}</select></label>
        ${this.view === null ? nothing : html`<button class="link" @click=${() => this.zoom(null)}>Whole tensor</button>`}
      </div>
      <headlight-heatmap zoomable .model=${model} .view=${this.view} .extent=${matrix} .highest=${420}
        .label=${`${name}: ${matrix[0]} rows by ${matrix[1]} columns. Arrow keys read values, plus and minus zoom, Shift and arrows move.`}
        .readout=${(cell: ReadCell) => this.readout(cell)} .hint=${'Point, or use the arrow keys; Ctrl and wheel, or + and −, zoom'}
        @headlight-view=${(event: CustomEvent<View | null>) => this.zoom(event.detail)}
      ><headlight-legend slot="foot" kind="diverging" from=${valueText(-model.scale.most)} to=${most} note=${this.scale === 'linear' ? '' : this.scale}></headlight-legend></headlight-heatmap>
      <p class="small">${readText(tile)}</p>`;
  }

  private renderHeads(ranges: readonly HeadRange[]): TemplateResult {
    const at = ranges.findIndex(({ along, range }) => {
      const shown = this.view?.[along];
      return shown?.[0] === range[0] && shown[1] === range[1];
    });
    return html`<label>of <select @change=${(event: Event) => this.toHead(ranges, Number((event.target as HTMLSelectElement).value))}>
      <option value="-1" ?selected=${at < 0}>all heads</option>${ranges.map(({ name }, i) => html`<option value=${i} ?selected=${i === at}>${name}</option>`)}
    </select></label>`;
  }

  private toHead(ranges: readonly HeadRange[], at: number): void {
    const head = ranges[at];
    this.zoom(head === undefined ? null : { ...wholeView(matrixOf(this.shape)), [head.along]: head.range });
  }

  private setScale(value: string): void {
    this.scale = SCALES.find((kind) => kind === value) ?? 'linear';
  }

  /** The part that was read for what is looked at; until it is there, that of the whole. */
  private current(): ShownTile | null {
    const { detail, view, whole } = this;
    return detail !== null && view !== null && contains(detail.view, view) ? detail : whole;
  }

  /** The same model as long as nothing of it is another: the picture is drawn once. */
  private modelOf(of: ShownTile): HeatmapModel {
    const { mark, scale, shown } = this;
    if (shown?.of === of && shown.mark === mark && shown.scale === scale) return shown.model;
    const model = tileModel(of, mark, scale);
    this.shown = { of, mark, scale, model };
    return model;
  }

  private zoom(view: View | null): void {
    const whole = wholeView(matrixOf(this.shape));
    this.view = view !== null && contains(view, whole) ? null : view;
    clearTimeout(this.timer);
    const wanted = this.view;
    if (wanted === null) return;
    this.timer = setTimeout(() => void this.look(wanted, (tile) => (this.detail = tile)), REST_MS);
  }

  private readout({ rows, columns, value }: ReadCell): Readout {
    const places = `${positionText('row', rows, this.mark)}, ${positionText('column', columns, this.mark)}`;
    const many = rows[1] - rows[0] > 1 || columns[1] - columns[0] > 1;
    return {
      text: html`<strong>${valueText(value)}</strong>${many ? ' (farthest from 0)' : ''} ${places}`,
      sentence: `${valueText(value)}, ${places}`,
    };
  }

  private renderFigures(): TemplateResult | typeof nothing {
    const { measured, measuring, count, list, tensor } = this;
    if (measuring !== '') return html`<p class="error" role="alert">${measuring}</p>`;
    if (count === 0 || list === null || this.problem !== '') return nothing;
    const { done, running, statistics } = measured;
    const rest = done < count;
    const some = done > 0;
    return html`
      ${
        running
          ? loadingState(`${formatInteger(done)} of ${formatInteger(count)} values read for statistics`, done / count, [
              { label: 'Cancel', run: () => this.cancel() },
            ])
          : rest && this.whole !== null
            ? html`<div class="tools">${button({
                label: some
                  ? 'Compute statistics of the rest'
                  : `Compute statistics of all ${formatInteger(count)} values`,
                run: () => void this.measureAll(),
              })}<span class="small">reads ${formatSize((list.bytesOf(tensor) * (count - done)) / count)}</span></div>`
            : nothing
      }
      ${
        some
          ? html`<dl>${figuresOf(statistics).map(({ name, text, wrong }) => html`<div><dt>${name}</dt><dd class=${wrong ? 'error' : ''}>${text}</dd></div>`)}</dl>
            ${rest ? html`<p class="small">Of the first ${formatInteger(done)} values.</p>` : nothing}
            ${this.renderBars(statistics)}`
          : nothing
      }`;
  }

  private renderBars(statistics: TensorStatistics): TemplateResult | typeof nothing {
    const bars = barsOf(statistics);
    const [first, last] = [bars[0], bars.at(-1)];
    if (first === undefined || last === undefined) return nothing;
    const span = last.to - first.from;
    const zero = (-first.from / span) * 100;
    const highest = bars.reduce((best, bar) => (bar.count > best.count ? bar : best));
    return html`<figure>
      <svg viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="Histogram from ${valueText(first.from)} to ${valueText(last.to)}; most values lie from ${valueText(highest.from)} to ${valueText(highest.to)}.">
        ${bars.map((bar, i) => svg`<rect class="bar" x=${(i * 100) / bars.length} y=${100 - bar.height * 98} width=${90 / bars.length} height=${bar.height * 98}></rect>`)}
        ${zero >= 0 && zero <= 100 ? svg`<line class="zero" x1=${zero} x2=${zero} y1="0" y2="100"></line>` : nothing}
      </svg>
      <div class="ends"><span>${valueText(first.from)}</span><span>${valueText(last.to)}</span></div>
      <button class="link small" aria-expanded=${this.showBars} @click=${() => (this.showBars = !this.showBars)}>${this.showBars ? 'Hide table' : 'Show as table'}</button>
      ${
        this.showBars
          ? html`<table><thead><tr><th scope="col" class="number">from</th><th scope="col" class="number">below</th><th scope="col" class="number">values</th></tr></thead>
        <tbody>${bars.map(({ from, to, count }) => html`<tr><td class="number">${valueText(from)}</td><td class="number">${valueText(to)}</td><td class="number">${formatInteger(count)}</td></tr>`)}</tbody></table>`
          : nothing
      }
    </figure>`;
  }
}
