import util from 'node:util';

/** tfjs-node 4.22 calls these; Node 23 removed them (tensorflow/tfjs#8425, fixed there, never released). */
export function restoreRemovedUtilities(target: object = util): void {
  const missing = (name: string, value: unknown): void => {
    if (!(name in target)) Object.defineProperty(target, name, { value, configurable: true, writable: true });
  };
  missing('isNullOrUndefined', (value: unknown) => value === null || value === undefined);
  missing('isArray', Array.isArray);
}
