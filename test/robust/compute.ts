/** The compute process killed and stopped at random moments, and bad ones in its place. Every call answers, or fails in words. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ComputeClient } from '../../src/compute/client';
import { isRpcError } from '../../src/shared/rpcError';
import { heads, layer, rope } from '../unit/attention/support/layers';
import { BEHAVIOURS } from '../unit/compute/support/behaviours';
import { FAKE_PROCESS } from '../unit/compute/support/fakeProcess';
import { UNSEEN } from '../unit/support/hostile';
import { generator } from '../unit/weights/files';
import { mixed, type Random } from './inputs';
import type { Watch } from './watch';

/** Nothing is waited for longer after its deadline: a call that has not ended then is lost. */
const LOST_MS = 30_000;
const CLIENTS = 4;
/**
 * Deadlines of the calls after a kill, of which one must be answered. A process that stands still is found out by the first;
 * the others have the time that starting anew takes on a machine full of work.
 */
const AGAIN_MS = [10_000, 60_000, 60_000] as const;

type Ending = 'answered' | 'in words' | 'lost' | 'thrown';

/** How a call ended. Breaches are noted; `told` hears the words of a failure. */
async function ending(
  watch: Watch,
  where: string,
  call: Promise<unknown>,
  deadlineMs = 0,
  told?: (words: string) => void,
): Promise<Ending> {
  watch.count('calls');
  const lost = Symbol('lost');
  const waiting = new AbortController();
  const outcome = await Promise.race([
    call.then(
      () => 'answered' as const,
      (error: unknown) => {
        if (!isRpcError(error)) {
          watch.breach('throw', where, error instanceof Error ? (error.stack ?? '') : String(error));
          return 'thrown' as const;
        }
        if (UNSEEN.test(error.message)) watch.breach('text', where, JSON.stringify(error.message));
        watch.count(`calls that ended as ${error.code}`);
        told?.(`${error.code}: ${error.message}`);
        return 'in words' as const;
      },
    ),
    sleep(deadlineMs + LOST_MS, lost, { signal: waiting.signal }).catch(() => lost),
  ]);
  waiting.abort();
  if (outcome === lost) {
    watch.breach('loss', where, `no answer in ${deadlineMs + LOST_MS} ms`);
    return 'lost';
  }
  if (outcome === 'answered') watch.count('calls that were answered');
  return outcome as Ending;
}

