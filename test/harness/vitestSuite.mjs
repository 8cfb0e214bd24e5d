// Runs a vitest project and reads its counts from its JSON report.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, throwAwayFolder } from './places.mjs';
import { start, tail } from './processes.mjs';

/**
 * The parts of vitest's JSON report that we read.
 * @typedef {{ status: string; fullName: string; failureMessages: string[] | null }} Assertion
 * @typedef {{ name: string; status: string; message: string; assertionResults: Assertion[] }} FileReport
 * @typedef {{ numPassedTests: number; numFailedTests: number; numPendingTests: number; numTodoTests: number;
 *             testResults: FileReport[] }} Report
 */

/**
 * @param {string} config  relative to the checkout
 * @param {NodeJS.ProcessEnv} [env]  on top of ours
 * @param {readonly string[]} [files]  words of paths; none: every file
 * @param {{ args?: readonly string[]; patient?: boolean }} [options]  patient: takes only the time that others leave
 * @returns {Promise<import('./results.mjs').Counts>}
 */
export async function runVitest(config, env, files = [], { args: more = [], patient = false } = {}) {
  const file = join(throwAwayFolder('vitest'), 'report.json');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  // Then the figures that tests print are shown, too; the report alone drops them.
  const times = process.env['HEADLIGHT_TEST_TIMES'] !== undefined;
  const args = [
    vitest,
    'run',
    '--config',
    config,
    '--reporter=json',
    `--outputFile=${file}`,
    ...(times ? ['--reporter=verbose'] : []),
    ...more,
    ...files,
  ];
  const child = start(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env }, patient });
  const code = await child.ended;
  if (!existsSync(file)) throw new Error(`vitest ended with code ${code} and no report:\n${tail(child.output())}`);
  if (times) console.log(child.output());
  /** @type {Report} */
  const report = JSON.parse(readFileSync(file, 'utf8'));

  const failures = report.testResults.flatMap((result) => {
    const failed = result.assertionResults.filter((test) => test.status === 'failed');
    const failedTests = failed.map((test) => ({
      title: test.fullName,
      detail: (test.failureMessages ?? []).join('\n'),
    }));
    // A file that can't be loaded has no tests to fail, yet must count.
    const failedFile = result.status === 'failed' && failedTests.length === 0;
    return failedFile
      ? [{ title: result.name, detail: result.message || `failed outside of its tests:\n${tail(child.output())}` }]
      : failedTests;
  });
  // Errors outside of every test (an unhandled rejection, a setup that throws) show in the exit code alone.
  if (code !== 0 && failures.length === 0) failures.push({ title: config, detail: tail(child.output()) });
  return {
    passed: report.numPassedTests,
    failed: failures.length,
    skipped: report.numPendingTests + report.numTodoTests,
    failures,
  };
}
