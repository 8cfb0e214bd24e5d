// Programs that npm does not carry. As root on Debian they are installed; elsewhere we say what is missing.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { progress } from './log.mjs';
import { findProgram, run } from './processes.mjs';

/** @typedef {'chromium' | 'ripgrep' | 'compiler' | 'parallel' | 'shells'} Need */

/** @type {Record<Need, { packages: string[]; present: () => boolean; otherwise: string }>} */
const NEEDS = {
  chromium: {
    packages: ['chromium'],
    present: () => findChromium() !== undefined,
    otherwise: 'Chromium or Chrome (or set HEADLIGHT_CHROMIUM to its path)',
  },
  ripgrep: { packages: ['ripgrep'], present: () => findProgram('rg') !== undefined, otherwise: 'ripgrep (rg)' },
  compiler: {
    packages: ['g++', 'make', 'python3'],
    present: () => ['g++', 'make', 'python3'].every((name) => findProgram(name) !== undefined),
    otherwise: 'a C++ compiler, make and python3',
  },
  shells: {
    packages: ['zsh', 'fish'],
    present: () => ['zsh', 'fish'].every((name) => findProgram(name) !== undefined),
    otherwise: 'zsh and fish',
  },
  parallel: { packages: ['parallel'], present: () => gnuParallel() !== undefined, otherwise: 'GNU parallel' },
};

/** Not the program of the same name in moreutils, which knows no `:::`. */
export function gnuParallel() {
  const found = findProgram('parallel');
  if (found === undefined) return undefined;
  const { stdout } = spawnSync(found, ['--version'], { encoding: 'utf8' });
  return /GNU parallel/.test(stdout) ? found : undefined;
}

export function findChromium() {
  const wanted = process.env['HEADLIGHT_CHROMIUM'];
  if (wanted) return existsSync(wanted) ? wanted : undefined;
  const onPath = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
    .map(findProgram)
    .find(Boolean);
  const elsewhere = [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ];
  return onPath ?? elsewhere.find((file) => existsSync(file));
}

/**
 * Throws when something cannot be had: a missing prerequisite must be seen, not skipped.
 * @param {readonly Need[]} needs
 */
export async function ensureSystemPackages(needs) {
  const absent = needs.filter((need) => !NEEDS[need].present());
  if (absent.length === 0) return;
  const packages = absent.flatMap((need) => NEEDS[need].packages);
  const apt = findProgram('apt-get');
  if (process.getuid?.() !== 0 || !apt) {
    throw new Error(
      `Missing on this machine: ${absent.map((need) => NEEDS[need].otherwise).join('; ')}.\n` +
        `On Debian or Ubuntu, as root: apt-get update && apt-get install ${packages.join(' ')}`,
    );
  }
  progress(`Debian packages: installing ${packages.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Another apt may be at work, on a machine that has just been started above all.
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  await run(apt, [...wait, '-q', 'update'], { env, what: 'apt-get update' });
  await run(apt, [...wait, '-q', '-y', '--no-install-recommends', 'install', ...packages], {
    env,
    what: 'apt-get install',
  });
  const still = absent.filter((need) => !NEEDS[need].present());
  if (still.length > 0)
    throw new Error(`Installed, yet still missing: ${still.map((need) => NEEDS[need].otherwise).join('; ')}`);
}
