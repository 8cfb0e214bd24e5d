/** docs/accuracy.md is what the tests recorded, and every comparison is on it. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { accuracyPage, type Comparison, type Outcome } from '../../accuracy/page';

const root = resolve(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const recorded = JSON.parse(read('test/fixtures/accuracy.json')) as Readonly<Record<string, Comparison & Outcome>>;

/** Identifiers that tests tally under, from their sources. */
function tallied(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(join(root, path)).isDirectory()) return tallied(path);
    if (!path.endsWith('.test.ts')) return [];
    return read(path).includes('tally(')
      ? [...read(path).matchAll(/^\s+id: '([\w-]+)',$/gm)].map(([, id = '']) => id)
      : [];
  });
}

it('the page says what was recorded: else npm run accuracy:page', () => {
  expect(read('docs/accuracy.md')).toBe(accuracyPage(Object.values(recorded)));
});

it('every comparison is recorded, and nothing else', () => {
  expect(Object.keys(recorded).sort()).toEqual(tallied('test/unit').sort());
});
