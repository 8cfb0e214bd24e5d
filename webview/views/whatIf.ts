import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { Reading } from '../../src/reading/read';
import { KV_DTYPES } from '../../src/model/dtype';
import { allocationRule } from '../../src/cache/engines/register';
import { ENGINE_NAMES, type EngineOptions, type EngineRule, ENGINES, type Scenario } from '../../src/model/scenario';
import { formatInteger } from '../../src/model/units';
import { AS_FILED, WEIGHT_FORMATS } from '../../src/model/weightFormat';
import { contextText, designText, inexactText } from '../../src/present/words';
import type { SourcedDevice } from '../../src/serving/device';
import type { PanelSettings, ScenarioChange } from '../../src/shared/panelContract';
import { isRpcError } from '../../src/shared/rpcError';
import '../charts/strip/element';
import { stripModel } from '../charts/strip/viewModel';
import { button } from '../parts/button';
import '../parts/slider';
import { doublings, type SliderScale, withValue } from '../parts/sliderScale';
import { announce } from '../platform/announce';
import { keep, restored } from '../platform/editorApi';
import { host } from '../platform/host';
import { type PanelState, type PanelStore } from '../platform/store';
import { base, controls, numbers, tables } from '../styles/base';
import { type OverviewModel, verdictText } from './overview/viewModel';
import { memoryBar, memoryStyles } from './overview/memoryBar';
import './whatIf/engineOptions';
import { fields } from './whatIf/fields';
import { type Knob, knobsOf, type Turned, turnedReading } from './whatIf/knobs';
import {
  assumed,
  keptChange,
  modelOf,
  realChange,
  resultRows,
  resultSentence,
  type Setting,
  settingOf,
} from './whatIf/viewModel';

interface Kept {
  /** Of the config that the knobs were turned for. */
  readonly id: string;
  /** Path -> what the file said, and what the control says. */
  readonly turned: readonly (readonly [path: string, file: number, value: number])[];
  readonly change: ScenarioChange;
  readonly optionsOpen: boolean;
}

const CONTEXTS = doublings(1024, 1_048_576, 1);
const BATCHES = doublings(1, 1024);
const RANKS = [1, 2, 4, 8, 16, 32, 64];
const SAY_AFTER_MS = 400;

/** What would be if: controls for the config's own keys and for the scenario; the old result stays behind the new one. */
@customElement('headlight-what-if')
export class WhatIfView extends LitElement {
  static override readonly styles = [
    base,
    numbers,
    controls,
    tables,
    fields,
    memoryStyles,
    css`
      :host { container-type: inline-size; }
      .results { position: sticky; top: 31px; z-index: 1; padding: 4px 0; background: var(--vscode-sideBar-background, var(--vscode-editor-background)); border-bottom: 1px solid var(--line); }
      :host([place='editor']) .results { background: var(--vscode-editor-background); }
      .results :is(td, th) { vertical-align: middle; }
      .results td.bar { width: 100%; padding-right: 4px; }
      /* Wide enough for most numbers, so that bars keep their zero and their end while a control moves. */
      .results td.now { min-width: 64px; padding: 0 4px 0 6px; }
      .results td.ratio { min-width: 48px; padding-right: 0; }
      .results td.was { display: none; }
      .results .same { color: var(--vscode-descriptionForeground); }
      .ghost { position: relative; display: block; height: 10px; }
      .ghost span { position: absolute; left: 0; top: 0; bottom: 0; }
      .ghost .before { border: 1px solid var(--vscode-descriptionForeground); border-left: 0; }
      .ghost .after { background: var(--vscode-charts-blue); top: 2px; bottom: 2px; }
      .columns { display: grid; grid-template-columns: minmax(0, 1fr); column-gap: 40px; }
      h2 { margin-top: 12px; }
      headlight-slider { margin-bottom: 2px; }
      .actions { display: flex; flex-wrap: wrap; align-items: center; gap: 6px 8px; padding: 8px 0; }
      .edits { flex: 1 1 100%; overflow-wrap: anywhere; }
      .results .refused { width: 100%; vertical-align: top; white-space: normal; overflow-wrap: anywhere; }
      .design { padding: 6px 0; }
      .error { padding: 4px 0; overflow-wrap: anywhere; }
      @container (min-width: 400px) { select { width: 22ch; } }
      @container (min-width: 560px) {
        .results td.was { display: table-cell; min-width: 90px; }
        .results td.now { min-width: 90px; }
        .results td.ratio { min-width: 72px; }
      }
      @container (min-width: 640px) {
        .columns { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
        .results table { max-width: 900px; }
      }
    `,
  ];

  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  @state() private turned: Turned = new Map();
  @state() private change: ScenarioChange = {};
  @state() private optionsOpen = false;
  /** Null until the host told of them. */
  @state() private devices: readonly SourcedDevice[] | null = null;
  @state() private trouble: string | null = null;

