/** Heads: what the heads of a layer do with a prompt. The grid is the navigation, the zoomed head is the work. */

import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import '../charts/headGrid/element';
import '../charts/heatmap/legend';
import { button } from '../parts/button';
import { emptyState, errorState, loadingState, stateStyles } from '../parts/states';
import { announce } from '../platform/announce';
import { keep, restored } from '../platform/editorApi';
import { host } from '../platform/host';
import type { PanelState, PanelStore } from '../platform/store';
import { base, controls } from '../styles/base';
import './heads/effects/element';
import type { ShownHead } from './heads/effects/part';
import './heads/keyValuesPart';
import { keepLook } from './heads/look';
import './heads/patternsPart';
import { layerText, seededText, whoseHeads } from './heads/models';
import { MOST_SEED } from '../../src/shared/limits';
import { type HeadsResult, HeadsSession, type HeadsState, isText } from './heads/session';
import { headsStyles } from './heads/styles';

const MODES = { patterns: 'Patterns', kv: 'Q, K and V', effects: 'Effects' } as const;
type Mode = keyof typeof MODES;

/** What can be looked at in one click. */
const EXAMPLES: readonly { readonly id: string; readonly mode: Mode; readonly label: string; readonly what: string }[] =
  [
    { id: 'seeded', mode: 'kv', label: 'K and V of this config', what: 'which heads share them; random weights' },
    {
      id: 'sample:gqa',
      mode: 'patterns',
      label: 'Patterns of a trained sample',
      what: 'what heads look at; a small GQA model',
    },
    {
      id: 'sample:mla',
      mode: 'kv',
      label: 'Latents of an MLA sample',
      what: 'what is cached, and the K and V made from it',
    },
  ];

/** One for a store: it outlives the view, which another tab takes away. */
const sessions = new WeakMap<PanelStore, HeadsSession>();
/** The session of the model that is shown beside. */
const others = new WeakMap<PanelStore, HeadsSession>();

/** What is kept across reloads. */
interface Kept {
  readonly source?: string;
  readonly chosenFor?: string;
  readonly prompt?: string;
  readonly layer?: number;
  readonly seed?: number;
  readonly mode?: Mode;
  /** Something was shown: it is computed again. */
  readonly ran?: boolean;
  /** The source that is shown beside. */
  readonly other?: string;
}

@customElement('headlight-heads')
export class HeadsView extends LitElement {
  static override readonly styles = [base, controls, stateStyles, headsStyles];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  @state() private heads: HeadsState | null = null;
  @state() private mode: Mode = 'patterns';
  /** Of the model beside, for the same prompt and layer. */
  @state() private other: HeadsState | null = null;

