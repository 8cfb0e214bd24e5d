/** The followed config beside another one: what is alike faces each other, what changed is marked and said with both values. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { differenceFigure } from '../../../src/drawing/difference';
import type { Part, Scene } from '../../../src/drawing/scene';
import { measuredBy } from '../../../src/drawing/textWidth';
import { anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { type AnatomyDifference, differenceOf, isSamePair } from '../../../src/serving/anatomy/difference';
import type { PanelBeside } from '../../../src/shared/panelContract';
import { advanceIn } from '../../charts/figure/measure';
import '../../charts/figure/element';
import { Actions } from '../../platform/actions';
import { host } from '../../platform/host';
import type { PanelState, PanelStore } from '../../platform/store';
import { followWidth } from '../../platform/width';
import { base, controls } from '../../styles/base';
import type { OverviewModel } from '../overview/viewModel';
import { BesideAnatomy } from './besideAnatomy';
import { showLit } from './cursor';
import { KeyPlaces } from './keyPlaces';
import { PICTURE_WIDTH, pictureActions } from './picture';

@customElement('headlight-difference')
export class DifferenceView extends LitElement {
  static override readonly styles = [
    base,
    controls,
    css`
      .above, .actions { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; }
      .above { padding: 6px 0 8px; border-top: 1px solid var(--line); }
      .actions { padding-top: 12px; }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;
  @property({ attribute: false }) model!: OverviewModel;
  @property({ attribute: false }) beside!: PanelBeside;

  @state() private width = 0;
  /** Kinds that are alike on both sides are open, too. */
  @state() private all = false;

  private readonly actions = new Actions(this);
  /** Null where the other is no model config. */
  private difference: AnatomyDifference | null = null;
  private scene: Scene | null = null;
  private places = new KeyPlaces(null);
  private readonly other = new BesideAnatomy();
  /** Kinds are being opened or closed. */
  private unfolds = false;
  private stopCursor: (() => void) | undefined;
  /** The line of the cursor that was shown last. */
  private line: number | null = null;

  constructor() {
    super();
    followWidth(this, (width) => (this.width = width));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.requestUpdate();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopCursor?.();
    this.stopCursor = undefined;
  }

  protected override willUpdate(changed: PropertyValues): void {
    // Not when it is connected: its code may come after its element, and properties are set then.
    if (this.isConnected) this.stopCursor ??= this.store.followCursor(() => this.requestUpdate());
    if (changed.has('model') || changed.has('beside')) {
      // Keys are those of the followed config: what the other one has is in another file.
      this.places = new KeyPlaces(this.panel.followed, ({ id }) => id.startsWith('before.'));
      this.difference = this.compare();
    }
    // Private ones are not known to Lit's types.
    const names: readonly PropertyKey[] = ['model', 'beside', 'width', 'all'];
    if (!names.some((name) => changed.has(name))) return;
    this.unfolds = changed.has('all');
    this.scene = this.width === 0 ? null : measuredBy(advanceIn(this), () => this.draw(this.width, 1));
  }

  protected override updated(): void {
    const line = this.store.cursorLine;
    if (line === this.line) return;
    this.line = line;
    void showLit(this.renderRoot);
  }

  private compare(): AnatomyDifference | null {
    const { model, beside, panel } = this;
    const { scenario, kvDtype } = model.plan;
    const other = this.other.of(beside, panel.settings, scenario);
    return other && differenceOf(other, anatomyOf(model.reading, kvDtype, scenario.workload.tokens));
  }

  /** @param margin Of a picture by itself: its own; of the page: room for the strokes at the edges. */
  private draw(width: number, margin?: number): Scene | null {
    const { difference, beside, all } = this;
    if (!difference) return null;
    const names = { before: beside.name, after: this.panel.config?.name ?? '' };
    const source = (side: 'before' | 'after'): string =>
      `From ${names[side]}, model type ${difference[side].spec.modelType}`;
    return differenceFigure(difference, {
      width,
      names,
      sources: { before: source('before'), after: source('after') },
      ...(margin === undefined ? {} : { margin }),
      ...(all ? { open: new Set(difference.pairs.keys()) } : {}),
    });
  }

  protected override render(): TemplateResult | typeof nothing {
    const { beside, difference, scene } = this;
    const alike = difference?.pairs.some(isSamePair) === true;
    return html`
      <div class="above small">
        <span>Beside ${beside.name}</span>
        <button class="link" @click=${() => void this.actions.attempt(() => host.call('panel/drawAlone', null))}>Draw alone</button>
        <button class="link" @click=${() => void this.actions.attempt(() => host.call('panel/chooseBeside', null))}>Beside another…</button>
        ${alike ? html`<button class="link" aria-pressed=${this.all} @click=${() => (this.all = !this.all)}>Expand identical parts</button>` : nothing}
      </div>
      ${difference ? nothing : html`<p class="error" role="alert">${beside.name} is not a model config.</p>`}
      ${
        scene
          ? html`<headlight-figure
              .scene=${scene}
              .lit=${this.places.litBy(this.store.cursorLine, [scene])}
              .moves=${this.unfolds}
              .goes=${this.goes}
              @headlight-choose-part=${(event: CustomEvent<Part>) => this.choose(event.detail)}
            ></headlight-figure>
            <div class="actions small">
              ${pictureActions(this.actions, `${this.panel.config?.name ?? 'model'}-difference`, () => this.picture())}
            </div>`
          : nothing
      }
    `;
  }

  private readonly goes = (part: Part): boolean => this.places.first(part) !== null;

  private choose(part: Part): void {
    const place = this.places.first(part);
    const { config } = this.panel;
    if (!place || !config) return;
    const { offset, length } = place.range;
    void host.call('panel/reveal', { id: config.id, offset, length });
  }

  /** As `headlight draw --diff` writes it. */
  private picture(): Scene | null {
    return this.draw(PICTURE_WIDTH);
  }
}
