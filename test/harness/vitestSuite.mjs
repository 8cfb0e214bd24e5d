// Runs a vitest project and reads its counts from its JSON report.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, throwAwayFolder } from './places.mjs';
import { start, tail } from './processes.mjs';

/**
 * The parts of vitest's JSON report that we read.
 * @typedef {{ status: string; fullName: string; failureMessages: string[] | null }} Assertion
 * @typedef {{ name: string; status: string; message: string; assertionResults: Assertion[] }} FileReport
 * @typedef {{ testResults: FileReport[] }} Report
 */

/**
 * @typedef {{ args?: readonly string[]; patient?: boolean; secondLook?: boolean }} Options
 *   patient: takes only the time that others leave; secondLook: what failed in a few files runs again, see `withSecondLook`
 */

/**
 * @param {string} config  relative to the checkout
 * @param {NodeJS.ProcessEnv} [env]  on top of ours
 * @param {readonly string[]} [files]  words of paths; none: every file
 * @param {Options} [options]
 * @returns {Promise<import('./results.mjs').Counts>}
 */
export async function runVitest(config, env, files = [], { secondLook = false, ...options } = {}) {
  const first = await reportOf(config, env, files, options);
  const looked = () => reportOf(config, env, failedFiles(first.report), options);
  return secondLook ? withSecondLook(first, looked) : counts(first);
}

/**
 * @typedef {{ report: Report; errors: readonly Failure[]; output: string }} Run
 *   errors: what failed outside of every test
 * @typedef {import('./results.mjs').Failure} Failure
 */

/** As many files fail of a busy machine; where more do, something else is wrong. */
const FEW = 3;

/**
 * What failed in a few files runs again: the files whole (specs build on one another), with the seed that they had. A mistake fails
 * again. What a busy machine alone made fail counts as passed, and is named: nothing is left out of the report.
 * @param {Run} first
 * @param {() => Promise<Run>} again  of the files that failed
 * @returns {Promise<import('./results.mjs').Counts>}
 */
export async function withSecondLook(first, again) {
  const names = failedFiles(first.report);
  if (names.length === 0 || names.length > FEW || first.errors.length > 0) return counts(first);
  const second = await again();
  const kept = first.report.testResults.filter(({ name }) => !names.includes(name));
  const seen = second.report.testResults.filter(({ name }) => names.includes(name));
  // A file that the second run does not know has not been looked at.
  if (seen.length < names.length) return counts(first);
  const joined = counts({ ...second, report: { testResults: [...kept, ...seen] } });
  const failing = new Set(joined.failures.map(({ title }) => title));
  return { ...joined, unsteady: counts(first).failures.filter(({ title }) => !failing.has(title)) };
}

/**
 * @param {string} config
 * @param {NodeJS.ProcessEnv | undefined} env
 * @param {readonly string[]} files
 * @param {Options} options
 * @returns {Promise<Run>}
 */
async function reportOf(config, env, files, { args: more = [], patient = false }) {
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
  const output = tail(child.output());
  if (!existsSync(file)) throw new Error(`vitest ended with code ${code} and no report:\n${output}`);
  if (times) console.log(child.output());
  /** @type {Report} */
  const report = JSON.parse(readFileSync(file, 'utf8'));
  // Errors outside of every test (an unhandled rejection, a setup that throws) show in the exit code alone.
  const outside = code !== 0 && failedFiles(report).length === 0;
  return { report, output, errors: outside ? [{ title: config, detail: output }] : [] };
}

/** @param {Report} report */
const failedFiles = ({ testResults }) =>
  testResults.filter((file) => failuresOf(file, '').length > 0).map(({ name }) => name);

/**
 * @param {FileReport} file
 * @param {string} output
 * @returns {Failure[]}
 */
function failuresOf(file, output) {
  const failed = file.assertionResults.filter(({ status }) => status === 'failed');
  // A file that can't be loaded has no tests to fail, yet must count.
  if (failed.length === 0 && file.status === 'failed')
    return [{ title: file.name, detail: file.message || `failed outside of its tests:\n${output}` }];
  return failed.map(({ fullName, failureMessages }) => ({
    title: fullName,
    detail: (failureMessages ?? []).join('\n'),
  }));
}

/**
 * @param {Run} run
 * @returns {import('./results.mjs').Counts}
 */
function counts({ report, errors, output }) {
  const failures = [...report.testResults.flatMap((file) => failuresOf(file, output)), ...errors];
  const tests = report.testResults.flatMap(({ assertionResults }) => assertionResults);
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const failed = tests.filter(({ status }) => status === 'failed').length;
  return { passed, failed: failures.length, skipped: tests.length - passed - failed, failures };
}
