/** Ablation: what changes without a head, a group, a layer's attention or its MLP, each by itself as a map, and several together. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import type { Effect, Replacement } from '../../../../src/shared/effectsContract';
import { tokenText } from '../../../charts/heatmap/labels';
import type { HeatmapModel } from '../../../charts/heatmap/viewModel';
import { select } from '../look';
import { Memo } from '../memo';
import { groupOf, headColumns, largest, PART_COLUMNS, placeName, placesModel, signed } from './models';
import { bars, EffectsPart, LISTED } from './part';
import { type Changed, questionOf, sameQuestion, type AblationMap, type AblatedParts } from './session';

const WHAT: readonly (readonly [AblatedParts, string])[] = [
  ['heads', 'heads and groups'],
  ['parts', 'attention and MLPs'],
];
const BY: readonly (readonly [Replacement, string])[] = [
  ['zero', 'zero'],
  ['mean', 'mean over the prompt'],
  ['other', 'another prompt’s'],
];
const REPLACED_BY: Readonly<Record<Replacement, string>> = {
  zero: 'zero',
  mean: 'its mean over the prompt',
  other: 'what the other prompt has there',
};

/** Which number of an effect is drawn. */
const MEASURES = {
  klMean: { label: 'KL', signed: false, title: 'mean KL over the prompt, nats' },
  klLast: { label: 'KL after the last token', signed: false, title: 'KL after the last token, nats' },
  loss: { label: 'Δ loss', signed: true, title: 'change of the mean loss over the prompt, nats' },
  logit: { label: 'Δ logit', signed: true, title: 'change of the logit' },
} as const;
type Measure = keyof typeof MEASURES;

function valueOf({ klMean, klLast, lossChange, logitChanges }: Effect, measure: Measure): number | null {
  const values: Readonly<Record<Measure, number | null>> = {
    klMean,
    klLast,
    loss: lossChange,
    logit: logitChanges[0] ?? null,
  };
  return values[measure];
}

@customElement('headlight-effects-ablation')
export class AblationPart extends EffectsPart {
  @state() private measure: Measure = 'klMean';
  private readonly drawn = new Memo<HeatmapModel>();

  protected override render(): TemplateResult {
    const { form, map } = this.found;
    const fits = map !== null && sameQuestion(map.question, questionOf(form));
    const label = fits ? 'Continue' : form.what === 'heads' ? 'Ablate every head' : 'Ablate attention and MLPs';
    return html`<section aria-label="Ablate">
      <div class="tools">
        ${select('what', form.what, WHAT, (what) => this.effects.set({ what }))}
        ${select('replace by', form.by, BY, (by) => this.effects.set({ by }))}
        ${this.tokenInput('logit of', 'word', 'no token')}
        ${fits && map.left === 0 ? nothing : this.ask(label, () => void this.effects.ablate())}
      </div>
      ${form.by === 'other' ? this.otherPrompt('The other prompt', 'Another prompt: its activations at the same positions go in') : nothing}
      ${
        map === null
          ? html`<p class="small">${form.what === 'heads' ? 'Every head is ablated by itself, and each group of heads that share a KV head together.' : 'Every layer’s attention is ablated by itself, and its MLP.'} The map shows how much the prediction changes.</p>`
          : this.renderMap(map, fits)
      }
    </section>
    ${this.renderTogether()}`;
  }

