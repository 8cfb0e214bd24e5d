/** What this machine is: cores to use, memory to stay below, a name for reports. */

import { readdirSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, totalmem } from 'node:os';

const GIB = 1024 ** 3;

/** Threads that a CPU engine gets: one a core, siblings of a core not counted where that is known. */
export function computeThreads(): number {
  const available = availableParallelism();
  return Math.max(1, Math.min(available, physicalCores() ?? available));
}

function physicalCores(): number | null {
  if (process.platform !== 'linux') return arch() === 'x64' && cpus().length > 4 ? Math.ceil(cpus().length / 2) : null;
  try {
    const root = '/sys/devices/system/cpu';
    const siblings = readdirSync(root)
      .filter((name) => /^cpu\d+$/.test(name))
      .map((name) => readFileSync(`${root}/${name}/topology/thread_siblings_list`, 'utf8').trim());
    return new Set(siblings).size || null;
  } catch {
    return null;
  }
}

/** Bytes that runs may take unless a setting says otherwise: half the memory, 4 GiB at most. */
export function defaultMemoryCeiling(): number {
  return Math.min(4 * GIB, Math.floor(totalmem() / 2));
}

/** "AMD EPYC, 2 cores, linux x64". */
export function machineName(): string {
  const model = cpus()[0]?.model.trim().replace(/\s+/g, ' ') ?? 'unknown processor';
  return `${model}, ${availableParallelism()} cores, ${process.platform} ${arch()}`;
}
