/** What heads do: a question at a time, each with its own form and answer, and the view as a file. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { HeadSource } from '../../../../src/shared/panelContract';
import { button } from '../../../parts/button';
import { exportedPage, viewHtml } from '../../../parts/exportPage';
import { errorState, loadingState, stateStyles } from '../../../parts/states';
import { Actions } from '../../../platform/actions';
import { announce } from '../../../platform/announce';
import { host } from '../../../platform/host';
import { base, controls } from '../../../styles/base';
import { keepLook, keptLook } from '../look';
import type { HeadsResult } from '../session';
import { headsStyles } from '../styles';
import './attributionPart';
import './compositionPart';
import './designsPart';
import './namedPart';
import './nextPart';
import type { EffectsPart } from './part';
import './patchPart';
import { EffectsSession, type EffectsState } from './session';
import { effectsStyles } from './styles';
import './ablationPart';

const PARTS = {
  next: 'Next token',
  named: 'Named heads',
  effect: 'Ablate',
  attribution: 'Attribution',
  patch: 'Patch',
  composition: 'Composition',
  designs: 'Designs',
} as const;
type Part = keyof typeof PARTS;

/** One for a session of heads: it outlives the view. */
const sessions = new WeakMap<object, EffectsSession>();

@customElement('headlight-heads-effects')
export class HeadsEffects extends LitElement {
  static override readonly styles = [base, controls, stateStyles, headsStyles, effectsStyles];

  @property({ attribute: false }) result: HeadsResult | null = null;
  /** Names the session that these answers belong to. */
  @property({ attribute: false }) session: object | null = null;
  /** Models that can stand beside this one. */
  @property({ attribute: false }) sources: readonly HeadSource[] = [];

  @state() private asking = keptPart();
  @state() private found: EffectsState | null = null;
  private effects: EffectsSession | null = null;
  private readonly actions = new Actions(this);
  private stop: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.listen();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.();
    this.stop = undefined;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('session')) this.listen();
    if (!changed.has('result') || this.result === null) return;
    this.effects?.follow(this.result);
    // What the model says is asked for at once: it is one run.
    if (this.asking === 'next' && this.result.seeded === null && this.effects?.state.read === null)
      void this.effects.readNext();
  }

  private listen(): void {
    this.stop?.();
    if (this.session === null) return;
    const known = sessions.get(this.session) ?? new EffectsSession(host);
    sessions.set(this.session, known);
    this.effects = known;
    this.found = known.state;
    this.stop = known.subscribe((found) => {
      const ended = this.found?.running != null && found.running === null && found.failure === null;
      this.found = found;
      if (ended) announce(this, `${PARTS[this.asking]}: done`);
    });
  }

  protected override render(): TemplateResult | typeof nothing {
    const { result, found, effects } = this;
    if (result === null || found === null || effects === null) return nothing;
    if (result.seeded !== null)
      return html`<p class="state">Seeded weights are random, and only one of their layers is run: there is no next token. Choose a sample model, or weights on this machine.</p>`;
    return html`
      <div class="tools"><span class="switch parts" role="group" aria-label="What is asked">${(Object.keys(PARTS) as Part[]).map((part) => html`<button aria-pressed=${part === this.asking} @click=${() => this.show(part)}>${PARTS[part]}</button>`)}</span></div>
      ${found.running === null ? nothing : html`${loadingState(found.running.message, found.running.fraction, [{ label: 'Cancel', run: () => effects.cancel() }])}`}
      ${found.failure === null ? nothing : errorState(found.failure)}
      ${this.renderPart(result, found, effects)}
      ${
        this.hasAnswer(found)
          ? html`<div class="tools part">${button({ label: 'Export View…', run: () => void this.export(result), title: 'What is shown here, as one HTML file' })}<span class="small" role="status">${this.actions.problem || this.actions.done}</span></div>`
          : nothing
      }`;
  }

  private hasAnswer({
    read,
    steps,
    named,
    compared,
    map,
    change,
    attribution,
    patch,
    composition,
  }: EffectsState): boolean {
    const answers: Record<Part, boolean> = {
      next: read !== null || steps.length > 0,
      named: named !== null,
      effect: map !== null || change !== null,
      attribution: attribution !== null,
      patch: patch !== null,
      composition: composition !== null,
      designs: compared.length > 0,
    };
    return answers[this.asking];
  }

  private export({ source, prompt, ids }: HeadsResult): Promise<void> {
    const title = `${PARTS[this.asking]}: ${source.label}`;
    const shown = this.renderRoot.querySelector<EffectsPart>('.asked')?.renderRoot.querySelectorAll('section') ?? [];
    return this.actions.save(
      `${title.replace(/[^\w-]+/g, '-').toLowerCase()}.html`,
      () => {
        const { backgroundColor, color } = getComputedStyle(document.body);
        return exportedPage({
          title,
          about: [...(prompt === '' ? [] : [prompt]), `${ids.length} tokens`],
          body: [...shown].map(viewHtml).join('\n'),
          colours: { background: backgroundColor, foreground: color },
        });
      },
      'View exported',
    );
  }

  private show(part: Part): void {
    this.asking = part;
    keepLook('effects', { part });
    if (part === 'next' && this.found?.read === null && this.found.running === null) void this.effects?.readNext();
  }

  private renderPart(result: HeadsResult, found: EffectsState, effects: EffectsSession): TemplateResult {
    switch (this.asking) {
      case 'next':
        return html`<headlight-effects-next class="asked" .result=${result} .found=${found} .effects=${effects}></headlight-effects-next>`;
      case 'named':
        return html`<headlight-effects-named class="asked" .result=${result} .found=${found} .effects=${effects}></headlight-effects-named>`;
      case 'effect':
        return html`<headlight-effects-ablation class="asked" .result=${result} .found=${found} .effects=${effects}></headlight-effects-ablation>`;
      case 'attribution':
        return html`<headlight-effects-attribution class="asked" .result=${result} .found=${found} .effects=${effects}></headlight-effects-attribution>`;
      case 'patch':
        return html`<headlight-effects-patch class="asked" .result=${result} .found=${found} .effects=${effects}></headlight-effects-patch>`;
      case 'composition':
        return html`<headlight-effects-composition class="asked" .result=${result} .found=${found} .effects=${effects}></headlight-effects-composition>`;
      case 'designs':
        return html`<headlight-effects-designs class="asked" .result=${result} .found=${found} .effects=${effects} .sources=${this.sources}></headlight-effects-designs>`;
    }
  }
}

/** The part that was shown last; one that a page of before kept may be gone. */
function keptPart(): Part {
  const { part } = keptLook('effects', { part: 'next' });
  return part in PARTS ? (part as Part) : 'next';
}
