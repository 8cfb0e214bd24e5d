/** What VS Code gives a page: messages to and from the extension host, and a place for the little that it keeps across hide and reload. */

import type { Transport } from '../../src/shared/rpc';

// VS Code allows one acquisition for a page.
const vscode = acquireVsCodeApi<Readonly<Record<string, unknown>>>();

export const transport: Transport = {
  post: (message) => vscode.postMessage(message),
  onMessage: (listener) => {
    // A page may only be addressed by its own frame's parent: VS Code.
    const receive = (event: MessageEvent<unknown>): void => listener(event.data);
    window.addEventListener('message', receive);
    return () => window.removeEventListener('message', receive);
  },
};

/** What a part of the page wants back after a reload; undefined at the first time. */
export function restored(part: string): unknown {
  return vscode.getState()?.[part];
}

export function keep(part: string, value: unknown): void {
  vscode.setState({ ...vscode.getState(), [part]: value });
}