  private renderMap(map: AblationMap, fits: boolean): TemplateResult {
    const { what, by, word } = map.question;
    const measure = this.measure === 'logit' && word === '' ? 'klMean' : this.measure;
    const measures = (Object.keys(MEASURES) as Measure[]).filter((each) => each !== 'logit' || word !== '');
    const name = (each: Measure): string => (each === 'logit' ? `Δ logit of “${word}”` : MEASURES[each].label);
    const { layerCount } = this.result;
    const columns = what === 'heads' ? headColumns(map.effects) : PART_COLUMNS;
    const drawn = map.effects.filter((each) => columns.of(each) !== null);
    const model = this.drawn.get([map, measure], () =>
      placesModel(drawn, layerCount, columns, MEASURES[measure].signed, (each) => valueOf(each, measure)),
    );
    const title = measure === 'logit' ? `change of the logit of “${word}”` : MEASURES[measure].title;
    return html`<h2>What changes without it <span class="small">${title} · replaced by ${REPLACED_BY[by]}${map.left > 0 ? ` · ${map.left} left` : ''}</span></h2>
      ${fits ? nothing : html`<p class="small warn">From before your change.</p>`}
      <div class="tools">${select(
        'shown',
        measure,
        measures.map((each) => [each, name(each)] as const),
        (each) => (this.measure = each),
      )}</div>
      ${this.heatmap(
        model,
        'Effect of each place',
        what === 'heads' ? 'layer \\ head' : 'layer \\ part',
        what === 'heads'
          ? 'A row for each layer, a column for each head. Arrow keys read, Enter shows a head.'
          : 'A row for each layer, its attention and its MLP. Arrow keys read.',
        ({ rows, columns: [column], value }) => {
          const own = drawn.find((each) => each.layer === rows[0] && columns.of(each) === column);
          this.point(own?.kind === 'head' ? { layer: own.layer, head: own.index } : null);
          const group = own && groupOf(map.effects, own);
          const changes =
            own &&
            `KL ${own.klMean.toFixed(4)} nats${own.lossChange === null ? '' : `, Δ loss ${signed(own.lossChange)}`}${own.logitChanges[0] === undefined ? '' : `, Δ logit ${signed(own.logitChanges[0])}`}`;
          const place =
            own === undefined
              ? what === 'heads'
                ? placeName({ kind: 'head', layer: rows[0], index: column })
                : `layer ${rows[0]} ${PART_COLUMNS.label(column)}`
              : placeName(own);
          const said =
            Number.isNaN(value) || changes === undefined
              ? 'not computed yet'
              : `${changes}${group === undefined ? '' : `; KL of its group ${group.klMean.toFixed(4)}`}`;
          return { text: html`<strong>${place}</strong> ${said}`, sentence: `${place}: ${said}` };
        },
        what === 'heads' ? this.showHead : undefined,
      )}
      <div class="wide" role="region" tabindex="0" aria-label="Largest effects"><table class="wrapped"><thead><tr><th scope="col">largest</th>${measures.map((each) => html`<th scope="col" class="number">${name(each)}</th>`)}${what === 'heads' ? html`<th scope="col" class="number">KL of its group</th>` : nothing}</tr></thead><tbody>${largest(
        drawn,
        LISTED,
        (each) => valueOf(each, measure),
      ).map((each) => {
        const group = groupOf(map.effects, each);
        return html`<tr><th scope="row">${each.kind === 'head' ? this.headLink(each.layer, each.index) : placeName(each)}</th>${measures.map((column) => html`<td class="number">${numberText(valueOf(each, column), MEASURES[column].signed)}</td>`)}${what === 'heads' ? html`<td class="number">${group === undefined ? '–' : group.klMean.toFixed(4)}</td>` : nothing}</tr>`;
      })}</tbody></table></div>`;
  }

  private renderTogether(): TemplateResult {
    const { form, change } = this.found;
    return html`<section class="part" aria-label="Together">
      <h2>Together <span class="small">the prediction before and after</span></h2>
      <div class="tools">
        <label>places <input class="word places" .value=${live(form.together)} maxlength="4000" spellcheck="false" placeholder="3.5 3.group1 0.mlp" @input=${(event: Event) => this.effects.set({ together: (event.target as HTMLInputElement).value })} /></label>
        ${this.ask('Ablate these', () => void this.effects.ablateTogether(), false)}
      </div>
      ${change === null ? html`<p class="small">3.5 is head 5 of layer 3; 3.group1 the heads of one group; 3.attention, 3.mlp, and 3.residual, what enters the layer; @7 after one: at position 7 only. All count from 0.</p>` : changeTable(change)}
    </section>`;
  }
}

function changeTable({
  before,
  after,
  kl,
  lossBefore,
  lossAfter,
  places,
  question: { by, word },
}: Changed): TemplateResult {
  const mean = (list: readonly number[]): number | null =>
    list.length === 0 ? null : list.reduce((sum, value) => sum + value, 0) / list.length;
  const rows: readonly (readonly [string, number | null, number | null])[] = [
    ['loss over the prompt', mean(lossBefore), mean(lossAfter)],
    ...(word === '' ? [] : [[`logit of “${word}”`, before.logits[0] ?? null, after.logits[0] ?? null] as const]),
  ];
  const side = (title: string, { top }: Changed['before']): TemplateResult =>
    html`<div><h3>${title}</h3>${bars(top.map(({ piece, probability }) => ({ label: tokenText(piece), value: probability })))}</div>`;
  return html`<p>Without ${places.join(', ')} <span class="small">each replaced by ${REPLACED_BY[by]}; mean KL ${numberText(mean(kl), false)} nats over the prompt, ${numberText(kl.at(-1) ?? null, false)} after its last token</span></p>
    <div class="sides">${side('before', before)}${side('after', after)}</div>
    <table><thead><tr><th scope="col"></th><th scope="col" class="number">before</th><th scope="col" class="number">after</th></tr></thead><tbody>${rows.map(([name, was, is]) => html`<tr><th scope="row">${name}</th><td class="number">${numberText(was, false)}</td><td class="number">${numberText(is, false)}</td></tr>`)}</tbody></table>`;
}

function numberText(value: number | null, withSign: boolean): string {
  return value === null ? '–' : withSign ? signed(value) : value.toFixed(4);
}
