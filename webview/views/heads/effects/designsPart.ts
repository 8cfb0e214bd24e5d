/** The same measures of designs beside each other: how different heads are, and what a group does that its heads do not. */

import { html, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { allGroupEffects } from '../../../../src/insight/effects/groupEffects';
import type { CacheRank, LayerDiversity } from '../../../../src/shared/lensContract';
import type { HeadSource } from '../../../../src/shared/panelContract';
import { EffectsPart } from './part';
import type { Compared } from './session';

@customElement('headlight-effects-designs')
export class DesignsPart extends EffectsPart {
  /** Models that can stand beside this one. */
  @property({ attribute: false }) sources: readonly HeadSource[] = [];

  protected override render(): TemplateResult {
    const { effects } = this;
    const { compared } = this.found;
    const others = this.sources.filter(({ origin, problem }) => origin === 'sample' && problem === null);
    return html`<section aria-label="Designs">
      <div class="tools">${this.ask('Compare with the samples', () => void effects.compare(others))} ${this.ask('This model alone', () => void effects.compare([]), false)}</div>
      ${
        compared.length === 0
          ? html`<p class="small">How similar the outputs of two heads are (linear CKA) and how far apart their patterns (Jensen–Shannon distance), in one group and between groups; and how many directions K, V and latents use (effective rank). CKA needs more tokens than a head has dims.</p>`
          : html`${compared.every(({ map }) => map?.left === 0) ? nothing : html`<div class="tools">${this.ask(compared.some(({ map }) => map !== null) ? 'Continue with heads and groups' : 'Ablate heads and groups', () => void effects.ablateDesigns(), false)}</div>`}
      ${designsTable(compared)}
      ${compared.map(
        ({ source: { label }, diversity }) =>
          html`<h2>${label} <span class="small">${diversity.tokens} tokens</span></h2><div class="wide" role="region" tabindex="0" aria-label=${label}><table>
              <thead><tr><th scope="col">layer</th><th scope="col" class="number">CKA in a group</th><th scope="col" class="number">between</th><th scope="col" class="number">pattern distance in a group</th><th scope="col" class="number">between</th><th scope="col" class="number">rank of K</th><th scope="col" class="number">V</th><th scope="col" class="number">latent</th></tr></thead>
              <tbody>${diversity.layers.map(diversityRow)}</tbody></table></div>`,
      )}`
      }
    </section>`;
  }
}

function diversityRow({ layer, cka, patternDistance, ranks }: LayerDiversity): TemplateResult {
  const cells = [cka.inside, cka.between, patternDistance.inside, patternDistance.between].map((value) =>
    value === null ? '–' : value.toFixed(2),
  );
  const rank = (what: CacheRank['what']): string => {
    const found = ranks.find((each) => each.what === what);
    return found === undefined ? '–' : `${found.rank.toFixed(1)} of ${found.most}`;
  };
  return html`<tr><th scope="row">${layer}</th>${[...cells, rank('k'), rank('v'), rank('latent')].map((cell) => html`<td class="number">${cell}</td>`)}</tr>`;
}

/** Designs beside each other, over all layers. */
function designsTable(compared: readonly Compared[]): TemplateResult {
  const mean = (values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0) / known.length;
  };
  return html`<h2>All layers <span class="small">a head against its group</span></h2><div class="wide" role="region" tabindex="0" aria-label="All layers"><table class="wrapped long">
    <thead><tr><th scope="col">design</th><th scope="col" class="number">CKA in a group</th><th scope="col" class="number">CKA between groups</th><th scope="col" class="number">mean KL, one head</th><th scope="col" class="number">mean KL, its group</th><th scope="col" class="number">groups ÷ sum of heads</th></tr></thead>
    <tbody>${compared.map(({ source, diversity: { layers }, map }) => {
      const found = map === null || map.left > 0 ? null : allGroupEffects(map.effects);
      const cells = [
        [mean(layers.map(({ cka }) => cka.inside)), 2],
        [mean(layers.map(({ cka }) => cka.between)), 2],
        [found?.head ?? null, 4],
        [found?.group ?? null, 4],
        [found?.together ?? null, 2],
      ] as const;
      return html`<tr><th scope="row">${source.label}</th>${cells.map(([value, digits]) => html`<td class="number">${value === null ? '–' : value.toFixed(digits)}</td>`)}</tr>`;
    })}</tbody></table></div>
    <p class="small">Each replaced by zero. Groups ÷ sum of heads: 1 where effects add up; more where one head stands in for another, so that only all together are missed. A dash: each head is its own group, there is one group alone, or it is not computed yet.</p>`;
}
