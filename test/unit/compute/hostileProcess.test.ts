/**
 * A compute process that is not ours to trust: garbage, lies, silence. Every call ends in an answer or a typed error, nothing is thrown past
 * the client, and a good process works afterwards.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ComputeClient } from '../../../src/compute/client';
import { isRpcError, type RpcError } from '../../../src/shared/rpcError';
import { eachOrSkip } from '../support/cases';
import { FAKE_PROCESS } from './support/fakeProcess';

/** What the process does with each request; `id` and `name` are the request's. */
const BEHAVIOURS: Readonly<Record<string, string>> = {
  'garbage of every type': `for (const m of [null, 0, 'x', [], {}, new Map([[1, 2]]), new Uint8Array(9), { v: 1 }, { v: 1, kind: 'result' }]) send(m);
    send({ v: 1, kind: 'result', id, data: undefined });`,
  'a wrong answer': `send({ v: 1, kind: 'result', id, data: { pid: 'x', memoryBytes: [], memoryCeiling: {} } });`,
  'an answer that is too large': `send({ v: 1, kind: 'result', id, data: Array.from({ length: 300000 }, () => ({ a: 'x'.repeat(20) })) });`,
  'progress that is none': `for (const data of [null, 1, 'x', { message: 1 }, { message: {} }, { message: 'x', fraction: 'y' }, { message: 'x', fraction: NaN }, { fraction: 1 }])
      send({ v: 1, kind: 'progress', id, data });
    send({ v: 1, kind: 'error', id, data: null });`,
  'errors that are none': `for (const data of [1, { code: 'x' }, { code: 'internal', message: {} }]) send({ v: 1, kind: 'error', id, data });`,
  'answers nobody asked for': `for (let i = -5; i < 500; i++) { send({ v: 1, kind: 'result', id: i, data: i }); send({ v: 1, kind: 'request', id: i, name: '__proto__', data: {} }); }
    send({ v: 1, kind: 'error', id, data: { code: 'internal', message: 'enough' } });`,
  'events of any name': `for (const name of ['__proto__', 'constructor', 'x'.repeat(1e5), '']) send({ v: 1, kind: 'event', name, data: {} });
    send({ v: 1, kind: 'error', id, data: { code: 'internal', message: 'enough' } });`,
  'an end without a word': `process.exit(3);`,
  'a kill of itself': `process.kill(process.pid, 'SIGKILL');`,
  'a flood on its streams': `for (let i = 0; i < 2000; i++) console.log('x'.repeat(1000) + '\\u001b[2J');
    send({ v: 1, kind: 'error', id, data: { code: 'internal', message: 'enough' } });`,
  'bytes that are no message': `raw([4, 0, 0, 0, 1, 2, 3, 4]);`,
  'a length beyond all bounds': `raw([255, 255, 255, 255, 0, 1, 2, 3]);`,
  'a message that never ends': `raw([255, 255, 0, 0, 1]);`,
  'half a message and an end': `raw([255, 255, 0, 0, 1]); setTimeout(() => process.exit(0), 50);`,
  'a closed pipe': `pipe.destroy();`,
  'text where messages go': `pipe.write('driver: could not open the device');`,
  silence: '',
  'a stop': `process.kill(process.pid, 'SIGSTOP');`,
};

let folder = '';
const clients: ComputeClient[] = [];
const thrown: unknown[] = [];
const note = (error: unknown): void => void thrown.push(error);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'headlight-hostile-'));
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
});
afterEach(() => {
  for (const client of clients.splice(0)) client.dispose();
});
afterAll(async () => {
  process.off('uncaughtException', note);
  process.off('unhandledRejection', note);
  await rm(folder, { recursive: true, force: true });
});

async function hostile(behaviour: string): Promise<ComputeClient> {
  const script = join(folder, `${clients.length}-${Math.random().toString(36).slice(2)}.cjs`);
  await writeFile(
    script,
    `${FAKE_PROCESS} receive(({ kind, id, name }) => { if (kind === 'request') { ${behaviour} } });`,
  );
  const client = new ComputeClient({ script, graceMs: 100, lowPriority: false });
  clients.push(client);
  return client;
}

describe('a hostile compute process', () => {
  eachOrSkip(Object.entries(BEHAVIOURS), 'no behaviours', ([what, behaviour]) => {
    it(`${what}: the call ends in words`, async () => {
      const client = await hostile(behaviour);
      const progress: unknown[] = [];
      const ended = await client
        .call('compute/devices', { refresh: true }, { deadlineMs: 3_000, onProgress: (value) => progress.push(value) })
        .then(
          () => null,
          (error: unknown) => error as RpcError,
        );
      expect(ended === null || isRpcError(ended)).toBe(true);
      if (ended) expect(ended.message.length).toBeLessThan(5_000);
      for (const value of progress) expect(value).toMatchObject({ message: expect.any(String) as string });
      // One that waits behind it is not lost, either.
      const next = await client.call('compute/status', {}, { deadlineMs: 500 }).catch((error: unknown) => error);
      expect(isRpcError(next) || typeof next === 'object').toBe(true);
      expect(thrown.map(String)).toEqual([]);
    });
  });
});
