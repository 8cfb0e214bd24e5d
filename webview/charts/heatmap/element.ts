/** A heatmap that can be read cell by cell with the pointer, by keys and by ear. */

import { css, html, LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { announce, emit } from '../../platform/announce';
import { base, controls } from '../../styles/base';
import '../matrixTable';
import type { TableModel } from '../tableModel';
import { binOf, shifted, type Window, zoomed } from './axis';
import { prepare, SurfaceController } from './canvas';
import { drawCells, drawCursor, fontOf } from './render';
import { type CanvasTheme, readTheme } from './theme';
import {
  cellAt,
  type CellPlace,
  type HeatmapLayout,
  type HeatmapModel,
  layoutHeatmap,
  movedBy,
  type View,
} from './viewModel';
import { elementAt } from '../../../src/model/elementAt';

/** A cell, by the positions that it covers. */
export interface ReadCell {
  readonly rows: readonly [start: number, end: number];
  readonly columns: readonly [start: number, end: number];
  /** NaN where nothing is allowed. */
  readonly value: number;
}

/** What stands in the read-out's fixed place, and what a screen reader says. */
export interface Readout {
  readonly text: TemplateResult;
  readonly sentence: string;
}

export interface PinDetail {
  readonly row: number | null;
  readonly column: number | null;
}

/** Told to a screen reader only when the cursor rests. */
const REST_MS = 200;

@customElement('headlight-heatmap')
export class Heatmap extends LitElement {
  static override readonly styles = [
    base,
    controls,
    css`
    .readout { min-height: 22px; line-height: 22px; overflow: hidden; white-space: nowrap; text-overflow: ellipsis; font-variant-numeric: tabular-nums; }
    .plot { position: relative; outline-offset: 2px; touch-action: pan-y; cursor: crosshair; }
    canvas { display: block; }
    canvas.cursor { position: absolute; inset: 0; pointer-events: none; }
    .foot { display: flex; flex-wrap: wrap; gap: 0 12px; min-height: 22px; align-items: center; }
  `,
  ];

  @property({ attribute: false }) model: HeatmapModel | null = null;
  @property({ attribute: false }) view: View | null = null;
  @property({ attribute: false }) readout: (cell: ReadCell) => Readout = () => ({ text: html``, sentence: '' });
  /** Stands in the read-out's place while no cell is read. */
  @property({ attribute: false }) hint: TemplateResult | string = '';
  @property({ attribute: false }) table: TableModel | null = null;
  /** Names the picture, in one useful sentence. */
  @property() label = '';
  /** CSS pixels of the plot at most. */
  @property({ type: Number }) highest = 640;
  @property({ type: Boolean }) zoomable = false;
  /** Positions of the whole matrix, where the model holds a part of it. */
  @property({ attribute: false }) extent: readonly [rows: number, columns: number] | null = null;

  @query('.plot') private readonly plot!: HTMLElement | null;
  @query('canvas.cells') private readonly cells!: HTMLCanvasElement | null;
  @query('canvas.cursor') private readonly overlay!: HTMLCanvasElement | null;

  @state() private reading: ReadCell | null = null;
  @state() private showTable = false;

  private layout: HeatmapLayout | null = null;
  private theme: CanvasTheme | null = null;
  private values: Float32Array = new Float32Array(0);
  /** Where the keys are; stays while the pointer reads elsewhere. */
  private cursor: CellPlace | null = null;
  /** Positions of the cursor, until the next drawing. */
  private anchor: CellPlace | null = null;
  private resting: ReturnType<typeof setTimeout> | undefined;
  private readonly surface = new SurfaceController(
    this,
    () => this.themeChanged(),
    () => this.renderRoot.querySelector('.plot'),
  );

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.resting);
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if ((changed.has('model') || changed.has('view')) && this.layout !== null && this.cursor !== null) {
      // Another head or another part: the cursor stays where it is in the matrix.
      this.anchor = {
        row: elementAt(this.layout.rows.positions, this.cursor.row),
        column: elementAt(this.layout.columns.positions, this.cursor.column),
      };
    }
  }

  protected override updated(changed: PropertyValues): void {
    // Nothing else changes a pixel below the cursor's.
    if (changed.has('model') || changed.has('view')) this.draw();
  }

  protected override render(): TemplateResult {
    return html`
      <div class="readout">${this.reading === null ? html`<span class="quiet">${this.hint}</span>` : this.readout(this.reading).text}</div>
      <div
        class="plot" tabindex="0" role="application" aria-roledescription="heatmap" aria-label=${this.label}
        @keydown=${this.onKey} @pointermove=${this.onPointer} @pointerleave=${this.onLeave} @click=${this.onClick} @wheel=${this.onWheel} @blur=${this.onLeave}
      ><canvas class="cells" aria-hidden="true"></canvas><canvas class="cursor" aria-hidden="true"></canvas></div>
      <div class="foot small"><slot name="foot"></slot>${this.table === null ? '' : html`<button class="link" aria-expanded=${this.showTable} @click=${() => (this.showTable = !this.showTable)}>${this.showTable ? 'Hide table' : 'Show as table'}</button>`}</div>
      ${this.showTable && this.table !== null ? html`<headlight-matrix-table .model=${this.table}></headlight-matrix-table>` : ''}
    `;
  }

  private themeChanged(): void {
    this.theme = null;
    this.draw();
  }

  private draw(): void {
    const { model, cells, overlay } = this;
    const { surface } = this.surface;
    if (model === null || surface === null || cells === null || overlay === null) return;
    const theme = (this.theme ??= readTheme(this));
    const { ratio } = surface;
    const restored = (): void => this.draw();
    const context = cells.getContext('2d', { willReadFrequently: true });
    if (context === null) return;
    context.font = fontOf(theme, ratio);
    const view = this.shown(model);
    const layout = layoutHeatmap(model, view, {
      width: surface.width,
      highest: this.highest * ratio,
      ratio,
      measure: (text) => context.measureText(text).width,
    });
    prepare(cells, layout.width, layout.height, ratio, restored);
    prepare(overlay, layout.width, layout.height, ratio, restored);
    this.layout = layout;
    this.values = drawCells(context, model, layout, theme, ratio);
    this.returnCursor(layout);
    emit(this, 'headlight-drawn');
  }

  private returnCursor({ rows, columns }: HeatmapLayout): void {
    if (this.anchor !== null) {
      const place = { row: binOf(rows, this.anchor.row), column: binOf(columns, this.anchor.column) };
      this.cursor = place.row >= 0 && place.column >= 0 ? place : null;
      this.anchor = null;
    }
    if (this.cursor !== null && (this.cursor.row >= rows.count || this.cursor.column >= columns.count))
      this.cursor = null;
    this.point(this.renderRoot.querySelector(':focus') === this.plot ? this.cursor : null);
  }

  private shown(model: HeatmapModel): View {
    return this.view ?? { rows: [model.rows.start, model.rows.end], columns: [model.columns.start, model.columns.end] };
  }

  private drawCursor(place: CellPlace | null): void {
    const { model, layout, theme, overlay } = this;
    const context = overlay?.getContext('2d', { willReadFrequently: true });
    const ratio = this.surface.surface?.ratio;
    if (model === null || layout === null || theme === null || context == null || ratio === undefined) return;
    drawCursor(context, model, layout, place, theme, ratio);
  }

  private read({ row, column }: CellPlace): ReadCell | null {
    const { layout, values } = this;
    if (layout === null) return null;
    const { rows, columns } = layout;
    return {
      rows: [elementAt(rows.positions, row), elementAt(rows.positions, row + 1)],
      columns: [elementAt(columns.positions, column), elementAt(columns.positions, column + 1)],
      value: elementAt(values, row * columns.count + column),
    };
  }

  private point(place: CellPlace | null): void {
    this.reading = place === null ? null : this.read(place);
    this.drawCursor(place);
  }

  private readonly onPointer = (event: PointerEvent): void => {
    const place = this.placeOf(event);
    this.point(place ?? this.cursor);
  };

  private placeOf(event: MouseEvent): CellPlace | null {
    const found = this.hit(event);
    return found?.row == null || found.column === null ? null : { row: found.row, column: found.column };
  }

  private hit(event: MouseEvent): ReturnType<typeof cellAt> | null {
    const { layout, plot } = this;
    const ratio = this.surface.surface?.ratio;
    if (layout === null || plot === null || ratio === undefined) return null;
    const box = plot.getBoundingClientRect();
    return cellAt(layout, (event.clientX - box.left) * ratio, (event.clientY - box.top) * ratio);
  }

  private readonly onLeave = (): void => {
    this.point(this.renderRoot.querySelector(':focus') === this.plot ? this.cursor : null);
  };

  private readonly onClick = (event: MouseEvent): void => {
    const found = this.hit(event);
    if (found === null) return;
    if (found.row !== null && found.column !== null) this.cursor = { row: found.row, column: found.column };
    this.pin(found, event.shiftKey);
  };

  private pin(
    { row, column }: { readonly row: number | null; readonly column: number | null },
    asColumn: boolean,
  ): void {
    const { layout } = this;
    if (layout === null || (row === null && column === null)) return;
    const useColumn = row === null || (asColumn && column !== null);
    const detail: PinDetail = {
      row: useColumn || row === null ? null : elementAt(layout.rows.positions, row),
      column: useColumn && column !== null ? elementAt(layout.columns.positions, column) : null,
    };
    emit<PinDetail>(this, 'headlight-pin', detail);
  }

  private readonly onWheel = (event: WheelEvent): void => {
    if (!this.zoomable || !event.ctrlKey) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 0.8 : 1.25, this.placeOf(event));
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const { layout, cursor } = this;
    if (layout === null) return;
    const { key } = event;
    if (this.zoomable && (key === '+' || key === '=')) this.zoom(0.5, cursor);
    else if (this.zoomable && key === '-') this.zoom(2, cursor);
    else if (this.zoomable && key === '0') this.setView(null);
    else if (this.zoomable && event.shiftKey && key.startsWith('Arrow')) this.pan(key);
    else if (key === 'Enter' || key === 'p') this.pin(cursor ?? { row: null, column: null }, event.shiftKey);
    else if (key === 'Escape' && cursor !== null) {
      this.cursor = null;
      this.point(null);
    } else {
      const start = cursor ?? { row: layout.rows.count - 1, column: layout.columns.count - 1 };
      const place = movedBy(key, start, layout.rows.count, layout.columns.count, event.ctrlKey || event.metaKey);
      if (place === null) return;
      this.moveTo(cursor === null ? start : place);
    }
    event.preventDefault();
    event.stopPropagation();
  };

  private moveTo(place: CellPlace): void {
    this.cursor = place;
    this.point(place);
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      if (this.reading !== null) announce(this, this.readout(this.reading).sentence);
    }, REST_MS);
  }

  zoom(factor: number, place: CellPlace | null = this.cursor): void {
    this.change((window, end, side) => {
      const at = place === null ? undefined : this.layout?.[side].positions[place[side === 'rows' ? 'row' : 'column']];
      return zoomed(window, Math.max(end, window[1]), factor, at ?? (window[0] + window[1]) / 2);
    });
  }

  private pan(key: string): void {
    const by = /Left|Up/.test(key) ? -1 : 1;
    const along = /Left|Right/.test(key) ? 'columns' : 'rows';
    this.change((window, end, side) =>
      side === along ? shifted(window, end, by * Math.max(1, Math.round((window[1] - window[0]) / 4))) : window,
    );
  }

  /** Another window on each side, of so many positions in total. */
  private change(to: (window: Window, end: number, side: 'rows' | 'columns') => Window): void {
    const { model } = this;
    if (model === null) return;
    const { rows, columns } = this.shown(model);
    const [allRows, allColumns] = this.extent ?? [model.rows.end, model.columns.end];
    this.setView({ rows: to(rows, allRows, 'rows'), columns: to(columns, allColumns, 'columns') });
  }

  private setView(view: View | null): void {
    emit(this, 'headlight-view', view);
  }
}
