/**
 * K or V, tokens × head dimension: a row for each group, its heads beside each other, tied by a bracket with the measured identity;
 * between rows the measured difference. Heads that have a K of their own stand in one field.
 */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { GroupIdentity } from '../../../src/insight/identity';
import { bestAcross, neighbour } from '../headGrid/viewModel';
import { emit } from '../../platform/announce';
import { base, controls } from '../../styles/base';
import { binsOf, wholeAxis } from '../heatmap/axis';
import { pixelsOf, prepare, SurfaceController } from '../heatmap/canvas';
import { largestOf, paintBins, reduceCells } from '../heatmap/raster';
import { newScale, type ScaleKind } from '../heatmap/scale';
import { type CanvasTheme, readTheme } from '../heatmap/theme';
import { betweenText, insideText, type KeyValueGroup, keyValueGroups, type Letter } from './viewModel';

export interface KeyValueModel {
  readonly letter: Letter;
  /** `[groups, tokens, dim]`, row-major. */
  readonly values: Float32Array;
  readonly groups: number;
  readonly queryHeads: number;
  readonly tokens: number;
  readonly dim: number;
  readonly identity: GroupIdentity;
  readonly scale: ScaleKind;
  /** One scale for all rows, or one for each. */
  readonly shared: boolean;
}

export interface ChosenHead {
  readonly head: number;
  readonly group: number;
  /** By pointer, Enter or Space: what is enlarged shall come into view. Arrow keys stay where they are. */
  readonly show: boolean;
}

const WIDEST = 168;
const NARROWEST = 24;
/** Pictures that are narrower have only a number above them. */
const NAMED = 44;
const GAP = 6;
/** CSS pixels of a token, and of the highest picture. */
const TOKEN = 6;
const HIGHEST = 112;

@customElement('headlight-key-values')
export class KeyValues extends LitElement {
  static override readonly styles = [
    base,
    controls,
    css`
    .row { content-visibility: auto; contain-intrinsic-size: auto 130px; padding: 3px; margin: -3px; }
    .pictures { display: flex; flex-wrap: wrap; gap: 2px 6px; }
    .picture { display: block; cursor: pointer; outline-offset: 1px; }
    .picture:hover .small { color: var(--vscode-foreground); }
    .picture .small { display: block; line-height: 16px; }
    .picture[aria-pressed='true'] { outline: 2px solid var(--vscode-focusBorder); }
    canvas { display: block; }
    .tie { height: 5px; margin-top: 2px; border: 1px solid var(--vscode-descriptionForeground); border-top: 0; max-width: 100%; }
    .said { line-height: 18px; font-size: 12px; }
    .between { line-height: 24px; padding-left: 8px; margin: 4px 0; border-left: 1px dashed var(--vscode-descriptionForeground); }
  `,
  ];

  @property({ attribute: false }) model: KeyValueModel | null = null;
  @property({ type: Number }) chosen = -1;

