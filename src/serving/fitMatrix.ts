/** Devices against their number: which set-ups hold a model at a scenario, the smallest first. */

import type { Scenario } from '../model/scenario';
import type { Device } from './device';
import { type FitRequest, type Verdict, verdictFor } from './fit';

/** Numbers of devices that are tried. */
export const DEVICE_COUNTS = [1, 2, 4, 8, 16] as const;

export interface MatrixCell {
  readonly devices: number;
  /** Null where it is not known. */
  readonly verdict: Verdict | null;
}

export interface MatrixRow {
  readonly device: Device;
  readonly cells: readonly MatrixCell[];
  /** Fewest devices that it fits on; null where it fits on none of the numbers. */
  readonly fitsFrom: number | null;
}

/** The request on so many devices. */
function onDevices(request: FitRequest, devices: number): FitRequest {
  const sharding = { ...request.scenario.sharding, tp: devices };
  const scenario: Scenario = { ...request.scenario, sharding };
  return { ...request, scenario };
}

/**
 * Rows that fit come first, those with the least memory in all before others: prices are not known here, and follow memory roughly. Of
 * as much memory, fewer devices come first; rows that do not fit stand behind, by the memory of all that was tried.
 */
export function fitMatrix(request: Omit<FitRequest, 'device'>, devices: readonly Device[]): readonly MatrixRow[] {
  const rows = devices.map((device): MatrixRow => {
    const cells = DEVICE_COUNTS.map((count): MatrixCell => {
      const verdict = verdictFor(onDevices({ ...request, device }, count));
      return { devices: count, verdict };
    });
    return { device, cells, fitsFrom: cells.find(({ verdict }) => verdict === 'fits')?.devices ?? null };
  });
  const memory = ({ device, fitsFrom }: MatrixRow): number => device.memoryBytes * (fitsFrom ?? 1);
  return rows.sort(
    (a, b) =>
      Number(a.fitsFrom === null) - Number(b.fitsFrom === null) ||
      (a.fitsFrom === null ? memory(b) - memory(a) : memory(a) - memory(b)) ||
      (a.fitsFrom ?? 0) - (b.fitsFrom ?? 0),
  );
}

/** Most devices that are tried for `fitsFrom`. */
const MOST_DEVICES = 1024;

/** The next number of the same device, doubled from that of the scenario, on which it fits; null where it does on none. */
export function fitsFrom(request: FitRequest): number | null {
  for (let devices = request.scenario.sharding.tp; devices <= MOST_DEVICES; devices *= 2)
    if (verdictFor(onDevices(request, devices)) === 'fits') return devices;
  return null;
}
