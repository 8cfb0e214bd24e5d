/** The protocol between host, compute process and webview, over an in-memory channel that clones as real ones do. */

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type CallContext, type Handlers, type NoMethods, RpcPeer, type Transport } from '../../../src/shared/rpc';
import { RpcError } from '../../../src/shared/rpcError';

interface Methods {
  'math/double'(params: { value: number }): number;
  'math/slow'(params: { ms: number }): string;
  'math/fail'(params: { code: boolean }): never;
  'math/unsendable'(params: null): unknown;
}
interface Events {
  'state/changed': { readonly value: number };
}

function channel(): [Transport, Transport] {
  const listeners: [Set<(message: unknown) => void>, Set<(message: unknown) => void>] = [new Set(), new Set()];
  const end = (mine: 0 | 1): Transport => ({
    post: (message) => {
      const copy: unknown = structuredClone(message);
      queueMicrotask(() => listeners[mine === 0 ? 1 : 0].forEach((listener) => listener(copy)));
    },
    onMessage: (listener) => {
      listeners[mine].add(listener);
      return () => listeners[mine].delete(listener);
    },
  });
  return [end(0), end(1)];
}

function connect(): {
  client: RpcPeer<Methods, NoMethods, Events>;
  server: RpcPeer<NoMethods, Methods, NoMethods, Events>;
  aborted: string[];
  ends: [Transport, Transport];
} {
  const ends = channel();
  const aborted: string[] = [];
  const any = <T>(value: unknown): T => value as T;
  const handlers: Handlers<Methods> = {
    'math/double': {
      validate: (params) => {
        const { value } = params as { value?: unknown };
        if (typeof value !== 'number') throw new RpcError('invalidInput', 'value must be a number');
        return { value };
      },
      handle: ({ value }) => value * 2,
    },
    'math/slow': {
      validate: any,
      handle: async ({ ms }, { signal, progress }: CallContext) => {
        progress({ message: 'half', fraction: 0.5 });
        signal.addEventListener('abort', () => aborted.push('slow'));
        await sleep(ms);
        return 'done';
      },
    },
    'math/fail': {
      validate: any,
      handle: ({ code }) => {
        if (code) throw new RpcError('tooLarge', 'too large', { bytes: 5 });
        throw new TypeError('oops');
      },
    },
    'math/unsendable': { validate: any, handle: () => () => 0 },
  };
  const server = new RpcPeer<NoMethods, Methods, NoMethods, Events>(ends[1], handlers);
  const client = new RpcPeer<Methods, NoMethods, Events>(ends[0], {});
  return { client, server, aborted, ends };
}

const failure = (promise: Promise<unknown>): Promise<RpcError> =>
  promise.then(
    () => {
      throw new Error('it succeeded');
    },
    (error: unknown) => error as RpcError,
  );

