/** What tests share: sample configs, scenarios, measured times. The reference is in support/reference.ts. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Scenario, UNSHARDED } from '../../src/model/scenario';

const checkout = resolve(import.meta.dirname, '../..');

const samples = join(checkout, 'media', 'sample-configs');

export function sampleNames(): string[] {
  return readdirSync(samples, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
}

export function samplePath(name: string): string {
  return join(samples, name, 'config.json');
}

export function sampleConfig(name: string): string {
  return readFileSync(samplePath(name), 'utf8');
}

export function scenario(batch: number, tokens: number, changes: Partial<Scenario> = {}): Scenario {
  return { workload: { batch, tokens }, engine: 'intrinsic', kvDtype: 'auto', sharding: UNSHARDED, ...changes };
}

/** The median of measured times. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Median milliseconds of CPU that a warm call takes, and of the clock. Limits hold for CPU time: other processes' load is not ours. */
export function timed(
  call: () => void,
  rounds: number,
  warmUp = 20,
): { readonly cpuMs: number; readonly wallMs: number } {
  for (let round = 0; round < warmUp; round++) call();
  const samples = Array.from({ length: rounds }, () => {
    const cpu = process.cpuUsage();
    const wall = performance.now();
    call();
    const wallMs = performance.now() - wall;
    const { user, system } = process.cpuUsage(cpu);
    return { cpuMs: Math.min((user + system) / 1000, wallMs), wallMs };
  });
  return {
    cpuMs: median(samples.map((sample) => sample.cpuMs)),
    wallMs: median(samples.map((sample) => sample.wallMs)),
  };
}
