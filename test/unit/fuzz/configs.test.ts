import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { ConfigDocument } from '../../../src/config/document';
import { readDocument } from '../../../src/reading/read';
import { hoverOf } from '../../../src/present/hover';
import { planText } from '../../../src/present/planText';
import { fuzzCases } from '../depth';
import { sampleConfig, sampleNames, scenario } from '../support';
import { referenceConfig, referenceNames } from '../support/reference';

/** How many; the acceptance run is `HEADLIGHT_FUZZ=100000`. */
const CASES = fuzzCases(10_000);
/** What `num_runs` of the acceptance may take. */
const LIMIT_MS = CASES <= 10_000 ? 60_000 : 600_000;

const bases = [...sampleNames().map(sampleConfig), ...referenceNames().map(referenceConfig)];

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const odd: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    false,
    0,
    -1,
    1,
    0.5,
    -0,
    1e300,
    2 ** 53,
    1e8,
    4095,
    2 ** 31,
    '',
    'NaN',
    '8',
    'Infinity',
    '0x10',
    [],
    {},
  ),
  fc.integer(),
  fc.double(),
  fc.string(),
  fc.array(fc.oneof(fc.integer(), fc.constantFrom<Json>(null, 'full_attention', 'mamba', 'x', -3, [[]])), {
    maxLength: 70,
  }),
  fc.dictionary(fc.string(), fc.oneof(fc.integer(), fc.constant(null)), { maxKeys: 4 }),
  fc.constant('__proto__'),
);

/** Replaces, removes, duplicates or moves values anywhere in a config. */
const structural = fc
  .tuple(fc.constantFrom(...bases), fc.array(fc.tuple(fc.nat(), fc.nat(6), odd), { minLength: 1, maxLength: 6 }))
  .map(([text, changes]) => {
    let root = JSON.parse(text.replace(/-?\bInfinity\b|\bNaN\b/g, '0')) as Record<string, Json>;
    for (const [where, how, value] of changes) {
      const holders = objectsOf(root);
      const holder = holders[where % holders.length] ?? root;
      const keys = Object.keys(holder);
      const key = keys[where % Math.max(1, keys.length)] ?? 'num_hidden_layers';
      if (how === 0) Reflect.deleteProperty(holder, key);
      else if (how === 1) root = { ...root, text_config: structuredClone(root) };
      else if (how === 2)
        holder[keys[(where * 7) % Math.max(1, keys.length)] ?? 'x'] = structuredClone(holder[key] ?? null);
      else holder[key] = structuredClone(value);
    }
    return JSON.stringify(root, null, 1);
  });

function objectsOf(value: Json, found: Record<string, Json>[] = []): Record<string, Json>[] {
  if (Array.isArray(value)) for (const item of value.slice(0, 3)) objectsOf(item, found);
  else if (value !== null && typeof value === 'object') {
    found.push(value);
    for (const child of Object.values(value)) objectsOf(child, found);
  }
  return found;
}

/** Cuts, inserts and overwrites characters; duplicates a key; nests deeply. */
const textual = fc
  .tuple(
    fc.constantFrom(...bases),
    fc.array(fc.tuple(fc.nat(), fc.nat(4), fc.string({ maxLength: 8 })), { minLength: 1, maxLength: 4 }),
  )
  .map(([text, edits]) => {
    let result = text;
    for (const [where, how, inserted] of edits) {
      const at = where % Math.max(1, result.length);
      if (how === 0) result = result.slice(0, at);
      else if (how === 1) result = result.slice(0, at) + inserted + result.slice(at);
      else if (how === 2) result = result.slice(0, at) + result.slice(at + inserted.length + 1);
      else if (how === 3) result = result.replace('{', `{"num_key_value_heads": ${JSON.stringify(inserted)},`);
      else result = result.slice(0, at) + '[{"a":'.repeat(1 + (where % 5_000)) + result.slice(at);
    }
    return result;
  });

describe('mutated configs', () => {
  it(`give a result or a problem, never a throw (${CASES} cases)`, { timeout: LIMIT_MS + 30_000 }, () => {
    const started = performance.now();
    let read = 0;
    fc.assert(
      fc.property(fc.oneof(structural, textual), fc.nat(), (text, where) => {
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
