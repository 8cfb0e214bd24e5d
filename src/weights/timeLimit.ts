/** Work whose time somebody else decides: a regular expression of a file that backtracks asks nobody whether it should go on. V8 ends it. */

import { createContext, Script } from 'node:vm';

/** The work did not end in its time. What it was changing is as it was left. */
export class OutOfTime extends Error {
  override readonly name = 'OutOfTime';

  constructor(readonly limitMs: number) {
    super(`more than ${limitMs} ms`);
  }
}

const scope: { work: () => void } = { work: () => undefined };
const CONTEXT = createContext(scope);
const CALL = new Script('work()');

/**
 * Runs work on this thread; it may be anything that is JavaScript. Costs a tenth of a millisecond.
 * @throws OutOfTime
 */
export function withinTime<T>(limitMs: number, work: () => T): T {
  const results: T[] = [];
  const outer = scope.work;
  scope.work = () => {
    results.push(work());
  };
  try {
    CALL.runInContext(CONTEXT, { timeout: Math.ceil(limitMs) });
  } catch (error) {
    if (isTimeout(error)) throw new OutOfTime(limitMs);
    throw error;
  } finally {
    scope.work = outer;
  }
  return results[0] as T;
}

/** It comes from another realm, with another class of errors. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
