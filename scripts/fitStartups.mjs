// How far `fit` is off published start-ups (test/fixtures/startups.json), row by row, and what of a device was left over for
// what is neither weights nor cache: from that the coefficients of src/serving/memoryModel.json follow.
// usage: node scripts/fitStartups.mjs [--any-release]
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../test/harness/places.mjs';
import { loadTypeScript } from './loadTypeScript.mjs';

const anyRelease = process.argv.includes('--any-release');
const { STARTUPS, howText, startupCounts, walkStartup } = await loadTypeScript(
  "export * from './test/harness/startups'; export { howText } from './src/present/memoryText';",
  ROOT,
);
const GIB = 2 ** 30;
const model = JSON.parse(readFileSync(join(ROOT, 'src', 'serving', 'memoryModel.json'), 'utf8'));
const gib = (/** @type {number} */ bytes) => (bytes / GIB).toFixed(2).padStart(7);

console.log(`${'start-up'.padEnd(32)} printed    low   high          width  weights said/printed  verdict`);
/** What the rows that are not held out say of each coefficient, by era. @type {Map<string, number[]>} */
const said = new Map();
const eraOf = (/** @type {string} */ month) => model.vllm.eras.findLast((/** @type {any} */ { from }) => from <= month);
for (const row of STARTUPS) {
  const { report, low, high, inside, width, promised } = walkStartup(row, anyRelease);
  console.log(
    `${(row.heldOut ? '* ' : '  ') + row.id}`.padEnd(32),
    row.roomGib.toFixed(2).padStart(7),
    low.toFixed(2).padStart(6),
    high.toFixed(2).padStart(6),
    inside ? '  in ' : row.roomGib < low ? ' UNDER' : ' OVER',
    `${(width * 100).toFixed(1)} %`.padStart(7),
    gib(report.weightBytesPerRank),
    row.weightsGib === null ? '      -' : row.weightsGib.toFixed(2).padStart(7),
    report.verdict,
    row.refused ? '(refused)' : '',
    promised ? 'PROMISED' : '',
  );
  if (process.argv.includes('--parts'))
    for (const part of report.parts)
      console.log(
        `      ${part.part}: ${gib(part.bytes.low)} to ${gib(part.bytes.high)}  ${howText(part, report.weights)}`,
      );
  // What is left over when the printed weights and room are taken off the share: the coefficients follow from that.
  const profile = report.parts.find((/** @type {any} */ { basis }) => basis.of === 'profile')?.basis;
  if (row.heldOut || row.weightsGib === null || !profile || row.fraction === undefined || row.release === null)
    continue;
  const era = eraOf(row.release);
  const rest = (report.device.visibleGib ?? 0) * row.fraction - row.weightsGib - row.roomGib;
  const note = (/** @type {string} */ name, /** @type {number} */ value) =>
    said.set(`${era.from} ${name}`, [...(said.get(`${era.from} ${name}`) ?? []), value]);
  const middle = (/** @type {[number, number]} */ [low, high]) => (low + high) / 2;
  const logits = (profile.rows * profile.vocabulary) / GIB;
  // Only where sampling takes more than the layers do can a row tell of it; experts have a workspace beside it.
  if (profile.workspaceBytes > 0 || era.samplerBytes[0] * logits * GIB < profile.forwardBytes) continue;
  if (row.tp === 1) note('samplerBytes', (rest - middle(era.nonTorch)) / logits);
  else
    note(
      /^[hb]\d/.test(row.device) ? 'fusedRanks' : 'ranks',
      rest - middle(era.nonTorch) - middle(era.samplerBytes) * logits,
    );
}
console.log('\ncoefficients: what the rows that are not held out say, and what the file has');
for (const [key, values] of [...said].sort()) {
  const [from = '', name = ''] = key.split(' ');
  const has = eraOf(from)[name];
  console.log(
    `  from ${from} ${name.padEnd(13)} ${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)} (${values.length} rows); ${has.join(' to ')}`,
  );
}
console.log('\n', startupCounts(STARTUPS.map((/** @type {any} */ row) => walkStartup(row, anyRelease))));
