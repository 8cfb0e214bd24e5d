// The browser that drives the VS Code servers.
import { chromium } from 'playwright-core';
import { throwAwayFolder } from './places.mjs';
import { atExit, signalGroup } from './processes.mjs';
import { findChromium } from './systemPackages.mjs';

const FLAGS = [
  // Chromium refuses to run its sandbox as root, and containers have no GPU.
  '--no-sandbox',
  '--disable-gpu',
  // Nothing may depend on the world outside, so that a test fails on every machine or on none.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
  ...['--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

/** Starts Chromium as a server: who has its endpoint can connect, from other processes too. It dies with this one. */
export async function startChromium() {
  const executablePath = findChromium();
  if (!executablePath) throw new Error('No Chromium: `npm test` installs it on Debian as root; or set HEADLIGHT_CHROMIUM');
  // Crash reports and font caches would go to the user's home otherwise, whatever the profile.
  const home = throwAwayFolder('chromium');
  const env = { ...process.env, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  const server = await chromium.launchServer({ executablePath, args: FLAGS, env, host: '127.0.0.1' });
  const forget = atExit(() => signalGroup(server.process(), 'SIGKILL'));
  return {
    endpoint: server.wsEndpoint(),
    async stop() {
      forget();
      await server.close();
    },
  };
}

/** @param {string} endpoint */
export function connectToChromium(endpoint) {
  return chromium.connect(endpoint);
}
