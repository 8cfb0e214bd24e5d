// Runs a TypeScript module of this folder in this process.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from '../harness/places.mjs';

/**
 * @param {string} file its name
 * @param {(module: any) => unknown} use ends before the module's file goes
 */
export async function withModule(file, use) {
  // Inside the checkout's node_modules, so that the bundle finds its packages.
  const folder = join(ROOT, 'node_modules', '.cache', 'headlight-webview');
  mkdirSync(folder, { recursive: true });
  const outfile = join(folder, `${file}-${process.pid}.mjs`);
  try {
    await build({
      entryPoints: [join(ROOT, 'test', 'webview', file)],
      outfile,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node20',
      packages: 'external',
      logLevel: 'error',
    });
    await use(await import(pathToFileURL(outfile).href));
  } finally {
    rmSync(outfile, { force: true });
  }
}
