// Runs inside the extension host: mocha over the bundled tests, results into the file that the harness reads.
// A file, not the console: it works the same on a server and on the desktop, and nothing else writes into it.
import { existsSync, renameSync, writeFileSync } from 'node:fs';
import * as vscode from 'vscode';
import Mocha from 'mocha';

/** A test file: its name, and what loads it (which defines its suites). */
export type TestFile = readonly [name: string, load: () => unknown];

interface HostResults {
  passed: number;
  failed: number;
  skipped: number;
  failures: { title: string; detail: string }[];
  /** Milliseconds of the slowest, for HEADLIGHT_TEST_TIMES. */
  slowest: { title: string; ms: number }[];
}

/**
 * Rejects when a test failed, so that the editor's exit code is right without the file, too. With HEADLIGHT_TEST_STAY it
 * never ends: VS Code stops the extension host when it does, and other suites take over the window. When they reload it,
 * the tests don't run again.
 */
export async function runTests(files: readonly TestFile[]): Promise<void> {
  const file = process.env['HEADLIGHT_TEST_RESULTS'];
  const stay = process.env['HEADLIGHT_TEST_STAY'] ? new Promise<never>(() => undefined) : undefined;
  if (stay && file && existsSync(file)) return stay;
  const grep = process.env['HEADLIGHT_TEST_GREP'];
  const mocha = new Mocha({ ui: 'tdd', timeout: 30_000, slow: 2000, color: false, ...(grep ? { grep } : {}) });
  for (const [name, load] of files) {
    // What mocha does for files on disk; ours are already in this bundle.
    mocha.suite.emit('pre-require', globalThis, name, mocha);
    mocha.suite.emit('require', load(), name, mocha);
    mocha.suite.emit('post-require', globalThis, name, mocha);
  }
  const leftOut = sampleTests(mocha.suite);
  console.log(`VS Code ${vscode.version}, Node ${process.versions.node}: ${files.length} integration test files`);

  const results: HostResults = { passed: 0, failed: 0, skipped: leftOut, failures: [], slowest: [] };
  const times: { title: string; ms: number }[] = [];
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('test', (test) => console.log(`running: ${test.fullTitle()}`))
      .on('pass', (test) => {
        results.passed++;
        times.push({ title: test.fullTitle(), ms: test.duration ?? 0 });
      })
      .on('pending', () => results.skipped++)
      // Failing hooks arrive here as well: the tests they keep from running would otherwise be lost.
      .on('fail', (test, error: Error) => {
        results.failed++;
        results.failures.push({ title: test.fullTitle(), detail: error.stack ?? error.message });
      });
  });
  results.slowest = times.sort((a, b) => b.ms - a.ms).slice(0, 40);
  if (file) {
    // In one piece: the harness reads it as soon as it is there.
    writeFileSync(`${file}.partial`, JSON.stringify(results));
    renameSync(`${file}.partial`, file);
  }
  for (const { title, detail } of results.failures) console.error(`FAILED: ${title}\n${detail}`);
  if (stay) return stay;
  if (results.failed > 0) throw new Error(`${results.failed} integration tests failed`);
}

/** Suites that run whole in every run. */
const WHOLE = ['activation', 'hover', 'manifest'];

/**
 * HEADLIGHT_TEST_SAMPLE=N leaves one in N tests of the long suites, the first of each among them. The result is how many were
 * left out: they count as skipped.
 */
function sampleTests(root: Mocha.Suite): number {
  const every = Number(process.env['HEADLIGHT_TEST_SAMPLE'] ?? 1);
  const before = root.total();
  const thin = (suite: Mocha.Suite): void => {
    suite.tests = suite.tests.filter((_, index) => index % every === 0);
    suite.suites.forEach(thin);
  };
  root.suites.filter(({ title }) => !WHOLE.includes(title)).forEach(thin);
  return before - root.total();
}
