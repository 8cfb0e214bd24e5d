/** Tokens in flight: prefill or a decode step at a context that a slider chooses, what takes most of it, and how the cache grows. */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { flightScene, stepSentences } from '../../../src/drawing/stepFigure';
import type { StepBoxes } from '../../../src/drawing/stepBoxes';
import { formatInteger } from '../../../src/model/units';
import { type Flight, type Step, STEPS } from '../../../src/serving/anatomy/flight';
import '../../charts/figure/element';
import '../../parts/slider';
import { doublings, type SliderScale, withValue } from '../../parts/sliderScale';
import { announce, emit } from '../../platform/announce';
import { base, controls } from '../../styles/base';

/** What the boxes are to say; null: their parameters. */
export type AskedFlight = { readonly step: Step; readonly tokens: number } | null;

/** The choice, or the context, became another. Detail: `AskedFlight`. */
const ASK = 'headlight-flight';

/** Longest context where a model's own is shorter, or not known. */
const LONG = 131_072;
/** Stops in each doubling, beside its ends. */
const BETWEEN = 7;

const NAMES: Readonly<Record<Step, string>> = { decode: 'Decode step', prefill: 'Prefill' };

@customElement('headlight-flight')
export class FlightControls extends LitElement {
  static override readonly styles = [
    base,
    controls,
    css`
      :host { padding-bottom: 8px; }
      .choice { display: flex; flex-wrap: wrap; gap: 4px 8px; align-items: center; }
      .chip { padding: 0 8px; height: 22px; border-radius: 3px; border: 1px dashed var(--vscode-contrastBorder, var(--line)); color: var(--vscode-descriptionForeground); white-space: nowrap; }
      .chip:hover { color: var(--vscode-foreground); background: var(--vscode-toolbar-hoverBackground); }
      .chip[aria-pressed='true'] { color: var(--vscode-foreground); border: 1px solid var(--vscode-contrastActiveBorder, var(--vscode-inputOption-activeBorder, var(--vscode-focusBorder))); background: var(--vscode-inputOption-activeBackground, transparent); }
      headlight-slider { max-width: 560px; margin: 6px 0; }
      p { max-width: 90ch; }
      p.first { font-weight: 600; }
      headlight-figure { display: block; margin-top: 8px; }
    `,
  ];

  @property({ attribute: false }) asked: AskedFlight = null;
  /** What is asked for, reckoned; null with it. */
  @property({ attribute: false }) flight: Flight | null = null;
  @property({ attribute: false }) boxes: StepBoxes | null = null;
  /** Tokens of the scenario: the notch. */
  @property({ type: Number }) tokens = 1;
  @property({ type: Number }) width = 0;

  protected override render(): TemplateResult {
    const { asked } = this;
    return html`
      <div class="choice small" role="group" aria-label="What the boxes say">
        ${this.chip(null, 'Parameters')} ${STEPS.map((step) => this.chip(step, NAMES[step]))}
      </div>
      ${asked && this.flight && this.boxes ? this.renderStep(asked, this.flight, this.boxes) : nothing}
    `;
  }

  private chip(step: Step | null, name: string): TemplateResult {
    const { asked, tokens } = this;
    const choose = (): void => {
      this.ask(step && { step, tokens: asked?.tokens ?? tokens });
      if (step === null) return;
      void this.updateComplete.then(() => this.say());
    };
    return html`<button class="chip" aria-pressed=${(asked?.step ?? null) === step} @click=${choose}>${name}</button>`;
  }

  private renderStep({ step, tokens }: NonNullable<AskedFlight>, flight: Flight, boxes: StepBoxes): TemplateResult {
    const trained = flight.anatomy.spec.contextLength?.value ?? null;
    const meaning =
      tokens === trained ? 'tokens, the trained context' : tokens === this.tokens ? 'tokens, the scenario' : 'tokens';
    const [first = '', ...others] = stepSentences(flight, boxes);
    return html`
      <headlight-slider
        .label=${step === 'decode' ? 'Context' : 'Prompt'}
        .scale=${scaleTo(Math.max(trained ?? 0, LONG), [trained, this.tokens])}
        .value=${tokens}
        .mark=${this.tokens}
        .format=${formatInteger}
        .meaning=${meaning}
        @slide=${(event: CustomEvent<number>) => this.ask({ step, tokens: event.detail })}
        @settle=${() => void this.updateComplete.then(() => this.say())}
      ></headlight-slider>
      <p class="first">${first}</p>
      ${others.map((text) => html`<p class="small">${text}</p>`)}
      <headlight-figure .scene=${flightScene(flight, this.width)}></headlight-figure>
    `;
  }

  private ask(asked: AskedFlight): void {
    emit(this, ASK, asked);
  }

  /** What the step takes, and what of it most. */
  private say(): void {
    const { flight, boxes } = this;
    if (flight && boxes) announce(this, stepSentences(flight, boxes).slice(0, 2).join(' '));
  }
}

function scaleTo(last: number, also: readonly (number | null)[]): SliderScale {
  const values = also.reduce<number[]>(
    (known, value) => (value === null ? known : withValue(known, value)),
    doublings(1, last, BETWEEN),
  );
  return { values, log: true };
}

/** What was asked for when the page was left; of an older version or another's hand it is nothing. */
export function keptFlight(kept: unknown): AskedFlight {
  if (typeof kept !== 'object' || kept === null) return null;
  const { step, tokens } = kept as { readonly step?: unknown; readonly tokens?: unknown };
  const known = STEPS.find((each) => each === step);
  return known && typeof tokens === 'number' && Number.isSafeInteger(tokens) && tokens >= 1
    ? { step: known, tokens }
    : null;
}
