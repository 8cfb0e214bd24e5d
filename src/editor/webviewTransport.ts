/** The host's end of the connection to a page. */

import type { Webview } from 'vscode';
import type { Transport } from '../shared/rpc';

export function webviewTransport(webview: Webview): Transport {
  return {
    post: (message) => void webview.postMessage(message),
    onMessage: (listener) => {
      const listening = webview.onDidReceiveMessage(listener);
      return () => listening.dispose();
    },
  };
}
