/** What heads do: the next token and how it comes about, heads by name, what is lost without each, and how different they are. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { allGroupEffects } from '../../../src/insight/effects/groupEffects';
import { HEAD_NAMES, type HeadName, NAMES } from '../../../src/insight/lens/headScores';
import type { CacheRank, LayerDiversity, NamedHead, NextToken, StateRead } from '../../../src/shared/lensContract';
import { elementAt } from '../../../src/model/elementAt';
import { sentence } from '../../../src/present/words';
import type { HeadSource } from '../../../src/shared/panelContract';
import { MOST_SEED } from '../../../src/shared/limits';
import '../../charts/heatmap/element';
import type { PinDetail, ReadCell, Readout } from '../../charts/heatmap/element';
import '../../charts/heatmap/legend';
import { tokenText } from '../../charts/heatmap/labels';
import type { HeatmapModel } from '../../charts/heatmap/viewModel';
import { differenceText } from '../../charts/keyValues/viewModel';
import '../../charts/matrixTable';
import type { TableModel } from '../../charts/tableModel';
import { button } from '../../parts/button';
import { errorState, loadingState, stateStyles } from '../../parts/states';
import { exportedPage, viewHtml } from '../../parts/exportPage';
import { Actions } from '../../platform/actions';
import { announce, emit } from '../../platform/announce';
import { host } from '../../platform/host';
import { base, controls, tables } from '../../styles/base';
import {
  cacheText,
  groupOf,
  headContributions,
  headModel,
  headName,
  largestEffects,
  largestRecoveries,
  lensModel,
  percent,
  readAt,
  stateName,
  wordOf,
} from './effectsModels';
import { type Compared, EffectsSession, type EffectsState } from './effectsSession';
import { keepLook, keptLook } from './look';
import { Memo } from './memo';
import { heatmapTable, tokensText } from './models';
import type { HeadsResult } from './session';
import { headsStyles } from './styles';

const PARTS = {
  next: 'Next token',
  named: 'Named heads',
  effect: 'Without a head',
  attribution: 'Who wrote it',
  patch: 'Patch',
  designs: 'Designs',
} as const;
type Part = keyof typeof PARTS;

/** Which head is to be looked at. */
export interface ShownHead {
  readonly layer: number;
  readonly head: number;
}
const SHOW_HEAD = 'headlight-show-head';

/** Layers and heads of a list that stay readable. */
const LISTED = 8;
const GROW = 8;
const REPEATED = 14;

/** One for a session of heads: it outlives the view. */
const sessions = new WeakMap<object, EffectsSession>();

@customElement('headlight-heads-effects')
export class HeadsEffects extends LitElement {
  static override readonly styles = [
    base,
    controls,
    tables,
    stateStyles,
    headsStyles,
    css`
    .bars { display: grid; grid-template-columns: minmax(6ch, max-content) 6ch minmax(24px, 1fr); gap: 0 8px; align-items: center; max-width: 520px; }
    .bars > span { min-height: 20px; line-height: 20px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
    .bars .number { text-align: right; }
    .bar { display: block; height: 8px; margin: 6px 0; background: var(--vscode-charts-blue, var(--vscode-foreground)); }
    .parts { flex-wrap: wrap; }
    .chosen { box-shadow: inset 2px 0 0 var(--vscode-focusBorder); padding-left: 6px; }
    .grown { line-height: 24px; overflow-wrap: anywhere; }
    .grown span { border-bottom: 2px solid var(--vscode-charts-blue, currentColor); margin-right: 2px; white-space: pre-wrap; }
    .cache { display: flex; height: 10px; max-width: 520px; gap: 1px; margin: 4px 0; }
    .cache i { flex: 1 1 0; min-width: 1px; background: color-mix(in srgb, var(--vscode-foreground) 30%, transparent); }
    .cache i.fresh { background: var(--vscode-charts-green, var(--vscode-foreground)); outline: 1px solid var(--vscode-contrastBorder, transparent); }
    input.word { width: 12ch; font: inherit; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--line)); border-radius: 2px; min-height: 24px; padding: 1px 4px; }
    .named { margin-top: 12px; }
    .named li { display: flex; flex-wrap: wrap; gap: 0 10px; }
    .wide { overflow-x: auto; }
    .designs th { white-space: normal; line-height: 16px; vertical-align: bottom; }
    section > * + * { margin-top: 6px; }
  `,
  ];

