// The Node that a VS Code server was made for. npm carries Node itself, headers included.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { npm } from './npm.mjs';
import { installOnce } from './once.mjs';

const platform = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/**
 * `home` has include/node, which native modules are built against.
 * @typedef {{ node: string; home: string }} NodeRuntime
 */

/**
 * @param {number} major
 * @returns {Promise<NodeRuntime>}
 */
export async function ensureNodeRuntime(major) {
  const home = dirname(dirname(process.execPath));
  if (
    Number(process.versions.node.split('.')[0]) === major &&
    existsSync(join(home, 'include', 'node', 'node_version.h'))
  ) {
    return { node: process.execPath, home };
  }
  const name = `node-${platform}`;
  const folder = await installOnce(`${name}-${major}`, `Node ${major}`, async (partial) => {
    await npm(['install', '--prefix', partial, `${name}@${major}`], { cwd: partial, what: `installing Node ${major}` });
  });
  const installed = join(folder, 'node_modules', name);
  return { node: join(installed, 'bin', 'node'), home: installed };
}
