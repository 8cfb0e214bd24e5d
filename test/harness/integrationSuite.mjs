// Bundles test/integration and runs it inside the extension host of a VS Code server.
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectToChromium, openWindow } from './chromium.mjs';
import { bundleIntegrationTests } from './integrationBundle.mjs';
import { EXTENSION } from './places.mjs';
import { tail } from './processes.mjs';
import { workbenchUrl } from './serverLauncher.mjs';

/** A window that has not reported by then hangs. Single tests have their own, shorter limit. */
const LIMIT_MS = 180_000;

/**
 * Reads what the tests in the host left; see hostRunner.ts.
 * @param {string} file
 * @param {() => string} log
 * @returns {import('./results.mjs').Counts}
 */
export function readHostResults(file, log) {
  if (!existsSync(file)) throw new Error(`The tests did not report. What the window said:\n${log()}`);
  const results = JSON.parse(readFileSync(file, 'utf8'));
  if (process.env['HEADLIGHT_TEST_TIMES'])
    for (const { ms, title } of results.slowest) console.log(`${String(ms).padStart(7)} ms  ${title}`);
  return results;
}

/**
 * Opens the session's window and runs the tests in it. The window stays, for the suites that follow.
 * @param {import('./editorSession.mjs').EditorSession} session
 * @returns {Promise<import('./results.mjs').Counts>}
 */
export async function runIntegration({ server, browserEndpoint, folder, resultsFile }) {
  const tests = await bundleIntegrationTests();
  const browser = await connectToChromium(browserEndpoint);
  /** @type {string[]} */
  const log = [];
  try {
    const page = await openWindow(browser);
    await page.setViewportSize({ width: 1280, height: 800 });
    // VS Code calls these two when the page has them: the console of the test run, and its end.
    await page.exposeFunction('codeAutomationLog', (/** @type {string} */ type, /** @type {unknown[]} */ args) => {
      log.push(`[${type}] ${args.map(String).join(' ')}`);
    });
    /** @type {(how: string) => void} */
    let end = () => undefined;
    const ended = new Promise((resolve) => (end = resolve));
    await page.exposeFunction('codeAutomationExit', () => end('the window ended the tests'));
    const crashed = new Promise((resolve) => page.once('crash', () => resolve('the page crashed')));
    const died = server.ended.then((code) => `the server ended with code ${code}`);
    const over = new AbortController();
    const reported = (async () => {
      for (const deadline = Date.now() + LIMIT_MS; !over.signal.aborted; await sleep(100)) {
        if (existsSync(resultsFile)) return 'reported';
        if (Date.now() > deadline) return `no end after ${LIMIT_MS / 1000} s`;
      }
      return 'ended';
    })();
    await page.goto(workbenchUrl(server.url, { folder, extension: EXTENSION, tests }));
    const how = await Promise.race([ended, crashed, died, reported]);
    over.abort();
    const lines = () => `${tail(log.join('\n'), 60)}\n--- server\n${server.log()}`;
    if (how !== 'reported') throw new Error(`${how}. What the window said:\n${lines()}`);
    // The figures that the tests print.
    if (process.env['HEADLIGHT_TEST_TIMES']) for (const line of log) if (/\bms\b/.test(line)) console.log(line);
    return readHostResults(resultsFile, lines);
  } finally {
    await browser.close();
  }
}
