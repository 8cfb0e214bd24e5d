import { html, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { type PanelState, type PanelStore } from '../platform/store';

@customElement('headlight-compare')
export class CompareView extends LitElement {
  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  protected override render(): TemplateResult {
    return html``;
  }
}
