// `npm run test:desktop`: the integration tests in desktop VS Code, on the oldest version we promise and on the newest.
// With HEADLIGHT_VSCODE (the path of an installed VS Code's executable) on that one alone; else VS Code is downloaded.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ensureNodeModules } from './nodeModules.mjs';
import { cacheFolder, EXTENSION, throwAwayFolder } from './places.mjs';
import { findProgram, start } from './processes.mjs';
import { closingLine, failureReport, runSuite, suiteLine } from './results.mjs';

const VERSIONS = ['1.100.0', 'stable'];

/** @returns {Promise<{ label: string; executable: string }[]>} */
async function editors() {
  const installed = process.env['HEADLIGHT_VSCODE'];
  if (installed) {
    if (!existsSync(installed)) throw new Error(`HEADLIGHT_VSCODE names ${installed}, which does not exist`);
    return [{ label: installed, executable: installed }];
  }
  const { downloadAndUnzipVSCode } = await import('@vscode/test-electron');
  const found = [];
  for (const version of VERSIONS) {
    try {
      const executable = await downloadAndUnzipVSCode({ version, cachePath: join(cacheFolder(), 'desktop') });
      found.push({ label: version, executable });
    } catch (error) {
      throw new Error(
        `Desktop VS Code ${version} can't be downloaded on this machine (${error instanceof Error ? error.message : error}).\n` +
          'Set HEADLIGHT_VSCODE to the executable of an installed VS Code, or use `npm test`, which needs no desktop.',
      );
    }
  }
  return found;
}

/**
 * @param {string} executable
 * @returns {Promise<import('./results.mjs').Counts>}
 */
async function runOnDesktop(executable) {
  const { runTests } = await import('@vscode/test-electron');
  const { bundleIntegrationTests } = await import('./integrationBundle.mjs');
  const { readHostResults } = await import('./integrationSuite.mjs');
  const { copySamples } = await import('./samples.mjs');
  const results = join(throwAwayFolder('results'), 'results.json');
  const user = throwAwayFolder('vscode-data');
  /** @type {unknown} */
  let problem;
  try {
    await runTests({
      vscodeExecutablePath: executable,
      extensionDevelopmentPath: EXTENSION,
      extensionTestsPath: await bundleIntegrationTests(),
      extensionTestsEnv: { HEADLIGHT_TEST_RESULTS: results },
      launchArgs: [
        copySamples(),
        ...['--user-data-dir', join(user, 'data'), '--extensions-dir', join(user, 'extensions')],
        ...['--disable-workspace-trust', '--disable-updates', '--skip-welcome', '--skip-release-notes'],
        ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
      ],
    });
  } catch (error) {
    // Failed tests end the editor with an error as well; they are in the file.
    problem = error;
  }
  return readHostResults(results, () => String(problem));
}

/** Linux without a display: once more, under a virtual one. */
async function underVirtualDisplay() {
  const xvfb = findProgram('xvfb-run');
  if (!xvfb) throw new Error('No display, and no xvfb-run (Debian: apt-get install xvfb) to make a virtual one');
  process.exitCode = await start(xvfb, ['-a', process.execPath, process.argv[1] ?? ''], { inherit: true }).ended;
}

async function main() {
  if (process.platform === 'linux' && !process.env['DISPLAY'] && !process.env['WAYLAND_DISPLAY'])
    return underVirtualDisplay();
  await ensureNodeModules();
  const { compile } = await import('./compile.mjs');
  await compile();
  const suites = [];
  for (const { label, executable } of await editors()) {
    const suite = await runSuite(`integration (desktop ${label})`, () => runOnDesktop(executable));
    console.log(suiteLine(suite));
    suites.push(suite);
  }
  const failures = failureReport(suites);
  if (failures) console.log(`\n${failures}\n`);
  console.log(closingLine(suites));
  process.exitCode = suites.some((suite) => suite.failed > 0) ? 1 : 0;
}

main().catch((error) => {
  console.error(`test:desktop: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
});
