/**
 * `<headlight-scatter>`: size against damage, a sign for each method. A list to choose from: left and right go from size to size, up and down
 * along the best ones; pointing shows what stands there, a click chooses it. Fires `choose` with the point's id.
 */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { followWidth } from '../../platform/width';
import { base } from '../../styles/base';
import { MARKS, optionId, renderScatter, scatterStyles } from './render';
import { layoutScatter, pointBeside, pointNear, type ScatterLayout, type ScatterModel } from './viewModel';

const WIDE_FROM = 560;
const MARK_TITLES = { trained: 'trained as what it is', published: 'published, other models' } as const;

@customElement('headlight-scatter')
export class ScatterElement extends LitElement {
  static override readonly styles = [
    base,
    scatterStyles,
    css`
      .plot { cursor: pointer; }
      .plot:focus-visible { outline-offset: 0; }
      .readout { min-height: 20px; line-height: 20px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font-variant-numeric: tabular-nums; }
      .legend { display: flex; flex-wrap: wrap; gap: 0 14px; }
      .legend span { display: inline-flex; align-items: center; gap: 4px; white-space: nowrap; }
    `,
  ];

  @property({ attribute: false }) model: ScatterModel | null = null;
  @property({ attribute: false }) chosen: string | null = null;
  @property() label = '';
  @state() private width = 0;
  @state() private looked: string | null = null;

  private layout: ScatterLayout | null = null;

  constructor() {
    super();
    followWidth(this, (width) => (this.width = width));
  }

  protected override willUpdate(changed: ReadonlyMap<PropertyKey, unknown>): void {
    if (this.width === 0 || this.model === null) return;
    if (changed.has('width') || changed.has('model'))
      this.layout = layoutScatter(this.model, this.width, this.width >= WIDE_FROM ? 320 : 250);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { model, layout, chosen } = this;
    if (model === null) return nothing;
    const here = model.points.find(({ id }) => id === (this.looked ?? chosen));
    const series = [...new Map(model.points.map((point) => [point.series.name, point.series])).values()];
    return html`
      <p class="small" aria-hidden="true">${model.damageTitle}</p>
      <div
        class="plot"
        role="listbox"
        tabindex="0"
        aria-label=${this.label}
        aria-activedescendant=${chosen === null ? nothing : optionId(chosen)}
        @keydown=${(event: KeyboardEvent) => this.onKey(event)}
        @pointermove=${(event: PointerEvent) => (this.looked = this.at(event))}
        @pointerleave=${() => (this.looked = null)}
        @click=${(event: PointerEvent) => this.choose(this.at(event))}
      >${layout ? renderScatter(layout, model, { chosen, looked: this.looked }) : nothing}</div>
      <p class="readout small" aria-hidden="true">${here ? `${here.title} · ${here.says}` : nothing}</p>
      <p class="legend small" aria-hidden="true">${series.map(
        ({ name, color, sign }) =>
          html`<span><svg width="14" height="14" viewBox="-7 -7 14 14"><path class="sign" d=${sign} .style=${`stroke: ${color}; fill: none`}></path></svg>${name}</span>`,
      )}${(['trained', 'published'] as const).map((kind) =>
        model.marks.some((mark) => mark.kind === kind)
          ? html`<span><svg width="14" height="14" viewBox="-7 -7 14 14"><path class="mark ${kind}" d=${MARKS[kind]}></path></svg>${MARK_TITLES[kind]}</span>`
          : nothing,
      )}<span>filled: none is both smaller and better</span></p>
    `;
  }

  private at(event: PointerEvent): string | null {
    const label = event.composedPath().find((one) => one instanceof SVGElement && one.dataset['id'] !== undefined);
    if (label instanceof SVGElement) return label.dataset['id'] ?? null;
    if (!this.layout || !(event.currentTarget instanceof HTMLElement)) return null;
    const { left, top } = event.currentTarget.getBoundingClientRect();
    return pointNear(this.layout, event.clientX - left, event.clientY - top);
  }

  private onKey(event: KeyboardEvent): void {
    const { layout, chosen } = this;
    if (!layout) return;
    const all = layout.placed.length;
    const [steps, best] =
      (
        {
          ArrowRight: [1, false],
          ArrowLeft: [-1, false],
          // Less damage is lower, and larger.
          ArrowDown: [1, true],
          ArrowUp: [-1, true],
          End: [all, false],
          Home: [-all, false],
        } as const
      )[event.key] ?? [];
    if (steps === undefined || best === undefined) return;
    event.preventDefault();
    this.choose(pointBeside(layout, chosen, steps, best));
  }

  private choose(id: string | null): void {
    if (id !== null && id !== this.chosen) this.dispatchEvent(new CustomEvent<string>('choose', { detail: id }));
  }
}
