/** The grid of heads: many small patterns on one canvas, one of them chosen. A list box to keyboards and screen readers. */

import { css, html, LitElement, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { emit } from '../../platform/announce';
import { base } from '../../styles/base';
import { binsOf } from '../heatmap/axis';
import { pixelsOf, prepare, SurfaceController } from '../heatmap/canvas';
import { paintBins, reduceCells } from '../heatmap/raster';
import { type CanvasTheme, readTheme } from '../heatmap/theme';
import { fontOf } from '../heatmap/render';
import { type GridLayout, type GridModel, layoutGrid, neighbour, pictureAt } from './viewModel';

export interface GridChoice {
  readonly index: number;
  /** The one to take away. */
  readonly other: boolean;
  /** By pointer or Enter. */
  readonly show: boolean;
}

@customElement('headlight-head-grid')
export class HeadGrid extends LitElement {
  static override readonly styles = [
    base,
    css`
    .box { overflow: auto; max-height: max(320px, 70vh); padding: 4px; margin: -4px; }
    .grid { position: relative; cursor: pointer; outline: none; }
    canvas { display: block; }
    .mark { position: absolute; pointer-events: none; outline: 2px solid var(--vscode-focusBorder); outline-offset: 1px; }
    .mark.other { outline: 2px dashed var(--vscode-foreground); }
    .mark.hover { outline: 1px solid var(--vscode-foreground); outline-offset: 1px; }
    .grid:focus-visible .mark.chosen { outline-width: 3px; }
  `,
  ];

  @property({ attribute: false }) model: GridModel | null = null;
  @property({ type: Number }) chosen = 0;
  /** The one that is taken away from the chosen one, or −1. */
  @property({ type: Number }) other = -1;
  @property() label = '';

  @query('canvas') private readonly canvas!: HTMLCanvasElement | null;
  @state() private layout: GridLayout | null = null;
  @state() private hovered: number | null = null;

  private theme: CanvasTheme | null = null;
  /** Reduced values of each picture: as long as cells and layout stay, a new scale colours them again, and more pictures join them. */
  private reduced: {
    readonly model: GridModel;
    readonly width: number;
    readonly values: readonly Float32Array[];
  } | null = null;
  private readonly surface = new SurfaceController(
    this,
    () => this.themeChanged(),
    () => this.renderRoot.querySelector('.width'),
  );

  protected override updated(changed: PropertyValues): void {
    if (changed.has('chosen')) this.reveal();
    if (changed.has('model')) this.draw();
  }

  protected override render(): TemplateResult {
    const { model, chosen } = this;
    const count = model?.pictures.length ?? 0;
    return html`<div class="width"></div><div class="box">
      <div class="grid" tabindex="0" role="listbox" aria-label=${this.label} aria-activedescendant="chosen" @keydown=${this.onKey} @pointermove=${this.onPointer} @pointerleave=${() => (this.hovered = null)} @click=${this.onClick}>
        <canvas aria-hidden="true"></canvas>
        ${this.mark(this.hovered, 'hover')}${this.mark(this.other, 'other')}${this.mark(chosen, 'chosen')}
        <div id="chosen" class="visually-hidden" role="option" aria-selected="true" aria-posinset=${chosen + 1} aria-setsize=${count}>${model?.pictures[chosen]?.name ?? 'none'}</div>
      </div>
    </div>`;
  }

  private mark(index: number | null, kind: string): TemplateResult | string {
    const { layout, model } = this;
    const ratio = this.surface.surface?.ratio ?? 1;
    if (index === null || index < 0 || layout === null || index >= (model?.pictures.length ?? 0)) return '';
    const place = placeOf(layout, index);
    const css = `left:${place.x / ratio}px;top:${(place.y + layout.head) / ratio}px;width:${layout.pictureWidth / ratio}px;height:${layout.pictureHeight / ratio}px`;
    return html`<div class="mark ${kind}" .style=${css}></div>`;
  }

  /** Scrolls the grid's own box, never the page. */
  private reveal(): void {
    const box = this.renderRoot.querySelector('.box');
    const mark = this.renderRoot.querySelector<HTMLElement>('.mark.chosen');
    if (box === null || mark === null) return;
    const shown = (at: number, start: number, size: number, room: number): number =>
      start < at ? Math.max(0, start - 24) : Math.max(at, start + size - room + 8);
    box.scrollTop = shown(box.scrollTop, mark.offsetTop, mark.offsetHeight, box.clientHeight);
    box.scrollLeft = shown(box.scrollLeft, mark.offsetLeft, mark.offsetWidth, box.clientWidth);
  }

  private themeChanged(): void {
    this.theme = null;
    this.draw();
  }

  private draw(): void {
    const { model, canvas } = this;
    const { surface } = this.surface;
    if (model === null || surface === null || canvas === null) return;
    const theme = (this.theme ??= readTheme(this));
    const { ratio, width } = surface;
    const context = canvas.getContext('2d', { willReadFrequently: true });
    if (context === null) return;
    context.font = fontOf(theme, ratio);
    const gutter =
      model.rowTitles.length === 0
        ? 0
        : Math.ceil(Math.max(...model.rowTitles.map((title) => context.measureText(title).width)) + 6 * ratio);
    const { rows: rowWindow, columns: columnWindow } = model.view;
    const titled = model.pictures.some(({ title }) => title !== '');
    const layout = layoutGrid(model.pictures.length, {
      width,
      ratio,
      cells: [rowWindow[1] - rowWindow[0], columnWindow[1] - columnWindow[0]],
      across: model.across,
      gutter,
      lines: titled ? (model.pictures.some(({ detail }) => detail !== '') ? 2 : 1) : 0,
    });
    prepare(canvas, layout.width, layout.height, ratio, () => this.draw());
    this.layout = layout;
    const rows = binsOf(model.rows, rowWindow, layout.pictureHeight);
    const columns = binsOf(model.columns, columnWindow, layout.pictureWidth);
    const values = this.reduce(model, layout, rows, columns);
    const image = context.createImageData(layout.width, layout.height);
    const pixels = pixelsOf(image);
    const hatch = theme.hatch(ratio);
    model.pictures.forEach((_, index) => {
      const { x, y } = placeOf(layout, index);
      paintBins(
        pixels,
        layout.width,
        x,
        y + layout.head,
        values[index] ?? new Float32Array(0),
        rows,
        columns,
        model.scale(index, values),
        theme.map(model.map),
        hatch,
      );
    });
    context.putImageData(image, 0, 0);
    this.drawTitles(context, model, layout, theme, ratio);
    emit(this, 'headlight-drawn');
  }

  private reduce(
    model: GridModel,
    layout: GridLayout,
    rows: ReturnType<typeof binsOf>,
    columns: ReturnType<typeof binsOf>,
  ): readonly Float32Array[] {
    const known = this.reduced;
    const alike = known?.width === layout.pictureWidth && viewText(known.model) === viewText(model);
    const values = model.pictures.map(({ cells }, index) => {
      const before = alike ? known.model.pictures[index]?.cells : undefined;
      const value = before?.data === cells.data && before.offset === cells.offset ? known?.values[index] : undefined;
      return value ?? reduceCells(cells, rows, columns, model.reduction);
    });
    this.reduced = { model, width: layout.pictureWidth, values };
    return values;
  }

  private drawTitles(
    context: CanvasRenderingContext2D,
    model: GridModel,
    layout: GridLayout,
    theme: CanvasTheme,
    ratio: number,
  ): void {
    context.font = fontOf(theme, ratio);
    context.textBaseline = 'alphabetic';
    context.textAlign = 'left';
    model.pictures.forEach(({ title, detail }, index) => {
      const { x, y } = placeOf(layout, index);
      context.fillStyle = theme.foreground;
      if (title !== '') context.fillText(title, x, y + 11 * ratio, layout.pictureWidth);
      context.fillStyle = theme.quiet;
      if (detail !== '') context.fillText(detail, x, y + 24 * ratio, layout.pictureWidth);
    });
    context.textBaseline = 'middle';
    context.fillStyle = theme.quiet;
    model.rowTitles.forEach((title, row) =>
      context.fillText(title, 0, row * layout.pitchY + layout.head + layout.pictureHeight / 2),
    );
  }

  private at(event: MouseEvent): number | null {
    const { layout, canvas, model } = this;
    const ratio = this.surface.surface?.ratio ?? 1;
    if (layout === null || canvas === null || model === null) return null;
    const box = canvas.getBoundingClientRect();
    return pictureAt(
      layout,
      model.pictures.length,
      (event.clientX - box.left) * ratio,
      (event.clientY - box.top) * ratio,
    );
  }

  private readonly onPointer = (event: PointerEvent): void => {
    this.hovered = this.at(event);
  };

  private readonly onClick = (event: MouseEvent): void => {
    const index = this.at(event);
    if (index !== null) this.choose(index, event.shiftKey, true);
  };

  private readonly onKey = (event: KeyboardEvent): void => {
    const { model, layout } = this;
    if (model === null || layout === null) return;
    if (event.key === 'd') {
      this.choose(this.chosen, true, false);
    } else if (event.key === 'Enter') {
      this.choose(this.chosen, false, true);
    } else {
      const next = neighbour(event.key, this.chosen, model.pictures.length, layout.across);
      if (next === null) return;
      this.choose(next, false, false);
    }
    event.preventDefault();
    event.stopPropagation();
  };

  /** @param show What is enlarged shall come into view. Arrow keys stay where they are. */
  private choose(index: number, other: boolean, show: boolean): void {
    emit(this, 'headlight-choose', { index, other, show } satisfies GridChoice);
  }
}

function placeOf(
  { across, pitchX, pitchY, left }: GridLayout,
  index: number,
): { readonly x: number; readonly y: number } {
  return { x: left + (index % across) * pitchX, y: Math.floor(index / across) * pitchY };
}

/** Where these are the same, a picture of the same cells has the same values. */
function viewText({ view, reduction }: GridModel): string {
  return [view.rows, view.columns, reduction].join();
}
