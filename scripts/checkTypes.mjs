// Type-checks every runtime's project (one tsc each, as many at a time as there are cores), and fails if any fails.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';

// The native compiler checks in a tenth of the time; typescript-eslint still needs the JavaScript one, so both are here.
const tsc = join('node_modules', 'typescript-7', 'bin', 'tsc');
const projects = [
  'test/tsconfig.json',
  'src/tsconfig.json',
  'src/tsconfig.pure.json',
  'webview/tsconfig.json',
  'test/harness/tsconfig.json',
  'scripts/tsconfig.json',
].filter((file) => existsSync(file));

/**
 * @param {string} project
 * @returns {Promise<boolean>}
 */
function check(project) {
  // What it found last time is kept where it is gone with node_modules.
  const state = join('node_modules', '.cache', 'types', `${project.replaceAll('/', '-')}.tsbuildinfo`);
  const args = ['--noEmit', '--pretty', 'false', '--incremental', '--tsBuildInfoFile', state, '-p', project];
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [tsc, ...args], { stdio: 'inherit' });
    child.on('close', (code) => {
      if (code !== 0) console.error(`types: ${project} does not compile`);
      resolve(code === 0);
    });
  });
}

const queue = [...projects];
let passed = 0;
async function work() {
  for (let project = queue.shift(); project; project = queue.shift()) if (await check(project)) passed++;
}
await Promise.all(Array.from({ length: availableParallelism() }, work));
process.exit(passed === projects.length ? 0 : 1);
