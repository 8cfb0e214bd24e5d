// Bundles test/integration and runs it inside the extension host of a VS Code server.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectToChromium, startChromium } from './chromium.mjs';
import { bundleIntegrationTests } from './integrationBundle.mjs';
import { EXTENSION, throwAwayFolder } from './places.mjs';
import { tail } from './processes.mjs';
import { copySamples } from './samples.mjs';
import { startServer, workbenchUrl } from './serverLauncher.mjs';

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
  return JSON.parse(readFileSync(file, 'utf8'));
}

/**
 * @param {import('./vscodeServers.mjs').InstalledServer} installed
 * @returns {Promise<import('./results.mjs').Counts>}
 */
export async function runIntegrationOnServer(installed) {
  const tests = await bundleIntegrationTests();
  const resultsFile = join(throwAwayFolder('results'), 'results.json');
  const folder = copySamples();
  const server = await startServer(installed, {
    testDriver: true,
    env: { HEADLIGHT_TEST_RESULTS: resultsFile },
  });
  const chromium = await startChromium();
  /** @type {string[]} */
  const log = [];
  try {
    const browser = await connectToChromium(chromium.endpoint);
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    // VS Code calls these two when the page has them: the console of the test run, and its end.
    await page.exposeFunction('codeAutomationLog', (/** @type {string} */ type, /** @type {unknown[]} */ args) => {
      log.push(`[${type}] ${args.map(String).join(' ')}`);
    });
    /** @type {(how: string) => void} */
    let end = () => undefined;
    const ended = new Promise((resolve) => (end = resolve));
    await page.exposeFunction('codeAutomationExit', () => end('ended'));
    const crashed = new Promise((resolve) => page.once('crash', () => resolve('the page crashed')));
    const died = server.ended.then((code) => `the server ended with code ${code}`);
    const late = sleep(LIMIT_MS, `no end after ${LIMIT_MS / 1000} s`, { ref: false });
    await page.goto(workbenchUrl(server.url, { folder, extension: EXTENSION, tests }));
    const how = await Promise.race([ended, crashed, died, late]);
    const lines = () => `${tail(log.join('\n'), 60)}\n--- server\n${server.log()}`;
    if (how !== 'ended') throw new Error(`${how}. What the window said:\n${lines()}`);
    return readHostResults(resultsFile, lines);
  } finally {
    await chromium.stop();
    await server.stop();
  }
}
