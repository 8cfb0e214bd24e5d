/** The page of a weight file: what it is, its tensors, its metadata, and one tensor at a time. */

import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, query, state } from 'lit/decorators.js';
import { elementAt } from '../../src/model/elementAt';
import { formatBytes, formatInteger, formatSize, showUnits, type Units } from '../../src/model/units';
import { formatCount } from '../../src/present/quantities';
import { isRpcError, messageOf } from '../../src/shared/rpcError';
import type { OpenedWeights, WeightAction, WeightEditorInit } from '../../src/shared/weightEditorContract';
import type { MetadataEntry, StoredModule, StoredType, WeightsMarks } from '../../src/shared/weightsContract';
import { button } from '../parts/button';
import { emptyState, errorState, loadingState, stateStyles } from '../parts/states';
import { ANNOUNCE } from '../platform/announce';
import { watchFailures } from '../platform/failures';
import { base, controls, numbers, tables } from '../styles/base';
import './grid';
import type { GridModel, SortDetail, TensorGrid } from './grid';
import { keep, restored } from '../platform/editorApi';
import { host } from './host';
import { childrenOf, type ModuleNode, pathsTo, visibleNodes } from './moduleTree';
import { SORTS, type Sort, TensorList } from './tensorList';

/** VS Code gives the body margins, which are the page's own here. */
const PAGE = new CSSStyleSheet();
PAGE.replaceSync('body { padding: 0; background: var(--vscode-editor-background); }');

/** Names in the page's timeline. */
const FIRST_MARK = 'headlight:first';

/** Of a frame's time at most, for what is not needed yet. */
const PREPARE_MS = 8;

/** Lines of a table at first. */
const FEW = 8;
const ITEMS = 100;
/** So few found tensors are all in sight in the tree. */
const OPEN_ALL = 200;

type Phase =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'ready'; readonly opened: OpenedWeights; readonly list: TensorList };

interface Look {
  readonly query: string;
  readonly attention: boolean;
  readonly tree: boolean;
  readonly sort: Sort;
  readonly descending: boolean;
}

const PLAIN: Look = { query: '', attention: false, tree: false, sort: 'name', descending: false };

@customElement('headlight-weights')
export class WeightsApp extends LitElement {
  static override readonly styles = [
    base,
    controls,
    numbers,
    tables,
    stateStyles,
    css`
      :host { container-type: inline-size; }
      main { padding: 12px 20px 24px; }
      h1 { font-size: 16px; font-weight: 600; line-height: 24px; overflow-wrap: anywhere; }
      .facts { display: flex; flex-wrap: wrap; gap: 4px 32px; margin: 8px 0; }
      .facts p { max-width: 60ch; }
      .actions { display: flex; flex-wrap: wrap; gap: 8px; margin: 8px 0 12px; }
      .tables { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); gap: 12px 32px; align-items: start; }
      .tables td:first-child { max-width: 0; width: 60%; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
      .tables table { table-layout: auto; }
      .metadata td { max-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
      .metadata td:first-child { width: 40%; }
      .metadata td.all { white-space: normal; overflow-wrap: anywhere; }
      .code { font-family: var(--vscode-editor-font-family, monospace); font-size: 12px; }
      section { margin-top: 16px; }
      .tools { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: center; margin: 4px 0; }
      .tools input[type='search'] { flex: 1 1 180px; max-width: 420px; font: inherit; color: var(--vscode-input-foreground); background: var(--vscode-input-background); border: 1px solid var(--vscode-input-border, var(--line)); height: 24px; padding: 0 6px; border-radius: 2px; }
      .tools input[type='search']::placeholder { color: var(--vscode-input-placeholderForeground); }
      .tools label { display: inline-flex; gap: 6px; align-items: center; }
      .tools select { font: inherit; color: var(--vscode-dropdown-foreground); background: var(--vscode-dropdown-background); border: 1px solid var(--vscode-dropdown-border, var(--line)); height: 24px; }
      .split { display: grid; gap: 16px; grid-template-columns: minmax(0, 1fr); align-items: start; }
      ul.mismatches { list-style: disc; padding-left: 20px; overflow-wrap: anywhere; }
      @container (min-width: 1000px) {
        .split.open { grid-template-columns: minmax(0, 3fr) minmax(360px, 2fr); }
      }
    `,
  ];

