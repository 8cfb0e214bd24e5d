// The browser that drives the VS Code servers: one for all suites, since starting it and a window cost seconds each.
import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { throwAwayFolder } from './places.mjs';
import { start, tail } from './processes.mjs';
import { findChromium } from './systemPackages.mjs';

const FLAGS = [
  ...['--headless', '--window-size=1280,900'],
  // Chromium refuses to run its sandbox as root, and containers have no GPU.
  '--no-sandbox',
  ...['--disable-gpu', '--disable-dev-shm-usage'],
  // Nothing may depend on the world outside, so that a test fails on every machine or on none.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  ...[
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
  ...['--no-default-browser-check', '--disable-breakpad', '--metrics-recording-only', '--disable-field-trial-config'],
  ...['--disable-extensions', '--disable-default-apps', '--disable-search-engine-choice-screen'],
  ...['--password-store=basic', '--use-mock-keychain', '--mute-audio'],
  // Windows that nobody looks at work at full speed, and have a mouse.
  ...[
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
  ],
  '--disable-ipc-flooding-protection',
  '--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4',
  // Pictures are the same everywhere.
  ...['--force-color-profile=srgb', '--hide-scrollbars'],
  // What the browser would prepare for people: pages of its own (a second of work each), translation, casting.
  '--disable-features=PreloadTopChromeWebUI,WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,Translate,MediaRouter,OptimizationHints,PaintHolding,HttpsUpgrades',
];

/**
 * Starts Chromium. Who has its endpoint can connect and sees the same windows, from other processes too. It dies with
 * this process.
 */
export async function startChromium() {
  const executable = findChromium();
  if (!executable) throw new Error('No Chromium: `npm test` installs it on Debian as root; or set HEADLIGHT_CHROMIUM');
  // Crash reports and font caches would go to the user's home otherwise, whatever the profile.
  const home = throwAwayFolder('chromium');
  const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  const profile = join(home, 'profile');
  const child = start(
    executable,
    [...FLAGS, `--user-data-dir=${profile}`, '--remote-debugging-port=0', '--no-startup-window'],
    { env },
  );
  /** @type {number | undefined} */
  let code;
  void child.ended.then((ended) => (code = ended));
  // Where it says which port it took; written at once, but not in one piece.
  const file = join(profile, 'DevToolsActivePort');
  for (const deadline = Date.now() + 30_000; ; await sleep(20)) {
    const [port, path] = existsSync(file) ? readFileSync(file, 'utf8').split('\n') : [];
    if (port && path) return { endpoint: `ws://127.0.0.1:${port}${path}`, stop: () => child.stop() };
    if (code !== undefined || Date.now() > deadline)
      throw new Error(`Chromium did not start:\n${tail(child.output())}`);
  }
}

/**
 * Closing the connection leaves the windows open.
 * @param {string} endpoint
 */
export function connectToChromium(endpoint) {
  return chromium.connectOverCDP(endpoint);
}

/**
 * The window that shows a page of a server, if there is one.
 * @param {import('playwright-core').Browser} browser
 * @param {string} origin
 */
export function findWindow(browser, origin) {
  return browser
    .contexts()[0]
    ?.pages()
    .find((page) => page.url().startsWith(origin));
}

/**
 * An empty window of its own, not a tab: tabs in the back sleep.
 * @param {import('playwright-core').Browser} browser
 */
export async function openWindow(browser) {
  const [context] = browser.contexts();
  if (!context) throw new Error('Chromium has no profile');
  // By its address: every connection sees every window, and others may open theirs at the same time.
  const url = `about:blank#${randomUUID()}`;
  const opened = context.waitForEvent('page', (page) => page.url() === url);
  const session = await browser.newBrowserCDPSession();
  await session.send('Target.createTarget', { url, newWindow: true });
  await session.detach();
  return opened;
}