  private groups: readonly KeyValueGroup[] = [];
  private theme: CanvasTheme | null = null;
  private readonly surface = new SurfaceController(this, () => this.themeChanged());

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('model') && this.model !== null)
      this.groups = keyValueGroups(this.model.values, this.model.groups, this.model.queryHeads);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { model, groups } = this;
    if (model === null || groups.length === 0) return nothing;
    const { letter, identity } = model;
    const width = this.pictureWidth(model);
    return html`<div role="group" aria-label="${letter} of every head. Arrow keys choose one." @keydown=${this.onKey}>${
      model.groups === model.queryHeads
        ? html`<div class="pictures">${groups.map((group) => this.picture(group, group.group, width))}</div>`
        : groups.map((group) => {
            const { heads, difference } = group;
            const tie = Math.min(this.clientWidth || Infinity, heads.length * (width + GAP) - GAP);
            return html`
        ${difference === null ? nothing : html`<p class="between small">${betweenText(group.group - 1, difference)}</p>`}
        <div class="row" role="group" aria-label="Group ${group.group}: heads ${heads.join(', ')}, ${insideText(letter, identity)}">
          <div class="pictures">${heads.map((head) => this.picture(group, head, width))}</div>
          <div class="tie" .style=${`width:${tie}px`}></div>
          <p class="said">group ${group.group} · ${insideText(letter, identity)}</p>
        </div>`;
          })
    }</div>`;
  }

  private picture({ group }: KeyValueGroup, head: number, width: number): TemplateResult {
    // One stop for Tab, whatever heads there are.
    return html`<button class="picture" tabindex=${head === Math.max(0, this.chosen) ? 0 : -1} aria-pressed=${head === this.chosen} aria-label="${this.model?.letter ?? ''} of head ${head}, group ${group}" @click=${() => this.choose({ head, group, show: true })}>
      <span class="small">${width < NAMED ? '' : 'head '}${head}</span><canvas data-head=${head} data-group=${group} aria-hidden="true"></canvas>
    </button>`;
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const { model } = this;
    if (model === null) return;
    const head = neighbour(event.key, Math.max(0, this.chosen), model.queryHeads, this.across(model));
    if (head === null) return;
    event.preventDefault();
    this.choose({ head, group: Math.floor((head * model.groups) / model.queryHeads), show: false });
    this.renderRoot.querySelector(`[data-head="${head}"]`)?.closest('button')?.focus();
  };

  private choose(detail: ChosenHead): void {
    emit(this, 'headlight-choose', detail);
  }

  protected override updated(changed: PropertyValues): void {
    if (changed.has('model')) this.draw();
  }

  private themeChanged(): void {
    this.theme = null;
    this.draw();
  }

  /** CSS pixels of a row. */
  private get room(): number {
    const { surface } = this.surface;
    return surface === null ? WIDEST : surface.width / surface.ratio;
  }

  /** Heads beside each other: all of a group wherever there is room for it. */
  private across({ queryHeads, groups }: KeyValueModel): number {
    const beside = groups === queryHeads ? bestAcross(queryHeads, this.room) : queryHeads / groups;
    return Math.min(beside, Math.floor((this.room + GAP) / (NARROWEST + GAP)));
  }

  private pictureWidth(model: KeyValueModel): number {
    const beside = this.across(model);
    return Math.min(WIDEST, Math.floor((this.room - GAP * (beside - 1)) / beside));
  }

  private draw(): void {
    const { model } = this;
    const { surface } = this.surface;
    if (model === null || surface === null) return;
    const theme = (this.theme ??= readTheme(this));
    const { ratio } = surface;
    const { tokens, dim, values, groups } = model;
    const width = Math.round(this.pictureWidth(model) * ratio);
    const height = Math.round(Math.min(HIGHEST, Math.max(TOKEN * 4, tokens * TOKEN)) * ratio);
    const rows = binsOf(wholeAxis(tokens), [0, tokens], height);
    const columns = binsOf(wholeAxis(dim), [0, dim], width);
    const reduced = Array.from({ length: groups }, (_, group) =>
      reduceCells({ data: values, offset: group * tokens * dim, stride: dim, visible: null }, rows, columns, 'extreme'),
    );
    const all = Math.max(...this.groups.map(({ largest }) => largest));
    for (const canvas of this.renderRoot.querySelectorAll('canvas')) {
      const group = Number(canvas.dataset['group']);
      const own = reduced[group];
      const context = prepare(canvas, width, height, ratio, () => this.draw());
      if (own === undefined || context === null) continue;
      const scale = newScale(model.scale, true, model.shared ? all : largestOf(own), model.shared ? reduced : [own]);
      const image = context.createImageData(width, height);
      paintBins(pixelsOf(image), width, 0, 0, own, rows, columns, scale, theme.map('diverging'), theme.hatch(ratio));
      context.putImageData(image, 0, 0);
    }
    emit(this, 'headlight-drawn');
  }
}
