/** One call for several who wait: each gives up for itself. */

import { describe, expect, it } from 'vitest';
import { SharedCall } from '../../../src/compute/sharedCall';
import type { CallOptions, Progress } from '../../../src/shared/rpc';
import { RpcError } from '../../../src/shared/rpcError';

/** A call that ends when it is told to, or when it is given up. */
function calling(): {
  readonly shared: SharedCall<string>;
  readonly options: CallOptions;
  end(result: string): void;
} {
  let [options, end]: [CallOptions, (result: string) => void] = [{}, () => undefined];
  const shared = new SharedCall<string>(
    'probing',
    (given) =>
      new Promise((resolve, reject) => {
        options = given;
        end = resolve;
        given.signal?.addEventListener('abort', () => reject(new RpcError('cancelled', 'given up')));
      }),
  );
  return { shared, options, end };
}

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    (value) => value,
    (error: unknown) => (error as RpcError).code,
  );

describe('a shared call', () => {
  it('goes on for those who stay, whoever leaves and why', async () => {
    const { shared, options, end } = calling();
    const leaves = new AbortController();
    const all = [shared.wait({ signal: leaves.signal }), shared.wait({ deadlineMs: 1 }), shared.wait({})].map(codeOf);
    leaves.abort();
    expect(await Promise.all(all.slice(0, 2))).toEqual(['cancelled', 'deadline']);
    expect({ ended: options.signal?.aborted, givenUp: shared.givenUp }).toEqual({ ended: false, givenUp: false });
    end('found');
    expect(await all[2]).toBe('found');
    // What is there already is given to whoever asks later, and leaving then ends nothing.
    const late = new AbortController();
    expect(await shared.wait({ signal: late.signal })).toBe('found');
    late.abort();
    expect(shared.givenUp).toBe(false);
  });

  it('ends with the last who leaves', async () => {
    const { shared, options } = calling();
    const [one, two] = [new AbortController(), new AbortController()];
    const all = [one, two].map(({ signal }) => codeOf(shared.wait({ signal })));
    one.abort();
    expect(options.signal?.aborted).toBe(false);
    two.abort();
    expect({ ended: options.signal?.aborted, givenUp: shared.givenUp }).toEqual({ ended: true, givenUp: true });
    expect(await Promise.all(all)).toEqual(['cancelled', 'cancelled']);
    expect(await codeOf(shared.wait({ signal: one.signal }))).toBe('cancelled');
  });

  it('tells everyone who waits how far it is, who joins at once, who left no more', async () => {
    const { shared, options, end } = calling();
    const told: string[] = [];
    const teller =
      (who: string) =>
      ({ message }: Progress): number =>
        told.push(`${who} ${message ?? ''}`);
    const leaves = new AbortController();
    const left = codeOf(shared.wait({ signal: leaves.signal, onProgress: teller('a') }));
    options.onProgress?.({ message: 'first' });
    const stays = shared.wait({ onProgress: teller('b') });
    leaves.abort();
    options.onProgress?.({ message: 'second' });
    end('found');
    expect([await left, await stays]).toEqual(['cancelled', 'found']);
    expect(told).toEqual(['a first', 'b first', 'b second']);
  });
});
