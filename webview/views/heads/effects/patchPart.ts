/** What of one prompt brings another back: an activation of the clean prompt is put into the corrupted one. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement } from 'lit/decorators.js';
import type { Recovery } from '../../../../src/shared/effectsContract';
import { tokenText } from '../../../charts/heatmap/labels';
import type { HeatmapModel } from '../../../charts/heatmap/viewModel';
import { select } from '../look';
import { Memo } from '../memo';
import { tokensText } from '../models';
import {
  type Columns,
  headColumns,
  largest,
  PART_COLUMNS,
  placeName,
  placesModel,
  positionColumns,
  signed,
} from './models';
import { EffectsPart, LISTED } from './part';
import type { Patched, PatchedParts } from './session';

const WHAT: readonly (readonly [PatchedParts, string])[] = [
  ['heads', 'heads'],
  ['parts', 'attention and MLPs'],
  ['residual', 'residual stream'],
];
const LABELS: Readonly<Record<PatchedParts, string>> = {
  heads: 'Patch every head',
  parts: 'Patch attention and MLPs',
  residual: 'Patch the residual',
};
const MAPS: Readonly<Record<PatchedParts, { readonly corner: string; readonly label: string }>> = {
  heads: {
    corner: 'layer \\ head',
    label: 'A row for each layer, a column for each head. Arrow keys read, Enter shows a head.',
  },
  parts: { corner: 'layer \\ part', label: 'A row for each layer, its attention and its MLP. Arrow keys read.' },
  residual: {
    corner: 'into layer \\ token',
    label: 'The residual stream as it enters each layer, by position. Arrow keys read.',
  },
};

@customElement('headlight-effects-patch')
export class PatchPart extends EffectsPart {
  private readonly drawn = new Memo<HeatmapModel>();

  protected override render(): TemplateResult {
    const { form, patch } = this.found;
    return html`<section aria-label="Patch">
      ${this.otherPrompt('Corrupted prompt', 'Corrupted prompt: something changed, as many tokens')}
      <div class="tools">
        ${select('what', form.patched, WHAT, (patched) => this.effects.set({ patched }))}
        ${this.tokenInput('logit of', 'word', 'the likeliest')} ${this.tokenInput('minus', 'against', form.word === '' ? 'corrupted’s top' : 'no token')}
        ${this.ask(LABELS[form.patched], () => void this.effects.patch())}
      </div>
      ${
        patch === null
          ? html`<p class="small">Activations of the prompt above (clean) are patched into the corrupted prompt, one at a time: how much of the logit comes back? Where no token is named: of the clean prompt’s likeliest, minus the corrupted one’s.</p>`
          : this.renderAnswer(patch)
      }
    </section>`;
  }

  private renderAnswer(patch: Patched): TemplateResult {
    const { result } = this;
    const { what, recoveries } = patch;
    const columns: Columns =
      what === 'heads' ? headColumns(recoveries) : what === 'parts' ? PART_COLUMNS : positionColumns(patch.pieces);
    const model = this.drawn.get([patch], () =>
      placesModel(recoveries, result.layerCount, columns, true, ({ recovered }) => recovered),
    );
    const name = (each: Pick<Recovery, 'kind' | 'layer' | 'index' | 'position'>): string =>
      `${placeName(each)}${each.position === null ? '' : ` at ${tokensText(patch, [each.position, each.position + 1])}`}`;
    const metric =
      patch.against === null
        ? `logit of ${tokenText(patch.token)}`
        : `logit difference, ${tokenText(patch.token)} − ${tokenText(patch.against)}`;
    return html`${promptsTable(result.pieces, patch)}
      <h2>Recovered <span class="small">${metric}: 0 is the corrupted prompt’s ${patch.corrupted.toFixed(2)}, 1 the clean one’s ${patch.clean.toFixed(2)}${patch.left > 0 ? ` · ${patch.left} left` : ''}</span></h2>
      ${this.heatmap(
        model,
        'Recovery by each place',
        MAPS[what].corner,
        MAPS[what].label,
        ({ rows, columns: [column], value }) => {
          const own = recoveries.find((each) => each.layer === rows[0] && columns.of(each) === column);
          this.point(own?.kind === 'head' ? { layer: own.layer, head: own.index } : null);
          const place = own === undefined ? `layer ${rows[0]}, ${columns.label(column)}` : name(own);
          const said = own === undefined ? 'not computed yet' : Number.isNaN(value) ? 'not defined' : signed(value);
          return { text: html`<strong>${said}</strong> ${place}`, sentence: `${place}: ${said} recovered` };
        },
        what === 'heads' ? this.showHead : undefined,
      )}
      <table class="long"><thead><tr><th scope="col">largest</th><th scope="col" class="number">recovered</th></tr></thead><tbody>${largest(
        recoveries,
        LISTED,
        ({ recovered }) => recovered,
      ).map(
        (each) =>
          html`<tr><th scope="row">${each.kind === 'head' ? this.headLink(each.layer, each.index) : name(each)}</th><td class="number">${each.recovered === null ? '–' : signed(each.recovered)}</td></tr>`,
      )}</tbody></table>`;
  }
}

/** Both prompts, one above the other, with what differs underlined. */
function promptsTable(clean: readonly string[], { pieces, differing }: Patched): TemplateResult {
  const changed = new Set(differing);
  const row = (name: string, list: readonly string[]): TemplateResult =>
    html`<tr><th scope="row">${name}</th><td>${list.map((piece, at) => html`<span class="token ${changed.has(at) ? 'warn' : ''}">${tokenText(piece)}</span> `)}</td></tr>`;
  return html`<table class="prompts"><tbody>${row('clean', clean)}${row('corrupted', pieces)}</tbody></table>
    ${differing.length === 0 ? html`<p class="small">The prompts are the same: there is nothing to recover.</p>` : nothing}`;
}
