// A second extension beside Headlight in the editor under test: it evaluates functions that specs send. With it a
// spec can set the scene through the API (settings, themes) and check effects that the screen doesn't show.
import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import * as vscode from 'vscode';
import { type BridgeReply, type BridgeRequest } from './protocol';

export function activate(): void {
  const socket = process.env['HEADLIGHT_BRIDGE'];
  if (!socket) throw new Error('HEADLIGHT_BRIDGE is not set');
  // One window of a server has a bridge: other windows open other folders.
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri.fsPath;
  if (folder !== process.env['HEADLIGHT_BRIDGE_FOLDER']) return;
  const server = createServer((request, response) => {
    void (async () => {
      let reply: BridgeReply;
      try {
        const { source, argument } = JSON.parse(await text(request)) as BridgeRequest;
        // The point of this extension: only specs reach the socket, which lies in a folder of the test run.
        const run = new Function('vscode', 'argument', `return (${source})(vscode, argument)`) as (
          api: typeof vscode,
          argument: unknown,
        ) => unknown;
        reply = { value: await run(vscode, argument) };
      } catch (error) {
        reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
      }
      response.end(JSON.stringify(reply));
    })();
  });
  rmSync(socket, { force: true });
  server.listen(socket);
  // Not closed: that would remove the file, which after a reload belongs to the next extension host.
}
