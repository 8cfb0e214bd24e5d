// The extension host of the open window, where the vscode API is.
import { existsSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as vscode from 'vscode';
import { type BridgeReply, type BridgeRequest } from '../hostBridge/protocol';

export class Host {
  constructor(private readonly socket: string) {
    // A window opened before us may still listen; the next one to make this file is ours.
    rmSync(socket, { force: true });
  }

  /**
   * Runs a function in the extension host. Only its source goes there: it may use its parameters, nothing else of the
   * spec. What it takes and returns must survive JSON.
   */
  async evaluate<A, R>(run: (api: typeof vscode, argument: A) => R | PromiseLike<R>, argument: A): Promise<R> {
    await this.ready();
    const body: BridgeRequest = { source: run.toString(), argument };
    const reply = JSON.parse(await this.post(JSON.stringify(body))) as BridgeReply;
    if ('error' in reply) throw new Error(`In the extension host: ${reply.error}`);
    return reply.value as R;
  }

  private async ready(): Promise<void> {
    for (const deadline = Date.now() + 30_000; !existsSync(this.socket); await sleep(50)) {
      if (Date.now() > deadline) throw new Error('The extension host did not start the test bridge');
    }
  }

  private post(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.socket, method: 'POST' }, (response) => text(response).then(resolve, reject));
      call.once('error', reject);
      call.end(body);
    });
  }
}
