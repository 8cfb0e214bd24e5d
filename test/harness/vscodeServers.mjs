// VS Code's own server (the package `code-server` carries it), with a Node extension host: a real VS Code that needs
// no desktop. Two of them: the oldest VS Code we promise to work with, and the newest there is.
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { progress } from './log.mjs';
import { foreignEnvironment, npm } from './npm.mjs';
import { ensureNodeRuntime } from './nodeRuntime.mjs';
import { installOnce } from './once.mjs';
import { findProgram, run } from './processes.mjs';

/**
 * @typedef {object} ServerRecipe
 * @property {string} version   of code-server; VS Code's is 1.<its minor>
 * @property {string} vscode    the VS Code in it
 * @property {number} node      the Node it was made for
 * @property {string[]} native  modules that must be compiled. The others (kerberos, sqlite, in 1.100 node-pty) belong
 *                              to features that no test uses and are loaded on demand: leaving them saves minutes.
 * @property {boolean} ownRipgrep  whether its npm package brings ripgrep along
 */

/** @typedef {{ recipe: ServerRecipe; node: string; main: string }} InstalledServer */

/** @satisfies {Record<string, ServerRecipe>} */
export const SERVERS = {
  minimum: {
    version: '4.100.3',
    vscode: '1.100',
    node: 20,
    native: ['@vscode/spdlog', 'native-watchdog'],
    ownRipgrep: false,
  },
  newest: {
    version: '4.139.1',
    vscode: '1.139',
    node: 24,
    native: ['@vscode/spdlog', '@vscode/native-watchdog'],
    ownRipgrep: true,
  },
};

/** @typedef {keyof typeof SERVERS} ServerName */

/**
 * The server with a version of VS Code; the newest where none is asked for.
 * @param {string | undefined} version
 * @returns {ServerName}
 */
export function serverNamed(version) {
  if (version === undefined || version === 'newest') return 'newest';
  for (const name of /** @type {const} */ (['minimum', 'newest'])) if (SERVERS[name].vscode === version) return name;
  throw new Error(`--vscode ${version}: there is ${SERVERS.minimum.vscode} and ${SERVERS.newest.vscode}`);
}

/** Counts changes of the recipe below, so that caches filled by an older one are not used. */
const REVISION = 1;
const NODE_GYP = '12.4.0';

async function ensureNodeGyp() {
  const folder = await installOnce(`node-gyp-${NODE_GYP}`, 'node-gyp', async (partial) => {
    await npm(['install', '--prefix', partial, `node-gyp@${NODE_GYP}`], { cwd: partial, what: 'installing node-gyp' });
  });
  return join(folder, 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
}

/**
 * @param {string} folder
 * @param {ServerRecipe} recipe
 */
async function download(folder, recipe) {
  const spec = `code-server@${recipe.version}`;
  await npm(['pack', spec, '--pack-destination', folder], { cwd: folder, what: `downloading ${spec}` });
  const archive = readdirSync(folder).find((file) => file.endsWith('.tgz'));
  if (!archive) throw new Error(`npm pack ${spec} left no archive`);
  // Only VS Code's part: code-server's own entry (passwords, proxy) would bring two hundred packages more.
  await run('tar', ['-xzf', archive, '--strip-components=3', 'package/lib/vscode'], { cwd: folder });
  rmSync(join(folder, archive));
  // Not `ci`: it finds fault with the lock files that code-server is published with.
  await npm(['install', '--omit=dev'], { cwd: folder, what: `installing the dependencies of ${spec}` });
}

/**
 * @param {string} folder
 * @param {ServerRecipe} recipe
 */
function linkPrograms(folder, recipe) {
  // Desktop builds pack modules into an archive of this name; some code looks there.
  if (!existsSync(join(folder, 'node_modules.asar')))
    symlinkSync('node_modules', join(folder, 'node_modules.asar'), 'junction');
  if (recipe.ownRipgrep) return;
  const bin = join(folder, 'node_modules', '@vscode', 'ripgrep', 'bin');
  mkdirSync(bin, { recursive: true });
  const ripgrep = findProgram('rg');
  if (!ripgrep) throw new Error('ripgrep (rg) is not on PATH');
  symlinkSync(ripgrep, join(bin, 'rg'));
}

/**
 * Needs the system packages "compiler" and, for 1.100, "ripgrep".
 * @param {ServerName} name
 * @returns {Promise<InstalledServer>}
 */
export async function ensureServer(name) {
  const recipe = SERVERS[name];
  const what = `VS Code server ${recipe.vscode}`;
  const runtime = await ensureNodeRuntime(recipe.node);
  const id = `vscode-server-${recipe.version}-${process.platform}-${process.arch}-r${REVISION}`;
  const folder = await installOnce(id, what, async (partial) => {
    const [gyp] = await Promise.all([ensureNodeGyp(), download(partial, recipe)]);
    linkPrograms(partial, recipe);
    for (const module of recipe.native) {
      progress(`${what}: building ${module}`);
      // Headers come with the runtime: node-gyp would fetch them from a host that may be out of reach.
      await run(runtime.node, [gyp, 'rebuild', `--nodedir=${runtime.home}`, '-j', '2'], {
        cwd: join(partial, 'node_modules', module),
        env: { ...foreignEnvironment(), npm_config_devdir: join(partial, '.node-gyp') },
        what: `building ${module}`,
      });
    }
  });
  return { recipe, node: runtime.node, main: join(folder, 'out', 'server-main.js') };
}
