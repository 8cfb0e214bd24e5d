/** Engines and peers that tests run graphs on, with why one is absent. */

import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '../../../../src/compute/engines/createEngine';
import { type GraphRunner, tfjsRunner } from '../../../../src/compute/engines/tfjs/tfjsBackend';

/** Debian's chromium brings a software Vulkan driver; WebGPU code is tested on it where it is. */
const SWIFTSHADER = '/usr/lib/chromium';
export const swiftshader: Readonly<Record<string, string>> | null = existsSync(
  join(SWIFTSHADER, 'vk_swiftshader_icd.json'),
)
  ? {
      VK_DRIVER_FILES: join(SWIFTSHADER, 'vk_swiftshader_icd.json'),
      VK_ICD_FILENAMES: join(SWIFTSHADER, 'vk_swiftshader_icd.json'),
      LD_LIBRARY_PATH: SWIFTSHADER,
    }
  : null;

const cache =
  process.env['HEADLIGHT_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'headlight');

/** An installed tfjs-node: HEADLIGHT_TENSORFLOW, or what `npm run prepare:tensorflow` left in the cache. */
export const tensorflowPath: string | null =
  [process.env['HEADLIGHT_TENSORFLOW'], join(cache, 'tensorflow')].find((path) => path && existsSync(path)) ?? null;

export const needsTensorflow = tensorflowPath ? '' : ' (skipped: no TensorFlow; run "npm run prepare:tensorflow")';

export type Peer = 'onnxruntime-cpu' | 'onnxruntime-wasm' | 'tensorflow' | 'tfjs-wasm' | 'tfjs-cpu';

export async function openPeer(peer: Peer): Promise<GraphRunner> {
  if (peer === 'tfjs-wasm' || peer === 'tfjs-cpu') return tfjsRunner(peer === 'tfjs-wasm' ? 'wasm' : 'cpu', 1);
  return Promise.resolve(createEngine(peer, { threads: 1, ...(tensorflowPath ? { tensorflowPath } : {}) }));
}
