/** The attention bench: every peer in a process of its own, asked in turn, results compared before anything is timed. */

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BenchCase, benchCases, BENCH_ENGINES, type BenchEngine, caseWork } from './bench/cases';
import { type BenchPeer, nodePeer, pythonWithTorch, pytorchPeer } from './bench/peers';
import type { Rates } from '../serving/roofline';
import { type Prediction, predictions, predictionText } from './bench/prediction';
import { benchRatios, type BenchRatio } from './bench/ratios';
import { median } from './engines/matmulProof';
import { errorSentence } from './engines/engine';
import { computeThreads, machineName } from './machine';

export interface BenchOptions {
  /** dist/compute.js */
  readonly script: string;
  /** Fewer lengths and runs. */
  readonly quick: boolean;
  readonly threads?: number;
  /** Folder of an installed tfjs-node. */
  readonly tensorflowPath?: string;
  /** Interpreters to look for PyTorch in. */
  readonly pythons?: readonly (string | undefined)[];
  /** PyTorch's side of the bench. */
  readonly pytorchScript?: string;
  readonly webgpu?: boolean;
  /** Only cases whose name or variant has this in it. */
  readonly only?: string;
  readonly onProgress?: (line: string) => void;
}

export interface BenchResult {
  readonly case: string;
  readonly variant: string;
  readonly engine: BenchEngine;
  readonly medianMs: number;
  readonly runs: number;
  readonly cacheBytes: number;
  /** Billion floating-point operations a second, of the least that the case needs. */
  readonly gflops: number;
  /** Billion bytes a second, of weights and cache that must be read. */
  readonly gigabytesPerSecond: number;
  /** What the best arithmetic and the best bandwidth of this whole run would allow. */
  readonly rooflineMs: number;
}

export interface BenchReport {
  readonly machine: string;
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly BenchResult[];
  readonly ratios: readonly BenchRatio[];
  /** What a roofline says of MHA against MLA, on a GPU and here: the lectures' 6 times is a GPU's figure. */
  readonly predictions: readonly Prediction[];
  /** Peers that were absent, and what is to be known of the others. */
  readonly notes: readonly string[];
}

const LARGEST_ERROR = 1e-4;
/** A run that takes longer is timed no more often than must be. */
const SLOW_MS = 600;
const FEWEST_RUNS = 5;
/** Threads that spin after a run must not spin into the next peer's. */
const PAUSE_MS = 120;

export async function benchAttention(options: BenchOptions): Promise<BenchReport> {
  const threads = options.threads ?? computeThreads();
  const notes: string[] = [];
  const start = performance.now();
  const progress = (line: string): void =>
    options.onProgress?.(`${((performance.now() - start) / 1e3).toFixed(0).padStart(4)} s  ${line}`);
  const versions: Record<string, string> = { node: process.versions.node };
  const peers = await openPeers(options, threads, notes);
  const results: Omit<BenchResult, 'rooflineMs'>[] = [];
  try {
    const { only } = options;
    const cases = benchCases(options.quick).filter(
      ({ name, variant }) => only === undefined || `${name} ${variant}`.includes(only),
    );
    for (const [index, test] of cases.entries()) {
      const label = `${index + 1} of ${cases.length}, ${test.name} ${test.variant}`;
      results.push(
        ...(await runCase(test, peers, options.quick ? 5 : 7, versions, notes, (line) =>
          progress(`${label}: ${line}`),
        )),
      );
    }
  } finally {
    for (const peer of peers) peer.close();
  }
  const rates = bestRates(results);
  const withRoofline = results.map((result) => ({
    ...result,
    rooflineMs: rates ? rooflineMs(result, rates) : result.medianMs,
  }));
  const predicted = predictions(PREDICTED_TOKENS, rates);
  return {
    machine: machineName(),
    threads,
    versions,
    results: withRoofline,
    ratios: benchRatios(withRoofline),
    predictions: predicted,
    notes: [...new Set(notes), ...predicted.map(predictionText)],
  };
}

/** Cached tokens of the step that the bench measures. */
const PREDICTED_TOKENS = 4096;