  @query('headlight-tensor-grid') private readonly grid!: TensorGrid | null;
  @query('input[type="search"]') private readonly search!: HTMLInputElement | null;

  @state() private init: WeightEditorInit | null = null;
  @state() private phase: Phase = { kind: 'loading' };
  @state() private marks: WeightsMarks | null = null;
  @state() private marksProblem = '';
  @state() private look: Look = restoredLook();
  @state() private expanded: ReadonlySet<string> = new Set(textsOf(restored('expanded')));
  @state() private chosen = -1;
  @state() private units: Units = 'GiB';
  @state() private allTypes = false;
  @state() private allModules = false;
  @state() private allKeys = false;
  @state() private items: Readonly<Record<number, readonly string[]>> = {};
  @state() private note = '';
  @state() private said = '';
  @state() private failure = '';
  @state() private gridModel: GridModel | null = null;

  private stopWatching: (() => void) | undefined;
  private opening = 0;

  override connectedCallback(): void {
    super.connectedCallback();
    if (!document.adoptedStyleSheets.includes(PAGE))
      document.adoptedStyleSheets = [...document.adoptedStyleSheets, PAGE];
    this.addEventListener(ANNOUNCE, (event) => (this.said = (event as CustomEvent<string>).detail));
    this.stopWatching = watchFailures(({ message, detail }) => {
      this.failure = message;
      void host.call('editor/log', { text: detail.slice(0, 4000) }).catch(() => undefined);
    });
    host.on('changed', () => void this.open('The file has changed on disk and was read again'));
    host.on('units', (units) => {
      this.units = units;
      this.arrange();
    });
    void this.start();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.stopWatching?.();
  }

  private async start(): Promise<void> {
    this.init = await host.call('editor/ready', null);
    this.units = this.init.units;
    if (this.init.problem === null) await this.open('');
  }

  /** @param note Why it was read, for people; empty at the first time. */
  private async open(note: string): Promise<void> {
    const opening = ++this.opening;
    const before = this.chosenName();
    try {
      const opened = await host.call('editor/open', null);
      if (opening !== this.opening) return;
      const list = new TensorList(opened.contents);
      this.phase = { kind: 'ready', opened, list };
      this.items = {};
      this.marks = null;
      this.marksProblem = '';
      this.chosen = before === null ? -1 : list.names.indexOf(before);
      if (this.chosen >= 0) void import('./tensor');
      this.note = note === '' ? '' : `${note}, at ${new Date().toLocaleTimeString()}.`;
      this.said = note === '' ? `${formatInteger(list.count)} tensors` : this.note;
      this.arrange();
      requestAnimationFrame(() => performance.mark(FIRST_MARK));
      await this.mark(opened, list, opening);
      if (opening === this.opening) this.prepareSearch(list, opening);
    } catch (error) {
      if (opening === this.opening) this.phase = { kind: 'failed', message: messageOf(error) };
    }
  }

  /** So that the first letter typed need not wait for half a million names. */
  private prepareSearch(list: TensorList, opening: number): void {
    requestIdleCallback(() => {
      if (opening !== this.opening) return;
      const end = performance.now() + PREPARE_MS;
      if (!list.prepareSearch(() => performance.now() > end)) this.prepareSearch(list, opening);
    });
  }

