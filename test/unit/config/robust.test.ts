// Damaged configs: no throw, no number that is not a number, bounded lists.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { thorough } from '../depth';
import { casesOf, describeAll, eachOrSkip, noCases } from '../support/cases';
import { scenario } from '../support';

type Json = Record<string, unknown>;
const corpus = JSON.parse(readFileSync('test/fixtures/corpus.json', 'utf8')) as Record<string, { readonly base: Json }>;

const DAMAGE: readonly unknown[] = [
  null,
  0,
  -1,
  1.5,
  1e9,
  1e300,
  '3',
  'NaN',
  '',
  true,
  false,
  [],
  {},
  [1, 2, 3],
  [null, 'x'],
  { a: 1 },
  ['full_attention'],
  4096,
  5000,
  [[['a'], 1e9]],
  [{ attention: null }],
  [[['global', 'local'], 5000]],
  Number.MAX_SAFE_INTEGER,
  ['linear_attention'],
  { num_heads: -1 },
];

function damaged(value: unknown, random: () => number): unknown {
  const config = structuredClone(value) as Json;
  const keys = Object.keys(config);
  const key = keys[Math.floor(random() * keys.length)];
  if (key === undefined) return config;
  const inner = config[key];
  if (inner !== null && typeof inner === 'object' && !Array.isArray(inner) && random() < 0.7)
    config[key] = damaged(inner, random);
  else if (random() < 0.15) Reflect.deleteProperty(config, key);
  else config[key] = structuredClone(DAMAGE[Math.floor(random() * DAMAGE.length)]);
  return config;
}

describe('damage', () => {
  let seed = 20;
  const random = (): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  eachOrSkip(
    casesOf(Object.entries(corpus), ([type]) => type),
    noCases,
    ([type, { base }]) => {
      it(type, () => {
        for (let round = 0; round < (thorough ? 24 : 8); round++) {
          let config: unknown = base;
          for (let times = 0; times <= round % 4; times++) config = damaged(config, random);
          const text = JSON.stringify(config);
          const spec = readModelConfig(text)?.spec;
          if (!spec) continue;
          expect(spec.layers.length, text).toBeLessThanOrEqual(2 * 4096);
          const plan = planCache(spec, scenario(1, 100));
          for (const bytes of Object.values(plan.atLeast))
            expect(bytes >= 0 && Number.isFinite(bytes), text).toBe(true);
        }
      });
    },
  );
});

describeAll('counts', () => {
  const problemsOf = (config: Json): readonly string[] =>
    readModelConfig(JSON.stringify(config))?.problems.map(({ message }) => message) ?? [];
  const heads = { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 4, num_hidden_layers: 2 };

  it.each([
    ['num_hidden_layers', 'kimi_linear'],
    ['num_nextn_predict_layers', 'deepseek_v3'],
    ['num_nextn_predict_layers', 'step3p5'],
  ])('%s of %s has a bound, and what is beyond it is said', (key, type) => {
    for (const count of [4097, 1_000_000_000]) {
      const says = new RegExp(`^${key} must be a whole number from \\d to 4096, but is ${count}\\.$`);
      expect(problemsOf({ ...heads, model_type: type, [key]: count })).toContainEqual(expect.stringMatching(says));
    }
  });

  it.each([
    ['cross_attention_layers', 'mllama_text_model'],
    ['layer_types', 'qwen2'],
  ])('lists are read up to 16,384 entries: %s', (key, type) => {
    const config = { ...heads, model_type: type, [key]: Array.from({ length: 16_385 }, (_, index) => index) };
    expect(problemsOf(config)).toContainEqual(`${key} has 16385 entries; lists of more than 16384 are not read.`);
  });
});

describeAll('odd texts', () => {
  it('prototype keys are keys', () => {
    const text =
      '{"model_type":"__proto__","architectures":["constructor"],"num_hidden_layers":2,"hidden_size":8,"num_attention_heads":2,"layer_types":["constructor","__proto__"],"toString":1}';
    expect(readModelConfig(text)?.spec.exact).toBe(false);
  });
  it('texts that are no configs are not read', () => {
    for (const text of [
      '',
      '[]',
      '3',
      'null',
      '{}',
      '{"model_type":',
      '{"name":"x","version":"1"}',
      '{"model_type":"frob"}',
    ])
      expect(readModelConfig(text)).toBeNull();
  });
});
