/** What a newcomer writes beside a family's file: a small config, what it caches, how many parameters it has. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { countParameters } from '../../../src/serving/parameters/count';
import { scenario } from '../support';
import { casesOf, eachOrSkip, modelTypesIn, noCases } from '../support/cases';

const FOLDER = 'test/fixtures/families';

interface FamilyFixture {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tokens: number;
  /** One sequence of so many tokens, under the intrinsic rule. */
  readonly cacheBytes: number;
  /** Absent where they are not counted. */
  readonly parameters?: number;
}

const fixtures = readdirSync(FOLDER).map((file) => ({
  name: file.slice(0, -'.json'.length),
  ...(JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as FamilyFixture),
}));

describe('the fixture of a family', () => {
  eachOrSkip(
    casesOf(fixtures, ({ config }) => modelTypesIn(config)),
    noCases,
    ({ name, config, tokens, cacheBytes, parameters }) => {
      it(`${name} has its bytes and parameters`, () => {
        const reading = readModelConfig(JSON.stringify(config));
        if (!reading) throw new Error('not read');
        expect(reading.spec.exact).toBe(true);
        expect(planCache(reading.spec, scenario(1, tokens)).cacheBytes).toBe(cacheBytes);
        expect(countParameters(reading)?.total).toBe(parameters);
      });
    },
  );
});