function bestRates(results: readonly Omit<BenchResult, 'rooflineMs'>[]): Rates | null {
  if (results.length === 0) return null;
  const best = (rate: 'gflops' | 'gigabytesPerSecond'): number => Math.max(...results.map((result) => result[rate]));
  return { flopsPerS: best('gflops') * 1e9, bytesPerS: best('gigabytesPerSecond') * 1e9 };
}

async function openPeers(options: BenchOptions, threads: number, notes: string[]): Promise<readonly BenchPeer[]> {
  const peerOptions = { script: options.script, threads, tensorflowPath: options.tensorflowPath ?? null };
  const peers: BenchPeer[] = [];
  for (const engine of BENCH_ENGINES) {
    if (engine === 'pytorch') {
      const python =
        options.pytorchScript && existsSync(options.pytorchScript)
          ? await pythonWithTorch(options.pythons ?? [])
          : null;
      if (python && options.pytorchScript) peers.push(pytorchPeer(python, options.pytorchScript, threads));
      else notes.push('pytorch is absent: no Python with torch (HEADLIGHT_PYTHON names one)');
    } else if (engine === 'tensorflow' && !options.tensorflowPath) {
      notes.push('tensorflow is absent: not installed');
    } else if (engine === 'onnxruntime-webgpu' && !options.webgpu) {
      notes.push('onnxruntime-webgpu is absent: no GPU was proven here');
    } else {
      peers.push(nodePeer(engine, peerOptions));
    }
  }
  return peers;
}

interface Contestant {
  readonly peer: BenchPeer;
  readonly cacheBytes: number;
  /** Runs in a turn: more where a run is short. */
  readonly burst: number;
  readonly times: number[];
}

async function runCase(
  test: BenchCase,
  peers: readonly BenchPeer[],
  rounds: number,
  versions: Record<string, string>,
  notes: string[],
  progress: (line: string) => void,
): Promise<readonly Omit<BenchResult, 'rooflineMs'>[]> {
  const label = `${test.name} ${test.variant}`;
  const contestants: Contestant[] = [];
  let expected: Float32Array | undefined;
  for (const peer of peers.filter(({ engine }) => test.engines.includes(engine))) {
    progress(`${peer.engine} prepares`);
    try {
      const prepared = await peer.prepare(test);
      versions[peer.engine] = prepared.library;
      if (prepared.remark) notes.push(`${label}, ${peer.engine}: ${prepared.remark}`);
      expected ??= prepared.output;
      const error = relativeError(prepared.output, expected);
      if (!(error <= LARGEST_ERROR))
        throw new Error(`its result differs from the others' by ${error.toExponential(1)}`);
      // Preparing ran it once already: where a run is long, this one counts.
      const [first = 0] = await peer.time(0, 1);
      const slow = first > SLOW_MS;
      contestants.push({ peer, cacheBytes: prepared.cacheBytes, burst: slow ? 1 : 3, times: slow ? [first] : [] });
    } catch (error) {
      notes.push(`${label}: ${peer.engine} is absent: ${errorSentence(error)}`);
    }
  }
  for (let round = 0; round < rounds; round++) {
    for (const { peer, burst, times } of contestants) {
      if (burst === 1 && times.length >= FEWEST_RUNS) continue;
      await sleep(PAUSE_MS);
      times.push(...(await peer.time(burst > 1 ? 1 : 0, burst)));
    }
    progress(`round ${round + 1} of ${rounds}`);
  }
  const { flops, bytesRead } = caseWork(test);
  return contestants.map(({ peer, cacheBytes, times }) => {
    const medianMs = median(times);
    return {
      case: test.name,
      variant: test.variant,
      engine: peer.engine,
      medianMs,
      runs: times.length,
      cacheBytes,
      gflops: flops / medianMs / 1e6,
      gigabytesPerSecond: bytesRead / medianMs / 1e6,
    };
  });
}

/** Williams et al. 2009: the slower of arithmetic and reading. */
function rooflineMs(
  { medianMs, gflops, gigabytesPerSecond }: Omit<BenchResult, 'rooflineMs'>,
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