  /** Which tensors are whose: it may take a moment, and nothing waits for it. */
  private async mark({ contents }: OpenedWeights, list: TensorList, opening: number): Promise<void> {
    try {
      const marks = await host.call('editor/marks', { version: contents.version });
      if (opening !== this.opening) return;
      list.setMarks(marks.marks);
      this.marks = marks;
      this.arrange();
    } catch (error) {
      if (opening !== this.opening) return;
      if (isRpcError(error) && error.code === 'conflict')
        void this.open('The file has changed on disk and was read again');
      else this.marksProblem = messageOf(error);
    }
  }

  /** The name of the tensor that is looked at: in another version of the file it may stand elsewhere. */
  private chosenName(): string | null {
    if (this.phase.kind === 'ready') return this.chosen < 0 ? null : this.phase.list.nameOf(this.chosen);
    const name = restored('chosen');
    return typeof name === 'string' ? name : null;
  }

  /** The rows of the table: after a search, in another order, with other modules open. */
  private arrange(): void {
    showUnits(this.units);
    if (this.phase.kind !== 'ready') return;
    const { list, opened } = this.phase;
    const { query: text, attention, tree, sort, descending } = this.look;
    const found = list.found(text, attention && list.marked > 0);
    const { units } = this;
    const common = { list, sort, descending, shards: opened.contents.files.length > 1, units };
    if (!tree) {
      this.gridModel = {
        ...common,
        tensors: list.sorted(found, sort, descending),
        nodes: null,
        expanded: this.expanded,
      };
      return;
    }
    const names = found.length === list.count ? list.names : Array.from(found, (tensor) => list.nameOf(tensor));
    // What was searched for is seen.
    const expanded =
      names !== list.names && found.length <= OPEN_ALL
        ? new Set(names.flatMap((_, at) => pathsTo(names, at)))
        : this.expanded;
    this.gridModel = { ...common, tensors: found, nodes: visibleNodes(names, expanded), expanded };
  }

  private change(look: Partial<Look>): void {
    this.look = { ...this.look, ...look };
    keep('look', this.look);
    this.arrange();
    if (look.query !== undefined || look.attention !== undefined)
      this.said = `${formatInteger(this.gridModel?.tensors.length ?? 0)} tensors found`;
  }

  private expand({ path, all }: { readonly path?: string; readonly all?: ModuleNode }): void {
    const expanded = new Set(this.gridModel?.expanded ?? this.expanded);
    if (path !== undefined && !expanded.delete(path)) expanded.add(path);
    // All beside it, as a tree does at "*".
    if (all !== undefined && this.phase.kind === 'ready') {
      const { list } = this.phase;
      const paths = pathsTo(list.names, elementAt(this.gridModel?.tensors ?? new Uint32Array(1), all.from));
      const parent = paths[all.level - 2] ?? '';
      const range = { path: parent, level: all.level - 1, ...rangeOf(list.names, parent) };
      for (const node of childrenOf(list.names, range)) if (!node.leaf) expanded.add(node.path);
    }
    this.expanded = expanded;
    keep('expanded', [...expanded].slice(0, 1000));
    this.arrange();
  }

  protected override render(): TemplateResult {
    const { init, phase } = this;
    return html`<main aria-busy=${init === null || (phase.kind === 'loading' && init.problem === null) ? 'true' : nothing}>
      ${init === null ? nothing : html`<h1>${init.name}</h1>`}
      ${this.failure === '' ? nothing : html`<p class="error" role="alert">Something failed here: ${this.failure} The log has the details (Headlight: Show Log).</p>`}
      ${this.note === '' ? nothing : html`<p class="small">${this.note}</p>`}
      ${init === null ? nothing : init.problem !== null ? emptyState(init.problem) : this.renderPhase(init)}
      </main><div class="visually-hidden" role="status" aria-live="polite">${this.said}</div>`;
  }

  private renderPhase({ name }: WeightEditorInit): TemplateResult {
    const { phase } = this;
    if (phase.kind === 'loading') return loadingState(`Reading the header of ${name}`);
    if (phase.kind === 'failed')
      return errorState(
        {
          where: 'This file cannot be shown',
          what: phase.message,
          then: 'Nothing but its header was read. When the file changes it is read again.',
        },
        [{ label: 'Read again', run: () => void this.open('It was read again') }],
      );
    return this.renderFile(phase.opened, phase.list);
  }

