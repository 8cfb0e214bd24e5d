// `npm test`: everything that can be tested on this machine. Installs what it needs, see README.
//   --only NAMES     some suites: check, unit, integration, e2e (comma-separated)
// The last line is exactly `N passed, N failed, N skipped`; the exit code is not 0 when anything failed.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile } from './compile.mjs';
import { progress, secondsSinceStart } from './log.mjs';
import { ensureNodeModules } from './nodeModules.mjs';
import { ROOT } from './places.mjs';
import { endWithParents, run } from './processes.mjs';
import { closingLine, failureReport, onePass, runSuite, suiteLine } from './results.mjs';
import { ensureSystemPackages } from './systemPackages.mjs';
import { runVitest } from './vitestSuite.mjs';
import { ensureServer, SERVERS } from './vscodeServers.mjs';

/** @typedef {import('./results.mjs').Counts} Counts */
/** @typedef {import('./results.mjs').SuiteResult} SuiteResult */

/** @param {string} script */
const npmScript = (script) => async () => {
  await run('npm', ['run', '--silent', script], { cwd: ROOT, what: `npm run ${script}` });
  return onePass();
};

/**
 * Starts at once, fails only whoever waits for it: installations run while other suites do.
 * @template T
 * @param {() => Promise<T>} begin
 */
function inBackground(begin) {
  const promise = begin();
  promise.catch(() => undefined);
  return () => promise;
}

/**
 * The suites in two lanes, one per core of a small machine: what computes beside what waits for editors.
 * @param {Set<string>} wanted
 */
function lanes(wanted) {
  const editors = wanted.has('integration') || wanted.has('e2e');
  const packages = inBackground(async () => {
    if (editors) await ensureSystemPackages(['chromium', 'ripgrep', 'compiler']);
  });
  /** @param {keyof typeof SERVERS} name */
  const server = (name) =>
    inBackground(async () => {
      await packages();
      return ensureServer(name);
    });
  const newest = editors ? server('newest') : undefined;
  const minimum = wanted.has('integration') ? server('minimum') : undefined;

  /** @param {ReturnType<typeof server> | undefined} installed */
  const integration = (installed) => async () => {
    if (!installed) throw new Error('not installed');
    const ready = await installed();
    // Loaded late: it needs node_modules.
    const { runIntegrationOnServer } = await import('./integrationSuite.mjs');
    return runIntegrationOnServer(ready);
  };

  /** @type {{ kind: string; name: string; body: () => Promise<Counts> }[][]} */
  const all = [
    [
      { kind: 'check', name: 'types', body: npmScript('check-types') },
      { kind: 'check', name: 'lint', body: npmScript('lint') },
      { kind: 'unit', name: 'unit', body: () => runVitest(join('test', 'vitest.config.mts')) },
    ],
    [
      { kind: 'integration', name: `integration (VS Code ${SERVERS.newest.vscode})`, body: integration(newest) },
      { kind: 'integration', name: `integration (VS Code ${SERVERS.minimum.vscode})`, body: integration(minimum) },
      {
        kind: 'e2e',
        name: `e2e (VS Code ${SERVERS.newest.vscode})`,
        body: async () => {
          await newest?.();
          return runVitest(join('test', 'e2e', 'vitest.config.mts'));
        },
      },
    ],
  ];
  return all.map((lane) => lane.filter((suite) => wanted.has(suite.kind)));
}

const KINDS = ['check', 'unit', 'integration', 'e2e'];

async function main() {
  if (process.env['npm_lifecycle_event']) endWithParents();
  const { values } = parseArgs({ options: { only: { type: 'string' } } });
  const wanted = new Set(values.only?.split(',').map((name) => name.trim()) ?? KINDS);
  const unknown = [...wanted].filter((kind) => !KINDS.includes(kind));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(', ')}: there is ${KINDS.join(', ')}`);

  /** @type {SuiteResult[]} */
  const results = [];
  /** @param {SuiteResult} result */
  const report = (result) => {
    results.push(result);
    progress(suiteLine(result));
  };
  const build = await runSuite('compile', async () => {
    await ensureNodeModules();
    await compile();
    return onePass();
  });
  report(build);
  // Without node_modules or dist nothing else means anything.
  if (build.failed === 0) {
    await Promise.all(
      lanes(wanted).map(async (lane) => {
        for (const suite of lane) report(await runSuite(suite.name, suite.body));
      }),
    );
  }
  const failures = failureReport(results);
  if (failures) console.log(`\n${failures}`);
  console.log(`\n${secondsSinceStart().toFixed(0)} s`);
  console.log(closingLine(results));
  return results.some((result) => result.failed > 0) ? 1 : 0;
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`npm test: ${error instanceof Error ? error.message : error}`);
    process.exit(2);
  },
);
