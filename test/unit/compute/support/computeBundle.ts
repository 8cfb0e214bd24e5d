/** dist/compute.js as the extension ships it, built by the project's own options into a folder that tests own. */

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const checkout = resolve(import.meta.dirname, '../../../..');

/** Inside node_modules, from where the tensor libraries are found as they are beside dist/. */
export async function buildCompute(): Promise<{ readonly script: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(checkout, 'node_modules', '.headlight-test-'));
  const script = join(folder, 'compute.js');
  await promisify(execFile)(process.execPath, [
    join(checkout, 'node_modules', 'esbuild', 'bin', 'esbuild'),
    join(checkout, 'src', 'compute', 'process.ts'),
    '--bundle',
    '--platform=node',
    '--format=cjs',
    '--target=node20',
    '--main-fields=module,main',
    '--external:onnxruntime-node',
    '--external:onnxruntime-web',
    '--external:@tensorflow/*',
    `--outfile=${script}`,
    '--log-level=error',
  ]);
  return { script, remove: () => rm(folder, { recursive: true, force: true }) };
}
