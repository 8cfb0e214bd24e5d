// Compares our numbers with the reference: every model, all cases and the recurrent state. Exit 1 on any difference.
// usage: npm run accuracy [-- --all]
// The reference is the vendored one (test/fixtures/reference); HEADLIGHT_REFERENCE names another folder with expected.json and configs/.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import esbuild from 'esbuild';
import { ROOT } from '../test/harness/places.mjs';

/** @typedef {{ name: string; what: string; want: unknown; got: unknown; variant: string; ok: boolean }} Row */
/** @typedef {{ variant: string; smax: number; bytes: Record<string, number>; state_bytes: number | null }} Expected */

const folder = resolve(process.env['HEADLIGHT_REFERENCE'] ?? join(ROOT, 'test', 'fixtures', 'reference'));
if (!existsSync(join(folder, 'expected.json'))) {
  console.error(`accuracy: there is no reference at ${folder}`);
  process.exit(2);
}

const built = await esbuild.build({
  stdin: {
    contents: `export { readModelConfig } from './src/reading/read'; export { planCache } from './src/cache/plan'; export { UNSHARDED } from './src/model/scenario';`,
    resolveDir: ROOT,
    loader: 'ts',
  },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  mainFields: ['module', 'main'],
});
const core = await import(
  `data:text/javascript;base64,${Buffer.from(built.outputFiles[0]?.text ?? '').toString('base64')}`
);

/** @type {Record<string, Expected>} */
const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'));
/** @type {Row[]} */
const rows = [];
for (const [name, wanted] of Object.entries(expected)) {
  const reading = core.readModelConfig(readFileSync(join(folder, 'configs', name, 'config.json'), 'utf8'));
  /**
   * @param {string} what
   * @param {unknown} want
   * @param {unknown} got
   */
  const row = (what, want, got) =>
    rows.push({ name, what, want, got, variant: reading?.spec.variant ?? '?', ok: want === got });
  if (!reading) {
    row('reading', 'a model config', 'none');
    continue;
  }
  /**
   * @param {number} batch
   * @param {number} tokens
   */
  const plan = (batch, tokens) =>
    core.planCache(reading.spec, {
      workload: { batch, tokens },
      engine: 'intrinsic',
      kvDtype: 'auto',
      sharding: core.UNSHARDED,
    });
  row('b1_s1', wanted.bytes['b1_s1'], plan(1, 1).cacheBytes);
  row('b1_s4096', wanted.bytes['b1_s4096'], plan(1, 4096).cacheBytes);
  row('b8_s32768', wanted.bytes['b8_s32768'], plan(8, 32768).cacheBytes);
  row('b1_smax', wanted.bytes['b1_smax'], plan(1, wanted.smax).cacheBytes);
  if (wanted.state_bytes !== null) row('state', wanted.state_bytes, plan(1, 1).stateBytes);
  row('variant', wanted.variant, reading.spec.variant);
  row('exact', true, reading.spec.exact);
}

const shown = process.argv.includes('--all') ? rows : rows.filter((row) => !row.ok || row.what === 'b1_s4096');
/** @param {Row} row */
const difference = (row) =>
  typeof row.got === 'number' && typeof row.want === 'number' ? String(row.got - row.want) : row.ok ? '' : 'differs';
const cells = shown.map((row) => [row.name, row.variant, row.what, String(row.want), String(row.got), difference(row)]);
const titles = ['model', 'kind', 'case', 'expected', 'got', 'difference'];
const widths = titles.map((title, index) => Math.max(title.length, ...cells.map((cell) => cell[index]?.length ?? 0)));
for (const cell of [titles, ...cells])
  console.log(
    cell
      .map((text, index) => text.padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
const wrong = rows.filter((row) => !row.ok);
const models = new Set(rows.map((row) => row.name)).size;
console.log(`\n${models} models, ${rows.length} checks, ${wrong.length} differences.`);
process.exit(wrong.length > 0 ? 1 : 0);
