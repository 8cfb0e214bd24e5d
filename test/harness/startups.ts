/** Published start-ups, and what `fit` says about each: for tests, for scripts/fitStartups.mjs and for docs/accuracy.md. */

import type { KvDtype } from '../../src/model/dtype';
import type { EngineOptions, EngineRule, Scenario } from '../../src/model/scenario';
import { readModelConfig } from '../../src/reading/read';
import { fitModel, type FitReport } from '../../src/serving/fit';
import { deviceOf } from '../../src/serving/hardware';
import type { Device } from '../../src/serving/device';
import fixture from '../fixtures/startups.json';

const GIB = 2 ** 30;

/** A row of test/fixtures/startups.json. */
export interface Startup {
  readonly id: string;
  readonly model: string;
  readonly device: string;
  /** Of the device, where it is a smaller one than the table has. */
  readonly deviceGib?: number;
  readonly engine: string;
  readonly release: string | null;
  readonly tp: number;
  readonly tokens: number;
  readonly batch: number;
  readonly fraction?: number;
  readonly kvDtype?: string;
  readonly options?: EngineOptions;
  /** As printed, of one rank; absent where it was not. */
  readonly weightsGib: number | null;
  /** As printed. */
  readonly roomGib: number;
  /** The engine did not start with these tokens. */
  readonly refused: boolean;
  readonly heldOut: boolean;
  readonly source: string;
  readonly note?: string;
}

export interface StartupResult {
  readonly row: Startup;
  readonly report: FitReport;
  readonly low: number;
  readonly high: number;
  /** The printed room lies in the range. */
  readonly inside: boolean;
  /** Width of the range as a share of the device's memory. */
  readonly width: number;
  /** Said to fit although it was refused. */
  readonly promised: boolean;
}

const MODELS: Readonly<Record<string, unknown>> = fixture.models;
export const STARTUPS: readonly Startup[] = fixture.rows;

function startupDevice({ device, deviceGib }: Startup): Device {
  const found = deviceOf(device);
  if (!found) throw new Error(`no device ${device}`);
  return deviceGib === undefined ? found : { ...found, memoryBytes: deviceGib * GIB, visibleGib: deviceGib };
}

function startupScenario(row: Startup): Scenario {
  return {
    workload: { batch: row.batch, tokens: row.tokens },
    engine: row.engine as EngineRule,
    ...(row.release === null ? {} : { release: row.release }),
    options: row.options ?? {},
    kvDtype: (row.kvDtype ?? 'auto') as KvDtype,
    sharding: { tp: row.tp, pp: 1, dcp: 1, dpAttention: false },
  };
}

/** What `fit` says; `anyRelease`: as if nobody had said which release it was. */
export function walkStartup(row: Startup, anyRelease = false): StartupResult {
  const reading = readModelConfig(JSON.stringify(MODELS[row.model]));
  if (!reading) throw new Error(`${row.model} is no config`);
  const { release: _release, ...unreleased } = startupScenario(row);
  const report = fitModel({
    reading,
    device: startupDevice(row),
    scenario: anyRelease ? unreleased : startupScenario(row),
    weights: null,
    ...(row.fraction === undefined ? {} : { fraction: row.fraction }),
  });
  if (!report) throw new Error(`${row.id}: no report`);
  const [low, high] = [report.low.cacheBudgetBytes / GIB, report.high.cacheBudgetBytes / GIB];
  return {
    row,
    report,
    low,
    high,
    // Printed to two digits.
    inside: row.roomGib >= low - 0.005 && row.roomGib <= high + 0.005,
    width: ((high - low) * GIB) / report.device.memoryBytes,
    promised: row.refused && report.verdict === 'fits',
  };
}

export interface StartupCounts {
  readonly rows: number;
  readonly inside: number;
  readonly heldOut: number;
  readonly heldOutInside: number;
  readonly refused: number;
  readonly promised: number;
  /** Median width of the range, a share of the device's memory. */
  readonly medianWidth: number;
}

/** How often the printed room lay in the range. For docs/accuracy.md. */
export function startupCounts(results = STARTUPS.map((row) => walkStartup(row))): StartupCounts {
  const count = (wanted: (result: StartupResult) => boolean): number => results.filter(wanted).length;
  const widths = results.map(({ width }) => width).sort((a, b) => a - b);
  return {
    rows: results.length,
    inside: count(({ inside }) => inside),
    heldOut: count(({ row }) => row.heldOut),
    heldOutInside: count(({ row, inside }) => row.heldOut && inside),
    refused: count(({ row }) => row.refused),
    promised: count(({ promised }) => promised),
    medianWidth: widths[Math.floor(widths.length / 2)] ?? Number.NaN,
  };
}
