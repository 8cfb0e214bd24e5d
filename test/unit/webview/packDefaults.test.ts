/** The page's packed class defaults are the class defaults. */

import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { types } from '../../../src/families/classDefaults.json';

interface Packing {
  pack(trees: object): unknown;
  unpack(packed: unknown): object;
}
const { pack, unpack } = createRequire(import.meta.url)('../../../webview/packDefaults.js') as Packing;

describe('the packed class defaults', () => {
  it('unpack to what they were', () => {
    expect(unpack(JSON.parse(JSON.stringify(pack(types))))).toEqual(types);
  });

  it('refuse what cannot be packed', () => {
    expect(() => pack({ one: { key: 'two words' } })).toThrow('one.key');
  });
});
