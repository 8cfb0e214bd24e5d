/** Proofs of devices, kept in a file of ours: they hold for one machine, its drivers and our libraries, and are made anew when one of these changes. */

import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { release } from 'node:os';
import { dirname } from 'node:path';
import * as v from 'valibot';
import { type DeviceReport, deviceReport } from '../shared/devices';
import { driversText } from './drivers';
import { locateTensorflow } from './engines/locateTensorflow';
import { machineName } from './machine';

const MOST_BYTES = 2 ** 16;

/** What the proofs of this process hold for. */
export function proofConditions(tensorflowPath: string | undefined): string {
  const drivers = driversText();
  return [
    machineName(),
    // Drivers of GPUs come with the system on Windows and macOS.
    ...(process.platform === 'linux' ? [] : [release()]),
    drivers === '' ? 'no GPU driver' : drivers,
    `onnxruntime ${versionOf('onnxruntime-node') ?? versionOf('onnxruntime-web') ?? '?'}`,
    tensorflowText(tensorflowPath),
  ].join('; ');
}

export class KeptProofs {
  constructor(
    private readonly file: string,
    private readonly conditions: string,
  ) {}

  /** Undefined where there are none, or they were made under other conditions. */
  async read(): Promise<readonly DeviceReport[] | undefined> {
    try {
      const bytes = await readFile(this.file);
      if (bytes.length > MOST_BYTES) return undefined;
      const kept = v.parse(v.array(deviceReport), JSON.parse(bytes.toString()));
      return kept.length > 0 && kept.every(({ proved }) => proved?.with === this.conditions) ? kept : undefined;
    } catch {
      return undefined;
    }
  }

  /** The reports with the day and the conditions. A report of a process that ended or hung may be chance: then none is kept. */
  async write(reports: readonly DeviceReport[]): Promise<readonly DeviceReport[]> {
    if (reports.some(({ library, proof }) => library === '' && proof === null)) return reports;
    const proved = { at: Date.now(), with: this.conditions };
    const kept = reports.map((report) => ({ ...report, proved }));
    try {
      await mkdir(dirname(this.file), { recursive: true });
      const partial = `${this.file}.${process.pid}`;
      await writeFile(partial, JSON.stringify(kept));
      await rename(partial, this.file);
      return kept;
    } catch {
      return reports;
    }
  }
}

function versionOf(name: string): string | null {
  try {
    const text = readFileSync(createRequire(__filename).resolve(`${name}/package.json`), 'utf8');
    const { version } = JSON.parse(text) as { readonly version?: unknown };
    return typeof version === 'string' ? version : null;
  } catch {
    return null;
  }
}

function tensorflowText(path: string | undefined): string {
  try {
    const { name, version } = locateTensorflow(path);
    return `${name} ${version}`;
  } catch {
    return 'no TensorFlow';
  }
}
