/** The page's packed table of class defaults is the table. */

import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import table from '../../../src/families/classDefaults.json';

interface Packing {
  pack(rows: object): unknown;
  unpack(packed: unknown): object;
}
const { pack, unpack } = createRequire(import.meta.url)('../../../webview/packDefaults.js') as Packing;

describe('the packed table of class defaults', () => {
  const { types, aliases, text, theta } = table;

  it('unpacks to the table', () => {
    expect(unpack(JSON.parse(JSON.stringify(pack(table))))).toEqual({ types, aliases, text, theta });
  });

  it('refuses what it cannot pack', () => {
    expect(() => pack({ types: { one: { key: 'two words' } }, aliases: {}, text: {}, theta: {} })).toThrow('one.key');
  });
});
