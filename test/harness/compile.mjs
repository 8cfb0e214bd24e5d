// Builds dist/, which is what the editors load.
import { join } from 'node:path';
import { ROOT } from './places.mjs';
import { run } from './processes.mjs';

export async function compile() {
  await run(process.execPath, [join(ROOT, 'esbuild.js')], { cwd: ROOT, what: 'npm run compile' });
}
