// How the panel's page is built: esbuild.js for the editor, test/webview for its pictures and its budgets.
const { readFileSync, writeFileSync } = require('node:fs');
const { basename, resolve } = require('node:path');

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

/** Where a family's rules were read stands in its file for who changes it. The page shows it nowhere, and loads without it. */
const leaveOutCites = {
  name: 'leave-out-cites',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]families[\\/]\w+\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/^(\s+cite:)\s+'(?:[^'\\\n]|\\.)*',$/gm, "$1 '',"),
      loader: 'ts',
    }));
  },
};

/** Styles are written to be read: their comments and indents are for who changes them. */
const leaveOutStyleNotes = {
  name: 'leave-out-style-notes',
  setup(build) {
    build.onLoad({ filter: /[\\/]webview[\\/].*\.ts$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/\bcss`[^`]*`/g, (style) =>
        style
          .replace(/\/\*[^]*?\*\//g, '')
          .replace(/\s*\n\s*/g, '\n')
          .replace(/ \{/g, '{')
          .replace(/;\n\}/g, '}')
          .replace(/([a-z-]+): /g, '$1:'),
      ),
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
  plugins: [leaveOutCites, leaveOutStyleNotes],
};

module.exports = { page, pagePlugins: [leaveOutCites, leaveOutStyleNotes, listPreloads], preloadsOf };
