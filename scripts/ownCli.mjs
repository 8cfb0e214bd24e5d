// The command line of this checkout, for what runs in a clone of it: a hook of pre-commit, an action. Built at the first use, from the packages
// that package-lock.json names; HEADLIGHT_CLI is another one to run.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** @returns {string} */
export function ownCli() {
  const given = process.env['HEADLIGHT_CLI'];
  if (given) return given;
  const cli = join(ROOT, 'dist', 'cli.js');
  if (!existsSync(cli)) {
    process.stderr.write('Headlight: building its command line, which takes about a minute the first time.\n');
    // On Windows npm is a script, which only a shell starts. No argument comes from outside.
    const shell = process.platform === 'win32';
    if (!existsSync(join(ROOT, 'node_modules')))
      step('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], shell);
    // The first file last: with it all is there.
    for (const part of ['cli', 'cliStart'])
      step(process.execPath, ['esbuild.js', '--production', `--only=${part}`], false);
  }
  return cli;
}

/** @param {string} program @param {string[]} args @param {boolean} shell */
function step(program, args, shell) {
  const { status, stderr, error } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: 'utf8',
    shell,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[program, ...args].join(' ')} failed:\n${stderr}`);
}
