/**
 * The few globals that every runtime here has (Node, browsers) and that the language's own library does not declare:
 * timers and cancellation. Structural types, so that a real AbortSignal fits.
 */

/** What an AbortSignal is to us. */
export interface CancelSignal {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** What an AbortController is to us. */
export interface CancelController {
  readonly signal: CancelSignal;
  abort(): void;
}

interface Globals {
  readonly AbortController: new () => CancelController;
  setTimeout(callback: () => void, milliseconds: number): unknown;
  clearTimeout(handle: unknown): void;
}

const globals = globalThis as unknown as Globals;

export function newCancelController(): CancelController {
  return new globals.AbortController();
}

/** Calls back once after a time; the result stops it. */
export function startTimer(milliseconds: number, callback: () => void): () => void {
  const handle = globals.setTimeout(callback, milliseconds);
  return () => globals.clearTimeout(handle);
}
