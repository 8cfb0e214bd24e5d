// Shows a view of the panel in headless Chromium and makes pictures of it; `node test/webview/look.mjs --help` tells how.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { ROOT } from '../harness/places.mjs';
import { findChromium } from '../harness/systemPackages.mjs';

// Inside the checkout's node_modules, so that the bundle finds its packages.
const folder = join(ROOT, 'node_modules', '.cache', 'headlight-look');
mkdirSync(folder, { recursive: true });
const outfile = join(folder, `look-${process.pid}.mjs`);
await build({
  entryPoints: [join(ROOT, 'test', 'webview', 'lookMain.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  logLevel: 'error',
});
try {
  const { look, USAGE } = await import(pathToFileURL(outfile).href);
  if (process.argv.includes('--help')) console.log(USAGE);
  else {
    const executablePath = findChromium();
    if (!executablePath) throw new Error('No Chromium: set HEADLIGHT_CHROMIUM');
    process.exitCode = await look(ROOT, executablePath, process.argv.slice(2));
  }
} finally {
  rmSync(outfile, { force: true });
}
