/** Patterns: the grid of heads, one head enlarged, and a pinned token over all heads. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import '../../charts/headGrid/element';
import type { GridChoice } from '../../charts/headGrid/element';
import { MEASURE_MEANINGS, measureText, MEASURES, measureTitle, type Order } from '../../charts/headGrid/viewModel';
import { isExact, type Window } from '../../charts/heatmap/axis';
import '../../charts/heatmap/element';
import type { Heatmap, PinDetail, ReadCell, Readout } from '../../charts/heatmap/element';
import type { HeatmapModel, View } from '../../charts/heatmap/viewModel';
import { differenceText } from '../../charts/keyValues/viewModel';
import '../../charts/matrixTable';
import type { TableModel } from '../../charts/tableModel';
import { MOST_LINES, tokenLines, type TokenLinesModel } from '../../charts/tokenLines';
import { base, controls } from '../../styles/base';
import { bringIntoView, keepLook, keptLook, rangeSelect, scaleNote, scaleSelect, select } from './look';
import { Memo } from './memo';
import {
  firstHides,
  type GridHead,
  headMaxima,
  headSentence,
  heatmapTable,
  linesModel,
  type Look,
  measuresTable,
  notAllowed,
  type PatternGrid,
  patternGrid,
  pinnedModel,
  rangeText,
  tokensText,
  valueText,
  viewOf,
  zoomModel,
} from './models';
import type { HeadsResult, HeadsSession, HeadsState, LayerPatterns, Patterns } from './session';
import { headsStyles } from './styles';
import { elementAt } from '../../../src/model/elementAt';

interface PatternLook extends Look {
  readonly order: Order;
  readonly all: boolean;
}

const DEFAULT: PatternLook = {
  scale: 'linear',
  shared: true,
  ignoreFirst: false,
  spareFirst: false,
  order: 'position',
  all: false,
};

/**
 * What is fetched of a long context: a finer part of the zoomed head, the pinned token's row and column, and all heads reduced to
 * cells of which none holds the first token.
 */
type PartName = 'tile' | 'row' | 'column' | 'headless';

/** Cells on a side of a tile that is fetched for a zoom: more than a plot has pixels. */
const TILE = 768;
/** What stands around the plot of the zoomed head, CSS pixels: it and its legend fit into one window. */
const ABOVE = 280;

@customElement('headlight-heads-patterns')
export class HeadsPatterns extends LitElement {
  static override readonly styles = [base, controls, headsStyles];

  @property({ attribute: false }) session: HeadsSession | null = null;
  @property({ attribute: false }) heads: HeadsState | null = null;

  @state() private look: PatternLook = keptLook('patterns', DEFAULT);
  @state() private head = keptLook('chosen', { head: 0 }).head;
  @state() private minus: number | null = null;
  @state() private view: View | null = null;
  /** A token. */
  @state() private pinned: number | null = null;
  @state() private parts: Readonly<Partial<Record<PartName, { readonly of: string; readonly patterns: Patterns }>>> =
    {};
  @state() private lost = '';
  @state() private showTable = false;

  @query('headlight-heatmap.main') private readonly zoomed!: Heatmap | null;

  private readonly memos = {
    grid: new Memo<PatternGrid | null>(),
    maxima: new Memo<number[]>(),
    zoom: new Memo<HeatmapModel>(),
    row: new Memo<HeatmapModel>(),
    column: new Memo<HeatmapModel>(),
    lines: new Memo<TokenLinesModel | null>(),
    table: new Memo<TableModel>(),
    view: new Memo<View>(),
  };

