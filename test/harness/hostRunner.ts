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
  const mocha = new Mocha({ ui: 'tdd', timeout: 30_000, slow: 2000, color: false });
  // Titles that this run leaves out; whoever asks for that says so in the name of the suite.
  const leftOut = process.env['HEADLIGHT_TEST_LEAVE_OUT'];
  if (leftOut) mocha.grep(new RegExp(leftOut)).invert();
  for (const [name, load] of files) {
    // What mocha does for files on disk; ours are already in this bundle.
    mocha.suite.emit('pre-require', globalThis, name, mocha);
    mocha.suite.emit('require', load(), name, mocha);
    mocha.suite.emit('post-require', globalThis, name, mocha);
  }
  console.log(`VS Code ${vscode.version}, Node ${process.versions.node}: ${files.length} integration test files`);

  const results: HostResults = { passed: 0, failed: 0, skipped: 0, failures: [] };
  await new Promise<void>((resolve) => {
    mocha
      .run(() => resolve())
      .on('test', (test) => console.log(`running: ${test.fullTitle()}`))
      .on('pass', () => results.passed++)
      .on('pending', () => results.skipped++)
      // Failing hooks arrive here as well: the tests they keep from running would otherwise be lost.
      .on('fail', (test, error: Error) => {
        results.failed++;
        results.failures.push({ title: test.fullTitle(), detail: error.stack ?? error.message });
      });
  });
  if (file) {
    // In one piece: the harness reads it as soon as it is there.
    writeFileSync(`${file}.partial`, JSON.stringify(results));
    renameSync(`${file}.partial`, file);
  }
  for (const { title, detail } of results.failures) console.error(`FAILED: ${title}\n${detail}`);
  if (stay) return stay;
  if (results.failed > 0) throw new Error(`${results.failed} integration tests failed`);
}
