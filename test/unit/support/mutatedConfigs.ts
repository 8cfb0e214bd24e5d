/** Configs that are damaged at random: their values, or the signs of their text. */

import fc from 'fast-check';

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
export function structural(bases: readonly string[]): fc.Arbitrary<string> {
  return fc
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
}

function objectsOf(value: Json, found: Record<string, Json>[] = []): Record<string, Json>[] {
  if (Array.isArray(value)) for (const item of value.slice(0, 3)) objectsOf(item, found);
  else if (value !== null && typeof value === 'object') {
    found.push(value);
    for (const child of Object.values(value)) objectsOf(child, found);
  }
  return found;
}

/** Cuts, inserts and overwrites characters; duplicates a key; nests deeply. */
export function textual(bases: readonly string[]): fc.Arbitrary<string> {
  return fc
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
}
