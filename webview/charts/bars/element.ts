/** `<headlight-bars>`: a list to choose from; arrows, Home and End move, the choice follows. Fires `choose` with the row's id. */

import { css, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { base } from '../../styles/base';
import { barStyles, renderBars } from './render';
import type { Bars } from './viewModel';

@customElement('headlight-bars')
export class BarsElement extends LitElement {
  static override readonly styles = [base, barStyles, css`.row-list { display: contents; }`];

  @property({ attribute: false }) bars: Bars = { columns: [], rows: [], kinds: [], cutText: '' };
  @property({ attribute: false }) selected: string | null = null;

  protected override render(): TemplateResult {
    return renderBars(this.bars, this.selected, {
      select: (id) => this.choose(id),
      keydown: (event) => this.move(event),
    });
  }

  private move(event: KeyboardEvent): void {
    const { rows } = this.bars;
    const focused = event.target instanceof HTMLElement ? event.target.dataset['id'] : undefined;
    const at = rows.findIndex((row) => row.id === focused);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, ' ': at, Enter: at }[event.key];
    const row = next === undefined ? undefined : rows[next];
    if (!row) return;
    event.preventDefault();
    this.choose(row.id);
    void this.updateComplete.then(() =>
      this.renderRoot.querySelector<HTMLElement>(`[data-id="${CSS.escape(row.id)}"]`)?.focus(),
    );
  }

  private choose(id: string): void {
    this.dispatchEvent(new CustomEvent<string>('choose', { detail: id }));
  }
}
