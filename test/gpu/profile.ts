/** What a decode step spends its time on, by onnxruntime's own profiler. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BenchCase } from '../../src/compute/bench/cases';
import { BenchWorker } from '../../src/compute/bench/worker';
import type { EngineId } from '../../src/shared/engineIds';

const RUNS = 20;
const WARM = 3;
/** Runs before those that are timed: to prepare, and to warm up. The first compiles. */
const BEFORE = 1 + WARM;

export interface StepProfile {
  readonly case: string;
  /** Median of whole steps, with the profiler on. */
  readonly stepMs: number;
  /** Dispatches (WebGPU) or operators of a step. */
  readonly kernels: number;
  /** Sum of what the device says that they took; null where it does not say. */
  readonly kernelMs: number | null;
  /** Sum of what handing operators to the device took on the processor. */
  readonly submitMs: number;
  readonly largest: readonly { readonly name: string; readonly ms: number }[];
  /** Bytes that must be read, at the bandwidth given, in ms; null where that is not known. */
  readonly readMs: number | null;
  readonly limitedBy: string;
}

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
}

export async function profileStep(
  test: BenchCase,
  engine: EngineId,
  folder: string,
  reading: { readonly bytes: number; readonly bytesPerS: number | null },
): Promise<StepProfile> {
  const worker = new BenchWorker(join(folder, 'profile'));
  await worker.prepare(test, engine, 4, null);
  const times = (await worker.time(WARM, RUNS)).toSorted((a, b) => a - b);
  await worker.unload();
  // Sessions that only hand tensors to the device write files as well: that of the layer is the one with most in it.
  const files = readdirSync(folder).filter((name) => name.startsWith('profile') && name.endsWith('.json'));
  const events = files
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as ProfileEvent[])
    .toSorted((a, b) => b.length - a.length)[0];
  return summarize(`${test.name} ${test.variant}`, events ?? [], times[RUNS >> 1] ?? Number.NaN, RUNS, reading);
}

export function summarize(
  name: string,
  events: readonly ProfileEvent[],
  stepMs: number,
  runs: number,
  { bytes, bytesPerS }: { readonly bytes: number; readonly bytesPerS: number | null },
): StepProfile {
  const timed = (list: readonly ProfileEvent[]): readonly ProfileEvent[] =>
    list.slice(Math.round((list.length * BEFORE) / (runs + BEFORE)));
  const device = timed(events.filter(({ cat }) => cat === 'Kernel' || cat === 'Api'));
  const nodes = timed(events.filter(({ cat, name: node }) => cat === 'Node' && node.endsWith('_kernel_time')));
  const shown = device.length > 0 ? device : nodes;
  const sums = new Map<string, number>();
  for (const { name: node, dur } of shown) {
    const short = node.replace(/_kernel_time$/, '');
    sums.set(short, (sums.get(short) ?? 0) + dur / 1e3 / runs);
  }
  const total = (list: readonly ProfileEvent[]): number => list.reduce((sum, { dur }) => sum + dur, 0) / 1e3 / runs;
  const kernelMs = device.length > 0 ? total(device) : null;
  const submitMs = total(nodes);
  const readMs = bytesPerS === null ? null : (bytes / bytesPerS) * 1e3;
  return {
    case: name,
    stepMs,
    kernels: Math.round(shown.length / runs),
    kernelMs,
    submitMs,
    largest: [...sums]
      .map(([node, ms]) => ({ name: node, ms }))
      .toSorted((a, b) => b.ms - a.ms)
      .slice(0, 8),
    readMs,
    limitedBy: limit(stepMs, kernelMs, submitMs, readMs),
  };
}

/** In words, from the largest part. */
function limit(stepMs: number, kernelMs: number | null, submitMs: number, readMs: number | null): string {
  const share = (ms: number): string => `${Math.round((100 * ms) / stepMs)} % of the step`;
  if (readMs !== null && readMs > 0.5 * stepMs) return `reading weights and cache (${share(readMs)})`;
  if (kernelMs !== null && kernelMs > 0.6 * stepMs)
    return `the kernels (${share(kernelMs)}), which read slower than the memory gives`;
  if (submitMs > 0.5 * stepMs) return `handing operators to the device (${share(submitMs)})`;
  return kernelMs === null
    ? 'waiting for the device: it does not say for what'
    : `waiting between kernels and for the result (kernels: ${share(kernelMs)})`;
}
