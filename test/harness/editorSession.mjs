// One VS Code server, one browser and one window for all suites of a version: a server takes a second to start, a browser
// another, a window some five of both cores. The suites take turns in the window: integration first, since it wants to see
// Headlight asleep, then e2e. Not one browser for two versions: who connects to it would hear everything from both.
import { join } from 'node:path';
import { startChromium } from './chromium.mjs';
import { buildHostBridge } from './hostBridge.mjs';
import { throwAwayFolder } from './places.mjs';
import { copySamples } from './samples.mjs';
import { startServer } from './serverLauncher.mjs';
import { ensureServer } from './vscodeServers.mjs';

/**
 * @typedef {object} EditorSession
 * @property {import('./serverLauncher.mjs').RunningServer} server
 * @property {string} browserEndpoint
 * @property {string} folder        the copy of the samples that the window opens
 * @property {string} bridgeSocket  where the extension host of that window takes requests; see test/e2e/hostBridge
 * @property {string} resultsFile   where integration tests in that window report; see hostRunner.ts
 * @property {import('./vscodeServers.mjs').ServerName} name  of the server
 * @property {string | null} extension  where the package was installed; null: windows name the folder under development
 * @property {() => Promise<void>} stop
 */

/**
 * @param {import('./vscodeServers.mjs').ServerName} name
 * @param {NodeJS.ProcessEnv} [env]  on top of ours, for the extension host
 * @param {string | null} [vsix]  the package that is installed; null: windows name the folder of the extension
 * @returns {Promise<EditorSession>}
 */
export async function startSession(name, env, vsix = null) {
  const installed = await ensureServer(name);
  const bridge = throwAwayFolder('bridge');
  await buildHostBridge(bridge);
  const [bridgeSocket, resultsFile] = [join(bridge, 'socket'), join(bridge, 'results.json')];
  const folder = copySamples();
  const [server, browser] = await Promise.all([
    startServer(installed, {
      // Only windows that name an extension or tests need it: an installed package is tested in the VS Code that its users have.
      testDriver: vsix === null,
      endsAlone: true,
      extensions: [bridge],
      vsix,
      env: {
        HEADLIGHT_BRIDGE: bridgeSocket,
        HEADLIGHT_BRIDGE_FOLDER: folder,
        HEADLIGHT_TEST_RESULTS: resultsFile,
        HEADLIGHT_TEST_STAY: '1',
        ...env,
      },
    }),
    startChromium(),
  ]);
  const stop = async () => {
    await browser.stop();
    await server.stop();
  };
  return {
    name,
    extension: server.extension,
    server,
    browserEndpoint: browser.endpoint,
    folder,
    bridgeSocket,
    resultsFile,
    stop,
  };
}
