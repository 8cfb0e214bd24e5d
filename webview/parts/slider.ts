import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { base } from '../styles/base';
import { nearest, positionOf, type SliderScale, stepped, valueAt } from './sliderScale';
import { elementAt } from '../../src/model/elementAt';
import { parseTypedCount, TYPED_COUNTS } from '../../src/model/typedCount';

/** Ticks are drawn for so many values at most. */
const MOST_TICKS = 40;

/**
 * A slider over possible values, with an exact entry beside it. It snaps to what is possible and says why other values are not; a
 * notch marks the value that counts now. Fires `slide` (detail: the value) while it moves and `settle` when it rests.
 */
@customElement('headlight-slider')
export class Slider extends LitElement {
  static override readonly styles = [
    base,
    css`
      .head { display: flex; align-items: baseline; gap: 6px; min-height: 22px; }
      .meaning, .why { flex: 1 1 auto; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
      .meaning { text-align: right; }
      input { width: 10ch; flex: none; height: 20px; padding: 0 4px; text-align: right; font: inherit; font-variant-numeric: tabular-nums; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, transparent); border-radius: 2px; }
      input:focus { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
      .track { position: relative; height: 20px; margin: 0 5px; cursor: pointer; touch-action: none; }
      .track:focus-visible { outline: none; }
      .track:focus-visible .thumb { outline: 1px solid var(--vscode-focusBorder); outline-offset: 2px; }
      .line { position: absolute; left: -5px; right: -5px; top: 9px; height: 2px; background: var(--vscode-contrastBorder, color-mix(in srgb, var(--vscode-foreground) 25%, transparent)); }
      .from { position: absolute; top: 9px; height: 2px; background: var(--vscode-focusBorder); }
      .tick { position: absolute; top: 7px; width: 1px; height: 6px; background: var(--vscode-contrastBorder, color-mix(in srgb, var(--vscode-foreground) 45%, transparent)); }
      .notch { position: absolute; top: 2px; width: 2px; height: 16px; margin-left: -1px; background: var(--vscode-foreground); }
      .thumb { position: absolute; top: 3px; width: 10px; height: 14px; margin-left: -5px; border-radius: 2px; background: var(--vscode-button-background); border: 1px solid var(--vscode-contrastBorder, var(--vscode-button-background)); }
    `,
  ];

  @property() label = '';
  @property({ attribute: false }) scale: SliderScale = { values: [0], log: false };
  @property({ type: Number }) value = 0;
  /** Where the notch stands. */
  @property({ type: Number }) mark = 0;
  /** What the value means, in a few words. */
  @property() meaning = '';
  /** Why a value is not possible; null when it is. */
  @property({ attribute: false }) problem: (value: number) => string | null = () => null;
  @property({ attribute: false }) format: (value: number) => string = String;

  /** Said until the next move. */
  @state() private why: string | null = null;
  @state() private dragging = false;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (
      changed.has('value') &&
      !this.dragging &&
      this.problem(this.value) === null &&
      changed.get('value') !== undefined
    )
      this.why = null;
  }

  protected override render(): TemplateResult {
    const { scale, value, mark } = this;
    const percent = (at: number): string => `${positionOf(scale, at) * 100}%`;
    // Under the pointer nothing may move: while it drags, the reason stands in the label's place.
    const said = this.dragging && this.why !== null;
    const [low, high] = [Math.min(value, mark), Math.max(value, mark)];
    return html`
      <div class="head">
        <span class=${said ? 'visually-hidden' : ''} id="label">${this.label}</span>
        <span class="small ${said ? 'why' : 'meaning'}">${said ? this.why : this.meaning}</span>
        <input
          inputmode="numeric"
          spellcheck="false"
          title="Any possible value; the slider stops only at common ones"
          aria-label="${this.label}, exact value"
          .value=${this.format(value)}
          @change=${(event: Event) => this.enter(event.currentTarget as HTMLInputElement)}
        />
      </div>
      <div
        class="track"
        role="slider"
        tabindex="0"
        aria-labelledby="label"
        aria-valuemin=${elementAt(scale.values, 0)}
        aria-valuemax=${elementAt(scale.values, scale.values.length - 1)}
        aria-valuenow=${value}
        aria-valuetext="${this.format(value)}${this.meaning === '' ? '' : `, ${this.meaning}`}"
        @keydown=${(event: KeyboardEvent) => this.key(event)}
        @pointerdown=${(event: PointerEvent) => this.press(event)}
        @pointermove=${(event: PointerEvent) => this.drag(event)}
        @pointerup=${() => this.release()}
        @pointercancel=${() => this.release()}
      >
        <span class="line"></span>
        ${scale.values.length <= MOST_TICKS ? scale.values.map((at) => html`<span class="tick" .style=${`left: ${percent(at)}`}></span>`) : nothing}
        <span class="from" .style=${`left: ${percent(low)}; width: calc(${percent(high)} - ${percent(low)})`}></span>
        <span class="notch" .style=${`left: ${percent(mark)}`}></span>
        <span class="thumb" .style=${`left: ${percent(value)}`}></span>
      </div>
      ${this.why === null || said ? nothing : html`<div class="small" role="status">${this.why}</div>`}
    `;
  }

  private key(event: KeyboardEvent): void {
    const { scale, value } = this;
    const to: Readonly<Record<string, number>> = {
      ArrowRight: stepped(scale, value, 1),
      ArrowUp: stepped(scale, value, 1),
      ArrowLeft: stepped(scale, value, -1),
      ArrowDown: stepped(scale, value, -1),
      PageUp: stepped(scale, value, 4),
      PageDown: stepped(scale, value, -4),
      Home: scale.values[0] ?? value,
      End: elementAt(scale.values, scale.values.length - 1),
      // Back to the notch.
      Backspace: this.mark,
      Delete: this.mark,
    };
    const next = to[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.why = null;
    this.go(next);
    this.settle();
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.dragging = true;
    this.drag(event);
  }

  private drag(event: PointerEvent): void {
    if (!this.dragging) return;
    const box = (event.currentTarget as HTMLElement).getBoundingClientRect();
    const position = (event.clientX - box.left) / box.width;
    this.why = this.problem(valueAt(this.scale, position));
    this.go(nearest(this.scale, position));
  }

  private release(): void {
    if (!this.dragging) return;
    this.dragging = false;
    this.why = null;
    this.settle();
  }

  /** An exact value, as people type it. */
  private enter(input: HTMLInputElement): void {
    const value = parseTypedCount(input.value);
    this.why =
      value === null
        ? `“${input.value.slice(0, 20)}” is not a valid number. Type it as ${TYPED_COUNTS}.`
        : this.problem(value);
    if (value !== null && this.why === null) {
      this.go(value);
      this.settle();
    } else input.value = this.format(this.value);
  }

  private go(value: number): void {
    if (value === this.value) return;
    this.value = value;
    this.dispatchEvent(new CustomEvent<number>('slide', { detail: value }));
  }

  private settle(): void {
    this.dispatchEvent(new CustomEvent<number>('settle', { detail: this.value }));
  }
}
