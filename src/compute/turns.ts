/**
 * Who may use the process next. What waits here has not been sent: giving it up touches nobody. The compute process works on one call at a
 * time and blocks while it does, so that a call which was sent cannot be taken back without ending the process.
 */

import { RpcError } from '../shared/rpcError';
import type { CallOptions } from '../shared/rpc';

interface Waiting {
  readonly supersedeKey: string | undefined;
  begin(): void;
  giveUp(error: RpcError): void;
}

export interface Turn {
  /** Fails where a newer call replaced it between its beginning and its being sent. */
  check(): void;
  end(): void;
}

interface Held extends Turn {
  readonly supersedeKey: string | undefined;
  revoke(error: RpcError): void;
}

export class Turns {
  private readonly waiting: Waiting[] = [];
  private held: Held | null = null;

  /** True while a call has the turn. */
  get busy(): boolean {
    return this.held !== null;
  }

  /**
   * Waits for the turn. Fails as a call would: cancelled, superseded by a newer one of its key, or past its deadline.
   */
  take(method: string, { signal, deadlineMs, supersedeKey }: CallOptions): Promise<Turn> {
    if (supersedeKey !== undefined) this.supersede(supersedeKey, method);
    if (signal?.aborted) return Promise.reject(new RpcError('cancelled', `${method} was cancelled`));
    if (this.held === null) return Promise.resolve(this.begin(supersedeKey));
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal?.removeEventListener('abort', onAbort);
        clearTimeout(timer);
        const place = this.waiting.indexOf(waiting);
        if (place >= 0) this.waiting.splice(place, 1);
      };
      const waiting: Waiting = {
        supersedeKey,
        begin: () => {
          leave();
          resolve(this.begin(supersedeKey));
        },
        giveUp: (error) => {
          leave();
          reject(error);
        },
      };
      const onAbort = (): void => waiting.giveUp(new RpcError('cancelled', `${method} was cancelled`));
      const timer =
        deadlineMs === undefined
          ? undefined
          : setTimeout(
              () => waiting.giveUp(new RpcError('deadline', `${method} took longer than ${deadlineMs} ms`)),
              deadlineMs,
            );
      signal?.addEventListener('abort', onAbort, { once: true });
      this.waiting.push(waiting);
    });
  }

  /** What waits fails. */
  end(error: RpcError): void {
    for (const waiting of [...this.waiting]) waiting.giveUp(error);
  }

  private begin(supersedeKey: string | undefined): Turn {
    let revoked: RpcError | null = null;
    const held: Held = {
      supersedeKey,
      check: () => {
        if (revoked) throw revoked;
      },
      revoke: (error) => (revoked = error),
      end: () => {
        if (this.held !== held) return;
        this.held = null;
        this.waiting[0]?.begin();
      },
    };
    this.held = held;
    return held;
  }

  private supersede(key: string, method: string): void {
    const error = new RpcError('superseded', `a newer ${method} replaced it`);
    if (this.held?.supersedeKey === key) this.held.revoke(error);
    for (const waiting of this.waiting.filter(({ supersedeKey }) => supersedeKey === key)) waiting.giveUp(error);
  }
}
