// How the panel's page is built: esbuild.js for the editor, test/webview for its pictures and its budgets.
const { readFileSync, writeFileSync } = require('node:fs');
const { basename, resolve } = require('node:path');
const { packedModule } = require('./webview/packDefaults.js');

const ENTRY = 'webview/main.ts';
const PRELOADS = 'preload.json';

/**
 * What main.js imports, by name, beside it: the page's HTML asks for these at once. Without that the browser learns of them only when
 * it has read main.js, and each round of files goes through VS Code to the extension's machine.
 */
const listPreloads = {
  name: 'list-preloads',
  setup(build) {
    const { outdir, absWorkingDir = process.cwd(), write } = build.initialOptions;
    build.onEnd(({ metafile }) => {
      if (!metafile || write === false) return;
      writeFileSync(resolve(absWorkingDir, outdir, PRELOADS), JSON.stringify(preloadsOf(metafile)));
    });
  },
};

/** Names of the files that the entry needs before it runs. */
function preloadsOf({ outputs }) {
  const [entry] = Object.entries(outputs).find(([, { entryPoint }]) => entryPoint === ENTRY);
  const needed = new Set();
  const need = (path) => {
    for (const { path: next, kind } of outputs[path].imports) {
      if (kind !== 'import-statement' || needed.has(next)) continue;
      needed.add(next);
      need(next);
    }
  };
  need(entry);
  return [...needed].map((path) => basename(path));
}

/** Where the rules of a family or an engine were read stands in its file for who changes it. The page loads without it. */
const leaveOutCites = {
  name: 'leave-out-cites',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/](?:families|cache[\\/]engines)[\\/]\w+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/^(\s+cite:)\s+(['"])(?:[^\\\n]|\\.)*\2,$/gm, "$1 '',"),
      loader: 'ts',
    }));
  },
};

/** The table of class defaults is a tenth of the page: it is packed. */
const packDefaults = {
  name: 'pack-defaults',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]families[\\/]classDefaults\.json$/ }, ({ path }) => ({
      contents: packedModule(JSON.parse(readFileSync(path, 'utf8'))),
      loader: 'js',
    }));
  },
};

/**
 * The first view is one file, which packs smaller than several: esbuild cuts it by what each later view shares with it, unless all of
 * them need all of it. They do, since they load into it.
 */
const oneFirstView = {
  name: 'one-first-view',
  setup(build) {
    build.onLoad({ filter: /[\\/]webview[\\/]views[\\/](?:compare|whatIf|heads|mla)\.ts$/ }, ({ path }) => ({
      contents: `${readFileSync(path, 'utf8')}\nimport '../main';`,
      loader: 'ts',
    }));
  },
};

/** Options of the page; the caller adds where it goes. */
const page = {
  entryPoints: [ENTRY],
  bundle: true,
  // Views are chunks that load when they are first shown.
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  charset: 'utf8',
  minify: true,
  mainFields: ['module', 'main'],
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none',
  plugins: [leaveOutCites, packDefaults, oneFirstView],
};

module.exports = { page, pagePlugins: [leaveOutCites, packDefaults, oneFirstView, listPreloads], preloadsOf };
