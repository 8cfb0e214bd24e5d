// The folder that opens: a copy of the sample configs, so that edits never reach the checkout.
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, throwAwayFolder } from './places.mjs';

export const SAMPLES = join(ROOT, 'media', 'sample-configs');

export function copySamples() {
  const folder = join(throwAwayFolder('samples'), 'sample-configs');
  cpSync(SAMPLES, folder, { recursive: true });
  return folder;
}

/**
 * Makes a copy what it was. Touches only what tests left behind or changed: the editor watches this folder.
 * @param {string} folder
 */
export function restoreSamples(folder) {
  const list = (/** @type {string} */ root) => readdirSync(root, { recursive: true, encoding: 'utf8' });
  for (const path of list(folder)) {
    if (!existsSync(join(SAMPLES, path))) rmSync(join(folder, path), { recursive: true, force: true });
  }
  for (const path of list(SAMPLES)) {
    const [from, to] = [join(SAMPLES, path), join(folder, path)];
    if (statSync(from).isDirectory() || (existsSync(to) && readFileSync(from).equals(readFileSync(to)))) continue;
    cpSync(from, to);
  }
}
