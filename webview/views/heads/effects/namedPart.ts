/** Heads by the names that the literature gave them, with what each was measured by. */

import { html, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import { HEAD_NAMES, type HeadName, NAMES } from '../../../../src/insight/lens/headScores';
import { elementAt } from '../../../../src/model/elementAt';
import { sentence } from '../../../../src/present/words';
import type { NamedHead } from '../../../../src/shared/lensContract';
import { tokenText } from '../../../charts/heatmap/labels';
import '../../../charts/matrixTable';
import type { TableModel } from '../../../charts/tableModel';
import { tokensText } from '../models';
import { EffectsPart, LISTED } from './part';

/** Words of one copy of the random list. */
const REPEATED = 14;

type PlacedHead = NamedHead & { readonly layer: number };

@customElement('headlight-effects-named')
export class NamedPart extends EffectsPart {
  protected override render(): TemplateResult {
    const { effects } = this;
    const { named } = this.found;
    return html`<section aria-label="Named heads">
      <div class="tools">${this.ask('Find in this prompt', () => void effects.name(null))} ${this.ask('Find on repeated random words', () => void effects.name(REPEATED), false)}</div>
      ${
        named === null
          ? html`<p class="small">Scores of every head of the model, and the heads that reach the threshold of each name.</p>`
          : html`<p class="small">On ${named.repeated === null ? `the prompt’s ${named.pieces.length} tokens` : `${named.repeated} random words, repeated`}: ${named.pieces.map(tokenText).slice(0, 24).join(' ')}${named.pieces.length > 24 ? ' …' : ''}</p>
        ${HEAD_NAMES.map((name) =>
          this.renderName(
            name,
            named.found.layers.flatMap(({ layer, heads }) => heads.map((head) => ({ layer, ...head }))),
            named.pieces,
          ),
        )}
        <headlight-matrix-table .model=${scoresTable(named.found.layers.flatMap(({ layer, heads }) => heads.map((head) => ({ layer, ...head }))))}></headlight-matrix-table>`
      }
    </section>`;
  }

  private renderName(name: HeadName, heads: readonly PlacedHead[], pieces: readonly string[]): TemplateResult {
    const { label, measures, threshold, source } = NAMES[name];
    const measured = heads.flatMap((head) => {
      const { [name]: score } = head.scores;
      return score === null ? [] : [{ head, score }];
    });
    const sorted = measured.toSorted((a, b) => b.score - a.score);
    const found = sorted.filter(({ score }) => score >= threshold);
    const [best] = sorted;
    return html`<div class="named">
      <h3 title=${source}>${sentence(label)}s <span class="small">${found.length > LISTED ? `${LISTED} of ${found.length} with ` : ''}≥ ${threshold} · ${measures}</span></h3>
      ${
        found.length > 0
          ? html`<ul>${found.slice(0, LISTED).map(
              ({ head, score }) =>
                html`<li>${this.headLink(head.layer, head.head)} <span class="figures">${score.toFixed(2)}</span> <span class="small token">${head.evidence[
                  name
                ]
                  .slice(0, 2)
                  .map(({ query, key, weight }) =>
                    name === 'copySuppression'
                      ? `lowers ${tokensText({ pieces }, [key, key + 1])}`
                      : `${tokensText({ pieces }, [query, query + 1])} → ${tokensText({ pieces }, [key, key + 1])} ${weight.toFixed(2)}`,
                  )
                  .join(', ')}</span></li>`,
            )}</ul>`
          : html`<p class="small">${best === undefined ? 'Not measured: nothing in these tokens shows it.' : html`None. The highest is ${this.headLink(best.head.layer, best.head.head)} with ${best.score.toFixed(2)}.`}</p>`
      }
      <details class="small"><summary>Source</summary>${source}</details>
    </div>`;
  }
}

function scoresTable(heads: readonly PlacedHead[]): TableModel {
  return {
    caption: 'All heads',
    corner: 'head',
    rows: heads.length,
    columns: HEAD_NAMES.length,
    rowHead: (row) => `${elementAt(heads, row).layer}.${elementAt(heads, row).head}`,
    columnHead: (column) => NAMES[elementAt(HEAD_NAMES, column)].label.replace(' head', ''),
    cell: (row, column) => {
      const score = elementAt(heads, row).scores[elementAt(HEAD_NAMES, column)];
      return score === null ? '–' : score.toFixed(3);
    },
  };
}