  private renderFile({ contents, facts }: OpenedWeights, list: TensorList): TemplateResult {
    const { format, files, fileBytes, tensors, elements, weights } = contents;
    const bits = elements > 0 ? `${((weights.bytes * 8) / elements).toFixed(2)} bits per weight on average` : '';
    const known = facts.modelType !== null;
    return html`
      <p class="quiet">${format === 'gguf' ? 'GGUF' : 'Safetensors'} · ${files.length === 1 ? 'one file' : `${files.length} files`} of ${formatBytes(fileBytes)} · read from the headers only</p>
      <div class="facts">
        <div><p class="big">${formatCount(elements)} <span class="small">weights</span></p>
          <p class="small">${formatInteger(elements)} in ${formatInteger(tensors)} tensors · ${formatBytes(weights.bytes)}${bits === '' ? '' : ` · ${bits}`}</p>
          ${weights.expertBytes > 0 ? html`<p class="small">${formatBytes(weights.expertBytes)} of it are routed experts</p>` : nothing}
        </div>
        <div>
          ${facts.perToken === null ? nothing : html`<p class="big">${formatSize(facts.perToken)} <span class="small">per token of KV cache</span></p>`}
          <p class=${known ? 'small' : ''}>${facts.design}${facts.from === null ? '' : `, from ${facts.from}`}</p>
          ${facts.cache === null ? nothing : html`<p class="small">${facts.cache}</p>`}
          ${facts.notes.map((text) => html`<p class="small warn">${text}</p>`)}
        </div>
      </div>
      <div class="actions">
        ${button({ label: 'Show Heads', primary: true, idle: !known, run: () => this.act('heads', known) })}
        ${button({ label: 'Compare', idle: !known, run: () => this.act('compare', known) })}
        ${button({ label: 'Fit', idle: !known, run: () => this.act('fit', known) })}
        ${button({ label: 'Open Panel', idle: !known, run: () => this.act('panel', known) })}
        ${button({ label: 'Open Config', idle: !known, run: () => this.act('config', known) })}
        ${button({ label: 'Copy Summary', run: () => this.act('copy', true) })}
      </div>
      ${this.renderMismatches(known)}
      ${this.renderTensors(contents.version, list, tensors)}
      <div class="tables">
        ${this.sizes('By type', 'type', contents.types, weights.bytes, this.allTypes, () => (this.allTypes = true))}
        ${this.sizes('By module', 'module', contents.modules, weights.bytes, this.allModules, () => (this.allModules = true))}
      </div>
      ${this.renderMetadata(contents.version, contents.metadata)}`;
  }

  private act(action: WeightAction, can: boolean): void {
    if (can) void host.call('editor/act', { action }).catch((error: unknown) => (this.failure = messageOf(error)));
    else this.said = 'It is not known which model this file holds.';
  }

  private sizes(
    title: string,
    what: string,
    rows: readonly (StoredType | StoredModule)[],
    all: number,
    whole: boolean,
    more: () => void,
  ): TemplateResult {
    const shown = whole ? rows : rows.slice(0, FEW);
    return html`<section>
      <h2>${title}</h2>
      <table>
        <thead><tr><th scope="col">${what}</th><th scope="col" class="number">tensors</th><th scope="col" class="number">weights</th><th scope="col" class="number">size</th><th scope="col" class="number">share</th></tr></thead>
        <tbody>${shown.map(
          ({ name, tensors, elements, bytes }) => html`<tr>
            <td class="code" title=${name}>${name}</td><td class="number">${formatInteger(tensors)}</td><td class="number">${formatCount(elements)}</td>
            <td class="number">${formatSize(bytes)}</td><td class="number">${((bytes / Math.max(1, all)) * 100).toFixed(1)} %</td></tr>`,
        )}</tbody>
      </table>
      ${shown.length < rows.length ? html`<button class="link" @click=${more}>Show ${formatInteger(rows.length - shown.length)} more</button>` : nothing}
    </section>`;
  }

