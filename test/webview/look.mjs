// Shows a view of the panel in headless Chromium and makes pictures of it; `node test/webview/look.mjs --help` tells how.
import { ROOT } from '../harness/places.mjs';
import { findChromium } from '../harness/systemPackages.mjs';
import { withModule } from './bundled.mjs';

await withModule('lookMain.ts', async ({ look, USAGE }) => {
  if (process.argv.includes('--help')) {
    console.log(USAGE);
    return;
  }
  const executablePath = findChromium();
  if (!executablePath) throw new Error('No Chromium: set HEADLIGHT_CHROMIUM');
  process.exitCode = await look(ROOT, executablePath, process.argv.slice(2));
});
