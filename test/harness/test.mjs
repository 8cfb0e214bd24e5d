// `npm test`: everything that can be tested on this machine. Installs what it needs, see README.
//   --only NAMES     some suites: check, unit, integration, e2e (comma-separated)
//   --files WORDS    of unit and e2e only the files whose paths hold one of these words
//   --package NAME   what the e2e specs run from, installed: own (this machine's), universal, another target, or none (the checkout)
//   --vscode VERSION the VS Code of the e2e specs: 1.100, or the newest
//   --grep TEXT      of integration only the tests whose titles match
//   --family NAME    the unit tests of one model type, such as olmo2: layers, parameters, golden models, GGUF, traps
// The last line is exactly `N passed, N failed, N skipped`; the exit code is not 0 when anything failed.
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile } from './compile.mjs';
import { familyTests, unknownFamily } from './family.mjs';
import { progress, secondsSinceStart } from './log.mjs';
import { ensureNodeModules } from './nodeModules.mjs';
import { patientFiles, withoutPatient } from './patient.mjs';
import { ROOT } from './places.mjs';
import { endWithParents, run } from './processes.mjs';
import { closingLine, failureReport, onePass, runSuite, suiteLine } from './results.mjs';
import { ensureSystemPackages } from './systemPackages.mjs';
import { runVitest } from './vitestSuite.mjs';
import { packages, packageTarget } from './packages.mjs';
import { ensureServer, serverNamed, SERVERS } from './vscodeServers.mjs';

const { values: OPTIONS } = parseArgs({
  options: {
    only: { type: 'string' },
    files: { type: 'string' },
    grep: { type: 'string' },
    family: { type: 'string' },
    package: { type: 'string' },
    vscode: { type: 'string' },
  },
});
/** @param {string | undefined} list */
const wordsOf = (list) => list?.split(',').map((word) => word.trim());
const FILES = wordsOf(OPTIONS.files) ?? [];
const FAMILY = OPTIONS.family;

/** As in test/unit/depth.ts. */
const thorough = process.env['HEADLIGHT_DEPTH'] === 'full';
/** Of the e2e specs. At a desk the checkout itself: a package takes time to make. */
const TARGET = packageTarget(OPTIONS.package ?? (thorough ? 'own' : 'none'));
const SERVER = serverNamed(OPTIONS.vscode);

/** Whether unit tests are split into those that can wait and the others: where editors have turns of their own. */
const SPLIT = thorough && OPTIONS.only === undefined && FAMILY === undefined && FILES.length === 0;

/** What the properties of this run are seeded with (test/vitest.config.mts). */
const SEED = process.env['HEADLIGHT_SEED'] || String(randomInt(2 ** 31));

/** @typedef {import('./results.mjs').Counts} Counts */
/** @typedef {import('./results.mjs').SuiteResult} SuiteResult */

/** @param {string} script */
const npmScript = (script) => async () => {
  await run('npm', ['run', '--silent', script], { cwd: ROOT, what: `npm run ${script}` });
  return onePass();
};

/**
 * Starts when it is first asked for, and once; fails only whoever waits for it.
 * @template T
 * @param {() => Promise<T>} begin
 */
function once(begin) {
  /** @type {Promise<T> | undefined} */
  let promise;
  return () => {
    promise ??= begin();
    promise.catch(() => undefined);
    return promise;
  };
}

/**
 * Starts at once: installations run while other suites do.
 * @template T
 * @param {() => Promise<T>} begin
 */
function inBackground(begin) {
  const get = once(begin);
  void get();
  return get;
}

/**
 * What the suites in the editors share (see editorSession.mjs). The newest starts at once, beside the compiler: a window is open soon
 * after there is something to load into it. The other starts when its turn comes: a server that nobody visits for five minutes ends.
 * @param {Set<string>} wanted
 */
