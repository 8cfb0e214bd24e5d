/** What the model says next, how each layer comes to it, and token by token on a growing cache. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { live } from 'lit/directives/live.js';
import { elementAt } from '../../../../src/model/elementAt';
import type { NextToken, StateRead } from '../../../../src/shared/lensContract';
import { MOST_SEED } from '../../../../src/shared/limits';
import { tokenText } from '../../../charts/heatmap/labels';
import type { HeatmapModel } from '../../../charts/heatmap/viewModel';
import { Memo } from '../memo';
import { tokensText } from '../models';
import { cacheText, lensModel, percent, readAt, stateName, wordOf } from './models';
import { bars, EffectsPart } from './part';

const GROW = 8;

@customElement('headlight-effects-next')
export class NextPart extends EffectsPart {
  /** Index in the positions that were read. */
  @state() private position = -1;
  private readonly lens = new Memo<HeatmapModel>();

  protected override render(): TemplateResult {
    return html`${this.renderNext()} ${this.renderGrown()}`;
  }

  private renderNext(): TemplateResult {
    const { result, effects } = this;
    const { read } = this.found;
    if (read === null)
      return html`<div class="tools">${this.ask('Read the next token', () => void effects.readNext())}</div>`;
    const { positions, states, words } = read;
    const at = this.position < 0 || this.position >= positions.length ? positions.length - 1 : this.position;
    const position = elementAt(positions, at);
    const last = readAt(read, states.length - 1, at);
    const model = this.lens.get([read, result.pieces], () => lensModel(read, result.pieces));
    return html`<section aria-label="Next token">
      <div class="tools">
        <label>after <select .value=${live(String(at))} @change=${(event: Event) => (this.position = Number((event.target as HTMLSelectElement).value))}>${positions.map((token, index) => html`<option value=${index} ?selected=${index === at}>${tokensText(result, [token, token + 1])}</option>`)}</select></label>${positions.length < result.ids.length ? html` <span class="small">the last ${positions.length} of ${result.ids.length}</span>` : nothing}
        ${this.tokenInput('rank of', 'word', 'a token')} ${this.ask('Rank', () => void effects.readNext(), false)}
      </div>
      <h2>Next token <span class="small">entropy ${(last?.entropy ?? 0).toFixed(2)} nats</span></h2>
      ${last === undefined ? nothing : html`${bars(last.top.map(({ id, probability }) => ({ label: wordOf(words, id), value: probability })))} ${rankText(last, words)}`}
      <h2>After each layer <span class="small">logit lens: the final norm and the output head on every layer’s output</span></h2>
      <div class="wide" role="region" tabindex="0" aria-label="After each layer"><table><thead><tr><th scope="col">after</th><th scope="col">likeliest</th><th scope="col" class="number">probability</th>${last?.follows ? html`<th scope="col" class="number">rank of “${wordOf(words, last.follows.id)}”</th>` : nothing}</tr></thead><tbody>${states.map(
        ({ layer, reads }) => {
          const { top, follows } = reads[at] as StateRead;
          return html`<tr><th scope="row">${stateName(layer)}</th><td class="token">${top
            .slice(0, 3)
            .map(({ id }) => wordOf(words, id))
            .join(
              '  ',
            )}</td><td class="number">${percent(top[0]?.probability ?? 0)}</td>${follows ? html`<td class="number">${follows.rank}</td>` : nothing}</tr>`;
        },
      )}</tbody></table></div>
      ${this.heatmap(
        model,
        `Logit lens, token ${position}`,
        'layer \\ after',
        'How sure each layer is of its likeliest token. Arrow keys read, Enter chooses a position.',
        ({ rows, columns, value }) => {
          const state = readAt(read, rows[0], columns[0]);
          const said = wordOf(words, state?.top[0]?.id ?? -1);
          const where = `${stateName(states[rows[0]]?.layer ?? null)}, after ${tokensText(result, tokenAt(elementAt(positions, columns[0])))}`;
          return {
            text: html`<strong>${said}</strong> ${percent(value)} <span class="key">${where}</span>`,
            sentence: `${where}: ${said}, ${percent(value)}`,
          };
        },
        ({ row, column }) => (this.position = column ?? row ?? at),
        '1',
      )}
    </section>`;
  }

  private renderGrown(): TemplateResult {
    const { effects } = this;
    const { pieces } = this.result;
    const { steps, form } = this.found;
    const last = steps.at(-1);
    const grow = (count: number): void => void effects.grow(count);
    return html`<section class="part" aria-label="Token by token">
      <h2>Token by token <span class="small">${form.temperature === 0 ? 'the likeliest each time' : 'sampled'}</span></h2>
      <div class="tools">
        ${this.numberInput('temperature', form.temperature, 100, '0.1', (temperature) => effects.set({ temperature }))}
        ${form.temperature === 0 ? nothing : this.numberInput('seed', form.seed, MOST_SEED, '1', (value) => effects.set({ seed: Math.trunc(value) }))}
        ${this.ask('One token', () => grow(1), false)} ${this.ask(`${GROW} tokens`, () => grow(GROW), false)}
        ${steps.length === 0 ? nothing : html`<button class="link" @click=${() => effects.beginAgain()}>Begin again</button>`}
      </div>
      ${
        last === undefined
          ? nothing
          : html`<p class="grown token">…${tokenText(pieces.at(-1) ?? '')} ${steps.map((step) => html`<span title=${stepTitle(step)}>${wordOf(step.words, step.chosen.id)}</span>`)}</p>
        <p class="small">${stepTitle(last)}</p>
        ${cacheStrip(last)}
        <p class="small">Last step: ${cacheText(last.cache)}${last.chosen.ends ? '. The model ends its text here.' : ''}</p>`
      }
    </section>`;
  }
}

function tokenAt(position: number): readonly [number, number] {
  return [position, position + 1];
}

function rankText({ follows, asked }: StateRead, words: NextToken['words']): TemplateResult {
  const of = (why: string, { id, rank, probability }: NonNullable<StateRead['follows']>): TemplateResult =>
    html`<p class="small">${why} <span class="token">${wordOf(words, id)}</span>: rank ${rank}, ${percent(probability)}</p>`;
  return html`${follows === null ? nothing : of('Next in the prompt:', follows)} ${asked.map((token) => of('Your token:', token))}`;
}

function stepTitle({ chosen, words }: NextToken): string {
  const drawn = chosen.among > 1 ? `, sampled at ${percent(chosen.sampled)} among ${chosen.among} tokens` : '';
  return `“${wordOf(words, chosen.id)}” ${percent(chosen.probability)}, rank ${chosen.rank}${drawn}`;
}

/** Tokens that stand side by side; of more, shares. */
const MOST_CELLS = 64;

function cacheStrip({ cache }: NextToken): TemplateResult {
  const [first] = cache.toSorted((a, b) => b.read + b.written - a.read - a.written);
  const [read, written] = [first?.read ?? 0, first?.written ?? 0];
  const share = Math.max(1, (read + written) / MOST_CELLS);
  const fresh = Math.max(1, Math.round(written / share));
  const old = Math.round(read / share);
  return html`<div class="cache" role="img" aria-label=${`Cache: ${read} tokens read, ${written} new`}>${Array.from({ length: old + fresh }, (_, at) => html`<i class=${at < old ? '' : 'fresh'}></i>`)}</div>`;
}
