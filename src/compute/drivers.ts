/** Which drivers of GPUs this machine has: by what the system says of them, without loading any. */

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/**
 * Where Vulkan's loader looks for drivers (Vulkan-Loader, LoaderInterfaceArchitecture, "Driver Manifest File Usage"), and where NVIDIA's container
 * toolkit mounts them.
 */
const DRIVER_FOLDERS = [
  '/etc/vulkan/icd.d',
  '/usr/local/share/vulkan/icd.d',
  '/usr/share/vulkan/icd.d',
  '/usr/local/nvidia/share/vulkan/icd.d',
];

export interface VulkanManifest {
  /** The manifest's file. */
  readonly file: string;
  /** The library that it names: a path, or a name for the dynamic linker. */
  readonly library: string;
}

/**
 * Manifests of Vulkan drivers; those that the variables of the loader name, where they are set.
 * @internal
 */
export function vulkanManifests(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  folders: readonly string[] = DRIVER_FOLDERS,
): readonly VulkanManifest[] {
  const named = (environment['VK_DRIVER_FILES'] ?? environment['VK_ICD_FILENAMES'])?.split(':').filter(Boolean);
  const files = named ?? folders.flatMap((folder) => listed(folder).map((name) => join(folder, name)));
  return files.flatMap((file) => {
    const library = libraryOf(file);
    return library === null ? [] : [{ file, library }];
  });
}

/** "NVIDIA driver 580.159.04"; null where the kernel has none. */
export function nvidiaDriver(file = '/proc/driver/nvidia/version'): string | null {
  const version = /Kernel Module(?: for \S+)?\s+(\d[\d.]+)/.exec(read(file) ?? '')?.[1];
  return version ? `NVIDIA driver ${version}` : null;
}

/** All that a proof of a GPU depends on here, in words: empty where there is no driver. */
export function driversText(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  const manifests = vulkanManifests(environment).map(({ file, library }) => `${library} (${changed(file)})`);
  return [nvidiaDriver(), ...manifests.toSorted()].filter((part) => part !== null).join(', ');
}

function listed(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.json'))
      .toSorted();
  } catch {
    return [];
  }
}

function libraryOf(file: string): string | null {
  try {
    const { ICD } = JSON.parse(read(file) ?? '') as { readonly ICD?: { readonly library_path?: unknown } };
    const library = ICD?.library_path;
    if (typeof library !== 'string') return null;
    // With a slash in it, it is a path from the manifest; else a name that the dynamic linker looks for.
    return library.includes('/') ? resolve(dirname(file), library) : library;
  } catch {
    return null;
  }
}

function read(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function changed(file: string): string {
  try {
    return statSync(file).mtime.toISOString().slice(0, 10);
  } catch {
    return '?';
  }
}
