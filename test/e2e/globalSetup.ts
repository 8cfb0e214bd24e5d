// One VS Code server for all specs: starting one takes longer than most specs.
import { join } from 'node:path';
import { type TestProject } from 'vitest/node';
import { startChromium } from '../harness/chromium.mjs';
import { EXTENSION, throwAwayFolder } from '../harness/places.mjs';
import { endWithParents } from '../harness/processes.mjs';
import { copySamples } from '../harness/samples.mjs';
import { startServer, workbenchUrl } from '../harness/serverLauncher.mjs';
import { ensureServer } from '../harness/vscodeServers.mjs';
import { buildHostBridge } from './hostBridge/build';

declare module 'vitest' {
  export interface ProvidedContext {
    /** The address of the workbench with the sample configs and Headlight. */
    workbenchUrl: string;
    /** Where Chromium takes connections: launched here, it dies with vitest's main process, however that ends. */
    browserEndpoint: string;
    /** Where the window's extension host takes requests; see hostBridge. */
    bridgeSocket: string;
    /** The folder that is open. */
    folder: string;
  }
}

export async function setup(project: TestProject): Promise<() => Promise<void>> {
  endWithParents();
  const folder = copySamples();
  const bridge = throwAwayFolder('bridge');
  await buildHostBridge(bridge);
  const bridgeSocket = join(bridge, 'socket');
  const server = await startServer(await ensureServer('newest'), {
    testDriver: true,
    extensions: [bridge],
    env: { HEADLIGHT_BRIDGE: bridgeSocket },
  });
  const browser = await startChromium();
  project.provide('browserEndpoint', browser.endpoint);
  project.provide('workbenchUrl', workbenchUrl(server.url, { folder, extension: EXTENSION }));
  project.provide('bridgeSocket', bridgeSocket);
  project.provide('folder', folder);
  return async () => {
    await browser.stop();
    await server.stop();
  };
}
