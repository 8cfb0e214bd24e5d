import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { ConfigDocument } from '../../../src/config/document';
import { readDocument } from '../../../src/reading/read';
import { hoverOf } from '../../../src/present/hover';
import { planText } from '../../../src/present/planText';
import { fuzzCases } from '../depth';
import { structural, textual } from '../support/mutatedConfigs';
import { sampleConfig, sampleNames, scenario } from '../support';
import { referenceConfig, referenceNames } from '../support/reference';

/** How many; the acceptance run is `HEADLIGHT_FUZZ=100000`. */
const CASES = fuzzCases(10_000);
/** What `num_runs` of the acceptance may take. */
const LIMIT_MS = CASES <= 10_000 ? 60_000 : 600_000;

const bases = [...sampleNames().map(sampleConfig), ...referenceNames().map(referenceConfig)];

describe('mutated configs', () => {
  it(`give a result or a problem, never a throw (${CASES} cases)`, { timeout: LIMIT_MS + 30_000 }, () => {
    const started = performance.now();
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(structural(bases), textual(bases)), fc.nat(), (text, where) => {
        const document = ConfigDocument.parse(text);
        const reading = readDocument(document);
        if (!reading) return;
        read++;
        const plan = planCache(reading.spec, scenario(3, 5_000));
        expect(plan.atLeast.totalBytes).toBeGreaterThanOrEqual(0);
        expect(plan.totalBytes).toBe(plan.known ? plan.atLeast.totalBytes : null);
        if (plan.exact) {
          expect(Number.isSafeInteger(plan.totalBytes)).toBe(true);
          expect(reading.spec.unknownLayers).toBe(0);
          expect(reading.spec.layers.length).toBeGreaterThan(0);
        } else {
          expect(plan.notes.some((note) => note.inexact)).toBe(true);
        }
        // Names and notes quote the file, which may say NaN itself; numbers may not.
        expect(planText(plan)).not.toMatch(
          /(?:NaN|undefined|Infinity) (?:B|KiB|layers|KV|head|×)|× (?:NaN|undefined|Infinity)/,
        );
        const hover = hoverOf(reading, document, where % (text.length + 1), scenario(3, 5_000), false);
        if (hover) expect(hover.markdown.source.length).toBeLessThan(8_000);
      }),
      { numRuns: CASES },
    );
    const elapsed = performance.now() - started;
    console.log(`${CASES} mutated configs, ${read} read as configs, in ${(elapsed / 1000).toFixed(1)} s`);
    expect(read).toBeGreaterThan(CASES / 4);
    expect(elapsed).toBeLessThan(LIMIT_MS);
  });
});
