import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { repeat } from 'lit/directives/repeat.js';
import { changedOptions, type EngineOption, type EngineRelease, setupOf } from '../../../src/cache/engines/options';
import { kindText, parseOptionValue } from '../../../src/cache/engines/parseOptions';
import { allocationRule } from '../../../src/cache/engines/register';
import type { EngineOptions, OptionValue, Scenario } from '../../../src/model/scenario';
import { usualText, valueText } from '../../../src/present/optionText';
import { releaseText, sentence } from '../../../src/present/words';
import { button } from '../../parts/button';
import { base, controls } from '../../styles/base';
import { fields } from './fields';

/**
 * The options of the scenario's engine, by its own names, as its rule declares them. Folded, with the number of those that are not the
 * release's own. Fires `options` (detail: all that are set now) and `fold` (detail: whether it is open).
 */
@customElement('headlight-engine-options')
export class EngineOptionsPart extends LitElement {
  static override readonly styles = [
    base,
    controls,
    fields,
    css`
      .fold { display: flex; align-items: baseline; width: 100%; min-height: 30px; line-height: 30px; gap: 6px; }
      .fold::before { content: '▸'; width: 10px; font-size: 10px; color: var(--vscode-descriptionForeground); }
      .fold[aria-expanded='true']::before { content: '▾'; }
      .fold .small { margin-left: auto; }
      .options { border-left: 2px solid var(--line); padding-left: 10px; }
      .option { padding: 2px 0 6px; }
      .option .field { min-height: 26px; }
      .option p { overflow-wrap: anywhere; }
      .name { overflow: hidden; text-overflow: ellipsis; }
      .changed .name { font-weight: 600; }
      /* As wide as the exact values beside sliders: the names need the rest. */
      .option input, .option select { width: 10ch; }
      @container (min-width: 400px) { .option input.list { width: 18ch; } }
      input { flex: none; height: 24px; padding: 0 4px; text-align: right; font: inherit; font-variant-numeric: tabular-nums; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, transparent); border-radius: 2px; }
      input::placeholder { color: var(--vscode-input-placeholderForeground); }
      input[aria-invalid='true'] { border-color: var(--vscode-inputValidation-errorBorder, var(--vscode-errorForeground)); }
      .actions { padding: 2px 0 8px; }
    `,
  ];

  @property({ attribute: false }) scenario!: Scenario;
  /** What the settings have. */
  @property({ attribute: false }) set: EngineOptions = {};
  @property({ type: Boolean }) open = false;

  /** What was typed and is no value, by option. */
  @state() private wrong: ReadonlyMap<string, string> = new Map();
  private wrongFor = '';

  protected override willUpdate(): void {
    const { engine, release } = this.scenario;
    const now = `${engine}@${release}`;
    if (now !== this.wrongFor) this.wrong = new Map();
    this.wrongFor = now;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { engine, options = {} } = this.scenario;
    const rule = allocationRule(engine);
    const { release } = setupOf(rule, this.scenario.release);
    if (rule.options.length === 0) return nothing;
    const changed = Object.keys(changedOptions(rule, release, options)).length;
    return html`
      <button class="fold" aria-expanded=${this.open} aria-controls="options" @click=${() => this.fold()}>
        Engine options <span class="small">${changed === 0 ? 'defaults' : `${changed} changed`}</span>
      </button>
      <div id="options" class="options" role="group" aria-label="Options of ${releaseText(engine, release)}" ?hidden=${!this.open}>
        ${
          this.open
            ? html`${repeat(
                rule.options,
                ({ name }) => `${engine} ${name}`,
                (option) => this.option(option, release),
              )}
              <div class="actions">
                ${button({ label: 'Reset to defaults', run: () => this.change({}), disabled: changed === 0 && this.wrong.size === 0 })}
              </div>`
            : nothing
        }
      </div>
    `;
  }

  private option(option: EngineOption, release: EngineRelease): TemplateResult {
    const { name, kind, meaning, usual } = option;
    const { options = {} } = this.scenario;
    const value = options[name] ?? usual(release);
    const was = this.set[name] ?? usual(release);
    const typed = this.wrong.get(name);
    const differs = String(value) !== String(was);
    const control =
      kind.takes === 'flag' || kind.takes === 'word' ? this.choice(option, release) : this.field(option, release);
    return html`<div class="option ${String(value) === String(usual(release)) ? '' : 'changed'}">
      <label class="field"><span class="name" title=${name}>${name}</span>${control}</label>
      ${typed === undefined ? nothing : html`<p class="error small" role="alert" id="wrong-${name}">${name} takes ${kindText(kind)}.</p>`}
      <p class="small" id="about-${name}">${differs ? html`<span class="was">Was ${valueText(was)}.</span> ` : nothing}${sentence(meaning)}. Default: ${usualText(option, release)}.</p>
    </div>`;
  }

  private choice({ name, kind, usual }: EngineOption, release: EngineRelease): TemplateResult {
    const value = this.scenario.options?.[name] ?? usual(release);
    const values: readonly OptionValue[] = kind.takes === 'word' ? kind.words : [true, false];
    return html`<select aria-describedby="about-${name}" @change=${(event: Event) => this.enter(name, values[Number((event.currentTarget as HTMLSelectElement).value)])}>
      ${usual(release) === undefined ? html`<option value="-1" .selected=${value === undefined}>${valueText(undefined)}</option>` : nothing}
      ${values.map((each, index) => html`<option value=${index} .selected=${each === value}>${valueText(each)}</option>`)}
    </select>`;
  }

  private field({ name, kind, usual }: EngineOption, release: EngineRelease): TemplateResult {
    const value = this.scenario.options?.[name];
    const typed = this.wrong.get(name);
    return html`<input
      class=${kind.takes === 'counts' ? 'list' : ''}
      spellcheck="false"
      inputmode=${kind.takes === 'fraction' ? 'decimal' : 'numeric'}
      placeholder=${valueText(usual(release))}
      aria-describedby="${typed === undefined ? '' : `wrong-${name} `}about-${name}"
      aria-invalid=${typed === undefined ? nothing : 'true'}
      .value=${typed ?? (value === undefined ? '' : valueText(value))}
      @change=${(event: Event) => {
        const text = (event.currentTarget as HTMLInputElement).value.trim();
        const parsed =
          text === ''
            ? undefined
            : parseOptionValue(kind, kind.takes === 'count' ? text.replace(/[\s,_']/g, '') : text);
        if (parsed === null) this.wrong = new Map([...this.wrong, [name, text]]);
        else this.enter(name, parsed);
      }}
    />`;
  }

  /** Undefined, or what the release does anyway: the option is not set. */
  private enter(name: string, value: OptionValue | undefined): void {
    const { engine, options = {} } = this.scenario;
    const rule = allocationRule(engine);
    const { [name]: _, ...others } = options;
    this.wrong = new Map([...this.wrong].filter(([other]) => other !== name));
    const given = value === undefined ? others : { ...others, [name]: value };
    this.tell(changedOptions(rule, setupOf(rule, this.scenario.release).release, given));
  }

  private change(options: EngineOptions): void {
    this.wrong = new Map();
    this.tell(options);
  }

  private tell(options: EngineOptions): void {
    this.dispatchEvent(new CustomEvent<EngineOptions>('options', { detail: options }));
  }

  private fold(): void {
    this.dispatchEvent(new CustomEvent<boolean>('fold', { detail: !this.open }));
  }
}
