/** Patterns: the grid of heads, one head enlarged, and a pinned token over all heads. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import '../../charts/headGrid/element';
import { MEASURE_MEANINGS, MEASURE_TITLES, measureText, MEASURES, type Order } from '../../charts/headGrid/viewModel';
import { isExact } from '../../charts/heatmap/axis';
import '../../charts/heatmap/element';
import type { Heatmap, PinDetail, ReadCell, Readout } from '../../charts/heatmap/element';
import type { HeatmapModel, View } from '../../charts/heatmap/viewModel';
import { differenceText } from '../../charts/keyValues/viewModel';
import '../../charts/matrixTable';
import type { TableModel } from '../../charts/tableModel';
import { base, controls } from '../../styles/base';
import { keepLook, keptLook, rangeSelect, scaleNote, scaleSelect, select } from './look';
import { Memo } from './memo';
import {
  type GridHead, headMaxima, headSentence, type Look, measuresTable, notAllowed, type PatternGrid, patternGrid, patternTable, pieceOf, pinnedModel, rangeText, valueText, viewOf, zoomModel,
} from './models';
import type { HeadsResult, HeadsSession, HeadsState, LayerPatterns, Patterns } from './session';
import { headsStyles } from './styles';

interface PatternLook extends Look {
  readonly order: Order;
  readonly all: boolean;
}

const DEFAULT: PatternLook = { scale: 'linear', shared: true, ignoreFirst: false, order: 'position', all: false };

/** Cells on a side of a tile that is fetched for a zoom: more than a plot has pixels. */
const TILE = 768;

@customElement('headlight-heads-patterns')
export class HeadsPatterns extends LitElement {
  static override readonly styles = [base, controls, headsStyles];

  @property({ attribute: false }) session: HeadsSession | null = null;
  @property({ attribute: false }) heads: HeadsState | null = null;

  @state() private look: PatternLook = keptLook('patterns', DEFAULT);
  @state() private head = keptLook('chosen', { head: 0 }).head;
  @state() private minus: number | null = null;
  @state() private view: View | null = null;
  @state() private pinned: { readonly token: number; readonly side: 'row' | 'column' } | null = null;
  /** A finer part of the zoomed head, or a pinned token's row or column of a long context. */
  @state() private tile: { readonly of: string; readonly patterns: Patterns } | null = null;
  @state() private strip: { readonly of: string; readonly patterns: Patterns } | null = null;
  /** Reduced patterns whose first cell leaves the first token out. */
  @state() private headless: { readonly of: Patterns; readonly patterns: Patterns } | null = null;
  @state() private lost = '';
  @state() private showTable = false;

  @query('headlight-heatmap.main') private readonly zoomed!: Heatmap | null;

