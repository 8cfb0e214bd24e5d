/** One case on some peers: prepared, compared, and timed in turns. The bench and the editor measure by it alike. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Precision } from '../../shared/devices';
import type { Rates } from '../../serving/roofline';
import { errorSentence } from '../engines/engine';
import { median } from '../engines/matmulProof';
import { type BenchCase, type BenchEngine, caseWork } from './cases';
import type { BenchPeer } from './peers';

export interface CaseResult {
  readonly case: string;
  readonly variant: string;
  readonly engine: BenchEngine;
  readonly medianMs: number;
  readonly runs: number;
  /** The third quartile of the times over the first: 1 on a machine that does nothing else. */
  readonly spread: number;
  readonly cacheBytes: number;
  /** Largest difference to what is compared with ÷ its largest value. */
  readonly relativeError: number;
  /** Bytes that a run takes to the device and back; null where that is not known. */
  readonly movedBytes: number | null;
  /** Billion floating-point operations a second, of the least that the case needs. */
  readonly gflops: number;
  /** Billion bytes a second, of weights and cache that must be read. */
  readonly gigabytesPerSecond: number;
}

export interface CaseRun {
  /** Turns of each peer. */
  readonly rounds: number;
  /** Libraries by engine; filled. */
  readonly versions: Record<string, string>;
  /** How a peer computes, where there is a choice. */
  readonly remark: (engine: BenchEngine, text: string) => void;
  /** A peer could not take part, for a reason. */
  readonly absent: (engine: BenchEngine, reason: string) => void;
  readonly progress: (line: string) => void;
  /** Computes what the others are compared with, in float32, and is not timed; default: the first of the peers. */
  readonly reference?: BenchPeer;
  /** Called between runs: throws where nobody waits any more. */
  readonly check?: () => void;
}

/** A float16 has 11 bits, and sums of thousands of products are kept in it by some kernels. */
const LARGEST_ERROR: Readonly<Record<Precision, number>> = { float32: 1e-4, float16: 3e-2 };
/** A run that takes longer is timed no more often than must be. */
const SLOW_MS = 600;
const FEWEST_RUNS = 5;
/** Threads that spin after a run must not spin into the next peer's. */
const PAUSE_MS = 120;

interface Contestant {
  readonly peer: BenchPeer;
  readonly cacheBytes: number;
  readonly error: number;
  readonly movedBytes: number | null;
  /** Runs in a turn: more where a run is short. */
  readonly burst: number;
  readonly times: number[];
}

export async function runCase(
  test: BenchCase,
  peers: readonly BenchPeer[],
  { rounds, versions, remark, absent, progress, reference, check = () => undefined }: CaseRun,
): Promise<readonly CaseResult[]> {
  const contestants: Contestant[] = [];
  let expected: Float32Array | undefined;
  const { precision = 'float32' } = test;
  if (reference) {
    progress('computing what is compared with');
    expected = (await reference.prepare({ ...test, precision: 'float32' })).output;
  }
  for (const peer of peers) {
    check();
    progress(`preparing ${peer.engine}`);
    try {
      const prepared = await peer.prepare(test);
      versions[peer.engine] = prepared.library;
      if (prepared.remark) remark(peer.engine, prepared.remark);
      expected ??= prepared.output;
      const error = relativeError(prepared.output, expected);
      if (!(error <= LARGEST_ERROR[precision]))
        throw new Error(`its result differs from the others' by ${error.toExponential(1)}`);
      // Preparing ran it once already: where a run is long, this one counts.
      const [first = 0] = await peer.time(0, 1);
      const slow = first > SLOW_MS;
      contestants.push({
        peer,
        cacheBytes: prepared.cacheBytes,
        error,
        movedBytes: prepared.movedBytes ?? null,
        burst: slow ? 1 : 3,
        times: slow ? [first] : [],
      });
    } catch (error) {
      absent(peer.engine, errorSentence(error));
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { peer, burst, times } of contestants) {
      if (burst === 1 && times.length >= FEWEST_RUNS) continue;
      await sleep(PAUSE_MS);
      check();
      times.push(...(await peer.time(burst > 1 ? 1 : 0, burst)));
    }
    progress(`round ${round + 1} of ${rounds}`);
  }
  const { flops, bytesRead } = caseWork(test);
  return contestants.map(({ peer, cacheBytes, error, movedBytes, times }) => {
    const medianMs = median(times);
    return {
      case: test.name,
      variant: test.variant,
      engine: peer.engine,
      medianMs,
      runs: times.length,
      spread: spreadOf(times),
      cacheBytes,
      relativeError: error,
      movedBytes,
      gflops: flops / medianMs / 1e6,
      gigabytesPerSecond: bytesRead / medianMs / 1e6,
    };
  });
}

/** The best that any case of a run reached; null where nothing was measured. */
export function bestRates(results: readonly CaseResult[]): Rates | null {
  if (results.length === 0) return null;
  const best = (rate: 'gflops' | 'gigabytesPerSecond'): number => Math.max(...results.map((result) => result[rate]));
  return { flopsPerS: best('gflops') * 1e9, bytesPerS: best('gigabytesPerSecond') * 1e9 };
}

function spreadOf(times: readonly number[]): number {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number): number => sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN;
  return at(0.75) / at(0.25);
}

/** Williams et al. 2009: the slower of arithmetic and reading. */
export function rooflineMs(
  { medianMs, gflops, gigabytesPerSecond }: CaseResult,
  { flopsPerS, bytesPerS }: Rates,
): number {
  return medianMs * Math.max((gflops * 1e9) / flopsPerS, (gigabytesPerSecond * 1e9) / bytesPerS);
}

function relativeError(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return Number.NaN;
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs((actual[i] as number) - (expected[i] as number)));
    largest = Math.max(largest, Math.abs(expected[i] as number));
  }
  return difference / largest;
}
