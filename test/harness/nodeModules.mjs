// The checkout's own dependencies. Runs before they exist: nothing but Node here.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { progress } from './log.mjs';
import { npm } from './npm.mjs';
import { ROOT } from './places.mjs';

/** @param {string} file */
const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));

/** What package.json names and node_modules has not, or has in another version than the lock file says. */
function missing() {
  const manifest = readJson(join(ROOT, 'package.json'));
  const lock = readJson(join(ROOT, 'package-lock.json')).packages;
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies }).filter((name) => {
    const file = join(ROOT, 'node_modules', name, 'package.json');
    return !existsSync(file) || readJson(file).version !== lock[`node_modules/${name}`]?.version;
  });
}

export async function ensureNodeModules() {
  const names = missing();
  if (names.length === 0) return;
  // `npm ci` starts from nothing; where something is, only the difference is installed.
  const fresh = !existsSync(join(ROOT, 'node_modules'));
  progress(fresh ? 'node_modules: installing' : `node_modules: out of date (${names.join(', ')}), updating`);
  await npm([fresh ? 'ci' : 'install'], { cwd: ROOT, what: 'installing node_modules' });
}
