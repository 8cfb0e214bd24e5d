/**
 * What docs/accuracy.md says comes from the tests that hold our numbers against others': each counts what it compared. At full depth the
 * counts must be those of test/fixtures/accuracy.json; `npm run accuracy:page` runs the same tests and writes them, and the page.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, expect } from 'vitest';
import type { Comparison, Outcome } from '../../accuracy/page';
import { thorough } from '../depth';
import { wantedFamily } from './cases';

const RECORDED = resolve(import.meta.dirname, '../../fixtures/accuracy.json');
/** Where counts are written instead of compared; empty in a test run. */
const outFolder = process.env['HEADLIGHT_ACCURACY_OUT'] ?? '';

/** Arithmetic in another order, on another processor, differs in its last digits: what was recorded is a bound with room. */
const ROOM = 10;

export interface Tally {
  readonly add: (one: Counted) => void;
}

/** What one case compared. */
interface Counted {
  readonly compared: number;
  readonly equal: number;
  /** Of the rest, those of which Headlight says that it does not know. */
  readonly declined?: number;
  /** The largest difference, as the comparison states it. */
  readonly difference?: number;
}

function check(comparison: Comparison, outcome: Outcome): void {
  if (outFolder !== '') {
    mkdirSync(outFolder, { recursive: true });
    writeFileSync(join(outFolder, `${comparison.id}.json`), JSON.stringify({ ...comparison, ...outcome }));
    return;
  }
  const recorded = JSON.parse(readFileSync(RECORDED, 'utf8')) as Readonly<Record<string, Comparison & Outcome>>;
  const { worst, ...rest } = { ...comparison, ...outcome };
  const { worst: bound, ...said } = recorded[comparison.id] ?? { worst: null };
  expect(rest, 'docs/accuracy.md is stale: npm run accuracy:page').toEqual(said);
  const room = comparison.off === 'bytes' ? 1 : ROOM;
  expect(worst ?? 0, `${comparison.id}: further off than docs/accuracy.md says`).toBeLessThanOrEqual(
    (bound ?? 0) * room,
  );
}

/**
 * Begins a comparison of so many cases (a function where tests register themselves one by one). It is held against the page when all of them ran: not in a sample, nor where a run asks for one
 * family or for some titles.
 */
export function tally(comparison: Comparison, cases: number | (() => number)): Tally {
  let [ran, compared, equal, declined] = [0, 0, 0, 0];
  let worst: number | null = null;
  afterAll(() => {
    const all = typeof cases === 'number' ? cases : cases();
    if (thorough && wantedFamily === null && ran === all)
      check(comparison, { cases: all, compared, equal, declined, worst });
  });
  return {
    add: (one) => {
      ran++;
      compared += one.compared;
      equal += one.equal;
      declined += one.declined ?? 0;
      if (one.difference !== undefined) worst = Math.max(worst ?? 0, one.difference);
    },
  };
}
