/** Two ends of a connection in one process; messages are copied as they are between processes. */

import type { Transport } from '../../../../src/shared/rpc';

export function pairedTransports(): readonly [Transport, Transport] {
  const listeners: [Set<(message: unknown) => void>, Set<(message: unknown) => void>] = [new Set(), new Set()];
  const end = (own: 0 | 1): Transport => ({
    post: (message) => {
      const copy: unknown = structuredClone(message);
      setImmediate(() => {
        for (const listener of listeners[own === 0 ? 1 : 0]) listener(copy);
      });
    },
    onMessage: (listener) => {
      listeners[own].add(listener);
      return () => listeners[own].delete(listener);
    },
  });
  return [end(0), end(1)];
}