  private knobs: readonly Knob[] = [];
  private knobsFor: Reading | null = null;
  private configId: string | null = null;
  private original: {
    readonly reading: Reading;
    readonly settings: PanelSettings;
    readonly model: OverviewModel;
  } | null = null;
  private saying: ReturnType<typeof setTimeout> | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
    void host.call('panel/devices', null).then((devices) => (this.devices = devices));
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    const { followed, config } = this.panel;
    if (!changed.has('panel') || !followed || !config || followed.reading === this.knobsFor) return;
    const known = new Map(this.knobs.map((knob) => [knob.id, knob.file]));
    this.knobs = knobsOf(followed.reading);
    this.knobsFor = followed.reading;
    if (config.id !== this.configId) {
      this.configId = config.id;
      this.restore(config.id);
      return;
    }
    // An edit of the file moves the controls: a value that the file changed is no what-if any more.
    const unchanged = [...this.turned].filter(([id, value]) =>
      this.knobs.some((knob) => knob.id === id && knob.file === known.get(id) && knob.file !== value),
    );
    if (unchanged.length === this.turned.size) return;
    this.turned = new Map(unchanged);
    this.keepState();
  }

  protected override render(): TemplateResult | typeof nothing {
    const { followed, settings, config } = this.panel;
    if (!followed || !settings || !config) return nothing;
    const setting = settingOf(settings, this.change, this.devices ?? []);
    const before = this.beforeModel(followed.reading, settings);
    const reading = turnedReading(followed.reading, this.knobs, this.turned);
    const readable = reading && reading.spec.layers.length > 0 ? reading : null;
    const after = readable
      ? readable === followed.reading && this.scenarioEdits(settings) === null
        ? before
        : modelOf(readable, setting)
      : null;
    return html`
      ${after ? this.results(before, after) : html`<p class="error">The config cannot be read with these values.</p>`}
      <div class="columns">
        <div>
          <h2>Config</h2>
          ${this.knobs.map((knob) => this.knob(knob, readable))}
          ${this.knobs.length === 0 ? html`<p class="quiet">No key of this config sets its KV heads, head width, latent, window or pattern: its family derives them.</p>` : this.configActions(config.editable, followed.document.errors.length > 0)}
        </div>
        <div>
          <h2>Scenario</h2>
          ${this.scenario(setting, settings)} ${this.scenarioActions(settings)}
        </div>
      </div>
    `;
  }

  private results(before: OverviewModel, after: OverviewModel): TemplateResult {
    const rows = resultRows(before, after);
    const { plan, refusal } = after;
    // In the place of all numbers, and as high: nothing moves under a control that is dragged.
    const refused = html`<td class="refused error" colspan="4" rowspan=${rows.length}>${refusal}. It does not start.</td>`;
    return html`<div class="results">
      <table>
        <caption class="visually-hidden">Before and after, at ${contextText(plan)}</caption>
        <tbody>
          ${rows.map(
            ({ name, before: was, after: now, ratio, same, bars }, index) => html`<tr class=${same ? 'same' : ''}>
              <th scope="row">${name}</th>
              ${
                refusal === null
                  ? html`<td class="bar">
                ${
                  bars
                    ? html`<span class="ghost"><span class="after" .style=${`width: ${bars.after * 100}%`}></span><span class="before" .style=${`width: ${bars.before * 100}%`}></span></span>`
                    : nothing
                }
              </td>
              <td class="number was small">${same ? '' : was}</td>
              <td class="number now">${now}</td>
              <td class="number ratio">${ratio}</td>`
                  : index === 0
                    ? refused
                    : nothing
              }
            </tr>`,
          )}
        </tbody>
      </table>
      </div>
      ${this.memory(after)}
      <p class="design small">${designText(plan.spec)} · ${contextText(plan)}${plan.exact ? '' : ` · not exact: ${inexactText(plan)}`}</p>
      ${assumed(plan).map((text) => html`<p class="small quiet">${text}</p>`)}
      ${new Set(plan.spec.layers.map(({ attention }) => attention.kind)).size > 1 ? html`<headlight-strip .model=${stripModel(plan.spec, plan.kvDtype)}></headlight-strip>` : nothing}`;
  }

  /** One device's memory, and whether it fits: where GPU, devices and weights are turned. */
  private memory(model: OverviewModel): TemplateResult | typeof nothing {
    const { memory, memoryProblem } = model;
    if (!memory) return memoryProblem === null ? nothing : html`<p class="quiet">${memoryProblem}</p>`;
    const verdict = verdictText(model);
    return html`<section class="memory">
      <h2>${memory.device}, ${memory.size}${memory.device.includes('×') ? ' each' : ''}</h2>
      ${memory.fits ? memoryBar(memory, '', verdict) : memoryBar(memory, verdict)}
    </section>`;
  }

  private knob(knob: Knob, reading: Reading | null): TemplateResult {
    const value = this.turned.get(knob.id) ?? knob.file;
    // What the reader thinks of the value, where it thinks anything.
    const problem =
      value === knob.file
        ? undefined
        : reading?.problems.find(({ key, severity }) => key === knob.id && severity !== 'information');
    return html`<headlight-slider
        .label=${knob.label}
        .scale=${knob.scale}
        .value=${value}
        .mark=${knob.file}
        .meaning=${knob.meaning(value)}
        .problem=${(candidate: number) => knob.problem(candidate)}
        .format=${formatInteger}
        @slide=${(event: CustomEvent<number>) => this.turn(knob, event.detail)}
        @settle=${() => this.settled()}
      ></headlight-slider>
      ${problem ? html`<p class="small warn">${problem.message}</p>` : nothing}`;
  }

  private configActions(editable: boolean, broken: boolean): TemplateResult {
    const edits = this.knobs.filter((knob) => (this.turned.get(knob.id) ?? knob.file) !== knob.file);
    const none = edits.length === 0;
    const what = edits
      .map(
        (knob) =>
          `${knob.path.at(-1) ?? ''}: ${formatInteger(knob.file)} → ${formatInteger(this.turned.get(knob.id) ?? knob.file)}`,
      )
      .join(', ');
    const hint = !editable
      ? 'This config cannot be changed here.'
      : broken
        ? 'Complete the file first.'
        : none
          ? 'The file changes only when you apply.'
          : what;
    return html`<div class="actions">
      ${button({ label: 'Apply to config.json', run: () => void this.apply(), primary: !none, disabled: none || !editable || broken })}
      ${button({ label: 'Reset', run: () => this.reset(), disabled: none })}
      <span class="edits small">${hint}</span>
      ${this.trouble === null ? nothing : html`<p class="error" role="alert">${this.trouble}</p>`}
    </div>`;
  }

  private scenario({ scenario, gpu }: Setting, settings: PanelSettings): TemplateResult {
    const { workload, sharding } = settings.scenario;
    const count = (
      label: string,
      key: 'tokens' | 'batch' | 'tp',
      values: readonly number[],
      value: number,
      mark: number,
      meaning: string,
      most: number,
    ): TemplateResult => {
      const scale: SliderScale = { values: withValue(values, mark), log: true };
      const problem = (candidate: number): string | null =>
        candidate >= 1 && candidate <= most ? null : `Use a number from 1 to ${formatInteger(most)}.`;
      return html`<headlight-slider
        .label=${label}
        .scale=${scale}
        .value=${value}
        .mark=${mark}
        .meaning=${meaning}
        .problem=${problem}
        .format=${formatInteger}
        @slide=${(event: CustomEvent<number>) => this.set({ [key]: event.detail })}
        @settle=${() => this.settled()}
      ></headlight-slider>`;
    };
    return html`
      ${count('Context', 'tokens', CONTEXTS, scenario.workload.tokens, workload.tokens, 'tokens per sequence', 2 ** 40)}
      ${count('Batch', 'batch', BATCHES, scenario.workload.batch, workload.batch, scenario.workload.batch === 1 ? 'sequence' : 'sequences', 2 ** 30)}
      ${count('Tensor parallel', 'tp', RANKS, scenario.sharding.tp, sharding.tp, scenario.sharding.tp === 1 ? 'device' : 'devices', 1024)}
      ${this.select(
        'KV dtype',
        'kvDtype',
        KV_DTYPES.map((value) => ({ value, text: value })),
        scenario.kvDtype,
        settings.scenario.kvDtype,
      )}
      ${this.select(
        'Weights',
        'weights',
        [AS_FILED, ...WEIGHT_FORMATS].map((value) => ({
          value,
          text: value === AS_FILED ? 'as the file says' : value,
        })),
        scenario.weights ?? AS_FILED,
        settings.scenario.weights ?? AS_FILED,
      )}
      ${this.select(
        'GPU',
        'gpu',
        (this.devices ?? [settings.device ?? []].flat()).map(({ device: { id, name } }) => ({ value: id, text: name })),
        gpu,
        settings.gpu,
      )}
      ${this.select(
        'Engine',
        'engine',
        ENGINES.map((value) => ({ value, text: ENGINE_NAMES[value] })),
        scenario.engine,
        settings.scenario.engine,
      )}
      ${this.engine(scenario, settings)}
    `;
  }

  /** Its release and its options; what the attention itself needs has neither. */
  private engine(scenario: Scenario, settings: PanelSettings): TemplateResult | typeof nothing {
    const { engine, release } = scenario;
    if (engine === 'intrinsic') return nothing;
    const { releases } = allocationRule(engine);
    const set = settingOf(settings, { engine }).scenario;
    return html`
      ${this.select(
        'Release',
        'release',
        [...releases].reverse().map(({ id, date }) => ({ value: id, text: id === date ? id : `${id} (${date})` })),
        release ?? '',
        set.release ?? '',
        engine,
      )}
      <headlight-engine-options
        .scenario=${scenario}
        .set=${set.options ?? {}}
        .open=${this.optionsOpen}
        @options=${(event: CustomEvent<EngineOptions>) => {
          this.set({ engine, options: event.detail });
          this.settled();
        }}
        @fold=${(event: CustomEvent<boolean>) => {
          this.optionsOpen = event.detail;
          this.keepState();
        }}
      ></headlight-engine-options>
    `;
  }

  private select(
    label: string,
    key: 'kvDtype' | 'weights' | 'engine' | 'release' | 'gpu',
    choices: readonly { readonly value: string; readonly text: string }[],
    value: string,
    before: string,
    /** Whose the value is. */
    engine?: EngineRule,
  ): TemplateResult {
    const was = choices.find((choice) => choice.value === before);
    return html`<label class="field"
      ><span>${label}</span>${value === before ? nothing : html`<span class="meaning small" title=${was?.text ?? before}>was ${was?.text ?? before}</span>`}
      <select @change=${(event: Event) => {
        const { value } = event.currentTarget as HTMLSelectElement;
        this.set(engine ? { engine, [key]: value } : { [key]: value });
        this.settled();
      }}>
        ${choices.some((choice) => choice.value === value) ? nothing : html`<option value=${value} selected>${value}</option>`}
        ${choices.map((choice) => html`<option value=${choice.value} ?selected=${choice.value === value}>${choice.text}</option>`)}
      </select>
    </label>`;
  }

  private scenarioActions(settings: PanelSettings): TemplateResult {
    const edits = this.scenarioEdits(settings);
    return html`<div class="actions">
      ${button({ label: 'Apply scenario', run: () => void this.applyScenario(), primary: edits !== null, disabled: edits === null })}
      ${button({
        label: 'Reset',
        run: () => {
          this.change = {};
          this.settled();
        },
        disabled: edits === null,
      })}
      ${edits ? html`<span class="edits small">Changes the settings, and with them every number in Headlight.</span>` : nothing}
    </div>`;
  }

  private beforeModel(reading: Reading, settings: PanelSettings): OverviewModel {
    if (this.original?.reading !== reading || this.original.settings !== settings) {
      this.original = { reading, settings, model: modelOf(reading, settings) };
    }
    return this.original.model;
  }

  private scenarioEdits(settings: PanelSettings): ScenarioChange | null {
    const edits = realChange(settings, this.change);
    return Object.keys(edits).length > 0 ? edits : null;
  }

  private turn(knob: Knob, value: number): void {
    const turned = new Map(this.turned);
    if (value === knob.file) turned.delete(knob.id);
    else turned.set(knob.id, value);
    this.turned = turned;
    this.trouble = null;
  }

  private set(change: ScenarioChange): void {
    // Release and options are those of one engine.
    const { release: _release, options: _options, ...others } = this.change;
    const same = change.engine === undefined || change.engine === this.change.engine;
    this.change = same ? { ...this.change, ...change } : { ...others, ...change };
  }

  private reset(): void {
    this.turned = new Map();
    this.trouble = null;
    this.settled();
  }

  /** A control rests: what was set is kept, and the result is said once. */
  private settled(): void {
    this.keepState();
    clearTimeout(this.saying);
    this.saying = setTimeout(() => {
      const { followed, settings } = this.panel;
      const reading = followed && turnedReading(followed.reading, this.knobs, this.turned);
      if (!reading || !settings || !this.isConnected) return;
      const after = modelOf(reading, settingOf(settings, this.change, this.devices ?? []));
      announce(this, after.refusal ?? resultSentence(resultRows(this.beforeModel(followed.reading, settings), after)));
    }, SAY_AFTER_MS);
  }

  private async apply(): Promise<void> {
    const { config } = this.panel;
    if (!config) return;
    const edits = this.knobs.flatMap((knob) => {
      const value = this.turned.get(knob.id);
      return value === undefined || value === knob.file ? [] : [{ path: knob.path, value: knob.write(value) }];
    });
    try {
      await host.call('panel/apply', { id: config.id, version: config.version, edits });
      announce(this, 'Applied to the config');
    } catch (error) {
      if (!isRpcError(error)) throw error;
      this.trouble = error.message;
    }
  }

  private async applyScenario(): Promise<void> {
    const { settings } = this.panel;
    const edits = settings && this.scenarioEdits(settings);
    if (!edits) return;
    const applied = this.change;
    await host.call('panel/setScenario', edits);
    // What was set meanwhile is not applied: it stays.
    if (this.change === applied) this.change = {};
    this.keepState();
  }

  private keepState(): void {
    if (this.configId === null) return;
    const turned = this.knobs.flatMap((knob) => {
      const value = this.turned.get(knob.id);
      return value === undefined ? [] : [[knob.id, knob.file, value] as const];
    });
    keep('whatIf', { id: this.configId, turned, change: this.change, optionsOpen: this.optionsOpen } satisfies Kept);
  }

  /** Knobs come back for the config that they were turned for, where the file still says what it said then. */
  private restore(id: string): void {
    const kept = restored('whatIf') as Partial<Kept> | undefined;
    this.change = keptChange(kept?.change);
    this.optionsOpen = kept?.optionsOpen === true;
    const turned = kept?.id === id && Array.isArray(kept.turned) ? kept.turned : [];
    this.turned = new Map(
      turned
        .filter(([path, file]) => this.knobs.some((knob) => knob.id === path && knob.file === file))
        .map(([path, , value]) => [path, value]),
    );
  }
}
