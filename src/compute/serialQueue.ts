/** One job at a time: engines block their thread, and two runs would share the memory that one was promised. */

import { setImmediate } from 'node:timers/promises';
import type { CancelSignal } from '../shared/platform';
import { RpcError } from '../shared/rpcError';

export class SerialQueue {
  private last: Promise<unknown> = Promise.resolve();

  /** A job whose signal is aborted before its turn does not start. */
  add<T>(signal: CancelSignal, job: () => Promise<T>): Promise<T> {
    const turn = this.last.then(async () => {
      // Messages that arrived while the job before blocked the thread: a cancellation may be among them.
      await setImmediate();
      if (signal.aborted) throw new RpcError('cancelled', 'cancelled before it began');
      return job();
    });
    this.last = turn.catch(() => undefined);
    return turn;
  }
}