  protected override willUpdate(changed: PropertyValues<this>): void {
    const before = changed.get('heads');
    const result = this.heads?.result;
    if (changed.has('heads') && result != null && before?.result == null) this.view = keptZoom(result.ids.length);
    else if (before !== undefined && before?.result !== result) {
      // Another prompt has other tokens; another layer of the same prompt keeps what is looked at.
      if (before?.result?.ids !== result?.ids && before?.result?.prompt !== result?.prompt) this.pinned = null;
      this.zoomTo(null);
      this.parts = {};
      this.lost = '';
      this.asked.clear();
    }
    const count = result?.patterns.heads ?? 0;
    if (count > 0 && this.head >= count) this.head = 0;
    if (this.minus !== null && this.minus >= count) this.minus = null;
    if (this.pinned !== null && this.pinned >= (result?.ids.length ?? 0)) this.pinned = null;
  }

  protected override updated(): void {
    const { view, pinned } = this;
    const result = this.heads?.result;
    if (result == null || isExact(result.patterns.rows)) return;
    const { patterns, ids } = result;
    const all = Array.from({ length: patterns.heads }, (_, head) => head);
    const fine = [TILE, TILE] as const;
    if (view !== null)
      void this.fetch(
        'tile',
        result,
        this.minus === null ? [this.head] : [this.head, this.minus],
        view.rows,
        view.columns,
        fine,
      );
    if (this.look.ignoreFirst)
      void this.fetch(
        'headless',
        result,
        all,
        [1, ids.length],
        [1, ids.length],
        [patterns.rows.count, patterns.columns.count],
      );
    if (pinned === null) return;
    void this.fetch('row', result, all, [pinned, pinned + 1], [0, ids.length], fine);
    void this.fetch('column', result, all, [0, ids.length], [pinned, pinned + 1], fine);
  }

  protected override render(): TemplateResult | typeof nothing {
    const result = this.heads?.result;
    if (result == null || this.session === null) return nothing;
    const layers = this.shownLayers(result);
    const look = this.seen(result);
    const grid = this.memos.grid.get([layers.length, layers[0], layers.at(-1), this.look, look.spareFirst], () =>
      patternGrid(layers, look.all, look.order, look),
    );
    if (grid === null) return nothing;
    return html`
      ${this.renderTools()}
      <div class="work">
        <div>${this.renderGrid(result, grid)}</div>
        <div class="zoom">${this.renderZoom(result, grid)}</div>
      </div>`;
  }

  private readonly spared = new Memo<boolean>();

  /** The look, with the first token outside the range where it would hide the rest. */
  private seen(result: HeadsResult): PatternLook {
    const hides = this.spared.get([result.patterns], () => firstHides(result));
    return { ...this.look, spareFirst: hides && !this.look.ignoreFirst };
  }

  private readonly single = new Memo<readonly LayerPatterns[]>();

  private shownLayers(result: HeadsResult): readonly LayerPatterns[] {
    if (this.look.all && (this.heads?.layers.length ?? 0) > 0) return this.heads?.layers ?? [];
    return this.single.get([result, this.parts.headless, this.look.ignoreFirst], () => [this.current(result)]);
  }

  /** The result as it is looked at: reduced patterns without their first token are others. */
  private current(result: HeadsResult): LayerPatterns {
    const patterns = this.look.ignoreFirst ? this.fetched('headless', result) : null;
    return patterns === null ? result : { ...result, patterns };
  }

