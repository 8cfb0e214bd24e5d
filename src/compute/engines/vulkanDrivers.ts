/**
 * Which Vulkan driver this process has mapped. onnxruntime does not name its WebGPU adapter; the driver's library in
 * the memory map does (Linux).
 */

import { readFileSync } from 'node:fs';

const SOFTWARE = /swiftshader|lvp|llvmpipe|softpipe/i;
const DRIVER = /\/(libvk_swiftshader|libvulkan_\w+|libGLX_nvidia|libnvidia-vulkan\w*|amdvlk\w*)[^/]*\.so/i;

export interface VulkanDevice {
  readonly name: string;
  readonly software: boolean;
}

/** Null where it cannot be known: another platform, or no driver mapped. */
export function vulkanDevice(maps: string = memoryMap()): VulkanDevice | null {
  const names = new Set<string>();
  for (const line of maps.split('\n')) {
    const match = DRIVER.exec(line);
    if (match?.[1]) names.add(match[1]);
  }
  if (names.size === 0) return null;
  const hardware = [...names].filter((name) => !SOFTWARE.test(name));
  const software = hardware.length === 0;
  return { name: (software ? [...names] : hardware).join(', '), software };
}

function memoryMap(): string {
  if (process.platform !== 'linux') return '';
  try {
    return readFileSync('/proc/self/maps', 'utf8');
  } catch {
    return '';
  }
}
