// The extension host of the open window, where the vscode API is.
import { rmSync } from 'node:fs';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type * as vscode from 'vscode';
import { type BridgeReply, type BridgeRequest } from '../hostBridge/protocol';

export class Host {
  constructor(private readonly socket: string) {}

  /**
   * Runs a function in the extension host. Only its source goes there: it may use its parameters, nothing else of the
   * spec. What it takes and returns must survive JSON.
   */
  async evaluate<A, R>(run: (api: typeof vscode, argument: A) => R | PromiseLike<R>, argument: A): Promise<R> {
    const body: BridgeRequest = { source: run.toString(), argument };
    const reply = JSON.parse(await this.answer(JSON.stringify(body))) as BridgeReply;
    if ('error' in reply) throw new Error(`In the extension host: ${reply.error}`);
    return reply.value as R;
  }

  /** Before a reload: what answers afterwards is the new extension host. */
  forget(): void {
    rmSync(this.socket, { force: true });
  }

  /** Waits for an extension host that takes connections: a window has none for its first seconds. */
  private async answer(body: string): Promise<string> {
    for (const deadline = Date.now() + 30_000; ; await sleep(50)) {
      try {
        return await this.post(body);
      } catch (error) {
        const notThere =
          error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ECONNREFUSED');
        if (!notThere) throw error;
        if (Date.now() > deadline)
          throw new Error('The extension host did not start the test bridge', { cause: error });
      }
    }
  }

  private post(body: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const call = request({ socketPath: this.socket, method: 'POST' }, (response) =>
        text(response).then(resolve, reject),
      );
      call.once('error', reject);
      call.end(body);
    });
  }
}