  @property({ attribute: false }) result: HeadsResult | null = null;
  /** Names the session that these answers belong to. */
  @property({ attribute: false }) session: object | null = null;
  /** Models that can stand beside this one. */
  @property({ attribute: false }) sources: readonly HeadSource[] = [];

  @state() private asking = keptLook('effects', { part: 'next' }).part as Part;
  @state() private found: EffectsState | null = null;
  /** Index in the positions that were read. */
  @state() private position = -1;
  @state() private word = '';
  @state() private temperature = 0;
  @state() private seed = 0;
  @state() private other = '';
  private effects: EffectsSession | null = null;
  private readonly actions = new Actions(this);
  private stop: (() => void) | undefined;
  private readonly memos = {
    lens: new Memo<HeatmapModel>(),
    effect: new Memo<HeatmapModel>(),
    attribution: new Memo<HeatmapModel>(),
    patch: new Memo<HeatmapModel>(),
  };

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
    const { source, prompt, ids, pieces } = this.result;
    this.effects?.follow({ source, prompt, ids, pieces });
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

  private hasAnswer({ read, steps, named, compared, map, attribution, patch }: EffectsState): boolean {
    const answers: Record<Part, boolean> = {
      next: read !== null || steps.length > 0,
      named: named !== null,
      effect: map !== null,
      attribution: attribution !== null,
      patch: patch !== null,
      designs: compared.length > 0,
    };
    return answers[this.asking];
  }

