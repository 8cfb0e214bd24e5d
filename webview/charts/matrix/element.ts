/**
 * `<headlight-matrix>`: hover or, with focus, arrows, Home and End choose a cell. Fires `cell` with the cell, or null when the pointer or the
 * focus leaves.
 */

import { LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { base } from '../../styles/base';
import type { Rgb } from '../heatmap/colour';
import { matrixStyles, renderMatrix } from './render';
import {
  cellHeight,
  type CellChoice,
  type CellPlace,
  looksDifferent,
  type MatrixModel,
  movedCursor,
} from './viewModel';

@customElement('headlight-matrix')
export class MatrixElement extends LitElement {
  static override readonly styles = [base, matrixStyles];

  @property({ attribute: false, hasChanged: looksDifferent }) model!: MatrixModel;
  @property({ attribute: false }) colours: readonly Rgb[] = [];
  @property({ attribute: false }) cell = 10;
  @property({ attribute: false }) labelPixels = 0;
  @property({ attribute: false }) focusable = false;
  /** What a screen reader is told of it. */
  @property({ attribute: false }) describe = '';

  private last: CellPlace = { row: 0, column: 0 };

  override connectedCallback(): void {
    super.connectedCallback();
    // Once more is the same: nothing has to be taken away.
    const { onKey, onFocus, onPointer, onLeave } = this;
    for (const [type, listener] of Object.entries({
      keydown: onKey,
      focusin: onFocus,
      focusout: onLeave,
      pointermove: onPointer,
      pointerleave: onLeave,
    }))
      this.addEventListener(type, listener as EventListener);
  }

  protected override render(): TemplateResult {
    return renderMatrix(
      this.model,
      { cell: this.cell, colours: this.colours, labelPixels: this.labelPixels },
      this.focusable,
      this.describe,
    );
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
    const box = this.renderRoot.querySelector('svg')?.getBoundingClientRect();
    if (!box) return;
    const row = Math.floor((event.clientY - box.top) / cellHeight(this.cell));
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
