// `npm run test:robust [-- --inputs N --large N --edits N --kills N --faults N --seed S --parts N]`: the long form. Exit 1 on any breach.
import { fork } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import esbuild from 'esbuild';
import { loadTypeScript } from '../../scripts/loadTypeScript.mjs';

/** A part that says nothing for so long hangs. Calls that are lost are given up long before. */
const HANG_MS = 300_000;

/** Not by the harness, which ends the process at a signal. */
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DONE = 'done';
/** Whoever stops the run sees what was seen until then. */
let stopped = false;

const { values } = parseArgs({
  options: {
    inputs: { type: 'string', default: '1000000' },
    large: { type: 'string', default: '' },
    edits: { type: 'string', default: '20000' },
    kills: { type: 'string', default: '200' },
    faults: { type: 'string', default: '1000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    parts: { type: 'string', default: String(availableParallelism()) },
  },
});

/** @typedef {import('./suite').Part} Part @typedef {import('./watch').Report} Report */

const suite = await loadTypeScript(
  `export { runPart, table, brokenPart } from './test/robust/suite'; export { EVERY_LARGE } from './test/robust/inputs';`,
  ROOT,
);

// A part of a run: told what by its parent, which it tells what it saw.
if (process.send) {
  process.once('disconnect', () => process.exit(1));
  process.once('message', (part) => void runAsPart(/** @type {Part} */ (part)));
} else await runWhole();

/** @param {Part} part */
async function runAsPart(part) {
  const report = await suite.runPart({
    ...part,
    onBegin: (/** @type {string} */ begins, /** @type {Report} */ report) => process.send?.({ begins, report }),
  });
  process.send?.({ begins: DONE, report }, () => process.exit(0));
}

async function runWhole() {
  const numbers = Object.entries(values).map(([name, text]) => {
    const value = name === 'large' && text === '' ? suite.EVERY_LARGE : Number(text);
    if (!Number.isSafeInteger(value) || value < 0) throw new Error(`--${name} is ${text}, not a whole number`);
    return [name, value];
  });
  const { inputs, large, edits, kills, faults, seed, parts } = Object.fromEntries(numbers);
  console.log(`--seed ${seed} repeats this run`);
  const folder = mkdtempSync(join(ROOT, 'node_modules', '.headlight-robust-'));
  const began = performance.now();
  try {
    const script = await buildCompute(folder);
    const bases = configs();
    const share = (/** @type {number} */ all) => Math.ceil(all / parts);
    // What kills and waits has a process of its own: it needs little of the processor.
    const reports = await Promise.all(
      Array.from({ length: parts + 1 }, (_, index) => {
        const computes = index === parts;
        return runPart({
          seed: (seed + index * 1_000_003) % 2 ** 31,
          bases,
          inputs: computes ? 0 : share(inputs),
          large: { from: index, to: computes ? 0 : large, step: parts },
          edits: computes ? edits : 0,
          kills: computes ? kills : 0,
          faults: computes ? faults : 0,
          script,
          corpus: index === 0,
        });
      }),
    );
    const { text, holds } = suite.table(reports.flat(), seed);
    console.log(`\n${text}\n\n${Math.round((performance.now() - began) / 1000)} s in ${parts} + 1 processes`);
    if (stopped) console.log('Stopped before its end.');
    process.exitCode = holds && !stopped ? 0 : 1;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * @param {Part} part
 * @returns {Promise<Report[]>}
 */
function runPart(part) {
  const child = fork(fileURLToPath(import.meta.url), [], { cwd: ROOT });
  const where = `part of seed ${part.seed}`;
  return new Promise((resolve) => {
    let begun = 'start';
    let told = performance.now();
    /** @type {Report | null} */
    let report = null;
    let hangs = false;
    for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM']))
      process.once(signal, () => {
        stopped = true;
        child.kill('SIGKILL');
      });
    const look = setInterval(() => {
      if (performance.now() - told < HANG_MS) return;
      hangs = true;
      child.kill('SIGKILL');
    }, 1_000);
    child.on('message', (/** @type {{ begins?: string, report?: Report }} */ message) => {
      begun = message.begins ?? begun;
      report = message.report ?? report;
      told = performance.now();
    });
    child.on('exit', (code, signal) => {
      clearInterval(look);
      const seen = report ? [report] : [];
      if (begun !== DONE && !stopped) {
        const how = `${begun}: ${hangs ? 'no sign of life' : `ended with ${signal ?? code}`}`;
        seen.push(suite.brokenPart(where, hangs ? 'hang' : 'throw', how));
      }
      resolve(seen);
    });
    child.send(part);
  });
}

/**
 * As the extension ships it; inside node_modules, from where the tensor libraries are found.
 * @param {string} folder
 */
async function buildCompute(folder) {
  const outfile = join(folder, 'compute.js');
  await esbuild.build({
    entryPoints: [join(ROOT, 'src', 'compute', 'process.ts')],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/*'],
    outfile,
    logLevel: 'error',
  });
  return outfile;
}

/** Whole configs: samples, the vendored reference, and a small one of each model type. */
function configs() {
  const below = (/** @type {string} */ path) =>
    readdirSync(join(ROOT, path), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? [readFileSync(join(ROOT, path, entry.name, 'config.json'), 'utf8')] : [],
    );
  /** @type {Record<string, { base: unknown }>} */
  const corpus = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/corpus.json'), 'utf8'));
  return [
    ...below('media/sample-configs'),
    ...below('test/fixtures/reference/configs'),
    ...Object.values(corpus).map(({ base }) => JSON.stringify(base, null, 2)),
  ];
}
