/** What the page of a weight file may ask: of the file that it shows, in bounds, and nothing else. The process refuses the same. */

import { describe, expect, it } from 'vitest';
import { WEIGHT_EDITOR } from '../../../src/shared/weightEditorContract';
import { WEIGHTS } from '../../../src/shared/weightsContract';
import type { Schema } from '../../../src/shared/schema';
import { checked } from '../support/checked';

const version = 'v';
const tile = { version, tensor: 0, rows: [0, 4], columns: [0, 4], size: [2, 2] };
const GOOD = {
  'editor/ready': null,
  'editor/open': null,
  'editor/marks': { version },
  'editor/metadata': { version, key: 0, from: 0, count: 10 },
  'editor/tile': tile,
  'editor/statistics': { version, tensor: 0, from: 0, to: 10 },
  'editor/act': { action: 'heads' },
  'editor/log': { text: 'x' },
} as const;

const schemaOf = (name: string): Schema => {
  const method = Object.entries(WEIGHT_EDITOR).find(([each]) => each === name)?.[1];
  if (!method) throw new Error(`there is no ${name}`);
  return method.params;
};

const HOSTILE = [
  -1,
  0.5,
  NaN,
  Infinity,
  2 ** 60,
  '0',
  '../x',
  null,
  [],
  {},
  [0],
  [0, -1],
  [0, 1, 2],
  [NaN, 1],
  ['0', '1'],
];

describe('the page of a weight file', () => {
  it('is understood where it asks what it may', () => {
    expect(Object.keys(GOOD).sort()).toEqual(Object.keys(WEIGHT_EDITOR).sort());
    for (const [name, params] of Object.entries(GOOD)) expect(checked(schemaOf(name), params), name).toEqual(params);
  });

  it('names no file', () => {
    for (const [name, params] of Object.entries(GOOD)) {
      if (params === null) continue;
      const schema = schemaOf(name);
      expect(() => checked(schema, { ...params, path: '/etc/passwd' }), name).toThrow(/unknown key path/);
    }
  });

  it('asks in bounds: every number of every question', () => {
    for (const [name, params] of Object.entries(GOOD)) {
      if (params === null) continue;
      const schema = schemaOf(name);
      for (const key of Object.keys(params)) {
        const refused = HOSTILE.filter((value) => {
          try {
            checked(schema, { ...params, [key]: value });
            return false;
          } catch {
            return true;
          }
        });
        // Texts may be any text that is not too long.
        const texts = HOSTILE.filter((value) => typeof value === 'string').length;
        const isText = key === 'version' || key === 'text';
        expect(refused.length, `${name} ${key}`).toBe(HOSTILE.length - (isText ? texts : 0));
        expect(() => checked(schema, { ...params, [key]: 'x'.repeat(20_000) }), `${name} ${key}`).toThrow();
      }
    }
  });

  it('has no tile with more cells than a screen', () => {
    for (const size of [
      [0, 4],
      [4096, 4096],
      [4_194_305, 1],
    ])
      for (const [schema, rest] of [
        [WEIGHT_EDITOR['editor/tile'].params, {}],
        [WEIGHTS['weights/tile'].params, { path: '/m' }],
      ] as const)
        expect(() => checked(schema, { ...tile, ...rest, size })).toThrow(/a tile of 1 to/);
  });
});
