/** The tensors as a table, or their modules as a tree: only the rows in sight exist. One stop for Tab; arrows move through all rows. */

import { css, html, LitElement, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { customElement, property, query, state } from 'lit/decorators.js';
import { elementAt } from '../../src/model/elementAt';
import { formatInteger, formatSize, type Units } from '../../src/model/units';
import { shortMark } from '../../src/present/headPartText';
import { formatCount } from '../../src/present/quantities';
import { emit } from '../platform/announce';
import { base, controls } from '../styles/base';
import { isTyped, movedRow } from './gridKeys';
import type { ModuleNode } from './moduleTree';
import type { Sort, TensorList } from './tensorList';

const ROW = 22;
/** Rows that exist above and below those in sight, and the step by which they are exchanged. */
const SPARE = 8;
const STEP = 8;
/** CSS pixels. */
const NARROW = 760;

interface Column {
  readonly sort: Sort;
  readonly title: string;
  readonly number?: boolean;
}

const COLUMNS: readonly Column[] = [
  { sort: 'name', title: 'Tensor' },
  { sort: 'heads', title: 'Heads' },
  { sort: 'type', title: 'Type' },
  { sort: 'elements', title: 'Shape', number: true },
  { sort: 'bytes', title: 'Size', number: true },
];
const SHARD: Column = { sort: 'file', title: 'Shard' };

/** What the table shows: tensors in this order, or modules over them. */
export interface GridModel {
  readonly list: TensorList;
  readonly tensors: Uint32Array;
  /** Null: a table. */
  readonly nodes: readonly ModuleNode[] | null;
  readonly expanded: ReadonlySet<string>;
  readonly sort: Sort;
  readonly descending: boolean;
  readonly shards: boolean;
  readonly units: Units;
}

export interface SortDetail {
  readonly sort: Sort;
}

@customElement('headlight-tensor-grid')
export class TensorGrid extends LitElement {
  static override readonly styles = [
    base,
    controls,
    css`
      .scroll { overflow: auto; border: 1px solid var(--line); contain: strict; }
      .head { position: sticky; top: 0; z-index: 1; background: var(--vscode-editor-background); border-bottom: 1px solid var(--line); }
      [role='row'] { display: grid; grid-template-columns: var(--columns); gap: 8px; padding: 0 8px; height: ${ROW}px; line-height: ${ROW}px; }
      .head [role='row'] { color: var(--vscode-descriptionForeground); }
      .body { position: relative; }
      .window { position: absolute; left: 0; right: 0; will-change: transform; }
      .body [role='row'] { cursor: pointer; }
      .body [role='row']:hover { background: var(--vscode-list-hoverBackground); }
      .body [role='row'][aria-selected='true'] { background: var(--vscode-list-inactiveSelectionBackground); }
      .scroll:focus-visible .active { outline: 1px solid var(--vscode-focusBorder); outline-offset: -1px; }
      .body [role='row'][aria-selected='true'] { outline: 1px dashed var(--vscode-contrastActiveBorder, transparent); outline-offset: -1px; }
      [role='gridcell'], [role='columnheader'] { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; min-width: 0; }
      .number { text-align: right; font-variant-numeric: tabular-nums; }
      [role='columnheader'] button:hover { color: var(--vscode-foreground); }
      .twist { display: inline-block; width: 16px; color: var(--vscode-descriptionForeground); }
      .name { font-family: var(--vscode-editor-font-family, monospace); font-size: 12px; }
    `,
  ];

  @property({ attribute: false }) model: GridModel | null = null;
  /** The tensor that is looked at. */
  @property({ type: Number }) chosen = -1;
  @property() label = '';

  @query('.scroll') private readonly scroller!: HTMLElement | null;
  @state() private active = 0;
  /** First row that exists. */
  @state() private first = 0;
  @state() private inSight = 20;
  /** Beside a tensor there is less room: heads are told in short. */
  @state() private narrow = false;

  private readonly resized = new ResizeObserver(() => this.measure());

  override connectedCallback(): void {
    super.connectedCallback();
    this.resized.observe(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.resized.disconnect();
  }

  /** Where Tab leads. */
  override focus(): void {
    this.scroller?.focus();
  }

  /** The row of a tensor comes into view and is the one that keys start from. */
  reveal(tensor: number): void {
    const { model } = this;
    if (model === null) return;
    const row =
      model.nodes === null
        ? model.tensors.indexOf(tensor)
        : model.nodes.findIndex(({ leaf, from }) => leaf && model.tensors[from] === tensor);
    if (row >= 0) this.activate(row);
  }

  private get rows(): number {
    return this.model?.nodes?.length ?? this.model?.tensors.length ?? 0;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('model')) return;
    const before = changed.get('model');
    if (this.active >= this.rows) this.active = Math.max(0, this.rows - 1);
    // Another search or order begins at its top; an opened module stays where it is.
    if (before != null && this.model?.nodes === null && before.tensors !== this.model.tensors) {
      this.active = 0;
      this.first = 0;
    }
  }

  protected override updated(changed: PropertyValues<this>): void {
    const before = changed.get('model');
    if (changed.has('model') && before != null && this.model?.nodes === null && before.tensors !== this.model.tensors)
      this.scroller?.scrollTo(0, 0);
    if (changed.has('model')) this.measure();
  }

  private measure(): void {
    const { scroller } = this;
    if (scroller === null) return;
    this.narrow = scroller.clientWidth < NARROW;
    this.inSight = Math.max(1, Math.floor((scroller.clientHeight - ROW) / ROW));
    this.onScroll();
  }

  private readonly onScroll = (): void => {
    const top = Math.floor((this.scroller?.scrollTop ?? 0) / ROW) - SPARE;
    this.first = Math.max(0, Math.floor(top / STEP) * STEP);
  };

  protected override render(): TemplateResult | typeof nothing {
    const { model } = this;
    if (model === null) return nothing;
    const columns = model.shards ? [...COLUMNS, SHARD] : COLUMNS;
    const sizes = this.narrow
      ? 'minmax(120px, 4fr) 80px 48px minmax(80px, 1fr) 68px'
      : 'minmax(160px, 3fr) minmax(0, 2fr) 64px minmax(90px, 1fr) 80px';
    const widths = `${sizes}${model.shards ? (this.narrow ? ' 56px' : ' minmax(0, 1fr)') : ''}`;
    const end = Math.min(this.rows, this.first + this.inSight + 2 * SPARE + STEP);
    const rows: TemplateResult[] = [];
    for (let row = this.first; row < end; row++) rows.push(this.renderRow(model, row));
    const height = Math.min(28, this.rows + 1) * ROW + 4;
    return html`<div
      class="scroll" role=${model.nodes === null ? 'grid' : 'treegrid'} tabindex="0" aria-label=${this.label}
      aria-rowcount=${this.rows + 1} aria-colcount=${columns.length} aria-readonly="true"
      aria-activedescendant=${this.rows > 0 ? `row-${this.active}` : nothing}
      .style=${`height:min(70vh,${height}px);--columns:${widths}`}
      @scroll=${this.onScroll} @keydown=${this.onKey}
    >
      <div class="head" role="rowgroup"><div role="row" aria-rowindex="1">${columns.map((column, at) => this.renderHead(model, column, at))}</div></div>
      <div class="body" role="rowgroup" .style=${`height:${this.rows * ROW}px`}>
        <div class="window" role="presentation" .style=${`transform:translateY(${this.first * ROW}px)`}>${rows}</div>
      </div>
    </div>`;
  }

  private renderHead({ sort, descending, nodes }: GridModel, column: Column, at: number): TemplateResult {
    const sorted = nodes === null && column.sort === sort;
    const direction = descending ? 'descending' : 'ascending';
    const title = html`${column.title}${sorted ? (descending ? ' ↓' : ' ↑') : ''}`;
    return html`<div role="columnheader" class=${column.number ? 'number' : ''} aria-colindex=${at + 1} aria-sort=${sorted ? direction : nothing}>${
      nodes === null
        ? html`<button @click=${() => emit<SortDetail>(this, 'headlight-sort', { sort: column.sort })}>${title}</button>`
        : title
    }</div>`;
  }

  private renderRow(model: GridModel, row: number): TemplateResult {
    const node = model.nodes?.[row];
    const tensor = node ? elementAt(model.tensors, node.from) : elementAt(model.tensors, row);
    if (node && !node.leaf) return this.renderModule(model, node, row);
    const { list } = model;
    const name = list.nameOf(tensor);
    const shape = list.shapeOf(tensor).join(' × ') || 'scalar';
    return html`<div
      id="row-${row}" role="row" class=${row === this.active ? 'active' : ''} aria-rowindex=${row + 2} aria-selected=${tensor === this.chosen}
      aria-level=${node?.level ?? nothing} aria-setsize=${node?.beside ?? nothing} aria-posinset=${node?.place ?? nothing}
      @click=${() => this.open(row)}
    >
      <div role="gridcell" aria-colindex="1" class="name" title=${name} .style=${indent(node)}>${node ? html`<span class="twist"></span>${node.label}` : name}</div>
      <div role="gridcell" aria-colindex="2" title=${list.markTextOf(tensor)}>${this.narrow ? shortMark(list.markOf(tensor)?.parts ?? []) : list.markTextOf(tensor)}</div>
      <div role="gridcell" aria-colindex="3">${list.typeOf(tensor)}</div>
      <div role="gridcell" aria-colindex="4" class="number" title="${formatInteger(elementAt(list.elements, tensor))} weights">${shape}</div>
      <div role="gridcell" aria-colindex="5" class="number">${formatSize(list.bytesOf(tensor))}</div>
      ${model.shards ? html`<div role="gridcell" aria-colindex="6" title=${list.fileOf(tensor)}>${shortShard(list.fileOf(tensor))}</div>` : nothing}
    </div>`;
  }

  private renderModule({ list, tensors, expanded, shards }: GridModel, node: ModuleNode, row: number): TemplateResult {
    const open = expanded.has(node.path);
    const { elements, bytes } = sizesOf(list, tensors, node);
    return html`<div
      id="row-${row}" role="row" class=${row === this.active ? 'active' : ''} aria-rowindex=${row + 2} aria-expanded=${open} aria-selected="false"
      aria-level=${node.level} aria-setsize=${node.beside} aria-posinset=${node.place} @click=${() => this.open(row)}
    >
      <div role="gridcell" aria-colindex="1" class="name" title=${node.path} .style=${indent(node)}><span class="twist" aria-hidden="true">${open ? '▾' : '▸'}</span>${node.label}</div>
      <div role="gridcell" aria-colindex="2" class="quiet">${formatInteger(node.to - node.from)} tensors</div>
      <div role="gridcell" aria-colindex="3"></div>
      <div role="gridcell" aria-colindex="4" class="number">${formatCount(elements)}</div>
      <div role="gridcell" aria-colindex="5" class="number">${formatSize(bytes)}</div>
      ${shards ? html`<div role="gridcell" aria-colindex="6"></div>` : nothing}
    </div>`;
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    // Heads of columns have keys of their own.
    if (event.target !== this.scroller) return;
    const { model, active } = this;
    if (model === null) return;
    const node = model.nodes?.[active];
    const row = movedRow(event.key, { row: active, rows: this.rows, page: this.inSight });
    if (row !== null && !event.ctrlKey && !event.metaKey && !event.altKey) this.activate(row);
    else if (event.key === 'Enter' || event.key === ' ') this.open(active);
    else if (event.key === 'Escape' && this.chosen >= 0) emit(this, 'headlight-close');
    else if (node && event.key === 'ArrowRight') this.inward(model, node);
    else if (node && event.key === 'ArrowLeft') this.outward(model, node);
    else if (node && event.key === '*') emit(this, 'headlight-expand', { all: node });
    else if (isTyped(event)) emit(this, 'headlight-typed', event.key);
    else return;
    event.preventDefault();
  };

  private inward({ expanded }: GridModel, node: ModuleNode): void {
    if (node.leaf) return;
    if (expanded.has(node.path)) this.activate(this.active + 1);
    else this.toggle(node);
  }

  private outward({ nodes, expanded }: GridModel, node: ModuleNode): void {
    if (!node.leaf && expanded.has(node.path)) {
      this.toggle(node);
      return;
    }
    for (let row = this.active - 1; row >= 0; row--) {
      if ((nodes?.[row]?.level ?? 0) >= node.level) continue;
      this.activate(row);
      return;
    }
  }

  private toggle(node: ModuleNode): void {
    emit(this, 'headlight-expand', { path: node.path });
  }

  /** A tensor is shown, a module opened or closed. */
  private open(row: number): void {
    const { model } = this;
    const node = model?.nodes?.[row];
    this.active = row;
    if (node && !node.leaf) this.toggle(node);
    else if (model !== null && row < this.rows)
      emit(this, 'headlight-open', elementAt(model.tensors, node ? node.from : row));
  }

  private activate(row: number): void {
    this.active = row;
    const { scroller } = this;
    if (scroller === null) return;
    // The head stands over the first row in sight.
    const sight = scroller.clientHeight - ROW;
    const top = row * ROW;
    if (top < scroller.scrollTop) scroller.scrollTop = top;
    else if (top + ROW > scroller.scrollTop + sight) scroller.scrollTop = top + ROW - sight;
    this.onScroll();
  }
}

function indent(node: ModuleNode | undefined): string {
  return node ? `padding-left:${(node.level - 1) * 12}px` : '';
}

function sizesOf(
  list: TensorList,
  tensors: Uint32Array,
  { from, to }: ModuleNode,
): { readonly elements: number; readonly bytes: number } {
  if (tensors.length === list.count) return list.sizesOf(from, to);
  let [elements, bytes] = [0, 0];
  for (let i = from; i < to; i++) {
    const tensor = elementAt(tensors, i);
    elements += elementAt(list.elements, tensor);
    bytes += list.bytesOf(tensor);
  }
  return { elements, bytes };
}

/** `model-00003-of-00004.safetensors` → `3 of 4`. */
function shortShard(name: string): string {
  const [, part, all] = /-(\d{1,6})-of-(\d{1,6})\./.exec(name) ?? [];
  return part === undefined ? name : `${Number(part)} of ${Number(all)}`;
}