function editors(wanted) {
  const needed = wanted.has('integration') || wanted.has('e2e');
  // Of unit tests, which are skipped by name without them.
  const shells = thorough && wanted.has('unit') ? /** @type {const} */ (['shells']) : [];
  const systemPackages = inBackground(async () => {
    if (needed) await ensureSystemPackages(['chromium', 'ripgrep', 'compiler', 'parallel', ...shells]);
  });
  const packed = packages();
  /**
   * @param {keyof typeof SERVERS} name
   * @param {string | null} target
   * @param {NodeJS.ProcessEnv} [env]
   */
  const session = (name, target, env) => {
    const ready = inBackground(async () => {
      await systemPackages();
      await ensureServer(name);
    });
    // Made beside what runs before it.
    const vsix = target === null ? null : packed(target);
    vsix?.catch(() => undefined);
    return async () => {
      await ready();
      // Loaded late: it needs node_modules.
      const { startSession } = await import('./editorSession.mjs');
      const grep = OPTIONS.grep ? { HEADLIGHT_TEST_GREP: OPTIONS.grep } : {};
      return startSession(name, { ...env, ...grep }, await vsix);
    };
  };
  const both = wanted.has('integration') && wanted.has('e2e');
  // What eighty tests leave in a window (sorted views, lists of files, a narrow side bar) is not what specs begin with; and
  // integration tests are of the checkout.
  const apart = both && (thorough || TARGET !== null || SERVER !== 'newest');
  const short = both && thorough && OPTIONS.package === undefined && FILES.length === 0;
  const integration = wanted.has('integration')
    ? inBackground(session('newest', null, thorough ? {} : { HEADLIGHT_TEST_SAMPLE: String(SAMPLE) }))
    : undefined;
  return {
    integration,
    e2e: !wanted.has('e2e')
      ? undefined
      : both && !apart
        ? integration
        : (both ? once : inBackground)(session(SERVER, TARGET)),
    minimum: wanted.has('integration') && thorough ? once(session('minimum', null)) : undefined,
    few: short ? once(session('minimum', UNIVERSAL)) : undefined,
  };
}

/** Runs everywhere: the engine is WebAssembly. A few specs of it in the oldest VS Code; all of them by `--package` and `--vscode`. */
const UNIVERSAL = 'universal';
const SHORT = ['hover.e2e', 'heads.e2e'];

/** At a desk one in so many of the long suites' tests runs inside the editor, and the oldest VS Code is left to CI. */
const SAMPLE = 8;
const AT_A_DESK = thorough ? '' : ', a sample; all with HEADLIGHT_DEPTH=full';

/** @typedef {() => Promise<import('./editorSession.mjs').EditorSession>} Session */

/** @param {Session | undefined} session */
const integration = (session) => async () => {
  const { runIntegration } = await import('./integrationSuite.mjs');
  if (!session) throw new Error('no session');
  const ready = await session();
  return runIntegration(ready);
};

/**
 * @param {Session | undefined} session
 * @param {readonly string[]} files
 */
const endToEnd = (session, files) => async () => {
  if (!session) throw new Error('no session');
  const ready = await session();
  const { restoreSamples } = await import('./samples.mjs');
  restoreSamples(ready.folder);
  const { name, extension, server, browserEndpoint, folder, bridgeSocket } = ready;
  const shared = { serverUrl: server.url, browserEndpoint, folder, bridgeSocket, server: name, extension };
  const env = { HEADLIGHT_E2E_SESSION: JSON.stringify(shared) };
  return runVitest(join('test', 'e2e', 'vitest.config.mts'), env, files, {
    secondLook: thorough && FILES.length === 0,
  });
};

/** @typedef {{ kind: string; name: string; body: () => Promise<Counts> }} Suite */
/**
 * @typedef {{ session?: Session | undefined; suites: Suite[]; beside?: 'theLast' | 'all' }} Lane
 *   beside all: from the beginning to the last turn, before which it is waited for
 */

/**
 * The suites in lanes, and the lanes in turns: those of one turn go on side by side. At a desk all do: an editor waits a lot, so that
 * one lane would leave a core idle. With every case they take turns: limits of the clock hold only where the machine has time.
 * The session of a lane ends with it.
 * @param {Set<string>} wanted
 * @param {ReturnType<typeof editors>} sessions
 */
