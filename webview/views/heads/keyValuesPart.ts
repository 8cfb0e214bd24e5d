/** K and V as the lecture shows them; for MLA the latent that they are made from. One picture is enlarged below or beside. */

import { html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import '../../charts/heatmap/element';
import type { ReadCell, Readout } from '../../charts/heatmap/element';
import { largestOf } from '../../charts/heatmap/raster';
import type { ScaleKind } from '../../charts/heatmap/scale';
import type { HeatmapModel } from '../../charts/heatmap/viewModel';
import '../../charts/keyValues/element';
import type { ChosenHead, KeyValueModel } from '../../charts/keyValues/element';
import { differenceText, type Letter, ownerText, sharingText } from '../../charts/keyValues/viewModel';
import { headDims } from '../../../src/attention/spec/layerSpec';
import { base, controls } from '../../styles/base';
import { bringIntoView, keepLook, keptLook, rangeSelect, scaleNote, scaleSelect } from './look';
import { Memo } from './memo';
import { heatmapTable, rangeText, tokensText, valueText, vectorsModel } from './models';
import type { HeadsResult, HeadsSession, Vectors } from './session';
import { headsStyles } from './styles';

interface KeyValueLook {
  readonly scale: ScaleKind;
  /** One range for all groups. */
  readonly shared: boolean;
}

const LETTERS: readonly Letter[] = ['Q', 'K', 'V'];
/** Where nothing was measured between heads. */
const NO_IDENTITY = { inside: 0, between: null };

function valuesOf(result: HeadsResult, letter: Letter): Vectors | null {
  return { Q: result.q, K: result.k, V: result.v }[letter];
}

@customElement('headlight-heads-key-values')
export class HeadsKeyValues extends LitElement {
  static override readonly styles = [base, controls, headsStyles];

  @property({ attribute: false }) result: HeadsResult | null = null;
  /** Fetches what of the result is not here yet. */
  @property({ attribute: false }) session: Pick<HeadsSession, 'fetchQueries'> | null = null;
  @state() private look: KeyValueLook = keptLook('kv', { scale: 'linear' as ScaleKind, shared: false });
  @state() private chosen: { readonly letter: Letter; readonly head: number } = { letter: 'K', head: 0 };

  private readonly memos = {
    Q: new Memo<KeyValueModel>(),
    K: new Memo<KeyValueModel>(),
    V: new Memo<KeyValueModel>(),
    zoom: new Memo<HeatmapModel>(),
    latent: new Memo<HeatmapModel>(),
    ropeKey: new Memo<HeatmapModel>(),
  };

  protected override render(): TemplateResult | typeof nothing {
    const { result, look } = this;
    if (result === null) return nothing;
    const zoom = html`<div class="zoom">${this.renderZoom(result)}</div>`;
    return html`
      <div class="tools">
        ${scaleSelect(look.scale, (scale) => this.change({ scale }))}
        ${rangeSelect(look.shared, result.k.count < result.patterns.heads ? 'per group' : 'per head', (shared) => this.change({ shared }))}
      </div>
      ${this.renderLatent(result)}
      <div class="work letters">
        ${LETTERS.map((letter) => html`${this.renderLetter(result, letter, valuesOf(result, letter))} ${this.chosen.letter === letter ? zoom : nothing}`)}
      </div>`;
  }

  protected override updated(): void {
    if (this.result?.q === null) void this.session?.fetchQueries();
  }

  private change(change: Partial<KeyValueLook>): void {
    this.look = { ...this.look, ...change };
    keepLook('kv', this.look);
  }

  private renderLetter(result: HeadsResult, letter: Letter, values: Vectors | null): TemplateResult {
    if (values === null)
      return html`<section class="letter" aria-label=${letter}><h2>${letter} <span class="small">loading</span></h2></section>`;
    const { queryHeads } = headDims(result.attention);
    const model = this.memos[letter].get([values, result, this.look], () => ({
      letter,
      values: values.data,
      groups: values.count,
      queryHeads,
      tokens: values.tokens,
      dim: values.dim,
      identity: (letter === 'Q' ? null : result.measures?.identity[letter === 'K' ? 'k' : 'v']) ?? NO_IDENTITY,
      scale: this.look.scale,
      shared: this.look.shared,
    }));
    const latent = result.attention.kind === 'latent';
    const made =
      latent && letter === 'K' && result.attention.kind === 'latent'
        ? ` Dims 0–${result.attention.nopeDim - 1} come from the latent, the last ${result.attention.ropeDim} are the shared RoPE key.`
        : '';
    return html`<section class="letter" aria-label=${letter}>
      <h2>${letter} <span class="small">${values.tokens < result.ids.length ? `first ${values.tokens} of ${result.ids.length} ` : ''}tokens × ${values.dim} dims</span></h2>
      <p class="small">${sharingText(letter, queryHeads, values.count, model.identity, latent)}${made}</p>
      <headlight-key-values data-letter=${letter} .model=${model} .chosen=${this.chosen.letter === letter ? this.chosen.head : -1} @headlight-choose=${(event: CustomEvent<ChosenHead>) => this.choose(letter, event.detail)}></headlight-key-values>
    </section>`;
  }

  private choose(letter: Letter, { head, show }: ChosenHead): void {
    this.chosen = { letter, head };
    if (show) void this.updateComplete.then(() => bringIntoView(this.renderRoot.querySelector('.zoom')));
  }

  private renderLatent(result: HeadsResult): TemplateResult | typeof nothing {
    const { latent, ropeKey } = result;
    if (latent === null) return nothing;
    const { scale } = this.look;
    return html`<section class="part" aria-label="Latent">
      <h2>What is cached <span class="small">latent ${latent.dim}${ropeKey === null ? '' : ` + RoPE key ${ropeKey.dim}`} values per token, for all heads</span></h2>
      <div class="latents">
        ${this.renderVectors(
          result,
          'Latent',
          this.memos.latent.get([latent, scale], () => vectorsModel(latent, 0, result, scale, null)),
        )}
        ${
          ropeKey === null
            ? nothing
            : this.renderVectors(
                result,
                'RoPE key',
                this.memos.ropeKey.get([ropeKey, scale], () => vectorsModel(ropeKey, 0, result, scale, null)),
              )
        }
      </div>
    </section>`;
  }

  private renderZoom(result: HeadsResult): TemplateResult | typeof nothing {
    const { letter } = this.chosen;
    const values = valuesOf(result, letter);
    if (values === null) return nothing;
    const { queryHeads } = headDims(result.attention);
    const head = Math.min(this.chosen.head, queryHeads - 1);
    const group = Math.floor((head * values.count) / queryHeads);
    const most = this.look.shared ? largestOf(values.data) : null;
    const model = this.memos.zoom.get([values, group, this.look], () =>
      vectorsModel(values, group, result, this.look.scale, most),
    );
    const owner = ownerText(letter, head, values.count, queryHeads);
    return html`<h2>${owner}</h2>${this.renderVectors(result, owner, model)}`;
  }

  private renderVectors(result: HeadsResult, name: string, model: HeatmapModel): TemplateResult {
    const most = differenceText(model.scale.most);
    return html`<headlight-heatmap
      .model=${model} .label=${`${name}: ${model.rows.count} tokens by ${model.columns.count} dims. Arrow keys read values.`}
      .readout=${(cell: ReadCell) => vectorReadout(result, name, cell)}
      .hint=${name === 'Latent' || name === 'RoPE key' ? name : 'Point, or use the arrow keys'} .highest=${520}
      .table=${heatmapTable(model, `${name}, layer ${result.layer}`, 'token \\ dim', 'rows')}
    ><headlight-legend slot="foot" kind="diverging" from="−${most}" to=${most} note=${scaleNote(model.scale.kind)}></headlight-legend></headlight-heatmap>`;
  }
}

function vectorReadout(result: HeadsResult, name: string, { rows, columns, value }: ReadCell): Readout {
  const token = tokensText(result, rows);
  const many = rows[1] - rows[0] > 1 || columns[1] - columns[0] > 1;
  return {
    text: html`<strong>${valueText(value)}</strong>${many ? ' (farthest from 0)' : ''} <span class="key">token</span> ${token} · <span class="key">dim</span> ${rangeText(columns)}`,
    sentence: `${name}, token ${token}, dim ${rangeText(columns)}: ${valueText(value)}`,
  };
}