  private export({ source, prompt, ids }: HeadsResult): Promise<void> {
    const title = `${PARTS[this.asking]}: ${source.label}`;
    return this.actions.save(
      `${title.replace(/[^\w-]+/g, '-').toLowerCase()}.html`,
      () => {
        const { backgroundColor, color } = getComputedStyle(document.body);
        return exportedPage({
          title,
          about: [...(prompt === '' ? [] : [prompt]), `${ids.length} tokens`],
          body: [...this.renderRoot.querySelectorAll('section')].map(viewHtml).join('\n'),
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
        return html`${this.renderNext(result, found, effects)} ${this.renderGrown(result, found, effects)}`;
      case 'named':
        return this.renderNamed(found, effects);
      case 'effect':
        return this.renderEffect(result, found, effects);
      case 'attribution':
        return this.renderAttribution(result, found, effects);
      case 'patch':
        return this.renderPatch(result, found, effects);
      case 'designs':
        return this.renderDesigns(found, effects);
    }
  }

  /** A button that asks, out of reach while something runs. */
  private ask(label: string, run: () => void, primary = true): TemplateResult {
    return button({ label, run, primary, disabled: this.found?.running != null });
  }

  private wordInput(label: string): TemplateResult {
    return html`<label>${label} <input class="word" .value=${live(this.word)} maxlength="100" spellcheck="false" placeholder="a token" @input=${(event: Event) => (this.word = (event.target as HTMLInputElement).value)} /></label>`;
  }

  private renderNext(result: HeadsResult, { read }: EffectsState, effects: EffectsSession): TemplateResult {
    if (read === null)
      return html`<div class="tools">${this.ask('Read the next token', () => void effects.readNext(this.word))}</div>`;
    const { positions, states, words } = read;
    const at = this.position < 0 || this.position >= positions.length ? positions.length - 1 : this.position;
    const position = elementAt(positions, at);
    const last = readAt(read, states.length - 1, at);
    const model = this.memos.lens.get([read, result.pieces], () => lensModel(read, result.pieces));
    return html`<section aria-label="Next token">
      <div class="tools">
        <label>after <select .value=${live(String(at))} @change=${(event: Event) => (this.position = Number((event.target as HTMLSelectElement).value))}>${positions.map((token, index) => html`<option value=${index} ?selected=${index === at}>${tokensText(result, [token, token + 1])}</option>`)}</select></label>
        ${this.wordInput('rank of')} ${this.ask('Ask', () => void effects.readNext(this.word), false)}
      </div>
      <h2>Next token <span class="small">entropy ${(last?.entropy ?? 0).toFixed(2)} nats</span></h2>
      ${last === undefined ? nothing : html`${bars(last.top.map(({ id, probability }) => ({ label: wordOf(words, id), value: probability })))} ${rankText(last, words)}`}
      <h2>After each layer <span class="small">logit lens: the final norm and the output head on every layer’s output</span></h2>
      <table><thead><tr><th scope="col">after</th><th scope="col">likeliest</th><th scope="col" class="number">probability</th>${last?.follows ? html`<th scope="col" class="number">rank of “${wordOf(words, last.follows.id)}”</th>` : nothing}</tr></thead><tbody>${states.map(
        ({ layer, reads }) => {
          const { top, follows } = reads[at] as StateRead;
          return html`<tr><th scope="row">${stateName(layer)}</th><td class="token">${top
            .slice(0, 3)
            .map(({ id }) => wordOf(words, id))
            .join(
              '  ',
            )}</td><td class="number">${percent(top[0]?.probability ?? 0)}</td>${follows ? html`<td class="number">${follows.rank}</td>` : nothing}</tr>`;
        },
      )}</tbody></table>
      ${this.heatmap(
        model,
        `Logit lens, token ${position}`,
        'layer \\ after',
        'How sure each layer is of its likeliest token. Arrow keys read, Enter chooses a position.',
        ({ rows, columns, value }) => {
          const state = readAt(read, rows[0], columns[0]);
          const said = wordOf(words, state?.top[0]?.id ?? -1);
          const where = `${stateName(states[rows[0]]?.layer ?? null)}, after ${tokensText(result, tokenAt(elementAt(positions, columns[0])))}`;
          return {
            text: html`<strong>${said}</strong> ${percent(value)} <span class="key">${where}</span>`,
            sentence: `${where}: ${said}, ${percent(value)}`,
          };
        },
        ({ row, column }) => (this.position = column ?? row ?? at),
        '1',
      )}
    </section>`;
  }

  private heatmap(
    model: HeatmapModel,
    name: string,
    corner: string,
    label: string,
    readout: (cell: ReadCell) => Readout,
    pin: (detail: PinDetail) => void,
    most = differenceText(model.scale.most),
  ): TemplateResult {
    const signed = model.map === 'diverging';
    return html`<headlight-heatmap .model=${model} .label=${`${name}. ${label}`} .hint=${label} .highest=${420} .readout=${readout} .table=${heatmapTable(model, name, corner, 'columns')}
      @headlight-pin=${(event: CustomEvent<PinDetail>) => pin(event.detail)}
    ><headlight-legend slot="foot" kind=${model.map} from=${signed ? `−${most}` : '0'} to=${most}></headlight-legend></headlight-heatmap>`;
  }

  private renderGrown({ pieces }: HeadsResult, { steps }: EffectsState, effects: EffectsSession): TemplateResult {
    const last = steps.at(-1);
    const number = (
      label: string,
      value: number,
      most: number,
      step: string,
      change: (value: number) => void,
    ): TemplateResult =>
      html`<label>${label} <input type="number" min="0" max=${most} step=${step} .value=${live(String(value))} @change=${(
        event: Event,
      ) => {
        const typed = (event.target as HTMLInputElement).valueAsNumber;
        if (typed >= 0 && typed <= most) change(typed);
        this.requestUpdate();
      }} /></label>`;
    const grow = (count: number): void => void effects.grow(count, { temperature: this.temperature, seed: this.seed });
    return html`<section class="part" aria-label="Token by token">
      <h2>Token by token <span class="small">${this.temperature === 0 ? 'the likeliest each time' : 'drawn by chance'}</span></h2>
      <div class="tools">
        ${number('temperature', this.temperature, 100, '0.1', (value) => (this.temperature = value))}
        ${this.temperature === 0 ? nothing : number('seed', this.seed, MOST_SEED, '1', (value) => (this.seed = Math.trunc(value)))}
        ${this.ask('One token', () => grow(1), false)} ${this.ask(`${GROW} tokens`, () => grow(GROW), false)}
        ${steps.length === 0 ? nothing : html`<button class="link" @click=${() => effects.beginAgain()}>Begin again</button>`}
      </div>
      ${
        last === undefined
          ? nothing
          : html`<p class="grown token">…${tokenText(pieces.at(-1) ?? '')} ${steps.map((step) => html`<span title=${stepTitle(step)}>${wordOf(step.words, step.chosen.id)}</span>`)}</p>
        <p class="small">${stepTitle(last)}</p>
        ${cacheStrip(last)}
        <p class="small">Last step: ${cacheText(last.cache)}${last.chosen.ends ? '. The model ends its text here.' : ''}</p>`
      }
    </section>`;
  }

  private renderNamed({ named }: EffectsState, effects: EffectsSession): TemplateResult {
    return html`<section aria-label="Named heads">
      <div class="tools">${this.ask('Find in this prompt', () => void effects.name(null))} ${this.ask('Find in a random list, twice', () => void effects.name(REPEATED), false)}</div>
      ${
        named === null
          ? html`<p class="small">Scores of every head of the model, and the heads that reach a published threshold.</p>`
          : html`<p class="small">On ${named.repeated === null ? `the prompt’s ${named.pieces.length} tokens` : `${named.repeated} random words, twice`}: ${named.pieces.map(tokenText).slice(0, 24).join(' ')}${named.pieces.length > 24 ? ' …' : ''}</p>
        ${HEAD_NAMES.map((name) =>
          this.renderName(
            name,
            named.found.layers.flatMap(({ layer, heads }) => heads.map((head) => ({ layer, ...head }))),
            named.pieces,
          ),
        )}
        <headlight-matrix-table .model=${scoresTable(named.found.layers.flatMap(({ layer, heads }) => heads.map((head) => ({ layer, ...head }))))}></headlight-matrix-table>`
      }
    </section>`;
  }

  private renderName(name: HeadName, heads: readonly PlacedHead[], pieces: readonly string[]): TemplateResult {
    const { label, measures, threshold, source } = NAMES[name];
    const measured = heads.flatMap((head) => {
      const { [name]: score } = head.scores;
      return score === null ? [] : [{ head, score }];
    });
    const sorted = measured.toSorted((a, b) => b.score - a.score);
    const found = sorted.filter(({ score }) => score >= threshold);
    const [best] = sorted;
    return html`<div class="named">
      <h3 title=${source}>${sentence(label)}s <span class="small">from ${threshold} · ${measures}</span></h3>
      ${
        found.length > 0
          ? html`<ul>${found.slice(0, LISTED).map(
              ({ head, score }) =>
                html`<li>${this.headLink(head.layer, head.head)} <span class="figures">${score.toFixed(2)}</span> <span class="small token">${head.evidence[
                  name
                ]
                  .slice(0, 2)
                  .map(({ query, key, weight }) =>
                    name === 'copySuppression'
                      ? `lowers ${tokensText({ pieces }, [key, key + 1])}`
                      : `${tokensText({ pieces }, [query, query + 1])} → ${tokensText({ pieces }, [key, key + 1])} ${weight.toFixed(2)}`,
                  )
                  .join(', ')}</span></li>`,
            )}</ul>`
          : html`<p class="small">${best === undefined ? 'Not measured: nothing in this prompt shows it.' : html`None. The highest is ${this.headLink(best.head.layer, best.head.head)} with ${best.score.toFixed(2)}.`}</p>`
      }
      <details class="small"><summary>Source</summary>${source}</details>
    </div>`;
  }

  private headLink(layer: number, head: number): TemplateResult {
    return html`<button class="link" title="Shows its pattern" @click=${() => emit<ShownHead>(this, SHOW_HEAD, { layer, head })}>${headName({ layer, index: head })}</button>`;
  }

  /** The head that is read in a map, by pointer or keys. */
  private pointed: ShownHead | null = null;
  private readonly showHead = (): void => {
    if (this.pointed !== null) emit<ShownHead>(this, SHOW_HEAD, this.pointed);
  };

  private point({ rows, columns }: ReadCell): string {
    this.pointed = { layer: rows[0], head: columns[0] };
    return headName({ layer: rows[0], index: columns[0] });
  }

  private renderEffect(result: HeadsResult, { map }: EffectsState, effects: EffectsSession): TemplateResult {
    const model =
      map === null
        ? null
        : this.memos.effect.get([map], () => headModel(map.effects, result.layerCount, false, ({ klMean }) => klMean));
    return html`<section aria-label="Without a head">
      <div class="tools">${map !== null && map.left === 0 ? nothing : this.ask(map === null ? 'Take out every head' : 'Go on', () => void effects.takeOut())}</div>
      ${
        map === null || model === null
          ? html`<p class="small">Every head is taken out by itself (its output becomes zero), and each group with one KV head together. Shown is how far what the model says changes.</p>`
          : html`<h2>What changes without it <span class="small">KL, mean over the prompt, nats${map.left > 0 ? ` · ${map.left} still missing` : ''}</span></h2>
        ${this.heatmap(
          model,
          'Effect of each head',
          'layer \\ head',
          'A row for each layer, a column for each head. Arrow keys read, Enter shows a head.',
          ({ rows, columns, value }) => {
            const name = this.point({ rows, columns, value });
            const own = map.effects.find(
              ({ kind, layer, index }) => kind === 'head' && layer === rows[0] && index === columns[0],
            );
            const group = own && groupOf(map.effects, own);
            const loss = own?.lossChange == null ? '' : `, loss ${signed(own.lossChange)}`;
            const said = Number.isNaN(value)
              ? 'not computed yet'
              : `${value.toFixed(4)} nats${loss}${group === undefined ? '' : `; its whole group ${group.klMean.toFixed(4)}`}`;
            return { text: html`<strong>${name}</strong> ${said}`, sentence: `${name}: ${said}` };
          },
          this.showHead,
        )}
        <div class="wide" role="region" tabindex="0" aria-label="Table"><table><thead><tr><th scope="col">largest</th><th scope="col" class="number">KL</th><th scope="col" class="number">loss</th><th scope="col" class="number">KL of its group</th></tr></thead><tbody>${largestEffects(
          map.effects,
          LISTED,
        ).map((each) => {
          const group = groupOf(map.effects, each);
          return html`<tr><th scope="row">${this.headLink(each.layer, each.index)}</th><td class="number">${each.klMean.toFixed(4)}</td><td class="number">${each.lossChange === null ? '–' : signed(each.lossChange)}</td><td class="number">${group === undefined ? '–' : group.klMean.toFixed(4)}</td></tr>`;
        })}</tbody></table></div>`
      }
    </section>`;
  }

  private renderAttribution(
    result: HeadsResult,
    { attribution }: EffectsState,
    effects: EffectsSession,
  ): TemplateResult {
    const heads = attribution === null ? [] : headContributions(attribution);
    const model =
      attribution === null
        ? null
        : this.memos.attribution.get([attribution], () =>
            headModel(headContributions(attribution), result.layerCount, true, ({ value }) => value),
          );
    const listed =
      attribution?.contributions.toSorted((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, LISTED) ?? [];
    return html`<section aria-label="Who wrote it">
      <div class="tools">${this.wordInput('logit of')} ${this.ask('Attribute', () => void effects.attribute(this.word))}</div>
      ${
        attribution === null || model === null
          ? html`<p class="small">What each head, MLP and the embedding add to the logit of a token behind the last one; empty: of the likeliest.</p>`
          : html`<h2>${attribution.logit.toFixed(3)} <span class="small">logit behind ${tokensText(result, [attribution.position, attribution.position + 1])}; the parts sum to ${attribution.sum.toFixed(3)}</span></h2>
        ${this.heatmap(
          model,
          'What each head adds to the logit',
          'layer \\ head',
          'A row for each layer, a column for each head. Arrow keys read, Enter shows a head.',
          ({ rows, columns, value }) => {
            const own = heads.find(({ layer, index }) => layer === rows[0] && index === columns[0]);
            const sources = own?.sources ?? [];
            const from = sources.reduce(
              (best, each, at) => (Math.abs(each) > Math.abs(elementAt(sources, best)) ? at : best),
              0,
            );
            const name = this.point({ rows, columns, value });
            const most =
              sources.length === 0
                ? ''
                : `, most from ${tokensText(result, [from, from + 1])} (${signed(elementAt(sources, from))})`;
            return {
              text: html`<strong>${signed(value)}</strong> ${name}${most}`,
              sentence: `${name}: ${signed(value)}${most}`,
            };
          },
          this.showHead,
        )}
        <table><thead><tr><th scope="col">largest</th><th scope="col" class="number">adds</th></tr></thead><tbody>${listed.map(({ writer, layer, index, value }) => html`<tr><th scope="row">${writer === 'head' ? this.headLink(layer, index) : writer === 'mlp' ? `layer ${layer} MLP` : writer === 'embedding' ? 'embedding' : writer === 'bias' ? `layer ${layer} bias` : 'output bias'}</th><td class="number">${signed(value)}</td></tr>`)}</tbody></table>
        ${attribution.notes.map((note) => html`<p class="small">${note}</p>`)}`
      }
    </section>`;
  }

  private renderPatch(result: HeadsResult, { patch }: EffectsState, effects: EffectsSession): TemplateResult {
    const model =
      patch === null
        ? null
        : this.memos.patch.get([patch], () =>
            headModel(patch.recoveries, result.layerCount, true, ({ recovered }) => recovered),
          );
    return html`<section aria-label="Patch">
      <textarea aria-label="Corrupted prompt" rows="2" maxlength="200000" spellcheck="false" placeholder="The prompt with something changed, of as many tokens" .value=${live(this.other)} @input=${(event: Event) => (this.other = (event.target as HTMLTextAreaElement).value)}></textarea>
      <div class="tools">${this.ask('Patch every head', () => void effects.patchFrom(this.other))}</div>
      ${
        patch === null || model === null
          ? html`<p class="small">What a head does in the prompt is put into the corrupted prompt: how much of the likeliest token’s logit comes back?</p>`
          : html`<p>${patch.pieces.map((piece, at) => html`<span class="token ${patch.differing.includes(at) ? 'warn' : ''}">${tokenText(piece)} </span>`)}</p>
        <h2>Recovered <span class="small">1: all of ${patch.clean.toFixed(2)} against ${patch.corrupted.toFixed(2)}${patch.left > 0 ? ` · ${patch.left} still missing` : ''}</span></h2>
        ${this.heatmap(
          model,
          'Recovery by each head',
          'layer \\ head',
          'A row for each layer, a column for each head. Arrow keys read, Enter shows a head.',
          ({ rows, columns, value }) => {
            const name = this.point({ rows, columns, value });
            const said = Number.isNaN(value) ? 'not known' : signed(value);
            return { text: html`<strong>${said}</strong> ${name}`, sentence: `${name}: ${said} recovered` };
          },
          this.showHead,
        )}
        <table><thead><tr><th scope="col">largest</th><th scope="col" class="number">recovered</th></tr></thead><tbody>${largestRecoveries(patch.recoveries, LISTED).map(({ layer, index, recovered }) => html`<tr><th scope="row">${this.headLink(layer, index)}</th><td class="number">${recovered === null ? '–' : signed(recovered)}</td></tr>`)}</tbody></table>`
      }
    </section>`;
  }

  private renderDesigns({ compared }: EffectsState, effects: EffectsSession): TemplateResult {
    const others = this.sources.filter(({ origin, problem }) => origin === 'sample' && problem === null);
    return html`<section aria-label="Designs">
      <div class="tools">${this.ask('Compare with the samples', () => void effects.compare(others))} ${this.ask('This model alone', () => void effects.compare([]), false)}</div>
      ${
        compared.length === 0
          ? html`<p class="small">How alike what two heads give is (linear CKA), how far their patterns are apart (Jensen–Shannon distance), in one group and in different ones; and how many directions K, V and latents use (effective rank). More tokens than a head has dims make CKA mean something.</p>`
          : html`${compared.every(({ map }) => map?.left === 0) ? nothing : html`<div class="tools">${this.ask(compared.some(({ map }) => map !== null) ? 'Go on with heads and groups' : 'Take out heads and groups', () => void effects.takeOutOfDesigns(), false)}</div>`}
      ${designsTable(compared)}
      ${compared.map(
        ({ source: { label }, diversity }) =>
          html`<h2>${label} <span class="small">${diversity.tokens} tokens</span></h2><div class="wide" role="region" tabindex="0" aria-label=${label}><table>
              <thead><tr><th scope="col">layer</th><th scope="col" class="number">CKA in a group</th><th scope="col" class="number">between</th><th scope="col" class="number">patterns apart in a group</th><th scope="col" class="number">between</th><th scope="col" class="number">rank of K</th><th scope="col" class="number">V</th><th scope="col" class="number">latent</th></tr></thead>
              <tbody>${diversity.layers.map(diversityRow)}</tbody></table></div>`,
      )}`
      }
    </section>`;
  }
}

function tokenAt(position: number): readonly [number, number] {
  return [position, position + 1];
}

type PlacedHead = NamedHead & { readonly layer: number };

function diversityRow({ layer, cka, patternDistance, ranks }: LayerDiversity): TemplateResult {
  const cells = [cka.inside, cka.between, patternDistance.inside, patternDistance.between].map((value) =>
    value === null ? '–' : value.toFixed(2),
  );
  const rank = (what: CacheRank['what']): string => {
    const found = ranks.find((each) => each.what === what);
    return found === undefined ? '–' : `${found.rank.toFixed(1)} of ${found.most}`;
  };
  return html`<tr><th scope="row">${layer}</th>${[...cells, rank('k'), rank('v'), rank('latent')].map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
}

/** Designs beside each other, over all layers. */
function designsTable(compared: readonly Compared[]): TemplateResult {
  const mean = (values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  return html`<h2>All layers <span class="small">a head against its group</span></h2><div class="wide" role="region" tabindex="0" aria-label="All layers"><table class="designs">
    <thead><tr><th scope="col">design</th><th scope="col" class="number">CKA in a group</th><th scope="col" class="number">between</th><th scope="col" class="number">KL without a head</th><th scope="col" class="number">without its group</th><th scope="col" class="number">group ÷ its heads</th></tr></thead>
    <tbody>${compared.map(({ source, diversity: { layers }, map }) => {
      const found = map === null || map.left > 0 ? null : allGroupEffects(map.effects);
      const cells = [
        [mean(layers.map(({ cka }) => cka.inside)), 2],
        [mean(layers.map(({ cka }) => cka.between)), 2],
        [found?.head ?? null, 4],
        [found?.group ?? null, 4],
        [found?.together ?? null, 2],
      ] as const;
      return html`<tr><th scope="row">${source.label}</th>${cells.map(([value, digits]) => html`<td class="number">${value === null ? '–' : value.toFixed(digits)}</td>`)}</tr>`;
    })}</tbody></table></div>
    <p class="small">Group ÷ its heads: 1 where what heads do adds up; more where one stands in for another and only all together are missed. A dash: each head is its own group, or not computed yet.</p>`;
}

function signed(value: number): string {
  return `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
}

function bars(list: readonly { readonly label: string; readonly value: number }[]): TemplateResult {
  return html`<div class="bars" role="list">${list.map(({ label, value }) => html`<span class="token" role="listitem">${label}<span class="visually-hidden">, ${percent(value)}</span></span><span class="number figures" aria-hidden="true">${percent(value)}</span><span aria-hidden="true"><i class="bar" .style=${`width:${100 * value}%`}></i></span>`)}</div>`;
}

function rankText({ follows, asked }: StateRead, words: NextToken['words']): TemplateResult {
  const of = (why: string, { id, rank, probability }: NonNullable<StateRead['follows']>): TemplateResult =>
    html`<p class="small">${why} <span class="token">${wordOf(words, id)}</span>: rank ${rank}, ${percent(probability)}</p>`;
  return html`${follows === null ? nothing : of('In the prompt follows', follows)} ${asked.map((token) => of('Asked for', token))}`;
}

function stepTitle({ chosen, words }: NextToken): string {
  const drawn = chosen.among > 1 ? `, drawn with ${percent(chosen.sampled)} of ${chosen.among}` : '';
  return `“${wordOf(words, chosen.id)}” ${percent(chosen.probability)}, rank ${chosen.rank}${drawn}`;
}

/** Tokens that stand side by side; of more, shares. */
const MOST_CELLS = 64;

function cacheStrip({ cache }: NextToken): TemplateResult {
  const [first] = cache.toSorted((a, b) => b.read + b.written - a.read - a.written);
  const [read, written] = [first?.read ?? 0, first?.written ?? 0];
  const share = Math.max(1, (read + written) / MOST_CELLS);
  const fresh = Math.max(1, Math.round(written / share));
  const old = Math.round(read / share);
  return html`<div class="cache" role="img" aria-label=${`Cache: ${read} tokens read, ${written} new`}>${Array.from({ length: old + fresh }, (_, at) => html`<i class=${at < old ? '' : 'fresh'}></i>`)}</div>`;
}

function scoresTable(heads: readonly PlacedHead[]): TableModel {
  return {
    caption: 'All heads',
    corner: 'head',
    rows: heads.length,
    columns: HEAD_NAMES.length,
    rowHead: (row) => `${elementAt(heads, row).layer}.${elementAt(heads, row).head}`,
    columnHead: (column) => NAMES[elementAt(HEAD_NAMES, column)].label.replace(' head', ''),
    cell: (row, column) => {
      const score = elementAt(heads, row).scores[elementAt(HEAD_NAMES, column)];
      return score === null ? '–' : score.toFixed(3);
    },
  };
}
