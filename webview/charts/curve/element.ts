/**
 * `<headlight-curve>`: cache over context with a cursor for mouse and keyboard. The cursor is a slider: left and right move by a quarter of a
 * doubling, Page keys by a doubling, Home and End to the ends; up and down go from curve to curve, as pointing does: the others recede. Fires
 * `cursor` with the context in tokens.
 */

import { css, html, LitElement, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatSize, formatInteger } from '../../../src/model/units';
import { followWidth } from '../../platform/width';
import { base, numbers } from '../../styles/base';
import { kindColor } from '../../styles/kinds';
import { curveStyles, renderCurve } from './render';
import {
  contextAt,
  type ContextRange,
  CURSOR_STEPS,
  curveBeside,
  type CurveLayout,
  curveNear,
  type CurveSeries,
  layoutCurve,
  nextContext,
  readoutSentence,
} from './viewModel';

const TALL_FROM = 560;

@customElement('headlight-curve')
export class CurveElement extends LitElement {
  static override readonly styles = [
    base,
    numbers,
    curveStyles,
    css`
      .plot { touch-action: pan-y; cursor: crosshair; }
      .plot:focus-visible { outline-offset: 0; }
      .axis { display: flex; justify-content: space-between; gap: 8px; }
      .readout { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21ch), 1fr)); column-gap: 24px; margin-top: 4px; }
      .readout > div { display: flex; gap: 6px; align-items: baseline; line-height: 20px; min-width: 0; }
      .readout dt { flex: 1 1 auto; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
      .readout dd { white-space: nowrap; font-variant-numeric: tabular-nums; }
      .readout .chosen { font-weight: 600; }
      .readout .looked { background: var(--vscode-list-hoverBackground); outline: 1px dashed var(--vscode-contrastActiveBorder, transparent); outline-offset: -1px; }
      .swatch { display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 6px; }
    `,
  ];

  @property({ attribute: false }) series: readonly CurveSeries[] = [];
  @property({ attribute: false }) range: ContextRange = { least: 256, most: 131_072 };
  @property({ attribute: false }) chosen: string | null = null;
  @property({ type: Number }) scenarioTokens = 1;
  @property({ type: Number }) cursorTokens = 1;
  @state() private width = 0;
  /** The curve that is pointed at, or that the keys reached. */
  @state() private looked: string | null = null;
  /** By keys: then a screen reader hears of it alone. */
  @state() private told = false;

  private layout: CurveLayout | null = null;

  constructor() {
    super();
    followWidth(this, (width) => (this.width = width));
  }

  protected override willUpdate(changed: ReadonlyMap<PropertyKey, unknown>): void {
    if (this.width === 0) return;
    if (changed.has('width') || changed.has('series') || changed.has('range')) {
      this.layout = layoutCurve(this.series, this.range, this.width, this.width >= TALL_FROM ? 280 : 210);
    }
  }

  protected override render(): TemplateResult {
    const { series, range, cursorTokens, layout } = this;
    // What it was may be gone.
    const looked = series.find(({ id }) => id === this.looked) ?? null;
    return html`
      <div
        class="plot"
        role="slider"
        tabindex="0"
        aria-label="Context at which to read the curves, in tokens"
        aria-valuemin=${range.least}
        aria-valuemax=${range.most}
        aria-valuenow=${cursorTokens}
        aria-valuetext=${readoutSentence(looked && this.told ? [looked] : series, cursorTokens)}
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @pointerdown=${(event: PointerEvent) => this.onPointer(event)}
        @pointermove=${(event: PointerEvent) => this.onPointer(event)}
        @pointerleave=${() => this.look(null)}
        @blur=${() => this.look(null)}
      >${layout ? renderCurve(layout, { chosen: this.chosen, looked: looked?.id ?? null, cursorTokens, scenarioTokens: this.scenarioTokens }) : ''}</div>
      <p class="axis small"><span>at <span class="figures">${formatInteger(cursorTokens)}</span> tokens</span><span>1K = 1,024 tokens</span></p>
      <dl class="readout">
        ${series.map(
          (
            one,
          ) => html`<div class="${one.id === this.chosen ? 'chosen' : ''} ${one === looked ? 'looked' : ''}" @pointerenter=${() => this.look(one.id)} @pointerleave=${() => this.look(null)}>
            <dt title=${one.label}><span class="swatch" .style=${`background: ${kindColor(one.kind)}`}></span>${one.label}</dt>
            <dd>${formatSize(one.bytesAt(cursorTokens))}</dd>
          </div>`,
        )}
      </dl>
    `;
  }

  private onKey(event: KeyboardEvent): void {
    const { range, cursorTokens, series } = this;
    if (event.key === 'ArrowUp' || event.key === 'ArrowDown') {
      event.preventDefault();
      this.look(curveBeside(series, this.looked ?? this.chosen, cursorTokens, event.key === 'ArrowUp'), true);
      return;
    }
    const step = {
      ArrowRight: 1,
      ArrowLeft: -1,
      PageUp: CURSOR_STEPS,
      PageDown: -CURSOR_STEPS,
    }[event.key];
    const next =
      event.key === 'Home'
        ? range.least
        : event.key === 'End'
          ? range.most
          : step === undefined
            ? null
            : nextContext(range, cursorTokens, step);
    if (next === null) return;
    event.preventDefault();
    this.tell(next);
  }

  private onPointer(event: PointerEvent): void {
    if (!this.layout || !(event.currentTarget instanceof HTMLElement)) return;
    const { left, top } = event.currentTarget.getBoundingClientRect();
    const tokens = contextAt(this.layout, event.clientX - left, this.scenarioTokens);
    this.look(curveNear(this.layout, tokens, event.clientY - top));
    this.tell(tokens);
  }

  private look(id: string | null, byKeys = false): void {
    this.looked = id;
    this.told = byKeys;
  }

  private tell(tokens: number): void {
    if (tokens !== this.cursorTokens) this.dispatchEvent(new CustomEvent<number>('cursor', { detail: tokens }));
  }
}
