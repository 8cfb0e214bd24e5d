/** Devices that models are served on: presets with their sources, from hardware.json. */

import type { Device, HardwareSource, SourcedDevice } from './device';
import table from './hardware.json';

export const DEVICES: readonly Device[] = table.devices;
const SOURCES: Readonly<Record<string, HardwareSource>> = table.sources;

export function deviceOf(id: string): Device | null {
  return DEVICES.find((device) => device.id === id) ?? null;
}

export function sourceOf(device: Device): HardwareSource | null {
  return Object.hasOwn(SOURCES, device.source) ? (SOURCES[device.source] ?? null) : null;
}

/** The device of an id with its source: what the page is told, so that it shows one without loading the table. */
export function sourcedDevice(id: string): SourcedDevice | null {
  const device = deviceOf(id);
  return device && { device, source: sourceOf(device) };
}

/** All of them. */
export function sourcedDevices(): readonly SourcedDevice[] {
  return DEVICES.map((device) => ({ device, source: sourceOf(device) }));
}