describe('calls', () => {
  it('return results, and errors with code, message and detail', async () => {
    const { client } = connect();
    expect(await client.call('math/double', { value: 21 })).toBe(42);
    expect(await failure(client.call('math/fail', { code: true }))).toMatchObject({
      code: 'tooLarge',
      message: 'too large',
      detail: { bytes: 5 },
    });
    expect(await failure(client.call('math/fail', { code: false }))).toMatchObject({
      code: 'internal',
      message: 'oops',
    });
  });

  it('are validated on receipt', async () => {
    const { client } = connect();
    const wrong = { value: 'x' } as unknown as { value: number };
    expect(await failure(client.call('math/double', wrong))).toMatchObject({ code: 'invalidInput' });
  });

  it('of unknown methods are answered with an error, inherited names too', async () => {
    const { client } = connect();
    for (const name of ['math/none', 'toString', '__proto__']) {
      expect(await failure(client.call(name as 'math/slow', { ms: 0 }))).toMatchObject({ code: 'unknownMethod' });
    }
  });

  it('whose result or parameters cannot be sent fail', async () => {
    const { client } = connect();
    expect(await failure(client.call('math/unsendable', null))).toMatchObject({ code: 'internal' });
    const params = { ms: (() => 1) as unknown as number };
    expect(await failure(client.call('math/slow', params))).toMatchObject({ code: 'unavailable' });
    expect(client.pendingCalls).toBe(0);
  });

  it('report progress', async () => {
    const { client } = connect();
    const seen: unknown[] = [];
    await client.call('math/slow', { ms: 1 }, { onProgress: (progress) => seen.push(progress) });
    expect(seen).toEqual([{ message: 'half', fraction: 0.5 }]);
  });

  it('are cancelled by a signal, on both sides', async () => {
    const { client, aborted } = connect();
    const controller = new AbortController();
    const call = failure(client.call('math/slow', { ms: 50 }, { signal: controller.signal }));
    await sleep(5);
    controller.abort();
    expect(await call).toMatchObject({ code: 'cancelled' });
    await sleep(5);
    expect(aborted).toEqual(['slow']);
    expect(await failure(client.call('math/slow', { ms: 0 }, { signal: controller.signal }))).toMatchObject({
      code: 'cancelled',
    });
    expect(client.pendingCalls).toBe(0);
  });

  it('fail at their deadline, and the other side is told', async () => {
    const { client, aborted } = connect();
    expect(await failure(client.call('math/slow', { ms: 60 }, { deadlineMs: 10 }))).toMatchObject({ code: 'deadline' });
    await sleep(5);
    expect(aborted).toEqual(['slow']);
  });

  it('are superseded by a newer one with the same key only', async () => {
    const { client, aborted } = connect();
    const first = failure(client.call('math/slow', { ms: 30 }, { supersedeKey: 'view' }));
    const other = client.call('math/slow', { ms: 1 }, { supersedeKey: 'other' });
    const second = client.call('math/slow', { ms: 1 }, { supersedeKey: 'view' });
    expect(await first).toMatchObject({ code: 'superseded' });
    expect([await other, await second]).toEqual(['done', 'done']);
    expect(aborted).toEqual(['slow']);
  });

  it('keep typed arrays and special numbers', async () => {
    const ends = channel();
    interface Echo {
      'echo/it'(params: Float32Array): Float32Array;
    }
    const identity = {
      validate: (params: unknown) => params as Float32Array,
      handle: (params: Float32Array) => params,
    };
    new RpcPeer<NoMethods, Echo>(ends[1], { 'echo/it': identity });
    const client = new RpcPeer<Echo>(ends[0], {});
    const result = await client.call('echo/it', Float32Array.of(Number.NEGATIVE_INFINITY, Number.NaN, 1));
    expect(result).toEqual(Float32Array.of(Number.NEGATIVE_INFINITY, Number.NaN, 1));
  });
});

it('whatever a handler throws is an error in words, also what has no text', async () => {
  const posted: unknown[] = [];
  const without: unknown = Object.create(null);
  let hear = (_: unknown): void => undefined;
  const transport: Transport = {
    post: (message) => void posted.push(message),
    onMessage: (listener) => {
      hear = listener;
      return () => undefined;
    },
  };
  const thrown = { validate: () => null, handle: () => Promise.reject(without as Error) };
  const peer = new RpcPeer<NoMethods, { 'a/b': (params: null) => null }>(transport, { 'a/b': thrown });
  hear({ v: 1, kind: 'request', id: 1, name: 'a/b', data: null });
  await expect
    .poll(() => posted)
    .toEqual([{ v: 1, kind: 'error', id: 1, data: { code: 'internal', message: 'unknown error' } }]);
  peer.dispose();
});

describe('the connection', () => {
  it('carries events', async () => {
    const { client, server } = connect();
    const seen: number[] = [];
    const stop = client.on('state/changed', ({ value }) => seen.push(value));
    server.send('state/changed', { value: 1 });
    await sleep(1);
    stop();
    server.send('state/changed', { value: 2 });
    await sleep(1);
    expect(seen).toEqual([1]);
  });

  it('rejects what is pending when it ends, aborts what runs, and refuses what comes', async () => {
    const { client, server, aborted } = connect();
    const call = failure(client.call('math/slow', { ms: 40 }));
    await sleep(2);
    client.dispose(new RpcError('crashed', 'gone'));
    server.dispose();
    expect(await call).toMatchObject({ code: 'crashed', message: 'gone' });
    expect(aborted).toEqual(['slow']);
    expect(await failure(client.call('math/double', { value: 1 }))).toMatchObject({ code: 'crashed' });
  });

  it('ignores what is not ours', async () => {
    const { client, ends } = connect();
    for (const message of [
      null,
      7,
      'x',
      {},
      { v: 2, kind: 'request', id: 1 },
      { v: 1, kind: 'result', id: 99 },
      { v: 1, kind: 'request', id: 'a' },
    ]) {
      ends[0].post(message);
      ends[1].post(message);
    }
    expect(await client.call('math/double', { value: 1 })).toBe(2);
  });
});
