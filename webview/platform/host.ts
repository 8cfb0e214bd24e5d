/** The connection to the extension host, and the little that the page keeps of its own across hide, reload and update. */

import type { PanelEvents, PanelMethods } from '../../src/shared/panelContract';
import { type NoMethods, RpcPeer } from '../../src/shared/rpc';

export type Host = RpcPeer<PanelMethods, NoMethods, PanelEvents>;

const vscode = acquireVsCodeApi<Readonly<Record<string, unknown>>>();

/** VS Code allows one acquisition for a page: one connection, shared by every view. */
export const host: Host = new RpcPeer<PanelMethods, NoMethods, PanelEvents>(
  {
    post: (message) => vscode.postMessage(message),
    onMessage: (listener) => {
      // A page may only be addressed by its own frame's parent: VS Code.
      const receive = (event: MessageEvent<unknown>): void => listener(event.data);
      window.addEventListener('message', receive);
      return () => window.removeEventListener('message', receive);
    },
  },
  {},
);

/** What a part of the page wants back after a reload; undefined at the first time. */
export function restored(part: string): unknown {
  return vscode.getState()?.[part];
}

export function keep(part: string, value: unknown): void {
  vscode.setState({ ...vscode.getState(), [part]: value });
}
