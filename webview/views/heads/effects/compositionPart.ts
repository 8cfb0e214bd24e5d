/** Composition: how well what earlier heads write lies in what one head reads, by the weights alone. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { sentencesText } from '../../../../src/present/words';
import type { HeatmapModel } from '../../../charts/heatmap/viewModel';
import { select } from '../look';
import { Memo } from '../memo';
import { headModel, headName, largest } from './models';
import { EffectsPart, LISTED } from './part';
import type { Composed } from './session';

const LETTERS = { q: 'queries', k: 'keys', v: 'values' } as const;
type Letter = keyof typeof LETTERS;
const MOST_HEADS = 4096;

@customElement('headlight-effects-composition')
export class CompositionPart extends EffectsPart {
  @state() private letter: Letter = 'k';
  private readonly drawn = new Memo<HeatmapModel>();

  protected override render(): TemplateResult {
    const { form, composition } = this.found;
    const last = this.result.layerCount - 1;
    const reader = form.reader ?? { layer: last, head: 0 };
    const layer = Math.min(reader.layer, last);
    return html`<section aria-label="Composition">
      <div class="tools">
        ${this.numberInput('reader: layer', layer, last, '1', (value) => this.effects.set({ reader: { ...reader, layer: Math.trunc(value) } }))}
        ${this.numberInput('head', reader.head, MOST_HEADS, '1', (value) => this.effects.set({ reader: { ...reader, head: Math.trunc(value) } }))}
        ${this.ask('Measure', () => void this.effects.compose(layer, reader.head))}
      </div>
      ${
        composition === null
          ? html`<p class="small">Q-, K- and V-composition with each earlier head, from the weights alone, before RoPE: ‖W_read · W_OV‖ ÷ (‖W_read‖ · ‖W_OV‖), Frobenius norms, W_read being this head’s query, key or value weights. Unrelated heads do not come to 0: compare them. An induction head composes with a previous-token head through its keys.</p>`
          : this.renderAnswer(composition)
      }
    </section>`;
  }

  private renderAnswer({ layer, head, compositions, notes }: Composed): TemplateResult {
    const { letter } = this;
    const name = headName({ layer, index: head });
    if (compositions.length === 0) return html`<p class="small">No head comes before ${name}.</p>`;
    const placed = compositions.map(({ head: index, ...rest }) => ({ kind: 'head' as const, index, ...rest }));
    const layers = 1 + Math.max(...placed.map((each) => each.layer));
    const model = this.drawn.get([compositions, letter], () =>
      headModel(placed, layers, false, (each) => each[letter]),
    );
    return html`<h2>Composition with ${name} <span class="small">of each earlier head, through its ${LETTERS[letter]}</span></h2>
      <div class="tools">${select('through its', letter, Object.entries(LETTERS) as [Letter, string][], (each) => (this.letter = each))}</div>
      ${this.heatmap(
        model,
        `Composition with ${name}`,
        'layer \\ head',
        'A row for each earlier layer, a column for each head. Arrow keys read, Enter shows a head.',
        ({ rows, columns, value }) => {
          const shown = { layer: rows[0], head: columns[0] };
          this.point(shown);
          const writer = headName({ layer: shown.layer, index: shown.head });
          const said = Number.isNaN(value) ? 'no such head' : value.toFixed(3);
          return { text: html`<strong>${said}</strong> ${writer}`, sentence: `${writer}: ${said}` };
        },
        this.showHead,
      )}
      <div class="wide" role="region" tabindex="0" aria-label="Largest compositions"><table><thead><tr><th scope="col">largest</th>${(Object.keys(LETTERS) as Letter[]).map((each) => html`<th scope="col" class="number">${LETTERS[each]}</th>`)}</tr></thead><tbody>${largest(
        placed,
        LISTED,
        (each) => each[letter],
      ).map(
        (each) =>
          html`<tr><th scope="row">${this.headLink(each.layer, each.index)}</th>${(Object.keys(LETTERS) as Letter[]).map((column) => html`<td class="number">${each[column].toFixed(3)}</td>`)}</tr>`,
      )}</tbody></table></div>
      ${notes.length === 0 ? nothing : html`<p class="small">${sentencesText(notes)}</p>`}`;
  }
}
