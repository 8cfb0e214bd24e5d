// `npm run test:undone [-- PART OF A NAME]`: each mend of what was found from outside is undone, one at a time, and its test must then
// fail: so that every finding is a test that failed before, and still would. Exit 1 where one passes without its mend.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VITEST = join(dirname(createRequire(import.meta.url).resolve('vitest/package.json')), 'vitest.mjs');
/** A test that hangs without its mend has failed, too. */
const HANG_MS = 240_000;

/** @typedef {{ name: string, file: string, find: string, put: string, tests: string[] }} Mend */

/** Names are those of the findings. @type {readonly Mend[]} */
const MENDS = [
  {
    name: 'a command link in a notification',
    file: 'src/present/inert.ts',
    find: `.replaceAll('](', '] (')`,
    put: '',
    tests: ['test/unit/present', 'test/unit/editor'],
  },
  {
    name: 'a billion layers',
    file: 'src/config/reader.ts',
    find: 'export const MAX_LAYERS = 4096;',
    put: 'export const MAX_LAYERS = 40_960;',
    tests: ['test/unit/config/robust.test.ts'],
  },
  {
    name: 'a line of Python that builds lists',
    file: 'src/python/values.ts',
    find: 'if (list.length * count > MAX_ITEMS || this.repeated + characters > MAX_REPEATED_CHARACTERS) return undefined;',
    put: 'if (list.length * count > MAX_ITEMS) return undefined;',
    tests: ['test/unit/config/python.test.ts'],
  },
  {
    name: 'cancelling what waits ends what runs',
    file: 'src/compute/client.ts',
    find: '() => !this.turns.busy',
    put: '() => true',
    tests: ['test/unit/compute/client.test.ts'],
  },
  {
    name: 'the stage that reserves most',
    file: 'src/cache/plan.ts',
    find: 'reservedBytes: most(reservedOf),',
    put: 'reservedBytes: totals.reserved + totals.stateReserved + overhead.reserved,',
    tests: ['test/unit/cache'],
  },
  {
    name: 'a known family that is taught otherwise',
    file: 'src/reading/read.ts',
    find: 'const taught = known ? undefined : taughtFor(options.families, ownType);',
    put: 'const taught = taughtFor(options.families, ownType);',
    tests: ['test/unit/config/taught.test.ts'],
  },
  {
    name: 'weights that are no numbers',
    file: 'src/weights/finite.ts',
    find: 'if (allFinite(data)) return null;',
    put: 'if (data.length >= 0) return null;',
    tests: [
      'test/unit/weights/hostile.test.ts',
      'test/unit/weights/openModel.test.ts',
      'test/unit/compute/weightFiles.test.ts',
      'test/unit/heads',
      'test/unit/cli',
    ],
  },
  {
    name: 'tokenizers that expand',
    file: 'src/weights/tokenizerBounds.ts',
    find: `if (this.left < 0) throw new Beyond('it would expand this text many times over');`,
    put: '',
    tests: ['test/unit/weights/hostileTokenizers.test.ts'],
  },
  {
    name: 'expressions that backtrack',
    file: 'src/weights/timeLimit.ts',
    find: 'CALL.runInContext(CONTEXT, { timeout: Math.ceil(limitMs) });',
    put: 'CALL.runInContext(CONTEXT);',
    tests: ['test/unit/weights/hostileTokenizers.test.ts'],
  },
  {
    name: 'lists that lint walks',
    file: 'src/config/reader.ts',
    find: 'const MAX_LIST = 4 * MAX_LAYERS;',
    put: 'const MAX_LIST = 1e9;',
    tests: ['test/unit/config/robust.test.ts'],
  },
  {
    name: 'extra layers for drafts without bound',
    file: 'src/families/step.ts',
    find: `reader.integer(['num_nextn_predict_layers'], 0, MAX_LAYERS)`,
    put: `reader.integer(['num_nextn_predict_layers'], 0)`,
    tests: ['test/unit/config/robust.test.ts'],
  },
  {
    name: 'the copy of a key that counts',
    file: 'src/config/document.ts',
    find: 'entries.set(keyNode.value, {',
    put: 'if (!entries.has(keyNode.value)) entries.set(keyNode.value, {',
    tests: ['test/unit/config/textEdits.test.ts', 'test/unit/config/convertHeads.test.ts'],
  },
  {
    name: 'truth as Python has it',
    file: 'src/config/reader.ts',
    find: 'const taken = truthOf(value);',
    put: `const taken = typeof value === 'boolean' ? value : undefined;`,
    tests: ['test/unit/config/loaderValues.test.ts'],
  },
  {
    name: 'factors that are negative',
    file: 'src/config/reader.ts',
    find: 'if (!found || found.value > 0) return found;',
    put: 'if (!found || found.value) return found;',
    tests: ['test/unit/config/loaderValues.test.ts', 'test/unit/config/classValues.test.ts'],
  },
  {
    name: 'pipes and devices',
    file: 'src/weights/regularFile.ts',
    find: 'if (!kind.isFile())',
    put: 'if (kind.isDirectory())',
    tests: ['test/unit/weights/specialFiles.test.ts'],
  },
  {
    name: 'marks that turn the direction of text',
    file: 'src/model/visibleText.ts',
    find: 'return text.replace(UNSEEN, sign);',
    put: 'return text;',
    tests: ['test/unit/model/visibleText.test.ts', 'test/unit/present/hostile.test.ts'],
  },
  {
    name: 'progress that is none',
    file: 'src/shared/rpc.ts',
    find: '&& isProgress(data)) this.pending',
    put: ') this.pending',
    tests: ['test/unit/shared', 'test/unit/compute/hostileProcess.test.ts'],
  },
  {
    name: 'slashes that hide the depth',
    file: 'src/config/textCost.ts',
    find: 'if (++depth > MAX_CONFIG_DEPTH)',
    put: 'if (++depth > 1e9)',
    tests: ['test/unit/config/robust.test.ts', 'test/unit/robust/exact.test.ts'],
  },
  {
    name: 'numbers of the command line',
    file: 'src/cli/arguments.ts',
    find: String.raw`typeof text === 'string' && /^(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : Number.NaN`,
    put: 'Number(text)',
    tests: ['test/unit/cli'],
  },
  {
    name: 'a token that the vocabulary does not have',
    file: 'src/cli/modelInput.ts',
    find: 'if (beyond !== undefined)',
    put: 'if (beyond === -1)',
    tests: ['test/unit/cli'],
  },
];

