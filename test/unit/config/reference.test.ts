// The reference of real models: every case, the state, the name of the design.
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { scenario } from '../support';
import { tally } from '../support/accuracy';
import { casesOf, eachOrSkip, modelTypesIn, noCases } from '../support/cases';
import { expectedModels, referenceConfig } from '../support/reference';

const typesOf = (name: string): string[] => modelTypesIn(JSON.parse(referenceConfig(name)));

const models = Object.entries(expectedModels);
const counted = tally(
  {
    id: 'reference',
    part: 'model',
    what: 'Bytes of the cache at four sizes, and of the state',
    against: 'modeling code of published models, worked out by hand, for many also executed in transformers 5.18',
    unit: 'model',
    off: 'bytes',
  },
  models.length,
);

describe('reference', () => {
  eachOrSkip(
    casesOf(models, ([name]) => typesOf(name)),
    noCases,
    ([name, wanted]) => {
      it(name, () => {
        const spec = readModelConfig(referenceConfig(name))?.spec;
        if (!spec) throw new Error('not read as a model config');
        const plan = (batch: number, tokens: number): ReturnType<typeof planCache> =>
          planCache(spec, scenario(batch, tokens));
        const got = {
          b1_s1: plan(1, 1).cacheBytes,
          b1_s4096: plan(1, 4096).cacheBytes,
          b8_s32768: plan(8, 32768).cacheBytes,
          b1_smax: plan(1, wanted.smax).cacheBytes,
        };
        expect(got).toEqual(wanted.bytes);
        if (wanted.state_bytes !== null) expect(plan(1, 1).stateBytes).toBe(wanted.state_bytes);
        expect(spec.variant).toBe(wanted.variant);
        expect(spec.exact).toBe(true);
        expect(spec.unknownLayers).toBe(0);
        const numbers = Object.keys(got).length + (wanted.state_bytes === null ? 0 : 1);
        counted.add({ compared: numbers, equal: numbers, difference: 0 });
      });
    },
  );
});
