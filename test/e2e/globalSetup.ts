// One VS Code server, one browser and one window for all specs: a window takes longer than most specs. `npm test` hands over
// those in which the integration tests ran; alone, specs get their own.
import { type ProvidedContext } from 'vitest';
import { type TestProject } from 'vitest/node';
import { startSession } from '../harness/editorSession.mjs';
import { endWithParents } from '../harness/processes.mjs';
import { type ServerName } from '../harness/vscodeServers.mjs';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the VS Code server answers. */
    serverUrl: string;
    /** Where Chromium takes connections. */
    browserEndpoint: string;
    /** Where the window's extension host takes requests; see hostBridge. */
    bridgeSocket: string;
    /** The folder that is open: a copy of the sample configs. */
    folder: string;
    /** Which of the servers. */
    server: ServerName;
    /** Where the package is installed; null: windows name the folder of the extension under development. */
    extension: string | null;
  }
}

type Shared = Pick<
  ProvidedContext,
  'serverUrl' | 'browserEndpoint' | 'bridgeSocket' | 'folder' | 'server' | 'extension'
>;

export async function setup({ provide }: TestProject): Promise<(() => Promise<void>) | undefined> {
  endWithParents();
  const handedOver = process.env['HEADLIGHT_E2E_SESSION'];
  const own = handedOver ? undefined : await startOwn();
  const shared = own?.shared ?? (JSON.parse(handedOver ?? '{}') as Shared);
  provide('serverUrl', shared.serverUrl);
  provide('browserEndpoint', shared.browserEndpoint);
  provide('bridgeSocket', shared.bridgeSocket);
  provide('folder', shared.folder);
  provide('server', shared.server);
  provide('extension', shared.extension);
  return own?.stop;
}

async function startOwn(): Promise<{ shared: Shared; stop: () => Promise<void> }> {
  const { name, extension, server, browserEndpoint, bridgeSocket, folder, stop } = await startSession('newest');
  return {
    shared: { serverUrl: server.url, browserEndpoint, bridgeSocket, folder, server: name, extension },
    stop,
  };
}
