/** The connection of a weight file's page to the extension host, and what the page keeps of its own across hide and reload. */

import type { WeightEditorEvents, WeightEditorMethods } from '../../src/shared/weightEditorContract';
import { type NoMethods, RpcPeer } from '../../src/shared/rpc';

const vscode = acquireVsCodeApi<Readonly<Record<string, unknown>>>();

export const host = new RpcPeer<WeightEditorMethods, NoMethods, WeightEditorEvents>(
  {
    post: (message) => vscode.postMessage(message),
    onMessage: (listener) => {
      const receive = (event: MessageEvent<unknown>): void => listener(event.data);
      window.addEventListener('message', receive);
      return () => window.removeEventListener('message', receive);
    },
  },
  {},
);

export function restored(part: string): unknown {
  return vscode.getState()?.[part];
}

export function keep(part: string, value: unknown): void {
  vscode.setState({ ...vscode.getState(), [part]: value });
}
