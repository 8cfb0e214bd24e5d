// The reference of real models: every case, the state, the name of the design.
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { scenario } from '../support';
import { casesOf, eachOrSkip, modelTypesIn, noCases } from '../support/cases';
import { expectedModels, referenceConfig } from '../support/reference';

const typesOf = (name: string): string[] => modelTypesIn(JSON.parse(referenceConfig(name)));

describe('reference', () => {
  eachOrSkip(
    casesOf(Object.entries(expectedModels), ([name]) => typesOf(name)),
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
      });
    },
  );
});