const part = process.argv[2] ?? '';
const chosen = MENDS.filter(({ name }) => name.includes(part));
if (chosen.length === 0) throw new Error(`no finding is named like ${part}`);
let passed = 0;
for (const mend of chosen) {
  const { failed, says } = await run(mend);
  if (!failed) passed++;
  console.log(`${failed ? 'fails without its mend' : 'PASSES WITHOUT ITS MEND'}: ${mend.name} (${says})`);
}
console.log(`${chosen.length} findings, ${passed} whose tests pass without the mend`);
process.exitCode = passed === 0 ? 0 : 1;

/**
 * @param {Mend} mend
 * @returns {Promise<{ failed: boolean, says: string }>}
 */
function run({ file, find, put, tests }) {
  const child = spawn(
    process.execPath,
    [VITEST, 'run', '--config', 'test/vitest.config.mts', '--reporter=json', ...tests],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: HANG_MS,
      killSignal: 'SIGKILL',
      env: { ...process.env, HEADLIGHT_UNDONE: JSON.stringify({ file, find, put }) },
    },
  );
  let [out, words] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (words += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (_code, signal) => {
      if (signal) return resolve({ failed: true, says: `no end within ${HANG_MS / 1000} s` });
      const from = out.indexOf('{"numTotalTestSuites"');
      if (from < 0) return reject(new Error(`vitest says nothing: ${words.slice(-2_000)}`));
      const report = JSON.parse(out.slice(from));
      const failures = report.testResults.flatMap(
        (
          /** @type {{ name: string, message: string, assertionResults: { status: string, fullName: string }[] }} */ suite,
        ) => {
          // A file that does not load tests nothing.
          if (suite.assertionResults.length === 0) reject(new Error(`${suite.name} did not run: ${suite.message}`));
          return suite.assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
        },
      );
      const says = failures.length > 0 ? `${failures.length}, ${failures[0]}` : `${report.numPassedTests} passed`;
      resolve({ failed: failures.length > 0, says });
    });
  });
}
