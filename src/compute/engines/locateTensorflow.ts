/** Where @tensorflow/tfjs-node(-gpu) is: only where the user put it. Never the workspace, which may be anybody's. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EngineUnavailableError } from './engine';

export interface TensorflowPackage {
  readonly folder: string;
  readonly name: string;
  readonly version: string;
}

/** The GPU build first. */
const PACKAGES = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

/** `path`: the package's own folder, or one that has it in its `node_modules`. */
export function locateTensorflow(path: string | undefined): TensorflowPackage {
  if (!path) throw new EngineUnavailableError('not installed (command: Headlight: Install TensorFlow…)');
  const candidates = [path, ...PACKAGES.flatMap((name) => [join(path, 'node_modules', name), join(path, name)])];
  for (const folder of candidates) {
    const found = readPackage(folder);
    if (!found) continue;
    if (!existsSync(join(folder, 'lib')))
      throw new EngineUnavailableError(
        `${found.name} in ${folder} has no native binding: its installation did not finish`,
      );
    return found;
  }
  throw new EngineUnavailableError(`no ${PACKAGES.join(' or ')} in ${path}`);
}

function readPackage(folder: string): TensorflowPackage | null {
  try {
    const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Record<string, unknown>;
    const known = PACKAGES.find((candidate) => candidate === name);
    return known && typeof version === 'string' ? { folder, name: known, version } : null;
  } catch {
    return null;
  }
}
