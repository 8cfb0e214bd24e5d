// Heads taken out of golden models, against PyTorch; and their logits, summed from what each part writes.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { attribute } from '../../../src/compute/effects/attribution';
import { placesFrom } from '../../../src/compute/effects/effects';
import { UNWATCHED } from '../../../src/compute/heads/watch';
import { readGolden, REFUSED, relativeError } from '../golden';
import { describeAll, eachOrSkip, noCases } from '../support/cases';
import { besideFile, goldenModels, goldenNamed, itWith, vendored } from '../support/reference';
import { effectsOn, openedStages } from './support';

interface Ablated {
  readonly ids: readonly number[];
  readonly rows: readonly { readonly ablate: readonly string[]; readonly logits: readonly number[] }[];
}

const beside = besideFile('ablated.json');
const ablated = {
  ...(beside === null ? {} : (JSON.parse(readFileSync(beside, 'utf8')) as Record<string, Ablated>)),
  ...(JSON.parse(readFileSync(join(vendored, 'ablated.json'), 'utf8')) as Record<string, Ablated>),
};

describeAll('logits of golden models without some heads are those of PyTorch', () => {
  eachOrSkip(goldenNamed(...Object.keys(ablated)), noCases, ({ name, folder: place }) => {
    itWith(place, name, async (folder) => {
      const { ids, rows } = ablated[name] ?? { ids: [], rows: [] };
      for (const precision of ['float64', 'float32'] as const) {
        const effects = await effectsOn(folder, precision, ids);
        for (const row of rows) {
          const { after } = await effects.change(placesFrom(row.ablate), 'zero', [], UNWATCHED);
          expect(relativeError(after.all, row.logits), `${row.ablate} in ${precision}`).toBeLessThan(1e-4);
        }
      }
    });
  });
});

describeAll('what the parts of a model write to a token sums to its logit', () => {
  const cases = goldenModels().filter(({ name }) => !(name in REFUSED));
  eachOrSkip(cases, noCases, ({ name, folder: place }) => {
    itWith(place, name, async (folder) => {
      const ids = readGolden(folder).input_ids[0] ?? [];
      const expected = readGolden(folder).logits_last;
      const most = Math.max(...expected.map(Math.abs));
      const { matrices } = await openedStages(folder, 'float64');
      for (const [token, against] of [
        [3, null],
        [7, 11],
      ] as const) {
        const ask = { ids, position: ids.length - 1, token, against, bySource: true };
        const { logit, sum, contributions } = await attribute(matrices, ask, UNWATCHED);
        expect(Math.abs(sum - logit)).toBeLessThan(1e-9 * most);
        const own = (expected[token] ?? NaN) - (against === null ? 0 : (expected[against] ?? NaN));
        expect(Math.abs(sum - own)).toBeLessThan(1e-4 * most);
        const heads = contributions.filter(({ writer }) => writer === 'head');
        expect(heads).not.toHaveLength(0);
        for (const { value, sources } of heads)
          expect(Math.abs((sources ?? [NaN]).reduce((all, one) => all + one, 0) - value)).toBeLessThan(1e-9 * most);
      }
    });
  });
});
