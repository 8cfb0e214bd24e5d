// What a suite reports, and how it is shown.
import { stripVTControlCharacters } from 'node:util';

/**
 * @typedef {object} Failure
 * @property {string} title
 * @property {string} detail
 *
 * @typedef {object} SuiteResult
 * @property {string} name
 * @property {number} passed
 * @property {number} failed
 * @property {number} skipped
 * @property {Failure[]} failures
 * @property {Failure[]} [unsteady]  failed once, and passed when their files ran again: counted as passed, and named
 * @property {number} seconds
 */

/** @typedef {Omit<SuiteResult, 'name' | 'seconds'>} Counts */

/**
 * @param {string} title
 * @param {unknown} error
 * @returns {Counts}
 */
export function oneFailure(title, error) {
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { passed: 0, failed: 1, skipped: 0, failures: [{ title, detail }] };
}

/** @returns {Counts} */
export const onePass = () => ({ passed: 1, failed: 0, skipped: 0, failures: [] });

/**
 * Runs a suite. One that throws counts as a failure, and so does one without a single test: a suite that found
 * nothing to run has a mistake in its glob, not a success.
 * @param {string} name
 * @param {() => Promise<Counts>} body
 * @returns {Promise<SuiteResult>}
 */
export async function runSuite(name, body) {
  const began = Date.now();
  let counts;
  try {
    counts = await body();
    if (counts.passed + counts.failed + counts.skipped === 0)
      counts = oneFailure(name, new Error('the suite has no tests'));
  } catch (error) {
    counts = oneFailure(name, error);
  }
  return { name, ...counts, seconds: (Date.now() - began) / 1000 };
}

/** @param {SuiteResult} suite */
export function suiteLine(suite) {
  const mark = suite.failed > 0 ? '✘' : '✔';
  const unsteady = suite.unsteady?.length ? `, ${suite.unsteady.length} of them at the second try` : '';
  const counts = `${suite.passed} passed${unsteady}, ${suite.failed} failed, ${suite.skipped} skipped`;
  // Brackets, so that this can't be taken for the closing line.
  return `${mark} ${suite.name} (${counts}, ${suite.seconds.toFixed(1)} s)`;
}

/**
 * Colour codes and the frames of other people's code out, the rest indented.
 * @param {string} detail
 */
function readable(detail) {
  const lines = stripVTControlCharacters(detail).trimEnd().split('\n');
  return lines
    .filter((line) => !/^\s*at .*(node_modules|node:internal)/.test(line))
    .map((line) => `    ${line}`)
    .join('\n');
}

/** @param {SuiteResult[]} suites */
export function failureReport(suites) {
  return suites
    .flatMap(({ name, failures, unsteady = [] }) => [
      ...unsteady.map(({ title, detail }) => `≈ ${name} › ${title}: failed once, passed again\n${readable(detail)}`),
      ...failures.map(({ title, detail }) => `✘ ${name} › ${title}\n${readable(detail)}`),
    ])
    .join('\n\n');
}

/** @param {SuiteResult[]} suites */
export function closingLine(suites) {
  const sum = (/** @type {'passed' | 'failed' | 'skipped'} */ key) =>
    suites.reduce((total, suite) => total + suite[key], 0);
  return `${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`;
}
