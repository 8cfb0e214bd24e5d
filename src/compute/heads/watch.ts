/** Cancellation and progress of a run. */

import type { CancelSignal } from '../../shared/platform';
import type { Progress } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';

export interface Watch {
  readonly signal: CancelSignal;
  progress(progress: Progress): void;
}

/** Neither cancelled nor listened to. */
export const UNWATCHED: Watch = { signal: new AbortController().signal, progress: () => undefined };

/** @throws RpcError `cancelled` when the caller gave up. */
export function checkCancelled(signal: CancelSignal): void {
  if (signal.aborted) throw new RpcError('cancelled', 'the run was cancelled');
}

/** The signal in the form that file reads take. */
export function abortSignal(signal: CancelSignal): AbortSignal {
  if (signal instanceof AbortSignal) return signal;
  const controller = new AbortController();
  const abort = (): void => controller.abort(new RpcError('cancelled', 'the run was cancelled'));
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return controller.signal;
}