  private stopOther: (() => void) | undefined;
  private session: HeadsSession | undefined;
  private stop: (() => void) | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.session !== undefined) this.listen(this.session);
    this.listenBeside();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stop?.();
    this.stop = undefined;
    this.stopOther?.();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (this.session === undefined) this.begin();
    if (changed.has('panel')) void this.session?.follow(this.panel.config);
  }

  private begin(): void {
    const { ran, mode, other, ...remembered } = keptState();
    if (mode !== undefined && mode in MODES) this.mode = mode;
    const known = sessions.get(this.store);
    const session = known ?? new HeadsSession(host);
    this.session = session;
    sessions.set(this.store, session);
    this.listen(session);
    this.listenBeside();
    if (known !== undefined) return;
    void session.start(this.panel.config, remembered).then(async () => {
      if (ran !== true || session.state.result !== null || session.state.model === null) return;
      await session.run();
      if (other !== undefined) await this.showBeside(other);
    });
  }

  private listenBeside(): void {
    this.stopOther?.();
    const session = others.get(this.store);
    this.other = session?.state ?? null;
    this.stopOther = session?.subscribe((other) => (this.other = other));
  }

  /** Heads of another model beside these, for the same prompt and layer. @param id Empty: none. */
  private async showBeside(id: string): Promise<void> {
    others.get(this.store)?.cancel();
    others.delete(this.store);
    if (id !== '') others.set(this.store, new HeadsSession(host));
    this.listenBeside();
    this.remember();
    await this.runBeside(id);
  }

  private async runBeside(source: string): Promise<void> {
    const session = others.get(this.store);
    const result = this.heads?.result;
    if (session === undefined || result == null) return;
    const { config, prompt, layer } = result;
    session.cancel();
    await session.start(config, { source, prompt, layer, ...(config && { chosenFor: config.id }) });
    if (session.state.source?.id === source && session.refusal === null) await session.run();
  }

  private listen(session: HeadsSession): void {
    this.stop?.();
    this.heads = session.state;
    this.stop = session.subscribe((heads) => this.follow(heads));
  }

  private follow(heads: HeadsState): void {
    const before = this.heads;
    this.heads = heads;
    const { source, prompt, layer, seed, result } = heads;
    if (
      source !== before?.source ||
      prompt !== before?.prompt ||
      layer !== before?.layer ||
      seed !== before?.seed ||
      (result === null) !== (before?.result === null)
    )
      this.remember();
    const { source: beside } = this.other ?? {};
    if (beside && result !== null && (result.prompt !== before?.result?.prompt || result.layer !== before.result.layer))
      void this.runBeside(beside.id);
    if (result !== null && result !== before?.result)
      announce(this, `${layerText(result.attention)}, layer ${result.layer}: ${result.ids.length} tokens shown`);
  }

  private remember(): void {
    if (!this.heads) return;
    const { source, chosenFor, prompt, layer, seed, result } = this.heads;
    keep('heads', {
      ...keptState(),
      ...(source && { source: source.id }),
      ...(chosenFor !== null && { chosenFor }),
      prompt,
      layer,
      seed,
      mode: this.mode,
      ran: result !== null,
      ...(this.other?.source && { other: this.other.source.id }),
    } satisfies Kept);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { heads, session } = this;
    if (heads === null || session === undefined) return nothing;
    if (heads.sources === null)
      return heads.failure
        ? errorState(heads.failure, [{ label: 'Try again', run: () => void session.start(heads.config) }])
        : loadingState('Looking for weights');
    const { result, source, config } = heads;
    const whose = result === null ? source && whoseHeads(source, config) : whoseHeads(result.source, result.config);
    return html`${whose ? html`<h2 class="whose">${whose}</h2>` : nothing} ${this.renderForm(heads, session)} ${this.renderStatus(heads, session)} ${heads.result === null ? this.renderEmpty(heads, session) : this.renderResult(heads.result, session)}`;
  }

  private renderForm(heads: HeadsState, session: HeadsSession): TemplateResult {
    const { sources, source, model, prompt, layer, seed, running } = heads;
    const runnable = model !== null && source?.problem === null && prompt.trim() !== '' && session.refusal === null;
    const ids = model !== null && !isText(model);
    return html`
      <div class="form">
        <div class="line">
          <label class="wide">Weights
            <select .value=${live(source?.id ?? '')} @change=${(event: Event) => void session.choose((event.target as HTMLSelectElement).value)}>
              ${(sources ?? []).map(({ id, label, problem }) => html`<option value=${id} ?selected=${id === source?.id} ?disabled=${problem !== null}>${label}${problem === null ? '' : ' – not available'}</option>`)}
            </select>
          </label>
          <button type="button" class="link" @click=${() => void session.browse()}>Choose…</button>
        </div>
        <textarea aria-label=${ids ? 'Token ids' : 'Prompt'} rows="2" maxlength="200000" spellcheck="false" placeholder=${ids ? 'Token ids: 11, 42, 7' : 'A prompt'} .value=${live(prompt)}
          @input=${(event: Event) => session.setPrompt((event.target as HTMLTextAreaElement).value)}
          @keydown=${(event: KeyboardEvent) => {
            if (event.key === 'Enter' && !event.shiftKey) {
              event.preventDefault();
              if (runnable) void session.run();
            }
          }}></textarea>
        <div class="line">
          <label>Layer
            <select class="layer" aria-label="Layer" ?disabled=${model === null} .value=${live(String(layer))} @change=${(event: Event) => void session.setLayer(Number((event.target as HTMLSelectElement).value))}>
              ${(model?.layers ?? []).map(({ kind }, index) => html`<option value=${index} ?selected=${index === layer}>${index}${kind === 'refused' ? ' –' : ''}</option>`)}
            </select>
          </label>
          ${source?.origin === 'seeded' ? html`<label>Seed <input type="number" min="0" max=${MOST_SEED} step="1" .value=${live(String(seed))} @change=${(event: Event) => this.setSeed(event.target as HTMLInputElement, session)} /></label>` : nothing}
          ${running ? button({ label: 'Cancel', run: () => session.cancel() }) : button({ label: 'Run', run: () => void session.run(), primary: true, disabled: !runnable })}
        </div>
      </div>`;
  }

  private setSeed(input: HTMLInputElement, session: HeadsSession): void {
    const seed = Math.trunc(input.valueAsNumber);
    if (seed >= 0 && seed <= MOST_SEED) void session.setSeed(seed);
    else input.value = String(session.state.seed);
  }

  private renderStatus(
    { source, running, failure, result, device, model }: HeadsState,
    session: HeadsSession,
  ): TemplateResult | readonly TemplateResult[] {
    if (running) return html`<div class="running">${loadingState(running.message, running.fraction)}</div>`;
    if (failure)
      return errorState(
        failure,
        model === null
          ? [{ label: 'Try again', run: () => void session.choose(source?.id ?? '') }]
          : [{ label: 'Run again', run: () => void session.run() }],
      );
    if (source?.problem != null)
      return emptyState(`${source.problem}. Choose a sample model, or weights on this machine.`);
    const refused =
      session.refusal === null
        ? nothing
        : emptyState(
            `${session.refusal} Choose ${model?.layers.some(({ kind }) => kind !== 'refused') === true ? 'another layer' : 'a sample model, or change the config'}.`,
          );
    if (result === null) {
      const texts = new Set((model?.layers ?? []).map(layerText));
      return html`<p class="where small" aria-busy=${model === null ? 'true' : nothing}>${model === null ? 'Reading the model' : [...(texts.size === 1 ? texts : []), `${model.layers.length} ${model.layers.length === 1 ? 'layer' : 'layers'}`, ...(device ? [`${device.engine}, ${device.reason}`] : [])].join(' · ')}</p>${refused}`;
    }
    const { provenance, ms, ids, seeded } = result;
    return html`${refused}<div class="where">
      <strong>Layer ${result.layer}</strong> of ${result.layerCount} · ${layerText(result.attention)}
      <span class="small figures">${ids.length} tokens · ${provenance.device} · ${provenance.library} · ${provenance.precision} · ${ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`}</span>
      ${seeded === null ? nothing : html`<details class="small"><summary>Seeded weights (seed ${seeded.seed}): true shapes, random numbers, earlier layers skipped</summary>${seededText(seeded, result.words)}</details>`}
      ${session.changed && session.refusal === null ? html`<span class="small warn">From before your change. <button class="link" @click=${() => void session.run()}>Run again</button></span>` : nothing}
    </div>`;
  }

  private renderEmpty(
    { sources, source, model, running, failure }: HeadsState,
    session: HeadsSession,
  ): TemplateResult | typeof nothing {
    if (running || failure || model === null || source?.problem !== null || session.refusal !== null) return nothing;
    const examples = EXAMPLES.filter(({ id }) => sources?.some((each) => each.id === id && each.problem === null));
    return html`<div class="state">
      <p>“Run” shows, for every head of a layer, which tokens it looks at, and its K and V.${examples.length === 0 ? '' : ' Or begin with:'}</p>
      <ul class="examples">${examples.map(({ id, mode, label, what }) => html`<li><button class="link" @click=${() => void this.example(session, id, mode)}>${label}</button><span class="small">${what}</span></li>`)}</ul>
    </div>`;
  }

  private async example(session: HeadsSession, id: string, mode: Mode): Promise<void> {
    this.mode = mode;
    await session.choose(id);
    if (session.refusal === null) await session.run();
  }

  private renderResult(result: HeadsResult, session: HeadsSession): TemplateResult {
    const { heads, other } = this;
    const beside = other && others.get(this.store);
    const sources = heads?.sources?.filter(({ id, problem }) => problem === null && id !== result.source.id) ?? [];
    return html`
      <div class="tools">
        <span class="switch" role="group" aria-label="What is shown">${(Object.keys(MODES) as Mode[]).map((mode) => html`<button aria-pressed=${mode === this.mode} @click=${() => this.show(mode)}>${MODES[mode]}</button>`)}</span>
        <label>compare with
          <select .value=${live(other?.source?.id ?? '')} @change=${(event: Event) => void this.showBeside((event.target as HTMLSelectElement).value)}>
            <option value="">nothing</option>
            ${sources.map(({ id, label }) => html`<option value=${id} ?selected=${id === other?.source?.id}>${label}</option>`)}
          </select>
        </label>
      </div>
      <div class=${beside ? 'models' : ''}>
        <div class=${session.changed ? 'old' : ''}>${beside ? ownTitle(result) : nothing}${this.renderHeads(result, session, heads)}</div>
        ${beside ? html`<section class="other" aria-label="The other model">${this.renderOther(other, beside)}</section>` : nothing}
      </div>`;
  }

  private renderHeads(result: HeadsResult, session: HeadsSession, heads: HeadsState | null): TemplateResult {
    if (this.mode === 'effects')
      return html`<headlight-heads-effects .result=${result} .session=${session} .sources=${heads?.sources ?? []} @headlight-show-head=${(event: CustomEvent<ShownHead>) => this.showHead(event.detail, session)}></headlight-heads-effects>`;
    return this.mode === 'patterns'
      ? html`<headlight-heads-patterns .session=${session} .heads=${heads}></headlight-heads-patterns>`
      : html`<headlight-heads-key-values .result=${result} .session=${session}></headlight-heads-key-values>`;
  }

  private renderOther({ source, running, failure, result, config }: HeadsState, session: HeadsSession): TemplateResult {
    return html`
      ${result !== null ? ownTitle(result) : source !== null ? html`<h2>${whoseHeads(source, config)}</h2>` : nothing}
      ${running ? loadingState(running.message, running.fraction) : failure ? errorState(failure, [{ label: 'Run again', run: () => void session.run() }]) : session.refusal === null ? nothing : emptyState(session.refusal)}
      ${result === null ? nothing : this.renderHeads(result, session, session.state)}`;
  }

  /** The pattern of a head that was found. */
  private showHead({ layer, head }: ShownHead, session: HeadsSession): void {
    keepLook('chosen', { head });
    this.show('patterns');
    void session.setLayer(layer);
  }

  private show(mode: Mode): void {
    this.mode = mode;
    this.remember();
  }
}

/** Above heads that stand beside others. */
function ownTitle({ source, config, layer, layerCount, attention, ids }: HeadsResult): TemplateResult {
  return html`<h2>${whoseHeads(source, config)}</h2><p class="small">Layer ${layer} of ${layerCount} · ${layerText(attention)} · ${ids.length} tokens</p>`;
}

function keptState(): Kept {
  const kept = restored('heads');
  return typeof kept === 'object' && kept !== null ? kept : {};
}