  /** @param known Which model it is: where that is not known, it was said above. */
  private renderMismatches(known: boolean): TemplateResult | typeof nothing {
    const { marks, marksProblem } = this;
    const unmarked = !known ? null : marksProblem === '' ? (marks?.unmarked ?? null) : marksProblem;
    const count = marks?.mismatchCount ?? 0;
    if (unmarked === null && count === 0) return nothing;
    return html`<section>
      ${unmarked === null ? nothing : html`<p class="small">Heads are not marked. ${unmarked}</p>`}
      ${
        count === 0
          ? nothing
          : html`<h2 class="warn">${count === 1 ? 'One tensor does' : `${formatInteger(count)} tensors do`} not fit the config</h2>
        <ul class="mismatches small">${(marks?.mismatches ?? []).slice(0, FEW).map((text) => html`<li>${text}</li>`)}</ul>
        ${count > FEW ? html`<p class="small">And ${formatInteger(count - FEW)} more.</p>` : nothing}`
      }
    </section>`;
  }

  private renderTensors(version: string, list: TensorList, all: number): TemplateResult {
    const { look, gridModel, chosen } = this;
    const count = gridModel?.tensors.length ?? 0;
    const cut = list.count < all ? ` · the first ${formatInteger(list.count)} of ${formatInteger(all)} are listed` : '';
    return html`<section aria-label="Tensors">
      <h2>Tensors <span class="small">${formatInteger(count)}${count === list.count ? '' : ` of ${formatInteger(list.count)}`}${cut}</span></h2>
      <div class="tools">
        <input type="search" aria-label="Search tensors" placeholder="Search: name, type, Q, K, V, O" .value=${look.query}
          @input=${(event: Event) => this.change({ query: (event.target as HTMLInputElement).value })} @keydown=${this.onSearchKey}>
        <label><input type="checkbox" .checked=${look.attention} ?disabled=${list.marked === 0} @change=${(event: Event) => this.change({ attention: (event.target as HTMLInputElement).checked })}>Attention only</label>
        <label>View <select @change=${(event: Event) => this.change({ tree: (event.target as HTMLSelectElement).value === 'tree' })}>
          <option value="table" ?selected=${!look.tree}>as a table</option><option value="tree" ?selected=${look.tree}>by module</option>
        </select></label>
      </div>
      ${count === 0 ? html`<p>${list.count === 0 ? 'The file has no tensors.' : 'No tensor has all of these words.'}</p>` : nothing}
      <div class="split ${chosen < 0 ? '' : 'open'}">
        <headlight-tensor-grid .model=${gridModel} .chosen=${chosen} label="Tensors. Enter opens one, typing searches."
          @headlight-sort=${(event: CustomEvent<SortDetail>) => this.sortBy(event.detail.sort)}
          @headlight-expand=${(event: CustomEvent<{ path?: string; all?: ModuleNode }>) => this.expand(event.detail)}
          @headlight-close=${() => this.close()}
          @headlight-open=${(event: CustomEvent<number>) => this.choose(event.detail)}
          @headlight-typed=${(event: CustomEvent<string>) => this.typed(event.detail)}></headlight-tensor-grid>
        ${
          chosen < 0
            ? nothing
            : html`<headlight-tensor .list=${list} .version=${version} .tensor=${chosen} .mark=${list.markOf(chosen)} .units=${this.units}
          @headlight-close=${() => this.close()} @headlight-changed=${() => void this.open('The file has changed on disk and was read again')}></headlight-tensor>`
        }
      </div>
    </section>`;
  }