function lanes(wanted, { integration: newest, e2e, minimum, few }) {
  const [first, last] = [SERVERS.newest.vscode, SERVERS.minimum.vscode];
  const specs = {
    kind: 'e2e',
    name: `e2e (${TARGET ?? 'the checkout'}, VS Code ${SERVERS[SERVER].vscode}${AT_A_DESK})`,
    body: endToEnd(e2e, FILES),
  };
  /** @type {Lane[]} */
  const all = [
    {
      session: newest,
      suites: [
        { kind: 'integration', name: `integration (VS Code ${first}${AT_A_DESK})`, body: integration(newest) },
        ...(e2e === newest ? [specs] : []),
      ],
    },
    { session: e2e === newest ? undefined : e2e, suites: e2e === newest ? [] : [specs] },
    {
      session: minimum,
      suites: [
        thorough
          ? { kind: 'integration', name: `integration (VS Code ${last})`, body: integration(minimum) }
          : { kind: 'integration', name: `integration (VS Code ${last}): left to HEADLIGHT_DEPTH=full`, body: leftOut },
      ],
    },
    {
      // Beside the tests inside the editor, which wait for it: these have no limits of the clock.
      beside: 'theLast',
      suites: [
        { kind: 'check', name: 'types', body: npmScript('check-types') },
        { kind: 'check', name: 'lint', body: npmScript('lint') },
      ],
    },
    {
      // In a window of their own: what integration tests leave is not what specs begin with.
      session: few,
      suites: few
        ? [{ kind: 'e2e', name: `e2e (${UNIVERSAL}, VS Code ${last}, a few)`, body: endToEnd(few, SHORT) }]
        : [],
    },
    { beside: 'all', suites: SPLIT ? [{ kind: 'unit', name: 'unit (those that can wait)', body: patientUnit }] : [] },
    { suites: [{ kind: 'unit', name: FAMILY ? `unit (${FAMILY})` : 'unit', body: unit }] },
  ];
  const lanesWanted = all
    .map((lane) => ({ ...lane, suites: lane.suites.filter((suite) => wanted.has(suite.kind)) }))
    .filter(({ suites }) => suites.length > 0);
  // With every case one lane after the other, but for those that stand beside another.
  /** @type {Lane[][]} */
  const turns = [];
  for (const lane of lanesWanted) {
    const last = turns.at(-1);
    if (lane.beside === 'all') continue;
    if (last && (!thorough || lane.beside === 'theLast')) last.push(lane);
    else turns.push([lane]);
  }
  return { turns, beside: lanesWanted.filter((lane) => lane.beside === 'all') };
}

const UNIT_TESTS = join('test', 'vitest.config.mts');

/** Of a family: the files that walk model types, each with its cases of this one, all of them. */
const unit = () => {
  const env = { HEADLIGHT_SEED: SEED, ...(FAMILY ? { HEADLIGHT_FAMILY: FAMILY, HEADLIGHT_DEPTH: 'full' } : {}) };
  return runVitest(UNIT_TESTS, env, FAMILY ? familyTests() : FILES, {
    args: SPLIT ? withoutPatient() : [],
    secondLook: thorough,
  });
};

const patientUnit = () =>
  runVitest(UNIT_TESTS, { HEADLIGHT_SEED: SEED }, patientFiles(), {
    args: ['--maxWorkers=1'],
    patient: true,
    secondLook: thorough,
  });

/** A suite that this run leaves out: it counts as one that was skipped. */
const leftOut = async () => ({ passed: 0, failed: 0, skipped: 1, failures: [] });

const KINDS = ['check', 'unit', 'integration', 'e2e'];

async function main() {
  if (process.env['npm_lifecycle_event']) endWithParents();
  const unknownType = FAMILY === undefined ? null : unknownFamily(FAMILY);
  if (unknownType) throw new Error(unknownType);
  const wanted = new Set(FAMILY === undefined ? (wordsOf(OPTIONS.only) ?? KINDS) : ['unit']);
  const unknown = [...wanted].filter((kind) => !KINDS.includes(kind));
  if (unknown.length > 0) throw new Error(`--only ${unknown.join(', ')}: there is ${KINDS.join(', ')}`);

  /** @type {SuiteResult[]} */
  const results = [];
  /** @param {SuiteResult} result */
  const report = (result) => {
    results.push(result);
    progress(suiteLine(result));
  };
  /** @type {ReturnType<typeof editors> | undefined} */
  let sessions;
  const build = await runSuite('compile', async () => {
    await ensureNodeModules();
    sessions = editors(wanted);
    await compile();
    return onePass();
  });
  report(build);
  // Without node_modules or dist nothing else means anything.
  if (sessions && build.failed === 0) {
    /** @param {Lane} lane */
    const runLane = async ({ session, suites }) => {
      for (const suite of suites) report(await runSuite(suite.name, suite.body));
      // One that could not start has failed its suites; there is nothing to stop.
      const started = await session?.().catch(() => undefined);
      await started?.stop();
    };
    const { turns, beside } = lanes(wanted, sessions);
    const waited = beside.map(runLane);
    for (const [index, turn] of turns.entries()) {
      // The last turn has limits of the clock, and the machine for itself.
      if (index === turns.length - 1) await Promise.all(waited);
      await Promise.all(turn.map(runLane));
    }
  }
  const failures = failureReport(results);
  if (failures) console.log(`\n${failures}\n\nHEADLIGHT_SEED=${SEED} repeats the random cases of this run.`);
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
