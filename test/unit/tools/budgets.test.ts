/** docs/budgets.md says what the tests hold, and every budget is one that a test holds. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { budgetsPage, type Measured } from '../../budgets/page';
import { BUDGETS, limitOf } from '../../budgets/register';

const ROOT = resolve(import.meta.dirname, '../../..');
const record = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/budgets.json'), 'utf8')) as Measured;

it('the page is that of the limits as they are: else npm run generate', () => {
  expect(readFileSync(join(ROOT, 'docs/budgets.md'), 'utf8')).toBe(budgetsPage(record, ROOT));
});

it.each(Object.entries(BUDGETS))(
  '%s has a limit above nothing, and was below it when it was measured',
  (id, budget) => {
    const limit = limitOf(budget, ROOT);
    expect(limit).toBeGreaterThan(0);
    const value = record.figures[id];
    // Times of the clock are of a machine that had other work.
    if (value !== undefined && budget.unit !== 'ms') expect(value).toBeLessThan(limit);
  },
);

it('what was measured is in the register', () => {
  expect(Object.keys(record.figures).filter((id) => !Object.hasOwn(BUDGETS, id))).toEqual([]);
  expect(Object.keys(record.figures).length).toBeGreaterThan(8);
});
