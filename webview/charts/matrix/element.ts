/**
 * `<headlight-matrix>`: hover or, with focus, arrows, Home and End choose a cell. Fires `cell` with the cell, or null when the pointer or the
 * focus leaves.
 */

import { LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { base } from '../../styles/base';
import type { Rgb } from '../heatmap/colour';
import { matrixStyles, renderMatrix } from './render';
import { looksDifferent, type MatrixModel, movedCursor } from './viewModel';

export interface CellPlace {
  readonly row: number;
  readonly column: number;
}

/** What `cell` tells; by keyboard it should be said aloud, too. */
export interface CellChoice extends CellPlace {
  readonly byKeyboard: boolean;
}

@customElement('headlight-matrix')
export class MatrixElement extends LitElement {
  static override readonly styles = [base, matrixStyles];

  @property({ attribute: false, hasChanged: looksDifferent }) model!: MatrixModel;
  @property({ attribute: false }) colours: readonly Rgb[] = [];
  @property({ type: Number }) cell = 10;
  @property({ type: Number }) labelPixels = 0;
  @property({ type: Boolean }) focusable = false;
  /** What a screen reader is told of it. */
  @property() describe = '';

  private last: CellPlace = { row: 0, column: 0 };

  override connectedCallback(): void {
    super.connectedCallback();
    this.addEventListener('keydown', this.onKey);
    this.addEventListener('focusin', this.onFocus);
    this.addEventListener('focusout', this.onLeave);
    this.addEventListener('pointermove', this.onPointer);
    this.addEventListener('pointerleave', this.onLeave);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.removeEventListener('keydown', this.onKey);
    this.removeEventListener('focusin', this.onFocus);
    this.removeEventListener('focusout', this.onLeave);
    this.removeEventListener('pointermove', this.onPointer);
    this.removeEventListener('pointerleave', this.onLeave);
  }

  /** The cells' box on the page; null before the first drawing. */
  get box(): DOMRect | null {
    return this.renderRoot.querySelector('svg')?.getBoundingClientRect() ?? null;
  }

  protected override render(): TemplateResult {
    return renderMatrix(this.model, { cell: this.cell, colours: this.colours, labelPixels: this.labelPixels }, this.focusable, this.describe);
  }

  private readonly onKey = (event: KeyboardEvent): void => {
    const { rows, columns } = this.model;
    const next = movedCursor(event.key, this.last, rows, columns);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    this.tell(next, true);
  };

  private readonly onFocus = (): void => {
    const { known, columns, active, role } = this.model;
    // What a step computes is what is looked for first.
    const row = role === 'none' ? this.last.row : active[0];
    this.tell({ row: Math.min(row, Math.max(0, known - 1)), column: Math.min(this.last.column, columns - 1) }, true);
  };

  private readonly onPointer = (event: PointerEvent): void => {
    const { box } = this;
    if (!box) return;
    const row = Math.floor((event.clientY - box.top) / this.cell);
    const column = Math.floor((event.clientX - box.left) / this.cell);
    const inside = row >= 0 && column >= 0 && row < this.model.rows && column < this.model.columns;
    if (inside) this.tell({ row, column }, false);
    else this.onLeave();
  };

  private readonly onLeave = (): void => {
    if (this.model.cursor) this.dispatchEvent(new CustomEvent<CellChoice | null>('cell', { detail: null }));
  };

  private tell(place: CellPlace, byKeyboard: boolean): void {
    const { cursor } = this.model;
    this.last = place;
    if (cursor?.row === place.row && cursor.column === place.column) return;
    this.dispatchEvent(new CustomEvent<CellChoice | null>('cell', { detail: { ...place, byKeyboard } }));
  }
}
