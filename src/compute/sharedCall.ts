/** One call that several wait for: each gives up for itself, and the call ends when nobody waits any more. */

import type { CallOptions, Progress } from '../shared/rpc';
import { RpcError } from '../shared/rpcError';

/** No key: what others wait for is not replaced by a newer question. */
export type WaitOptions = Omit<CallOptions, 'supersedeKey'>;

export class SharedCall<T> {
  private readonly controller = new AbortController();
  private readonly waiting = new Set<Pick<WaitOptions, 'onProgress'>>();
  private last: Progress | null = null;
  /** Of the call itself; nobody has to listen to it. */
  readonly result: Promise<T>;

  /** @param name What it is called when it is given up. */
  constructor(
    private readonly name: string,
    begin: (options: CallOptions) => Promise<T>,
  ) {
    this.result = begin({
      signal: this.controller.signal,
      onProgress: (progress) => {
        this.last = progress;
        for (const { onProgress } of this.waiting) onProgress?.(progress);
      },
    });
    this.result.catch(() => undefined);
  }

  /** Everyone who waited gave up: whoever wants it begins another. */
  get givenUp(): boolean {
    return this.controller.signal.aborted;
  }

  wait(options: WaitOptions): Promise<T> {
    const { signal, deadlineMs, onProgress } = options;
    if (signal?.aborted) return Promise.reject(new RpcError('cancelled', `${this.name} was cancelled`));
    return new Promise((resolve, reject) => {
      // Two may wait with the same options.
      const own = onProgress === undefined ? {} : { onProgress };
      const leave = (): void => {
        this.waiting.delete(own);
        signal?.removeEventListener('abort', onAbort);
        clearTimeout(timer);
      };
      const giveUp = (error: RpcError): void => {
        leave();
        reject(error);
        if (this.waiting.size === 0) this.controller.abort();
      };
      const onAbort = (): void => giveUp(new RpcError('cancelled', `${this.name} was cancelled`));
      const timer =
        deadlineMs === undefined
          ? undefined
          : setTimeout(
              () => giveUp(new RpcError('deadline', `${this.name} took longer than ${deadlineMs} ms`)),
              deadlineMs,
            );
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.add(own);
      // Who joins is told where it is.
      if (this.last !== null) onProgress?.(this.last);
      this.result.finally(leave).then(resolve, reject);
    });
  }
}
