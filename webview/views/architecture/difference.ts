/** The followed config beside another one: what is alike faces each other, what changed is marked and said with both values. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { planCache } from '../../../src/cache/plan';
import { differenceFigure } from '../../../src/drawing/difference';
import type { Part, Scene } from '../../../src/drawing/scene';
import { measuredBy } from '../../../src/drawing/textWidth';
import { readModelConfig } from '../../../src/reading/read';
import { anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { type AnatomyDifference, differenceOf, isSamePair } from '../../../src/serving/anatomy/difference';
import type { PanelBeside } from '../../../src/shared/panelContract';
import { advanceIn } from '../../charts/figure/measure';
import '../../charts/figure/element';
import { Actions } from '../../platform/actions';
import { host } from '../../platform/host';
import { readOptions } from '../../platform/readOptions';
import type { PanelState, PanelStore } from '../../platform/store';
import { followWidth } from '../../platform/width';
import { base, controls } from '../../styles/base';
import type { OverviewModel } from '../overview/viewModel';
import { type KeyPlace, placeOfKey } from './keyPlaces';
import { PICTURE_WIDTH, pictureOf } from './picture';

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
  private places = new Map<string, KeyPlace | null>();

  constructor() {
    super();
    followWidth(this, (width) => (this.width = width));
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('model') || changed.has('beside')) {
      this.places.clear();
      this.difference = this.compare();
    }
    this.scene = this.width === 0 ? null : measuredBy(advanceIn(this), () => this.draw(this.width, 1));
  }

  private compare(): AnatomyDifference | null {
    const { model, beside, panel } = this;
    const { scenario, kvDtype } = model.plan;
    const other = readModelConfig(beside.text, readOptions(beside, panel.settings));
    if (!other || other.spec.layers.length === 0) return null;
    const { tokens } = scenario.workload;
    return differenceOf(
      anatomyOf(other, planCache(other.spec, scenario).kvDtype, tokens),
      anatomyOf(model.reading, kvDtype, tokens),
    );
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
              .goes=${this.goes}
              @headlight-choose-part=${(event: CustomEvent<Part>) => this.choose(event.detail)}
            ></headlight-figure>
            <div class="actions small">
              <button class="link" @click=${() => void this.actions.copy('SVG', () => this.picture())}>Copy as SVG</button>
              <button class="link" @click=${() => void this.actions.savePicture(`${this.panel.config?.name ?? 'model'}-difference.svg`, () => this.picture())}>Save as SVG…</button>
              <span aria-hidden="true">${this.actions.done}</span>
              <span class="error" role="alert">${this.actions.problem}</span>
            </div>`
          : nothing
      }
    `;
  }

  /** Keys are those of the followed config: what the other one has is in another file. */
  private readonly goes = (part: Part): boolean => this.placeOf(part) !== null;

  private placeOf({ id, key }: Part): KeyPlace | null {
    const { followed } = this.panel;
    if (key === null || !followed || id.startsWith('before.')) return null;
    let place = this.places.get(key);
    if (place === undefined) {
      place = placeOfKey(followed.document, followed.reading.location.path, key);
      this.places.set(key, place);
    }
    return place;
  }

  private choose(part: Part): void {
    const place = this.placeOf(part);
    const { config } = this.panel;
    if (!place || !config) return;
    const { offset, length } = place.range;
    void host.call('panel/reveal', { id: config.id, offset, length });
  }

  /** As `headlight draw --diff` writes it. */
  private picture(): string {
    return pictureOf(this.draw(PICTURE_WIDTH));
  }
}