  private renderTools(): TemplateResult {
    const { look } = this;
    const orders: readonly (readonly [Order, string])[] = [
      ['position', 'position'],
      ...MEASURES.map((name) => [name, measureTitle(name)] as const),
    ];
    return html`<div class="tools">
      ${select(
        'show',
        look.all ? 'all' : 'one',
        [
          ['one', 'this layer'],
          ['all', 'all layers'],
        ] as const,
        (value) => this.setAll(value === 'all'),
      )}
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
    const count = (this.heads?.model?.layers ?? []).filter(({ kind }) => kind !== 'refused').length;
    const there = this.heads?.layers.length ?? 0;
    const chosen = Math.max(
      0,
      heads.findIndex(({ layer, head }) => layer === result.layer && head === this.head),
    );
    const other =
      this.minus === null ? -1 : heads.findIndex(({ layer, head }) => layer === result.layer && head === this.minus);
    const sorted = look.order === 'position' ? '' : `, highest ${measureTitle(look.order)} first`;
    const columns = model.across === null ? '' : ` · a row for each layer, heads 0–${model.across - 1}`;
    const waits = look.all && there < count ? ` · ${there} of ${count} layers` : '';
    return html`
      <p class="above small">${heads.length} heads${sorted}${columns}${waits}${look.order === 'position' ? '' : html` · ${MEASURE_MEANINGS[look.order]}`}</p>
      <headlight-head-grid .model=${model} .chosen=${chosen} .other=${other} label="Heads${sorted}. Arrow keys choose one." @headlight-choose=${(event: CustomEvent<GridChoice>) => this.choose(heads[event.detail.index], event.detail)}></headlight-head-grid>
      <headlight-legend .to=${look.shared ? differenceText(Math.max(...this.maxima(result))) : 'maximum of each head'} note=${notes(scaleNote(look.scale), this.spareNote(result), model.rows.count > 96 ? 'a dot shows its largest weight' : '')} hatched></headlight-legend>
      <button class="link small" aria-expanded=${this.showTable} @click=${() => (this.showTable = !this.showTable)}>${this.showTable ? 'Hide table' : 'Measures as table'}</button>
      ${this.showTable ? html`<headlight-matrix-table .model=${this.memos.table.get([heads], () => measuresTable(heads))}></headlight-matrix-table>` : nothing}`;
  }

  private spareNote(result: HeadsResult): string {
    return this.seen(result).spareFirst === true ? 'the first token is outside this range' : '';
  }

  private maxima(result: HeadsResult): readonly number[] {
    const layer = this.current(result);
    const { ignoreFirst, spareFirst } = this.seen(result);
    const without = ignoreFirst || spareFirst === true;
    return this.memos.maxima.get([layer.patterns, without], () => headMaxima(layer, without));
  }

  private choose(place: GridHead | undefined, { other, show }: Omit<GridChoice, 'index'>): void {
    const result = this.heads?.result;
    if (place === undefined || result == null) return;
    if (other && place.layer === result.layer) {
      this.minus = this.minus === place.head ? null : place.head;
      return;
    }
    this.head = place.head;
    if (show) void this.updateComplete.then(() => bringIntoView(this.renderRoot.querySelector('.zoom')));
    keepLook('chosen', { head: place.head });
    if (place.layer !== result.layer) void this.session?.setLayer(place.layer);
  }

  private renderZoom(result: HeadsResult, { heads }: PatternGrid): TemplateResult {
    const { look, head, minus } = this;
    const layer = this.current(result);
    const tile = this.fetched('tile', result);
    const patterns = tile ?? layer.patterns;
    const maxima = this.maxima(result);
    const most = look.shared ? Math.max(...maxima) : elementAt(maxima, head);
    const model = this.memos.zoom.get([patterns, head, minus, look.scale, most], () =>
      zoomModel({
        patterns,
        attention: result.attention,
        head: tile === null ? head : 0,
        minus: minus === null ? null : tile === null ? minus : 1,
        scale: look.scale,
        most,
        pieces: result.pieces,
      }),
    );
    const whole = viewOf(result.ids.length, look.ignoreFirst);
    const view = this.memos.view.get([this.view, whole.rows[0], whole.rows[1]], () => this.view ?? whole);
    const title = minus === null ? `Head ${head}` : `Head ${head} − head ${minus}`;
    const measures =
      heads.find((place) => place.layer === result.layer && place.head === head)?.measures ??
      result.measures?.heads[head] ??
      null;
    const group =
      measures !== null && result.k.count < result.patterns.heads
        ? html`<span>group <b>${measures.group}</b></span>`
        : '';
    return html`
      <div class="tools">
        <h2>${title}</h2>
        ${select('minus', minus === null ? '' : String(minus), [['', 'nothing'], ...Array.from({ length: result.patterns.heads }, (_, i) => [String(i), `head ${i}`] as const).filter(([i]) => i !== String(head))], (value) => (this.minus = value === '' ? null : Number(value)))}
        <span class="switch" role="group" aria-label="Zoom"><button aria-label="Zoom in" @click=${() => this.zoomed?.zoom(0.5)}>+</button><button aria-label="Zoom out" @click=${() => this.zoomed?.zoom(2)}>−</button><button @click=${() => this.zoomTo(null)}>all</button></span>
      </div>
      <p class="measures small">${group}${MEASURES.map((name) => html`<span title=${MEASURE_MEANINGS[name]}>${measureTitle(name)} <b>${measureText(measures?.[name])}</b></span>`)}</p>
      <headlight-heatmap
        class="main" zoomable .model=${model} .view=${view} .highest=${Math.min(640, Math.max(240, window.innerHeight - ABOVE))}
        .label=${`${title}, layer ${result.layer}: ${result.ids.length} queries by as many keys. ${measures === null ? '' : headSentence({ layer: result.layer, head, measures })}. Arrow keys read weights, plus and minus zoom, Enter pins a token.`}
        .hint=${'Point, or use the arrow keys; click pins'}
        .readout=${(cell: ReadCell) => this.readout(result, cell)}
        .table=${heatmapTable(model, `${title}, layer ${result.layer}: weights, a row for each query`, 'query \\ key', 'both')}
        @headlight-view=${(event: CustomEvent<View | null>) => this.zoomTo(event.detail)}
        @headlight-pin=${(event: CustomEvent<PinDetail>) => this.pin(event.detail)}
      ><headlight-legend slot="foot" kind=${model.map} from=${minus === null ? '0' : `−${differenceText(model.scale.most)}`} to=${differenceText(model.scale.most)} note=${notes(scaleNote(look.scale), minus === null ? this.spareNote(result) : '', isExact(model.rows) ? '' : 'a dot shows its largest weight', minus === null ? '' : `above 0: more in head ${head}`)} hatched></headlight-legend></headlight-heatmap>
      ${this.lost === '' ? nothing : html`<p class="small warn">${this.lost} <button class="link" @click=${() => void this.session?.run()}>Run again</button></p>`}
      ${this.renderPinned(result)}`;
  }

  private readout(result: HeadsResult, { rows, columns, value }: ReadCell): Readout {
    const one = rows[1] - rows[0] === 1 && columns[1] - columns[0] === 1;
    const [query, key] = [tokensText(result, rows), tokensText(result, columns)];
    const what = Number.isNaN(value) ? 'not allowed' : `${valueText(value)}${one ? '' : ' at most'}`;
    const said = Number.isNaN(value) ? notAllowed(result.attention, rows[1] - 1, columns[0]) : what;
    return {
      text: html`<strong>${what}</strong> <span class="key">query</span> ${query} <span class="key">→ key</span> ${key}`,
      sentence: `head ${this.head}, query ${query} to key ${key}: ${said}`,
    };
  }

  private pin({ row, column }: PinDetail): void {
    const token = column ?? row;
    this.pinned = this.pinned === token ? null : token;
  }

  private renderPinned(result: HeadsResult): TemplateResult | typeof nothing {
    const { pinned } = this;
    if (pinned === null) return nothing;
    return html`<section class="part" aria-label="Pinned token">
      <div class="tools"><h2>${tokensText(result, [pinned, pinned + 1])} in every head</h2><button class="link small" @click=${() => (this.pinned = null)}>Unpin</button></div>
      ${this.renderLines(result, pinned)} ${this.renderStrip(result, pinned, 'row', 'What it looks at')} ${this.renderStrip(result, pinned, 'column', 'What looks at it')}
    </section>`;
  }

  private renderLines(result: HeadsResult, token: number): TemplateResult {
    const { head } = this;
    const model = this.memos.lines.get([result.patterns, head, token, this.look.ignoreFirst], () =>
      linesModel(result, head, token, result, this.look.ignoreFirst),
    );
    return html`<h3>Lines of head ${head}</h3>${model === null ? html`<p class="small">Lines are drawn for up to ${MOST_LINES} tokens.</p>` : tokenLines(model)}`;
  }

  private renderStrip(result: HeadsResult, token: number, side: 'row' | 'column', title: string): TemplateResult {
    const look = this.seen(result);
    const patterns = isExact(result.patterns.rows) ? result.patterns : this.fetched(side, result);
    if (patterns === null) return html`<h3>${title}</h3><p class="small">Reading</p>`;
    const model = this.memos[side].get([patterns, token, this.look, look.spareFirst], () =>
      pinnedModel(patterns, result.attention, token, side, result, look),
    );
    const named = `${title}, ${tokensText(result, [token, token + 1])}`;
    return html`<h3>${title}</h3>
      <headlight-heatmap
        class="pinned" .model=${model} .highest=${420} .label=${`${named}: a row for each head. Arrow keys read weights, Enter chooses a head.`} .hint=${'A row for each head'}
        .readout=${(cell: ReadCell) => pinnedReadout(result, cell)}
        .table=${heatmapTable(model, named, 'head \\ token', 'columns')}
        @headlight-pin=${(event: CustomEvent<PinDetail>) => {
          event.stopPropagation();
          if (event.detail.row !== null) this.head = event.detail.row;
        }}
      ><headlight-legend slot="foot" to=${differenceText(model.scale.most)} note=${notes(scaleNote(look.scale), this.spareNote(result))} hatched></headlight-legend></headlight-heatmap>`;
  }

  private zoomTo(view: View | null): void {
    this.view = view;
    keepLook('zoom', { window: view === null ? '' : [...view.rows, ...view.columns].join() });
  }

  /** What a part is of; another one is not shown. */
  private keyOf(name: PartName, { capture }: HeadsResult): string {
    const { view, head, minus, pinned } = this;
    const of = { tile: [head, minus, view?.rows, view?.columns], row: [pinned], column: [pinned], headless: [] };
    return [name, capture, ...of[name]].join();
  }

  private fetched(name: PartName, result: HeadsResult): Patterns | null {
    const part = this.parts[name];
    return part?.of === this.keyOf(name, result) ? part.patterns : null;
  }

  private readonly asked = new Set<string>();

  private async fetch(
    name: PartName,
    result: HeadsResult,
    heads: readonly number[],
    rows: Window,
    columns: Window,
    size: readonly [number, number],
  ): Promise<void> {
    const of = this.keyOf(name, result);
    if (this.session === null || this.parts[name]?.of === of || this.asked.has(of)) return;
    this.asked.add(of);
    try {
      const patterns = await this.session.tile(result.capture, heads, rows, columns, size);
      this.asked.delete(of);
      this.parts = { ...this.parts, [name]: { of, patterns } };
    } catch (error) {
      // Not asked again until there is another result: it would fail again at every update.
      this.lost = error instanceof Error ? error.message : String(error);
    }
  }
}

function notes(...texts: readonly string[]): string {
  return texts.filter((text) => text !== '').join(' · ');
}

/** What was zoomed into before a reload, if the prompt has it. */
function keptZoom(tokens: number): View | null {
  const [top = 0, bottom = 0, left = 0, right = 0] = keptLook('zoom', { window: '' }).window.split(',').map(Number);
  const fits = (start: number, end: number): boolean =>
    Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start < end && end <= tokens;
  return fits(top, bottom) && fits(left, right) ? { rows: [top, bottom], columns: [left, right] } : null;
}

function pinnedReadout(result: HeadsResult, { rows, columns, value }: ReadCell): Readout {
  const token = tokensText(result, columns);
  const what = Number.isNaN(value) ? 'not allowed' : valueText(value);
  return {
    text: html`<strong>${what}</strong> <span class="key">head</span> ${rangeText(rows)} · ${token}`,
    sentence: `head ${rangeText(rows)}, ${token}: ${what}`,
  };
}