  private readonly memos = { grid: new Memo<PatternGrid | null>(), maxima: new Memo<number[]>(), zoom: new Memo<HeatmapModel>(), pinned: new Memo<HeatmapModel>(), table: new Memo<TableModel>(), view: new Memo<View>() };

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('heads');
    const result = this.heads?.result;
    if (changed.has('heads') && result != null && before?.result == null) this.view = keptZoom(result.ids.length);
    else if (before !== undefined && before?.result !== result) {
      // Another prompt has other tokens; another layer of the same prompt keeps what is looked at.
      if (before?.result?.ids !== result?.ids && before?.result?.prompt !== result?.prompt) this.pinned = null;
      this.zoomTo(null);
      this.tile = null;
      this.strip = null;
      this.lost = '';
      this.asked.clear();
    }
    const count = result?.patterns.heads ?? 0;
    if (count > 0 && this.head >= count) this.head = 0;
    if (this.minus !== null && this.minus >= count) this.minus = null;
  }

  protected override updated(): void {
    void this.fetchHeadless();
    void this.fetchTile();
    void this.fetchStrip();
  }

  protected override render(): TemplateResult | typeof nothing {
    const result = this.heads?.result;
    if (result == null || this.session === null) return nothing;
    const { look } = this;
    const layers = this.shownLayers(result);
    const grid = this.memos.grid.get([layers.length, layers[0], layers.at(-1), look], () => patternGrid(layers, look.all, look.order, look));
    if (grid === null) return nothing;
    return html`
      ${this.renderTools()}
      <div class="work">
        <div>${this.renderGrid(result, grid)}</div>
        <div class="zoom">${this.renderZoom(result, grid)}</div>
      </div>`;
  }

  private readonly single = new Memo<readonly LayerPatterns[]>();

  private shownLayers(result: HeadsResult): readonly LayerPatterns[] {
    if (this.look.all && (this.heads?.layers.length ?? 0) > 0) return this.heads?.layers ?? [];
    return this.single.get([result, this.headless, this.look.ignoreFirst], () => [this.current(result)]);
  }

  /** The result as it is looked at: reduced patterns without their first token are others. */
  private current(result: HeadsResult): LayerPatterns {
    const { headless } = this;
    return this.look.ignoreFirst && headless?.of === result.patterns ? { ...result, patterns: headless.patterns } : result;
  }

  private renderTools(): TemplateResult {
    const { look } = this;
    const orders: readonly (readonly [Order, string])[] = [['position', 'position'], ...MEASURES.map((name) => [name, MEASURE_TITLES[name]] as const)];
    return html`<div class="tools">
      ${select('show', look.all ? 'all' : 'one', [['one', 'this layer'], ['all', 'all layers']] as const, (value) => this.setAll(value === 'all'))}
      ${select('sort', look.order, orders, (order) => this.change({ order }))}
      ${scaleSelect(look.scale, (scale) => this.change({ scale }))}
      ${rangeSelect(look.shared, 'per head', (shared) => this.change({ shared }))}
      <label><input type="checkbox" .checked=${look.ignoreFirst} @change=${(event: Event) => this.change({ ignoreFirst: (event.target as HTMLInputElement).checked })} />ignore first token</label>
    </div>`;
  }

  private change(change: Partial<PatternLook>): void {
    this.look = { ...this.look, ...change };
    if (change.ignoreFirst !== undefined) this.zoomTo(null);
    keepLook('patterns', { ...this.look, all: false });
  }

  private setAll(all: boolean): void {
    this.change({ all });
    if (all) void this.session?.runLayers();
    else this.session?.cancel();
  }

  private renderGrid(result: HeadsResult, { model, heads }: PatternGrid): TemplateResult {
    const { look } = this;
    const count = this.heads?.model?.layers.length ?? 0;
    const there = this.heads?.layers.length ?? 0;
    const chosen = Math.max(0, heads.findIndex(({ layer, head }) => layer === result.layer && head === this.head));
    const other = this.minus === null ? -1 : heads.findIndex(({ layer, head }) => layer === result.layer && head === this.minus);
    const sorted = look.order === 'position' ? '' : `, highest ${MEASURE_TITLES[look.order]} first`;
    const columns = model.across === null ? '' : ` · a row for each layer, heads 0–${model.across - 1}`;
    const waits = look.all && there < count ? ` · ${there} of ${count} layers` : '';
    return html`
      <p class="above small">${heads.length} heads${sorted}${columns}${waits}${look.order === 'position' ? '' : html` · ${MEASURE_MEANINGS[look.order]}`}</p>
      <headlight-head-grid .model=${model} .chosen=${chosen} .other=${other} label="Heads${sorted}. Arrow keys choose one." @headlight-choose=${(event: CustomEvent<{ index: number; other: boolean }>) => this.choose(heads[event.detail.index], event.detail.other)}></headlight-head-grid>
      <headlight-legend .to=${look.shared ? differenceText(Math.max(...this.maxima(result))) : 'largest of each head'} note=${[scaleNote(look.scale), model.rows.count > 96 ? 'largest of each dot' : ''].filter((text) => text !== '').join(' · ')} hatched></headlight-legend>
      <button class="link small" aria-expanded=${this.showTable} @click=${() => (this.showTable = !this.showTable)}>${this.showTable ? 'Hide table' : 'Measures as table'}</button>
      ${this.showTable ? html`<headlight-matrix-table .model=${this.memos.table.get([heads], () => measuresTable(heads))}></headlight-matrix-table>` : nothing}`;
  }

  private maxima(result: HeadsResult): readonly number[] {
    const layer = this.current(result);
    return this.memos.maxima.get([layer.patterns, this.look.ignoreFirst], () => headMaxima(layer, this.look.ignoreFirst));
  }

  private choose(place: GridHead | undefined, other: boolean): void {
    const result = this.heads?.result;
    if (place === undefined || result == null) return;
    if (other && place.layer === result.layer) {
      this.minus = this.minus === place.head ? null : place.head;
      return;
    }
    this.head = place.head;
    keepLook('chosen', { head: place.head });
    if (place.layer !== result.layer) void this.session?.setLayer(place.layer);
  }

  private renderZoom(result: HeadsResult, { heads }: PatternGrid): TemplateResult {
    const { look, head, minus } = this;
    const layer = this.current(result);
    const tile = this.tile?.of === this.tileKey(result) ? this.tile.patterns : null;
    const patterns = tile ?? layer.patterns;
    const maxima = this.maxima(result);
    const most = look.shared ? Math.max(...maxima) : (maxima[head] ?? 0);
    const model = this.memos.zoom.get([patterns, head, minus, look.scale, most], () =>
      zoomModel({ patterns, attention: result.attention, head: tile === null ? head : 0, minus: minus === null ? null : tile === null ? minus : 1, scale: look.scale, most, pieces: result.pieces }),
    );
    const whole = viewOf(result.ids.length, look.ignoreFirst);
    const view = this.memos.view.get([this.view, whole.rows[0], whole.rows[1]], () => this.view ?? whole);
    const title = minus === null ? `Head ${head}` : `Head ${head} − head ${minus}`;
    const measures = heads.find((place) => place.layer === result.layer && place.head === head)?.measures ?? result.measures?.heads[head] ?? null;
    const group = measures !== null && result.k.count < result.patterns.heads ? html`<span>group <b>${measures.group}</b></span>` : '';
    return html`
      <div class="tools">
        <h2>${title}</h2>
        ${select('minus', minus === null ? '' : String(minus), [['', 'nothing'], ...Array.from({ length: result.patterns.heads }, (_, i) => [String(i), `head ${i}`] as const).filter(([i]) => i !== String(head))], (value) => (this.minus = value === '' ? null : Number(value)))}
        <span class="switch" role="group" aria-label="Zoom"><button aria-label="Zoom in" @click=${() => this.zoomed?.zoom(0.5)}>+</button><button aria-label="Zoom out" @click=${() => this.zoomed?.zoom(2)}>−</button><button @click=${() => this.zoomTo(null)}>all</button></span>
      </div>
      <p class="measures small">${group}${MEASURES.map((name) => html`<span title=${MEASURE_MEANINGS[name]}>${MEASURE_TITLES[name]} <b>${measureText(measures?.[name])}</b></span>`)}</p>
      <headlight-heatmap
        class="main" zoomable .model=${model} .view=${view} .highest=${640}
        .label=${`${title}, layer ${result.layer}: ${result.ids.length} queries by as many keys. ${measures === null ? '' : headSentence({ layer: result.layer, head, measures })}. Arrow keys read weights, plus and minus zoom, Enter pins a token.`}
        .hint=${'Point, or use the arrow keys; click pins'}
        .readout=${(cell: ReadCell) => this.readout(result, cell)}
        .table=${patternTable(model, `${title}, layer ${result.layer}: weights, a row for each query`, result)}
        @headlight-view=${(event: CustomEvent<View | null>) => this.zoomTo(event.detail)}
        @headlight-pin=${(event: CustomEvent<PinDetail>) => this.pin(event.detail)}
      ><headlight-legend slot="foot" kind=${model.map} from=${minus === null ? '0' : `−${differenceText(model.scale.most)}`} to=${differenceText(model.scale.most)} note=${[scaleNote(look.scale), isExact(model.rows) ? '' : 'largest of each dot'].filter((text) => text !== '').join(' · ')} hatched></headlight-legend></headlight-heatmap>
      ${this.lost === '' ? nothing : html`<p class="small warn">${this.lost} <button class="link" @click=${() => void this.session?.run()}>Run again</button></p>`}
      ${this.renderPinned(result)}`;
  }

  private readout(result: HeadsResult, { rows, columns, value }: ReadCell): Readout {
    const one = rows[1] - rows[0] === 1 && columns[1] - columns[0] === 1;
    const name = (window: readonly [number, number]): string => (window[1] - window[0] === 1 ? `${rangeText(window)} ${pieceOf(result, window[0])}` : rangeText(window));
    const what = Number.isNaN(value) ? 'not allowed' : `${valueText(value)}${one ? '' : ' at most'}`;
    const said = Number.isNaN(value) ? notAllowed(result.attention, rows[1] - 1, columns[0]) : what;
    return {
      text: html`<span class="key">query</span> ${name(rows)} <span class="key">→ key</span> ${name(columns)} · <strong>${what}</strong>`,
      sentence: `head ${this.head}, query ${name(rows)} to key ${name(columns)}: ${said}`,
    };
  }

  private pin({ row, column }: PinDetail): void {
    const side = column === null ? 'row' : 'column';
    const token = column ?? row;
    if (token === null) return;
    this.pinned = this.pinned?.token === token && this.pinned.side === side ? null : { token, side };
  }

  private renderPinned(result: HeadsResult): TemplateResult | typeof nothing {
    const { pinned, look } = this;
    if (pinned === null || pinned.token >= result.ids.length) return nothing;
    const { token, side } = pinned;
    const exact = isExact(result.patterns.rows);
    const patterns = exact ? result.patterns : this.strip?.of === this.stripKey(result) ? this.strip.patterns : null;
    const piece = pieceOf(result, token);
    const title = side === 'row' ? `What ${token} “${piece}” looks at, in every head` : `What looks at ${token} “${piece}”, in every head`;
    const model = patterns === null ? null : this.memos.pinned.get([patterns, token, side, look], () => pinnedModel(patterns, result.attention, token, side, result, look));
    return html`<section class="part" aria-label="Pinned token">
      <div class="tools">
        <h3>${title}</h3>
        <span class="switch" role="group" aria-label="Direction"><button aria-pressed=${side === 'row'} @click=${() => (this.pinned = { token, side: 'row' })}>looks at</button><button aria-pressed=${side === 'column'} @click=${() => (this.pinned = { token, side: 'column' })}>looked at by</button></span>
        <button class="link small" @click=${() => (this.pinned = null)}>Unpin</button>
      </div>
      ${model === null ? html`<p class="small">Reading the token’s ${side}</p>` : html`<headlight-heatmap
        class="pinned" .model=${model} .highest=${420} .label=${`${title}: a row for each head. Arrow keys read weights.`} .hint=${'A row for each head'}
        .readout=${(cell: ReadCell) => pinnedReadout(result, cell)}
        .table=${{ caption: title, corner: 'head', rows: model.rows.count, columns: model.columns.count, rowHead: String, columnHead: (at: number) => (exact ? `${at} ${pieceOf(result, at)}` : String(at)), cell: (row: number, at: number) => valueText(model.cells.data[row * model.cells.stride + at] ?? NaN) } satisfies TableModel}
        @headlight-pin=${(event: CustomEvent<PinDetail>) => { event.stopPropagation(); if (event.detail.row !== null) this.head = event.detail.row; }}
      ></headlight-heatmap>`}
    </section>`;
  }

  private zoomTo(view: View | null): void {
    this.view = view;
    keepLook('zoom', view === null ? {} : { top: view.rows[0], bottom: view.rows[1], left: view.columns[0], right: view.columns[1] });
  }

  private tileKey(result: HeadsResult): string {
    return `${result.capture} ${this.head} ${this.minus ?? ''} ${this.view?.rows.join('-') ?? ''} ${this.view?.columns.join('-') ?? ''}`;
  }

  private stripKey(result: HeadsResult): string {
    return `${result.capture} ${this.pinned?.token ?? ''} ${this.pinned?.side ?? ''}`;
  }

  /** What is zoomed into is fetched finer, where not every weight is here. */
  private async fetchTile(): Promise<void> {
    const { view, session } = this;
    const result = this.heads?.result;
    if (view === null || session === null || result == null || isExact(result.patterns.rows)) return;
    const of = this.tileKey(result);
    if (this.tile?.of === of || this.asked.has(of)) return;
    const heads = this.minus === null ? [this.head] : [this.head, this.minus];
    await this.fetch(of, () => session.tile(result.capture, heads, view.rows, view.columns, [TILE, TILE]), (patterns) => {
      if (of === this.tileKey(result)) this.tile = { of, patterns };
    });
  }

  private async fetchStrip(): Promise<void> {
    const { pinned, session } = this;
    const result = this.heads?.result;
    if (pinned === null || session === null || result == null || isExact(result.patterns.rows)) return;
    const of = this.stripKey(result);
    if (this.strip?.of === of || this.asked.has(of)) return;
    const count = result.ids.length;
    const own = [pinned.token, pinned.token + 1] as const;
    const heads = Array.from({ length: result.patterns.heads }, (_, head) => head);
    const [rows, columns] = pinned.side === 'row' ? [own, [0, count] as const] : [[0, count] as const, own];
    await this.fetch(of, () => session.tile(result.capture, heads, rows, columns, [TILE, TILE]), (patterns) => {
      if (of === this.stripKey(result)) this.strip = { of, patterns };
    });
  }

  private async fetchHeadless(): Promise<void> {
    const { session } = this;
    const result = this.heads?.result;
    if (!this.look.ignoreFirst || session === null || result == null) return;
    const { patterns, capture, ids } = result;
    if (isExact(patterns.rows) || this.headless?.of === patterns || this.asked.has(`${capture} headless`)) return;
    const heads = Array.from({ length: patterns.heads }, (_, head) => head);
    await this.fetch(`${capture} headless`, () => session.tile(capture, heads, [1, ids.length], [1, ids.length], [patterns.rows.count, patterns.columns.count]), (without) => (this.headless = { of: patterns, patterns: without }));
  }

  private readonly asked = new Set<string>();

  private async fetch(key: string, ask: () => Promise<Patterns>, take: (patterns: Patterns) => void): Promise<void> {
    this.asked.add(key);
    try {
      take(await ask());
      this.asked.delete(key);
    } catch (error) {
      // Not asked again until there is another result: it would fail again at every update.
      this.lost = error instanceof Error ? error.message : String(error);
    }
  }
}

/** What was zoomed into before a reload, if the prompt has it. */
function keptZoom(tokens: number): View | null {
  const { top, bottom, left, right } = keptLook('zoom', { top: -1, bottom: -1, left: -1, right: -1 });
  const fits = [[top, bottom], [left, right]].every(([start = -1, end = -1]) => Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= tokens);
  return fits ? { rows: [top, bottom], columns: [left, right] } : null;
}

function pinnedReadout(result: HeadsResult, { rows, columns, value }: ReadCell): Readout {
  const token = columns[1] - columns[0] === 1 ? `${columns[0]} ${pieceOf(result, columns[0])}` : rangeText(columns);
  const what = Number.isNaN(value) ? 'not allowed' : valueText(value);
  return { text: html`<span class="key">head</span> ${rangeText(rows)} · ${token} · <strong>${what}</strong>`, sentence: `head ${rangeText(rows)}, ${token}: ${what}` };
}
