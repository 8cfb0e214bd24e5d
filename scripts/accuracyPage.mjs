// `npm run accuracy:page`: runs every test that compares with others, at full depth, and writes what they counted:
// test/fixtures/accuracy.json and docs/accuracy.md.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from '../test/harness/places.mjs';
import { loadTypeScript } from './loadTypeScript.mjs';

/** @param {string} folder @returns {string[]} test files that keep a tally */
const tallying = (folder) =>
  readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return tallying(path);
    return path.endsWith('.test.ts') && /support\/accuracy'/.test(readFileSync(join(ROOT, path), 'utf8')) ? [path] : [];
  });

const out = mkdtempSync(join(tmpdir(), 'headlight-accuracy-'));
const { status } = spawnSync(
  process.execPath,
  [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/vitest.config.mts', ...tallying('test/unit')],
  { cwd: ROOT, stdio: 'inherit', env: { ...process.env, HEADLIGHT_DEPTH: 'full', HEADLIGHT_ACCURACY_OUT: out } },
);
if (status !== 0) process.exit(status ?? 1);

const recorded = readdirSync(out)
  .sort()
  .map((name) => JSON.parse(readFileSync(join(out, name), 'utf8')));
rmSync(out, { recursive: true });
const { accuracyPage } = await loadTypeScript(`export { accuracyPage } from './test/accuracy/page';`, ROOT);
const byId = Object.fromEntries(recorded.map((row) => [row.id, row]));
writeFileSync(join(ROOT, 'test/fixtures/accuracy.json'), `${JSON.stringify(byId, null, 2)}\n`);
writeFileSync(join(ROOT, 'docs/accuracy.md'), accuracyPage(recorded));
console.log(`${recorded.length} comparisons written.`);
