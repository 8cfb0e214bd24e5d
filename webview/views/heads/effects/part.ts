/** What the questions about effects have in common: the answers, the form, and how heads are shown and led to. */

import { html, LitElement, type TemplateResult } from 'lit';
import { property } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import '../../../charts/heatmap/element';
import type { PinDetail, ReadCell, Readout } from '../../../charts/heatmap/element';
import '../../../charts/heatmap/legend';
import { differenceText } from '../../../charts/keyValues/viewModel';
import type { HeatmapModel } from '../../../charts/heatmap/viewModel';
import { button } from '../../../parts/button';
import { stateStyles } from '../../../parts/states';
import { emit } from '../../../platform/announce';
import { base, controls, tables } from '../../../styles/base';
import { heatmapTable } from '../models';
import type { HeadsResult } from '../session';
import { headsStyles } from '../styles';
import { headName, percent } from './models';
import type { EffectsSession, EffectsState } from './session';
import { effectsStyles } from './styles';

/** Which head is to be looked at. */
export interface ShownHead {
  readonly layer: number;
  readonly head: number;
}
const SHOW_HEAD = 'headlight-show-head';

/** Rows of a list of the largest that stay readable. */
export const LISTED = 8;

export abstract class EffectsPart extends LitElement {
  static override readonly styles = [base, controls, tables, stateStyles, headsStyles, effectsStyles];

  @property({ attribute: false }) result!: HeadsResult;
  @property({ attribute: false }) found!: EffectsState;
  @property({ attribute: false }) effects!: EffectsSession;

  /** A button that asks, out of reach while something runs. */
  protected ask(label: string, run: () => void, primary = true): TemplateResult {
    return button({ label, run, primary, disabled: this.found.running !== null });
  }

  protected tokenInput(label: string, name: 'word' | 'against', empty: string): TemplateResult {
    return html`<label>${label} <input class="word" .value=${live(this.found.form[name])} maxlength="100" spellcheck="false" placeholder=${empty} @input=${(event: Event) => this.effects.set({ [name]: (event.target as HTMLInputElement).value })} /></label>`;
  }

  protected otherPrompt(label: string, hint: string): TemplateResult {
    return html`<textarea aria-label=${label} rows="2" maxlength="200000" spellcheck="false" placeholder=${hint} .value=${live(this.found.form.other)} @input=${(event: Event) => this.effects.set({ other: (event.target as HTMLTextAreaElement).value })}></textarea>`;
  }

  protected numberInput(
    label: string,
    value: number,
    most: number,
    step: string,
    change: (value: number) => void,
  ): TemplateResult {
    return html`<label>${label} <input type="number" min="0" max=${most} step=${step} .value=${live(String(value))} @change=${(
      event: Event,
    ) => {
      const typed = (event.target as HTMLInputElement).valueAsNumber;
      if (typed >= 0 && typed <= most) change(typed);
      this.requestUpdate();
    }} /></label>`;
  }

  protected heatmap(
    model: HeatmapModel,
    name: string,
    corner: string,
    label: string,
    readout: (cell: ReadCell) => Readout,
    pin: (detail: PinDetail) => void = () => undefined,
    most = differenceText(model.scale.most),
  ): TemplateResult {
    const signed = model.map === 'diverging';
    return html`<headlight-heatmap .model=${model} .label=${`${name}. ${label}`} .hint=${label} .highest=${420} .readout=${readout} .table=${heatmapTable(model, name, corner, 'columns')}
      @headlight-pin=${(event: CustomEvent<PinDetail>) => pin(event.detail)}
    ><headlight-legend slot="foot" kind=${model.map} from=${signed ? `−${most}` : '0'} to=${most}></headlight-legend></headlight-heatmap>`;
  }

  protected headLink(layer: number, head: number): TemplateResult {
    return html`<button class="link" title="Shows its pattern" @click=${() => emit<ShownHead>(this, SHOW_HEAD, { layer, head })}>${headName({ layer, index: head })}</button>`;
  }

  /** The head that is read in a map, by pointer or keys. */
  private pointed: ShownHead | null = null;

  /** Remembers which head is read, for `showHead`; null: what is read is no head. */
  protected point(shown: ShownHead | null): void {
    this.pointed = shown;
  }

  protected readonly showHead = (): void => {
    if (this.pointed !== null) emit<ShownHead>(this, SHOW_HEAD, this.pointed);
  };
}

/** Probabilities, each with its length. */
export function bars(list: readonly { readonly label: string; readonly value: number }[]): TemplateResult {
  return html`<div class="bars" role="list">${list.map(({ label, value }) => html`<span class="token" role="listitem">${label}<span class="visually-hidden">, ${percent(value)}</span></span><span class="number figures" aria-hidden="true">${percent(value)}</span><span aria-hidden="true"><i class="bar" .style=${`width:${100 * value}%`}></i></span>`)}</div>`;
}
