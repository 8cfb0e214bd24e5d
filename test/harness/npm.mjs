// npm, called the same way whatever npm we were started by.
import { join } from 'node:path';
import { cacheFolder } from './places.mjs';
import { run } from './processes.mjs';

/** What `npm run` adds to the environment about *this* package; an npm that works elsewhere must not see it. */
const OURS =
  /^npm_(package_|lifecycle_|command$|execpath$|node_execpath$|config_(local_prefix|ignore_scripts|prefix)$)/i;

/** The environment for programs of other packages: without what `npm run` told us about this one. */
export function foreignEnvironment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !OURS.test(name)));
}

/**
 * @param {readonly string[]} args
 * @param {{ cwd: string; what: string }} options
 */
export function npm(args, options) {
  // npm's downloads go to our cache: a test run writes nowhere else in the user's home.
  const flags = [
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--no-progress',
    '--engine-strict=false',
    '--loglevel=error',
  ];
  const env = {
    ...foreignEnvironment(),
    npm_config_cache: join(cacheFolder(), 'npm'),
    npm_config_update_notifier: 'false',
  };
  return run('npm', [...args, ...flags], { ...options, env });
}
