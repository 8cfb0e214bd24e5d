import { html, LitElement, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { type PanelState, type PanelStore } from '../platform/store';

@customElement('headlight-mla')
export class MlaView extends LitElement {
  @property({ attribute: false }) store!: PanelStore;
  @property({ attribute: false }) panel!: PanelState;

  protected override render(): TemplateResult {
    return html``;
  }
}
