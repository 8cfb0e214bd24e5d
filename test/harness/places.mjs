// Where things are: the checkout, the cache of installed programs (outside of the checkout), throw-away folders.
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { atExit } from './processes.mjs';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/** The extension that editors load while it is developed: the checkout, or what HEADLIGHT_EXTENSION names. */
export const EXTENSION = resolve(process.env['HEADLIGHT_EXTENSION'] ?? ROOT);

/** Everything that is downloaded or built once per machine lives here. Delete it at any time. */
export function cacheFolder() {
  const base = process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache');
  const folder = resolve(process.env['HEADLIGHT_CACHE'] || join(base, 'headlight'));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/**
 * A folder that is gone when this process ends.
 * @param {string} purpose
 */
export function throwAwayFolder(purpose) {
  // The real path, since VS Code resolves links (/tmp is one on macOS) and tests compare paths.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), `headlight-${purpose}-`)));
  atExit(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 }));
  return folder;
}
