/** The page: tabs, the config's name, and the view that is shown. Views load when they are first shown. */

import { css, html, LitElement, noChange, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { keyed } from 'lit/directives/keyed.js';
import { MAX_CONFIG_CHARACTERS } from '../src/config/textCost';
import type { PanelConfig } from '../src/shared/panelContract';
import { otherUnits } from '../src/model/units';
import { PANEL_VIEWS, type PanelView } from '../src/shared/panelViews';
import { emptyState, errorState, loadingState, stateStyles } from './parts/states';
import { ANNOUNCE } from './platform/announce';
import { type PageFailure, watchFailures } from './platform/failures';
import { keep, restored } from './platform/editorApi';
import { host } from './platform/host';
import { type PanelState, PanelStore } from './platform/store';
import { type LoadFailure, type LoadState, ViewLoader } from './platform/viewLoader';
import { base, controls } from './styles/base';
import { loadDrawing } from './views/architecture';

const TITLES: Readonly<Record<PanelView, string>> = {
  architecture: 'Architecture',
  overview: 'Overview',
  compare: 'Compare',
  whatIf: 'What-if',
  tradeoff: 'Trade-off',
  heads: 'Heads',
  steps: 'Step by step',
};

/** Names of which the narrowest places show the beginning; the rest stays in line, so that the name that is heard is one word. */
const BEGUN: Readonly<Partial<Record<PanelView, number>>> = { architecture: 4, tradeoff: 5, steps: 4 };

function tabTitle(view: PanelView): TemplateResult {
  const [title, at] = [TITLES[view], BEGUN[view]];
  return at === undefined ? html`${title}` : html`${title.slice(0, at)}<i>${title.slice(at)}</i>`;
}

/** The first view comes with the page: what is shown first should not wait for one more round of files. */
const CHUNKS: Readonly<Partial<Record<PanelView, () => Promise<unknown>>>> = {
  overview: () => import('./views/overview'),
  compare: () => import('./views/compare'),
  whatIf: () => import('./views/whatIf'),
  tradeoff: () => import('./views/tradeoff'),
  heads: () => import('./views/heads'),
  steps: () => import('./views/steps'),
};

/** Views that say something without a config: sample models, the lecture's small matrices. */
const WITHOUT_CONFIG: readonly PanelView[] = ['heads', 'steps'];

/** Margins are the views' (VS Code gives the body 20 px), and the ground is the place's own, for what must tell it by itself. */
const PAGE = new CSSStyleSheet();
PAGE.replaceSync(`
  body { padding: 0; background: var(--vscode-sideBar-background, var(--vscode-editor-background)); }
  body[data-place='editor'] { background: var(--vscode-editor-background); }
`);

/** Names in the page's timeline: the first numbers painted, and the time from an editor's change to its numbers. */
const FIRST_MARK = 'headlight:first';
const SHOWN_MEASURE = 'headlight:shown';

@customElement('headlight-app')
export class HeadlightApp extends LitElement {
  static override readonly styles = [
    base,
    controls,
    stateStyles,
    css`
      :host { container-type: inline-size; }
      .bar { position: sticky; top: 0; z-index: 2; background: var(--vscode-sideBar-background, var(--vscode-editor-background)); border-bottom: 1px solid var(--line); padding: 0 8px; }
      :host([place='editor']) .bar { background: var(--vscode-editor-background); }
      .tabs { display: flex; overflow-x: auto; scrollbar-width: none; }
      .tabs button { height: 30px; padding: 0 7px; white-space: nowrap; color: var(--vscode-panelTitle-inactiveForeground, var(--vscode-foreground)); border-bottom: 1px solid transparent; }
      .tabs i { font-style: normal; }
      .tabs button:hover { color: var(--vscode-panelTitle-activeForeground, var(--vscode-foreground)); }
      .tabs button[aria-selected='true'] { color: var(--vscode-panelTitle-activeForeground, var(--vscode-foreground)); border-bottom-color: var(--vscode-panelTitle-activeBorder, var(--vscode-focusBorder)); }
      header { display: flex; align-items: baseline; gap: 8px; padding: 8px 12px 0; }
      h1 { font-size: 14px; font-weight: 600; line-height: 22px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; flex: 1 1 0; min-width: 4ch; }
      header .small { flex: 0 1 auto; max-width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
      .units { order: 1; padding: 0 4px; border-radius: 2px; }
      .units:hover { color: var(--vscode-textLink-foreground); }
      main { padding: 0 12px 16px; }
      .stale { display: block; width: 100%; padding: 2px 12px; }
      /* Dimmed by its colours: fainter letters would be hard to read where they are faint already. */
      .view.old { filter: grayscale(1); }
      /* Seven names in a narrow side bar: letters of a panel's title, as VS Code has them, and the longest names begun. */
      @container (max-width: 530px) {
        .bar { padding: 0 4px; }
        .tabs { justify-content: space-between; }
        .tabs button { padding: 0 3px; font-size: 12px; }
      }
      @container (max-width: 385px) {
        .tabs button { padding: 0 1px; }
        .tabs i { font-size: 0; }
      }
      @container (max-width: 310px) {
        .bar { padding: 0 2px; }
        .tabs button { font-size: 11px; }
      }
      @container (min-width: 640px) {
        header, main, .stale { padding-left: 20px; padding-right: 20px; }
        .bar { padding: 0 14px; }
      }
    `,
  ];

  private readonly store = new PanelStore(host);
  private readonly loader = new ViewLoader(CHUNKS, (view, state) => this.viewChanged(view, state));
  private stopWatching: (() => void) | undefined;
  private stopStore: (() => void) | undefined;

  @state() private panel: PanelState = this.store.state;
  @state() private failure: { readonly view: PanelView; readonly failure: PageFailure } | null = null;
  @state() private said = '';
  /** Another number rebuilds the view. */
  @state() private generation = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    if (!document.adoptedStyleSheets.includes(PAGE))
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, PAGE];
    this.setAttribute('place', document.body.dataset['place'] ?? 'side');
    this.addEventListener(ANNOUNCE, (event) => (this.said = (event as CustomEvent<string>).detail));
    this.stopWatching = watchFailures((failure) => this.fail(failure));
    this.stopStore = this.store.subscribe((panel) => this.show(panel));
    const view = restored('view');
    if (typeof view === 'string' && (PANEL_VIEWS as readonly string[]).includes(view))
      this.store.show(view as PanelView);
    void this.loader.load(this.panel.view);
    // While the editor is asked what to show.
    if (this.panel.view === 'architecture') void loadDrawing();
    void this.store.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopWatching?.();
    this.stopStore?.();
  }

  protected override render(): TemplateResult {
    const { panel } = this;
    return html`
      <nav class="bar" aria-label="Headlight">
        <div class="tabs" role="tablist" aria-label="Views" @keydown=${(event: KeyboardEvent) => this.rove(event)}>
          ${PANEL_VIEWS.map((view) => this.renderTab(view))}
        </div>
      </nav>
      ${panel.config ? this.renderHeader(panel) : nothing} ${this.renderStale(panel)}
      <main>
        <div id="view" role="tabpanel" aria-labelledby="tab-${panel.view}" aria-busy=${this.isLoading(panel.view) ? 'true' : nothing}>
          ${this.failure?.view === panel.view ? this.renderFailure(this.failure.failure) : nothing}
          <div class="view ${panel.followed?.document.errors.length ? 'old' : ''}">${this.renderBody(panel)}</div>
        </div>
      </main>
      <div class="visually-hidden" role="status" aria-live="polite">${this.said}</div>
    `;
  }

  protected override updated(): void {
    const { config, view } = this.panel;
    if (!config || config === this.measured || this.loader.stateOf(view) !== 'ready') return;
    const first = this.measured === null;
    this.measured = config;
    void this.measure(config, first);
  }

  private measured: PanelState['config'] = null;

  /** From the editor's change (and from its arrival in the page) to the frame that shows it, in the page's timeline. */
  private async measure({ version, changedAt }: PanelConfig, first: boolean): Promise<void> {
    const view = this.renderRoot.querySelector('.view > *');
    if (view instanceof LitElement) await view.updateComplete;
    requestAnimationFrame(() => {
      const end = performance.now();
      if (first) performance.mark(FIRST_MARK);
      if (changedAt === undefined) return;
      const duration = performance.timeOrigin + end - changedAt;
      performance.clearMeasures(SHOWN_MEASURE);
      performance.measure(SHOWN_MEASURE, {
        start: Math.max(0, end - duration),
        end,
        detail: { version, duration, inPage: end - this.store.arrivedAt },
      });
    });
  }

  private renderTab(view: PanelView): TemplateResult {
    const selected = view === this.panel.view;
    return html`<button
      id="tab-${view}"
      role="tab"
      aria-selected=${selected}
      aria-controls="view"
      tabindex=${selected ? 0 : -1}
      @pointerenter=${() => void this.loader.load(view)}
      @click=${() => this.store.show(view)}
    >${tabTitle(view)}</button>`;
  }

  /** Arrows, Home and End move through the tabs and show what they reach. */
  private rove(event: KeyboardEvent): void {
    const at = PANEL_VIEWS.indexOf(this.panel.view);
    const count = PANEL_VIEWS.length;
    const next = { ArrowRight: (at + 1) % count, ArrowLeft: (at + count - 1) % count, Home: 0, End: count - 1 }[
      event.key
    ];
    const view = next === undefined ? undefined : PANEL_VIEWS[next];
    if (view === undefined) return;
    event.preventDefault();
    this.store.show(view);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${view}`)?.focus());
  }

  private renderHeader({ config, followed, settings }: PanelState): TemplateResult {
    const units = settings?.units ?? 'GiB';
    const spec = followed?.reading.spec;
    const kind = spec
      ? `${spec.modelType} · ${spec.exact && (followed?.stale || followed?.document.errors.length === 0) ? 'exact' : 'not exact'}`
      : '';
    return html`<header>
      <h1 title=${config?.name ?? ''}>${config?.name}</h1>
      <button class="units small" title="Sizes are in ${units}: show ${otherUnits(units)}" @click=${() => void host.call('panel/switchUnits', null)}>${units}</button>
      <span class="small" title=${spec?.notes.map((note) => note.text).join('\n') ?? ''}>${kind}${config?.editable === false ? ' · read-only' : ''}</span>
    </header>`;
  }

  private renderStale({ config, followed }: PanelState): TemplateResult | typeof nothing {
    const error = followed?.document.errors[0];
    if (!config || !followed || !error) return nothing;
    const { offset, length, line } = error.range;
    return html`<button class="stale warn" @click=${() => void host.call('panel/reveal', { id: config.id, offset, length })}>
      ${followed.stale ? `From before your edit: line ${line} is not complete.` : `Line ${line} is not complete; the numbers are for what can be read.`} ${error.message}
    </button>`;
  }

  private renderFailure({ message }: PageFailure): TemplateResult {
    return errorState(
      {
        where: `Something failed in ${TITLES[this.panel.view]}`,
        what: message,
        then: 'Rebuild the view, or look at another one. The log has the details (Headlight: Show Log).',
      },
      [{ label: 'Try again', run: () => this.recover() }],
    );
  }

  private renderLoadFailure(view: PanelView, { error }: LoadFailure): TemplateResult {
    return errorState(
      {
        where: `${TITLES[view]} could not be loaded`,
        what: messageOf(error),
        then: 'Try again, or look at another view. If that does not help, close the panel and open it again.',
      },
      [{ label: 'Try again', run: () => this.loadAgain(view) }],
    );
  }

  /** `noChange`: what is shown stays. */
  private renderBody(panel: PanelState): TemplateResult | typeof noChange {
    if (panel.problem !== null) {
      return errorState({
        where: 'The panel has no connection',
        what: panel.problem,
        then: 'Close the panel and open it again; if that does not help, run Developer: Reload Window.',
      });
    }
    if (!panel.settings) return loadingState('Waiting for the editor');
    if (!WITHOUT_CONFIG.includes(panel.view) && !panel.followed) return this.renderEmpty(panel);
    const state = this.loader.stateOf(panel.view);
    if (state === 'waiting') return noChange;
    if (state === 'slow') return loadingState(`Loading ${TITLES[panel.view]}`);
    if (state !== 'ready') return this.renderLoadFailure(panel.view, state);
    return html`${keyed(`${panel.view} ${this.generation}`, this.renderView(panel))}`;
  }

  private renderEmpty({ config }: PanelState): TemplateResult {
    if (config && config.text.length > MAX_CONFIG_CHARACTERS)
      return emptyState(`${config.name} is too long to be a model config; it is not read.`);
    const text = config
      ? `${config.name} is not a model config: it names no model_type or architectures.`
      : "Open a model's config.json to see what its attention costs.";
    return emptyState(text, [{ label: 'Look at a preset…', run: () => void host.call('panel/pickConfig', null) }]);
  }

  private renderView(panel: PanelState): TemplateResult {
    const { store } = this;
    switch (panel.view) {
      case 'architecture':
        return html`<headlight-architecture .store=${store} .panel=${panel}></headlight-architecture>`;
      case 'overview':
        return html`<headlight-overview .store=${store} .panel=${panel}></headlight-overview>`;
      case 'compare':
        return html`<headlight-compare .store=${store} .panel=${panel}></headlight-compare>`;
      case 'whatIf':
        return html`<headlight-what-if .store=${store} .panel=${panel}></headlight-what-if>`;
      case 'tradeoff':
        return html`<headlight-tradeoff .store=${store} .panel=${panel}></headlight-tradeoff>`;
      case 'heads':
        return html`<headlight-heads .store=${store} .panel=${panel}></headlight-heads>`;
      case 'steps':
        return html`<headlight-steps .store=${store} .panel=${panel}></headlight-steps>`;
    }
  }

  private show(panel: PanelState): void {
    const { view } = this.panel;
    // Other numbers may be shown where these could not.
    if (panel.followed !== this.panel.followed) this.failure = null;
    // What was said is of another view, or of another model: it is read where it stands, too.
    if (panel.view !== view || panel.config?.id !== this.panel.config?.id) this.said = '';
    this.panel = panel;
    if (panel.view === view) return;
    keep('view', panel.view);
    void this.loader.load(panel.view);
  }

  private isLoading(view: PanelView): boolean {
    const state = this.loader.stateOf(view);
    return state === 'waiting' || state === 'slow';
  }

  private viewChanged(view: PanelView, state: LoadState): void {
    if (typeof state !== 'string') this.log(`${TITLES[view]} could not be loaded: ${messageOf(state.error)}`);
    if (view !== this.panel.view) return;
    // What is loaded at once needs no words: the tab was announced. An error is an alert by itself.
    if (state === 'slow') this.said = `Loading ${TITLES[view]}`;
    else if (state === 'ready' && this.said === `Loading ${TITLES[view]}`) this.said = `${TITLES[view]} loaded`;
    this.requestUpdate();
  }

  /** A view that throws while it updates stays as it was: the app says so above it. */
  private fail(failure: PageFailure): void {
    this.log(`${TITLES[this.panel.view]}: ${failure.detail}`);
    this.failure = { view: this.panel.view, failure };
  }

  private log(text: string): void {
    void host.call('panel/log', { text: text.slice(0, 4000) }).catch(() => undefined);
  }

  private recover(): void {
    this.focusTab();
    this.failure = null;
    this.generation++;
  }

  private loadAgain(view: PanelView): void {
    this.focusTab();
    // Shown at once: that something is done is what the press asks for.
    void this.loader.load(view, 0);
  }

  /** The button that was pressed goes away: focus stays beside what it was about. */
  private focusTab(): void {
    this.renderRoot.querySelector<HTMLElement>(`#tab-${this.panel.view}`)?.focus();
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
