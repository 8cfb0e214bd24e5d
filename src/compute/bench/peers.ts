/** Peers of the bench: each engine in a process of its own, asked in turn. */

import { type ChildProcess, execFile, fork, spawn } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { type NoMethods, RpcPeer } from '../../shared/rpc';
import { RpcError } from '../../shared/rpcError';
import { channelTransport } from '../childTransport';
import { caseTensors } from './caseTensors';
import type { BenchCase, BenchEngine } from './cases';
import type { BenchMethods, PreparedCase } from './contract';

/** First argument of the compute process when it serves the bench. */
export const BENCH_ARGUMENT = 'bench';

export interface BenchPeer {
  readonly engine: BenchEngine;
  prepare(test: BenchCase): Promise<PreparedCase>;
  time(warm: number, runs: number): Promise<readonly number[]>;
  close(): void;
}

export interface PeerOptions {
  /** dist/compute.js */
  readonly script: string;
  readonly threads: number;
  readonly tensorflowPath: string | null;
}

/** An engine in a fork of the compute process. */
export function nodePeer(engine: BenchEngine, { script, threads, tensorflowPath }: PeerOptions): BenchPeer {
  const child = fork(script, [BENCH_ARGUMENT], {
    serialization: 'advanced',
    execArgv: ['--max-old-space-size=8192'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const peer = new RpcPeer<BenchMethods, NoMethods>(channelTransport(child), {});
  child.on('exit', (code, signal) =>
    peer.dispose(new RpcError('crashed', `its process ended (${signal ?? code ?? '?'})`)),
  );
  return {
    engine,
    prepare: (test) => peer.call('bench/prepare', { test, engine, threads, tensorflowPath }),
    time: (warm, runs) => peer.call('bench/time', { warm, runs }),
    close: () => child.kill('SIGKILL'),
  };
}

/** The first of the interpreters that has PyTorch; null where none has. */
export async function pythonWithTorch(candidates: readonly (string | undefined)[]): Promise<string | null> {
  for (const python of candidates) {
    if (!python) continue;
    const found = await promisify(execFile)(python, ['-c', 'import torch, numpy'], { timeout: 120_000 }).then(
      () => true,
      () => false,
    );
    if (found) return python;
  }
  return null;
}

/** PyTorch, by lines of JSON: a request a line, an answer a line. The output comes in a file. */
export function pytorchPeer(
  python: string,
  script: string,
  threads: number,
  device: 'cpu' | 'cuda' = 'cpu',
): BenchPeer {
  const child: ChildProcess = spawn(python, ['-u', script], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
  });
  const waiting: { resolve(answer: Answer): void; reject(error: Error): void }[] = [];
  if (child.stdout) {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const answer = JSON.parse(line) as Answer;
      const next = waiting.shift();
      if (answer.error === undefined) next?.resolve(answer);
      else next?.reject(new Error(answer.error));
    });
  }
  child.on('exit', () => {
    for (const { reject } of waiting.splice(0)) reject(new Error('the Python process ended'));
  });
  const ask = (request: object): Promise<Answer> =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  return {
    engine: 'pytorch',
    prepare: async (test) => {
      const { weights, inputs, past } = caseTensors(test);
      const { layer, tokens, past: pastTokens, form, core, folded, batch = 1, precision = 'float32' } = test;
      const answer = await ask({
        do: 'prepare',
        threads,
        device,
        batch,
        precision,
        layer,
        tokens,
        pastTokens,
        form,
        core,
        folded,
        weights,
        inputs,
        past,
      });
      const { file, cacheBytes } = answer;
      if (file === undefined || cacheBytes === undefined) throw new Error('PyTorch answered without a result');
      const bytes = await readFile(file);
      await rm(file, { force: true });
      const output = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
      return {
        output,
        cacheBytes,
        library: answer.library ?? 'torch',
        ...(answer.remark ? { remark: answer.remark } : {}),
      };
    },
    time: async (warm, runs) => (await ask({ do: 'time', warm, runs })).times ?? [],
    close: () => child.kill('SIGKILL'),
  };
}

interface Answer {
  readonly error?: string;
  readonly file?: string;
  readonly cacheBytes?: number;
  readonly library?: string;
  readonly remark?: string;
  readonly times?: readonly number[];
}
