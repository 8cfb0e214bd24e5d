/** The attention bench: every peer in a process of its own, asked in turn, results compared before anything is timed. */

import { existsSync } from 'node:fs';
import { benchCases, BENCH_ENGINES, type BenchEngine, caseWork, type PeersCase } from './bench/cases';
import { gpuCases, MOST_REFERENCE_FLOPS } from './bench/gpuCases';
import { type GpuRatio, gpuRatios } from './bench/gpuRatios';
import { type BenchPeer, nodePeer, type PeerOptions, pythonWithTorch, pytorchPeer } from './bench/peers';
import { type Prediction, predictions, predictionText } from './bench/prediction';
import { benchRatios, type BenchRatio } from './bench/ratios';
import { bestRates, type CaseResult, rooflineMs, runCase } from './bench/runCase';
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
  /** The cases of a GPU (`gpuCases`) on onnxruntime's WebGPU provider, beside PyTorch on CUDA, compared with the CPU. */
  readonly gpu?: boolean;
  /** Only cases whose name or variant has this in it. */
  readonly only?: string;
  readonly onProgress?: (line: string) => void;
}

export interface BenchResult extends CaseResult {
  /** What the best arithmetic and the best bandwidth of this whole run would allow. */
  readonly rooflineMs: number;
}

export interface BenchReport {
  readonly machine: string;
  readonly threads: number;
  readonly versions: Readonly<Record<string, string>>;
  readonly results: readonly BenchResult[];
  readonly ratios: readonly (BenchRatio | GpuRatio)[];
  /** What a roofline says of MHA against MLA, on a GPU and here: the lectures' 6 times is a GPU's figure. */
  readonly predictions: readonly Prediction[];
  /** Peers that were absent, and what is to be known of the others. */
  readonly notes: readonly string[];
}

export async function benchAttention(options: BenchOptions): Promise<BenchReport> {
  const threads = options.threads ?? computeThreads();
  const notes: string[] = [];
  const start = performance.now();
  const progress = (line: string): void =>
    options.onProgress?.(`${((performance.now() - start) / 1e3).toFixed(0).padStart(4)} s  ${line}`);
  const versions: Record<string, string> = { node: process.versions.node };
  const peers = await openPeers(options, threads, notes);
  const reference = options.gpu ? nodePeer('onnxruntime-cpu', peerOptionsOf(options, threads)) : null;
  const results: CaseResult[] = [];
  try {
    const { only } = options;
    const cases = casesOf(options).filter(
      ({ name, variant }) => only === undefined || `${name} ${variant}`.includes(only),
    );
    for (const [index, test] of cases.entries()) {
      const label = `${index + 1} of ${cases.length}, ${test.name} ${test.variant}`;
      results.push(
        ...(await runCase(
          test,
          peers.filter(({ engine }) => test.engines.includes(engine)),
          {
            rounds: options.quick ? 5 : 7,
            versions,
            ...(reference && caseWork(test).flops <= MOST_REFERENCE_FLOPS ? { reference } : {}),
            remark: (engine, text) => notes.push(`${test.name} ${test.variant}, ${engine}: ${text}`),
            absent: (engine, reason) => notes.push(`${test.name} ${test.variant}: ${engine} is absent: ${reason}`),
            progress: (line) => progress(`${label}: ${line}`),
          },
        )),
      );
    }
  } finally {
    for (const peer of [...peers, ...(reference ? [reference] : [])]) peer.close();
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
    ratios: options.gpu ? gpuRatios(results, GPU_ENGINE, null, rates) : benchRatios(withRoofline),
    predictions: predicted,
    notes: [...new Set(notes), ...predicted.map(predictionText)],
  };
}

/** Cached tokens of the step that the bench measures. */
const PREDICTED_TOKENS = 4096;

const GPU_ENGINE = 'onnxruntime-webgpu';
const GPU_PEERS: readonly BenchEngine[] = [GPU_ENGINE, 'pytorch'];

function casesOf({ gpu, quick }: BenchOptions): readonly PeersCase[] {
  return gpu ? gpuCases().map((test) => ({ ...test, engines: GPU_PEERS })) : benchCases(quick);
}

function peerOptionsOf({ script, tensorflowPath }: BenchOptions, threads: number): PeerOptions {
  return { script, threads, tensorflowPath: tensorflowPath ?? null };
}

async function openPeers(options: BenchOptions, threads: number, notes: string[]): Promise<readonly BenchPeer[]> {
  const { gpu = false, pytorchScript } = options;
  const peers: BenchPeer[] = [];
  for (const engine of gpu ? GPU_PEERS : BENCH_ENGINES) {
    if (engine === 'pytorch') {
      const python = pytorchScript && existsSync(pytorchScript) ? await pythonWithTorch(options.pythons ?? []) : null;
      if (python && pytorchScript) peers.push(pytorchPeer(python, pytorchScript, threads, gpu ? 'cuda' : 'cpu'));
      else notes.push('pytorch is absent: no Python with torch was found (set HEADLIGHT_PYTHON to one)');
    } else if (engine === 'tensorflow' && !options.tensorflowPath) {
      notes.push('tensorflow is absent: not installed');
    } else if (engine === GPU_ENGINE && !gpu) {
      notes.push('onnxruntime-webgpu is absent: --gpu measures it, on cases of its own');
    } else {
      peers.push(nodePeer(engine, peerOptionsOf(options, threads)));
    }
  }
  return peers;
}
