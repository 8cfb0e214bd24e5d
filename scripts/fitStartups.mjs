// How far `fit` is off published start-ups (test/fixtures/startups.json), row by row, and what of a device was left over for
// what is neither weights nor cache: from that the coefficients of src/serving/memoryModel.json follow.
// usage: node scripts/fitStartups.mjs [--any-release]
import { ROOT } from '../test/harness/places.mjs';
import { loadTypeScript } from './loadTypeScript.mjs';

const anyRelease = process.argv.includes('--any-release');
const { STARTUPS, howText, startupCounts, walkStartup } = await loadTypeScript(
  "export * from './test/harness/startups'; export { howText } from './src/present/memoryText';",
  ROOT,
);
const GIB = 2 ** 30;
const gib = (/** @type {number} */ bytes) => (bytes / GIB).toFixed(2).padStart(7);

console.log(`${'start-up'.padEnd(32)} printed    low   high          width  weights said/printed  verdict`);
/** @type {Map<string, number[]>} */
const perElement = new Map();
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
  // What the profiling run took for each logit, where the weights were printed: the coefficient that decides most.
  const profile = report.parts.find((/** @type {any} */ { basis }) => basis.of === 'profile')?.basis;
  if (!row.heldOut && row.weightsGib !== null && row.tp === 1 && profile && row.fraction !== undefined) {
    const rest = (report.device.visibleGib ?? 0) * row.fraction - row.weightsGib - row.roomGib - 0.2;
    const list = perElement.get(row.release ?? '') ?? [];
    list.push((rest * GIB) / (profile.rows * profile.vocabulary));
    perElement.set(row.release ?? '', list);
  }
}
console.log(
  '\nbytes a sampled logit, by month of the release (rows that are not held out, one rank, printed weights):',
);
for (const [month, values] of [...perElement].sort())
  console.log(`  ${month}: ${values.map((value) => value.toFixed(1)).join(' ')}`);
console.log('\n', startupCounts(STARTUPS.map((/** @type {any} */ row) => walkStartup(row, anyRelease))));
