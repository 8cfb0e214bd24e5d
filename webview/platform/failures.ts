/** Failures of the page that nobody caught: shown in the view where they happened, and logged by the host. */

import { isGivenUp } from '../../src/shared/rpcError';

export interface PageFailure {
  /** For people. */
  readonly message: string;
  /** For the log. */
  readonly detail: string;
}

/** The result stops listening. */
export function watchFailures(tell: (failure: PageFailure) => void): () => void {
  const failed = (error: unknown): void => {
    if (isGivenUp(error)) return;
    const message = error instanceof Error ? error.message : String(error);
    tell({ message, detail: error instanceof Error ? (error.stack ?? message) : message });
  };
  const onError = (event: ErrorEvent): void => {
    // Chromium tells of observers that it will serve in the next frame; nothing failed.
    if (event.message.startsWith('ResizeObserver loop')) return;
    failed(event.error ?? event.message);
  };
  const onRejection = (event: PromiseRejectionEvent): void => failed(event.reason);
  window.addEventListener('error', onError);
  window.addEventListener('unhandledrejection', onRejection);
  return () => {
    window.removeEventListener('error', onError);
    window.removeEventListener('unhandledrejection', onRejection);
  };
}
