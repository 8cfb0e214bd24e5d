/** What failed once runs again: a mistake still fails, a busy machine's failure is named, and nothing is dropped from the counts. */

import { expect, it, vi } from 'vitest';
import { failureReport, suiteLine } from '../../harness/results.mjs';
import { type Run, withSecondLook } from '../../harness/vitestSuite.mjs';

type Status = 'passed' | 'failed' | 'skipped';
const file = (name: string, statuses: Record<string, Status>): Run['report']['testResults'][number] => ({
  name,
  status: Object.values(statuses).includes('failed') ? 'failed' : 'passed',
  message: '',
  assertionResults: Object.entries(statuses).map(([fullName, status]) => ({
    status,
    fullName,
    failureMessages: status === 'failed' ? [`${fullName} is wrong`] : null,
  })),
});
const run = (...testResults: Run['report']['testResults']): Run => ({
  report: { testResults },
  errors: [],
  output: '',
});

const STEADY = file('steady', { a: 'passed', b: 'skipped' });

it('leaves a run alone that has no failure', async () => {
  const again = vi.fn<() => Promise<Run>>();
  expect(await withSecondLook(run(STEADY), again)).toEqual({ passed: 1, failed: 0, skipped: 1, failures: [] });
  expect(again).not.toHaveBeenCalled();
});

it('names what passed at the second try, and counts every test once', async () => {
  const first = run(STEADY, file('busy', { c: 'failed', d: 'passed' }));
  const counts = await withSecondLook(first, () => Promise.resolve(run(file('busy', { c: 'passed', d: 'passed' }))));
  expect(counts).toMatchObject({ passed: 3, failed: 0, skipped: 1, failures: [], unsteady: [{ title: 'c' }] });
  const suite = { name: 'unit', seconds: 1, ...counts };
  expect(suiteLine(suite)).toBe('✔ unit (3 passed, 1 of them at the second try, 0 failed, 1 skipped, 1.0 s)');
  expect(failureReport([suite])).toBe('≈ unit › c: failed once, passed again\n    c is wrong');
});

it('fails what fails twice, and what fails the second time alone', async () => {
  const first = run(STEADY, file('wrong', { c: 'failed', d: 'failed', e: 'passed' }));
  const second = run(file('wrong', { c: 'failed', d: 'passed', e: 'failed' }));
  const counts = await withSecondLook(first, () => Promise.resolve(second));
  expect(counts).toMatchObject({ passed: 2, failed: 2, skipped: 1, unsteady: [{ title: 'd' }] });
  expect(counts.failures.map(({ title }) => title)).toEqual(['c', 'e']);
});

it('looks once only where much fails, where something fails outside of tests, and where a file is not seen again', async () => {
  const failed = (name: string): Run['report']['testResults'][number] => file(name, { [`of ${name}`]: 'failed' });
  const again = vi.fn<() => Promise<Run>>(() => Promise.resolve(run()));
  expect(await withSecondLook(run(...['1', '2', '3', '4'].map(failed)), again)).toMatchObject({ failed: 4 });
  const outside = { ...run(STEADY), errors: [{ title: 'a rejection', detail: '' }] };
  expect(await withSecondLook(outside, again)).toMatchObject({ passed: 1, failed: 1 });
  expect(again).not.toHaveBeenCalled();
  expect(await withSecondLook(run(failed('1')), again)).toMatchObject({ passed: 0, failed: 1 });
  expect(again).toHaveBeenCalledOnce();
});

it('takes a file that cannot be loaded for a failure', async () => {
  const broken = { ...file('broken', {}), status: 'failed', message: 'no such module' };
  const counts = await withSecondLook(run(STEADY, broken), () => Promise.resolve(run(broken)));
  expect(counts).toMatchObject({ passed: 1, failed: 1, failures: [{ title: 'broken', detail: 'no such module' }] });
});
