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
import { BEHAVIOURS } from './support/behaviours';
import { FAKE_PROCESS } from './support/fakeProcess';

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
