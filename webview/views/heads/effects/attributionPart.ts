/** Direct logit attribution: what each head, MLP, bias and the embedding add to it, and from which tokens heads took it. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { elementAt } from '../../../../src/model/elementAt';
import { sentencesText } from '../../../../src/present/words';
import { tokenText } from '../../../charts/heatmap/labels';
import type { HeatmapModel } from '../../../charts/heatmap/viewModel';
import { Memo } from '../memo';
import { tokensText } from '../models';
import { headContributions, headModel, headName, largest, placeName, signed, sourcesModel } from './models';
import { EffectsPart, LISTED } from './part';
import type { Attributed } from './session';

/** Heads of which it is drawn where they took it from. */
const DRAWN = 12;

@customElement('headlight-effects-attribution')
export class AttributionPart extends EffectsPart {
  private readonly heads = new Memo<HeatmapModel>();
  private readonly sources = new Memo<HeatmapModel>();

  protected override render(): TemplateResult {
    const { attribution } = this.found;
    return html`<section aria-label="Attribution">
      <div class="tools">${this.tokenInput('logit of', 'word', 'the likeliest')} ${this.tokenInput('minus', 'against', 'no token')} ${this.ask('Attribute', () => void this.effects.attribute())}</div>
      ${
        attribution === null
          ? html`<p class="small">Direct logit attribution: what each head, each MLP and the embedding add to the logit of a token after the last one, or to the difference of two logits; and from which source tokens the largest heads take it.</p>`
          : this.renderAnswer(attribution)
      }
    </section>`;
  }

  private renderAnswer(attribution: Attributed): TemplateResult {
    const { result } = this;
    const heads = headContributions(attribution);
    const model = this.heads.get([attribution], () => headModel(heads, result.layerCount, true, ({ value }) => value));
    const after = tokensText(result, [attribution.position, attribution.position + 1]);
    const of =
      attribution.against === null
        ? `logit of ${tokenText(attribution.token)}`
        : `logit difference, ${tokenText(attribution.token)} − ${tokenText(attribution.against)},`;
    return html`<h2>${attribution.logit.toFixed(3)} <span class="small">${of} after ${after}; the parts sum to ${attribution.sum.toFixed(3)}</span></h2>
      ${this.heatmap(
        model,
        'What each head adds to the logit',
        'layer \\ head',
        'A row for each layer, a column for each head. Arrow keys read, Enter shows a head.',
        ({ rows, columns, value }) => {
          const shown = { layer: rows[0], head: columns[0] };
          this.point(shown);
          const own = heads.find(({ layer, index }) => layer === shown.layer && index === shown.head);
          const most = largest(
            (own?.sources ?? []).map((part, at) => ({ part, at })),
            1,
            ({ part }) => part,
          )[0];
          const from =
            most === undefined
              ? ''
              : `, most from ${tokensText(result, [most.at, most.at + 1])} (${signed(most.part)})`;
          const name = headName({ layer: shown.layer, index: shown.head });
          return {
            text: html`<strong>${signed(value)}</strong> ${name}${from}`,
            sentence: `${name}: ${signed(value)}${from}`,
          };
        },
        this.showHead,
      )}
      <table><thead><tr><th scope="col">largest</th><th scope="col" class="number">adds</th></tr></thead><tbody>${largest(
        attribution.contributions,
        LISTED,
        ({ value }) => value,
      ).map(
        (each) =>
          html`<tr><th scope="row">${each.writer === 'head' ? this.headLink(each.layer, each.index) : writerName(each)}</th><td class="number">${signed(each.value)}</td></tr>`,
      )}</tbody></table>
      ${this.renderSources(attribution)}
      ${attribution.notes.length === 0 ? nothing : html`<p class="small">${sentencesText(attribution.notes)}</p>`}`;
  }

  private renderSources(attribution: Attributed): TemplateResult | typeof nothing {
    const { result } = this;
    const heads = largest(headContributions(attribution), DRAWN, ({ value }) => value);
    if (heads.every(({ sources }) => sources === null)) return nothing;
    const model = this.sources.get([attribution], () => sourcesModel(heads, result.pieces));
    return html`<h2>Source tokens <span class="small">what the largest heads take from the V of each token; a row sums to its head</span></h2>
      ${this.heatmap(
        model,
        'What each head takes from each token',
        'head \\ token',
        'A row for each head, a column for each token. Arrow keys read, Enter shows a head.',
        ({ rows, columns, value }) => {
          const head = elementAt(heads, rows[0]);
          this.point({ layer: head.layer, head: head.index });
          const where = `${headName(head)} from ${tokensText(result, columns)}`;
          return { text: html`<strong>${signed(value)}</strong> ${where}`, sentence: `${where}: ${signed(value)}` };
        },
        this.showHead,
      )}`;
  }
}

function writerName({ writer, layer }: Attributed['contributions'][number]): string {
  switch (writer) {
    case 'embedding':
      return 'embedding';
    case 'output':
      return 'output bias';
    case 'bias':
      return `layer ${layer} bias`;
    default:
      return placeName({ kind: writer, layer, index: 0 });
  }
}
