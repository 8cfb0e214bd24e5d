import { css, html, LitElement, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { followWidth } from '../../platform/width';
import { base, controls, tables } from '../../styles/base';
import { stripCells, stripLegend, stripTable } from './render';
import { cellEdges, layerSentence, legendOf, type StripModel } from './viewModel';

/** The layers of a model by kind. Arrow keys move from layer to layer; what the layer is stands below. */
@customElement('headlight-strip')
export class Strip extends LitElement {
  static override readonly styles = [
    base,
    controls,
    tables,
    css`
      .strip { position: relative; height: 22px; cursor: crosshair; touch-action: none; }
      .strip:focus-visible { outline-offset: 2px; }
      .strip span { position: absolute; top: 0; bottom: 0; }
      .parallel { border-bottom: 5px double var(--orange); }
      .strip .cursor { top: -3px; bottom: -3px; min-width: 3px; border: 1px solid var(--vscode-foreground); pointer-events: none; }
      .legend { display: flex; flex-wrap: wrap; gap: 0 14px; }
      .legend li { display: flex; align-items: center; gap: 6px; line-height: 20px; }
      .key { width: 14px; height: 10px; flex: none; }
      .below > button { flex: none; line-height: 20px; }
      .below { display: flex; justify-content: space-between; gap: 12px; align-items: start; padding-top: 4px; }
      /* The read-out takes the legend's place, so that nothing moves. */
      .stack { display: grid; }
      .stack > * { grid-area: 1 / 1; }
      .away { visibility: hidden; }
      td { padding-top: 2px; padding-bottom: 2px; }
    `,
  ];

  @property({ attribute: false }) model!: StripModel;

  @state() private width = 0;
  @state() private cursor: number | null = null;
  @state() private asTable = false;

  constructor() {
    super();
    followWidth(this, (width) => {
      this.width = width;
      // As wide as before in CSS pixels, it may have others on the screen.
      this.requestUpdate();
    });
  }

  protected override render(): TemplateResult {
    const { model } = this;
    const cursor = this.cursor === null || model.layers === 0 ? null : Math.min(this.cursor, model.layers - 1);
    return html`
      <div
        class="strip"
        role="slider"
        tabindex="0"
        aria-label="Layers by kind: ${legendOf(model)
          .map(({ text }) => text)
          .join(', ')}"
        aria-valuemin="0"
        aria-valuemax=${Math.max(0, model.layers - 1)}
        aria-valuenow=${cursor ?? 0}
        aria-valuetext=${layerSentence(model, cursor ?? 0)}
        @keydown=${(event: KeyboardEvent) => this.step(event)}
        @pointermove=${(event: PointerEvent) => this.point(event)}
        @pointerleave=${() => (this.cursor = null)}
        @blur=${() => (this.cursor = null)}
      >${stripCells(model, cursor, cellEdges(model.layers, this.width, 1 / devicePixelRatio))}</div>
      <div class="below">
        <div class="stack">
          <div class=${cursor === null ? '' : 'away'}>${stripLegend(model)}</div>
          <div class=${cursor === null ? 'away' : ''} aria-hidden="true">${cursor === null ? '' : layerSentence(model, cursor)}</div>
        </div>
        <button class="link small" aria-label="Layers as a table" aria-expanded=${this.asTable} @click=${() => (this.asTable = !this.asTable)}>table</button>
      </div>
      ${this.asTable ? stripTable(model) : ''}
    `;
  }

  private step(event: KeyboardEvent): void {
    const last = this.model.layers - 1;
    const at = this.cursor;
    const next = {
      ArrowRight: at === null ? 0 : at + 1,
      ArrowUp: at === null ? 0 : at + 1,
      ArrowLeft: at === null ? last : at - 1,
      ArrowDown: at === null ? last : at - 1,
      PageUp: (at ?? 0) + 10,
      PageDown: (at ?? 0) - 10,
      Home: 0,
      End: last,
    }[event.key];
    if (event.key === 'Escape') this.cursor = null;
    if (next === undefined) return;
    event.preventDefault();
    this.cursor = Math.max(0, Math.min(last, next));
  }

  private point(event: PointerEvent): void {
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const at = Math.floor(((event.clientX - box.left) / box.width) * this.model.layers);
    this.cursor = Math.max(0, Math.min(this.model.layers - 1, at));
  }
}
