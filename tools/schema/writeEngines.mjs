// Writes what package.json says of engines from the rules' declarations: `node tools/schema/writeEngines.mjs`.
// With --check it writes nothing, and fails where it would.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadTypeScript } from '../../scripts/loadTypeScript.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const file = join(ROOT, 'package.json');
const { writeEngines } = await loadTypeScript("export * from './tools/schema/engineSettings';", ROOT);
const before = JSON.parse(readFileSync(file, 'utf8'));
const after = structuredClone(before);
writeEngines(after);
if (JSON.stringify(before) === JSON.stringify(after)) console.log('package.json says of engines what the rules say.');
else if (process.argv.includes('--check')) {
  console.error('package.json does not say of engines what the rules say; run npm run generate');
  process.exit(1);
} else {
  writeFileSync(file, `${JSON.stringify(after, null, 2)}\n`);
  // As `npm run check` wants it.
  spawnSync(process.execPath, [join(ROOT, 'node_modules/@biomejs/biome/bin/biome'), 'format', '--write', file], {
    stdio: 'inherit',
  });
  console.log(file);
}
