// `npm run generate`: writes what is made from the code. Tests say when one of these is stale.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ROOT } from '../test/harness/places.mjs';

/** In their order: what one writes, a later one may read. */
const GENERATORS = [
  'scripts/writeFamilies.mjs',
  'tools/schema/write.mjs',
  'tools/schema/writeEngines.mjs',
  'tools/l10n/write.mjs',
  'scripts/drawArchitecture.mjs',
  ['scripts/budgetsPage.mjs', '--written'],
];

for (const [script = '', ...args] of GENERATORS.map((each) => [each].flat())) {
  const { status } = spawnSync(process.execPath, [join(ROOT, script), ...args], { cwd: ROOT, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