  private choose(tensor: number): void {
    this.chosen = tensor;
    if (this.phase.kind === 'ready') {
      const name = this.phase.list.nameOf(tensor);
      keep('chosen', name);
      this.said = `${name} is shown after the table`;
    }
    void this.showTensor();
  }

  private async showTensor(): Promise<void> {
    await import('./tensor');
    await this.updateComplete;
    this.renderRoot.querySelector('headlight-tensor')?.scrollIntoView({ block: 'nearest' });
  }

  private close(): void {
    const { chosen, grid } = this;
    this.chosen = -1;
    keep('chosen', null);
    grid?.reveal(chosen);
    grid?.focus();
  }

  private sortBy(sort: Sort): void {
    // Sizes are looked at from the largest on.
    const first = sort === 'bytes' || sort === 'elements';
    this.change({ sort, descending: this.look.sort === sort ? !this.look.descending : first });
  }

  /** What is typed in the table goes on in the search. */
  private typed(key: string): void {
    this.change({ query: this.look.query + key });
    this.search?.focus();
  }

  private readonly onSearchKey = (event: KeyboardEvent): void => {
    if (event.key === 'Escape' && this.look.query !== '') this.change({ query: '' });
    else if (event.key === 'ArrowDown' || event.key === 'Enter') this.grid?.focus();
    else return;
    event.preventDefault();
  };

  private renderMetadata(version: string, metadata: readonly MetadataEntry[]): TemplateResult | typeof nothing {
    if (metadata.length === 0) return nothing;
    const shown = this.allKeys ? metadata : metadata.slice(0, 3 * FEW);
    return html`<section class="metadata">
      <h2>Metadata <span class="small">${metadata.length === 1 ? 'one key' : `${formatInteger(metadata.length)} keys`}</span></h2>
      <table>
        <thead><tr><th scope="col">key</th><th scope="col">value</th></tr></thead>
        <tbody>${shown.map((entry, key) => this.renderEntry(version, entry, key))}</tbody>
      </table>
      ${shown.length < metadata.length ? html`<button class="link" @click=${() => (this.allKeys = true)}>Show ${formatInteger(metadata.length - shown.length)} more</button>` : nothing}
    </section>`;
  }

  private renderEntry(version: string, { key, text, count }: MetadataEntry, at: number): TemplateResult {
    const items = this.items[at];
    const more = count !== null && count > (items?.length ?? 0);
    return html`<tr>
      <td class="code" title=${key}>${key}</td>
      <td class=${items === undefined ? '' : 'all'} title=${items === undefined ? text : nothing}>${
        count === null
          ? text
          : html`<button class="link" aria-expanded=${items !== undefined} @click=${() => void this.unfold(version, at, items !== undefined)}>${formatInteger(count)} values</button> ${items === undefined ? text : items.join(', ')}
        ${items !== undefined && more ? html`<button class="link" @click=${() => void this.unfold(version, at, false)}>Next ${formatInteger(Math.min(ITEMS, count - items.length))}</button>` : nothing}`
      }</td>
    </tr>`;
  }

  private async unfold(version: string, key: number, fold: boolean): Promise<void> {
    const { [key]: known = [], ...others } = this.items;
    if (fold) {
      this.items = others;
      return;
    }
    const next = await host.call('editor/metadata', { version, key, from: known.length, count: ITEMS });
    this.items = { ...this.items, [key]: [...known, ...next] };
  }
}

function rangeOf(names: readonly string[], path: string): { readonly from: number; readonly to: number } {
  const from = path === '' ? 0 : names.findIndex((name) => name.startsWith(path));
  let to = from;
  while (to < names.length && elementAt(names, to).startsWith(path)) to++;
  return { from, to };
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : [];
}

/** Of what the page kept, which another version of it may have written. */
function restoredLook(): Look {
  const kept = restored('look');
  if (typeof kept !== 'object' || kept === null) return PLAIN;
  const look: Look = { ...PLAIN, ...kept };
  return typeof look.query === 'string' && SORTS.includes(look.sort) ? look : PLAIN;
}
