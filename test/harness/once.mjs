// "Install once per machine", safe against interruption and against two runs at the same time.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { progress } from './log.mjs';
import { cacheFolder } from './places.mjs';
import { atExit } from './processes.mjs';

const STAMP = '.installed';

/** @param {string} lock */
function holderIsAlive(lock) {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return true;
  } catch (error) {
    // EPERM: it lives, but belongs to someone else. Anything else: dead, or it died before it wrote its id.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * @param {string} lock
 * @param {string} name
 */
async function acquire(lock, name) {
  for (let attempt = 0; ; attempt++) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, 'pid'), String(process.pid));
      break;
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    // The first look is not trusted: the holder may be between making the folder and writing its id.
    if (attempt > 0 && !holderIsAlive(lock)) rmSync(lock, { recursive: true, force: true });
    else if (attempt === 1) progress(`${name}: another run is installing it; waiting`);
    await sleep(500);
  }
  const release = () => rmSync(lock, { recursive: true, force: true });
  const cancel = atExit(release);
  return () => {
    cancel();
    release();
  };
}

/**
 * Makes sure that `name` is installed in the cache and returns its folder. The recipe fills an empty folder, which
 * is renamed to its final name only when the recipe succeeded: what has the name is whole. Put everything that
 * changes the result (versions, platform, the recipe's revision) into the name.
 * @param {string} name
 * @param {string} what  for people
 * @param {(folder: string) => Promise<void>} recipe
 */
export async function installOnce(name, what, recipe) {
  const target = join(cacheFolder(), name);
  const installed = () => existsSync(join(target, STAMP));
  if (installed()) return target;
  const release = await acquire(`${target}.lock`, what);
  try {
    if (installed()) return target;
    const began = Date.now();
    progress(`${what}: installing (once per machine)`);
    const partial = `${target}.partial`;
    rmSync(partial, { recursive: true, force: true });
    rmSync(target, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    await recipe(partial);
    writeFileSync(join(partial, STAMP), `${new Date().toISOString()}\n`);
    renameSync(partial, target);
    progress(`${what}: installed in ${((Date.now() - began) / 1000).toFixed(0)} s`);
    return target;
  } finally {
    release();
  }
}
