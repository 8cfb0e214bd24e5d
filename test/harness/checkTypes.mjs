// Type-checks every runtime's project, side by side (one tsc each), and fails if any fails.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');
const projects = [
  'src/tsconfig.pure.json',
  'src/tsconfig.json',
  'webview/tsconfig.json',
  'test/tsconfig.json',
  'test/harness/tsconfig.json',
].filter((file) => existsSync(file));

const run = (/** @type {string} */ project) =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [tsc, '--noEmit', '--pretty', 'false', '-p', project], { stdio: 'inherit' });
    child.on('close', (code) => resolve({ project, code }));
  });

const results = await Promise.all(projects.map(run));
const failed = results.filter((result) => result.code !== 0);
for (const { project } of failed) console.error(`types: ${project} does not compile`);
process.exit(failed.length > 0 ? 1 : 0);