/** Errors that nobody caught while `work` runs. */
async function withoutUncaught(watch: Watch, where: string, work: () => Promise<void>): Promise<void> {
  const note = (error: unknown): void =>
    watch.breach('throw', where, `uncaught: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
  process.on('uncaughtException', note);
  process.on('unhandledRejection', note);
  try {
    await work();
    // What was forgotten shows up in the next turns.
    await sleep(100);
  } finally {
    process.off('uncaughtException', note);
    process.off('unhandledRejection', note);
  }
}

/** So many at a time. */
async function shared(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: Math.min(CLIENTS, count) }, one));
}

const RUN = {
  layer: layer(heads(4, 2, 8), { rotary: rope(8) }),
  engine: 'onnxruntime-cpu',
  seed: 1,
  batch: 1,
  tokens: 5,
  steps: 2,
  captures: [],
  form: null,
} as const;
/** Long enough that most moments fall into it. */
const LONG = { ...RUN, layer: layer(heads(4, 4, 64), { hiddenSize: 32 }), tokens: 1024, steps: 0 } as const;

/** Kills of the real process (`script`), each while calls run and wait; the next call is answered. */
export async function kill(script: string, kills: number, seed: number, watch: Watch): Promise<void> {
  await withoutUncaught(watch, 'kills', () =>
    shared(kills, async (index) => {
      const random = generator(mixed(seed, index));
      const client = new ComputeClient({ script, threads: 1, lowPriority: false, graceMs: 150 });
      try {
        const calls = waiting(client, random).map((call) => ending(watch, 'kills', call));
        const kind = (['SIGKILL', 'SIGSTOP', 'SIGTERM', 'SIGSEGV'] as const)[random(4)] ?? 'SIGKILL';
        await sleep(random(500));
        watch.count('kills');
        watch.count(signalled(client.pid, kind) ? `kills by ${kind}` : 'kills of a process that was gone');
        await Promise.all(calls);
        // As users do: again.
        let next: Ending = 'lost';
        const words: string[] = [];
        for (const deadlineMs of AGAIN_MS) {
          const call = client.call('compute/runLayer', RUN, { deadlineMs });
          next = await ending(watch, 'after a kill', call, deadlineMs, (text) => words.push(text));
          if (next === 'answered') break;
        }
        if (next !== 'answered')
          watch.breach('loss', 'after a kill', `no next call was answered after ${kind}: ${words.join('; ')}`);
      } finally {
        client.dispose();
      }
    }),
  );
}

function signalled(pid: number | undefined, kind: NodeJS.Signals): boolean {
  try {
    return pid !== undefined && process.kill(pid, kind);
  } catch {
    // It has ended, and nobody has heard of it yet.
    return false;
  }
}

/** Calls that run, that wait behind, are cancelled, superseded and out of time. */
function waiting(client: ComputeClient, random: Random): Promise<unknown>[] {
  return Array.from({ length: 2 + random(5) }, () => {
    const options = { deadlineMs: 1_000 + random(3_000) };
    switch (random(6)) {
      case 0:
        return client.call('compute/status', {}, options);
      case 1: {
        const controller = new AbortController();
        setTimeout(() => controller.abort(), random(600));
        return client.call('compute/runLayer', LONG, { ...options, signal: controller.signal });
      }
      case 2:
        return client.call('compute/runLayer', LONG, { deadlineMs: 1 + random(300) });
      case 3:
        return client.call('compute/runLayer', LONG, { ...options, supersedeKey: 'one' });
      default:
        return client.call('compute/runLayer', random(2) === 0 ? LONG : RUN, options);
    }
  });
}

/** A process that is not ours: one of the known ways to be bad, or bytes at random, and after it a call that waited. */
export async function fault(faults: number, seed: number, watch: Watch): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headlight-faults-'));
  const known = Object.entries(BEHAVIOURS);
  try {
    await withoutUncaught(watch, 'faults', () =>
      shared(faults, async (index) => {
        const random = generator(mixed(seed, index));
        const [name, behaviour] = known[random(known.length * 2)] ?? ['frames at random', frames(random)];
        const script = join(folder, `${index}.cjs`);
        writeFileSync(
          script,
          `${FAKE_PROCESS} receive(({ kind, id, name }) => { if (kind === 'request') { ${behaviour} } });`,
        );
        const client = new ComputeClient({ script, graceMs: 100, lowPriority: false });
        const options = (): { deadlineMs: number; onProgress: () => void } => ({
          deadlineMs: 300 + random(700),
          onProgress: () => watch.count('progress'),
        });
        try {
          watch.count('faults');
          watch.count(`faults: ${name}`);
          const calls = [
            client.call('compute/devices', { refresh: true }, options()),
            client.call('compute/status', {}, options()),
            client.call('compute/runLayer', RUN, options()),
            client.call('compute/runLayer', RUN, options()),
          ];
          await Promise.all(calls.map((call) => ending(watch, `faults: ${name}`, call)));
        } finally {
          client.dispose();
        }
      }),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bytes: raw ones, or whole messages whose fields are anything. */
function frames(random: Random): string {
  const anything = (): string =>
    [
      'null',
      '0',
      '-1',
      '1e308',
      'NaN',
      '"x"',
      '"\\u001b[2J"',
      '[]',
      '{}',
      'new Map()',
      'id',
      'id + 1',
      'true',
      '"__proto__"',
      'new Float32Array(3)',
      '10n',
    ][random(16)] ?? 'null';
  const kinds = ['"result"', '"error"', '"progress"', '"event"', '"request"', '"cancel"'];
  return Array.from({ length: 1 + random(12) }, () => {
    switch (random(5)) {
      case 0:
        return `raw([${Array.from({ length: random(12) }, () => random(256)).join(',')}]);`;
      case 1:
        return `send(${anything()});`;
      case 2:
        return `send({ v: ${random(3)}, kind: ${anything()}, id: ${anything()}, name: ${anything()}, data: ${anything()} });`;
      default:
        return `send({ v: 1, kind: ${kinds[random(kinds.length)] ?? ''}, id: ${random(2) === 0 ? 'id' : anything()}, name: ${anything()}, data: { code: ${anything()}, message: ${anything()}, fraction: ${anything()} } });`;
    }
  }).join(' ');
}
