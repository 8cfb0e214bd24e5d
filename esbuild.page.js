// How the panel's page is built: esbuild.js for the editor, test/webview for its pictures and its budgets.
const { readFileSync, writeFileSync } = require('node:fs');
const { basename, dirname, relative, resolve } = require('node:path');
const { packedModule } = require('./webview/packDefaults.js');

const ENTRY = 'webview/main.ts';
/** The page of a weight file: a build of its own, for it shares no view with the panel. */
const WEIGHTS_ENTRY = 'webview/weights.ts';
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
  const [entry] = Object.entries(outputs).find(
    ([, { entryPoint }]) => entryPoint === ENTRY || entryPoint === WEIGHTS_ENTRY,
  );
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

const REGISTER = 'register.ts';

/** Where rules were read stands in their file for who changes it: the page shows it nowhere, and loads without it. */
const withoutCites = (text) => text.replace(/^(\s+cite:|const CITE =)\s+(['"])(?:[^\\\n]|\\.)*\2([,;])$/gm, "$1 ''$3");

/**
 * Chunks are made of whole files, and a family is one file. What its layers cache is wanted at the first view; its blocks, counts and
 * names only where weights are counted. So each family is bundled twice: what `layersRegister` needs, and what the others do.
 */
const facetsApart = {
  name: 'facets-apart',
  setup(build) {
    const families = resolve(build.initialOptions.absWorkingDir ?? process.cwd(), 'src', 'families');
    const register = readFileSync(resolve(families, REGISTER), 'utf8');
    const described = new Set(
      [...register.matchAll(/^import \* as \w+ from '\.\/(\w+)';$/gm)].map(([, name]) => `${name}.ts`),
    );
    /** Which of the two an importer of the register wants. */
    const wantedBy = (importer) => {
      const [, names = ''] = /import \{([^}]*)\} from '[^']*\/register';/.exec(readFileSync(importer, 'utf8')) ?? [];
      const registers = names.split(',').map((name) => name.trim());
      const layers = registers.filter((name) => name === 'layersRegister');
      if (layers.length > 0 && layers.length < registers.length)
        throw new Error(`${importer} imports layersRegister with others: the page could not load them apart`);
      return layers.length > 0 ? 'layers' : 'others';
    };
    build.onResolve({ filter: /^\.[./]*\/[\w/]+$/ }, ({ path, resolveDir, importer, pluginData }) => {
      const file = `${resolve(resolveDir, path)}.ts`;
      if (dirname(file) !== families) return undefined;
      const name = basename(file);
      const part = name === REGISTER ? wantedBy(importer) : described.has(name) ? pluginData?.part : undefined;
      return part === undefined ? undefined : { path: file, suffix: `?${part}` };
    });
    build.onLoad({ filter: /[\\/]src[\\/]families[\\/]\w+\.ts$/ }, ({ path, suffix }) => ({
      contents: withoutCites(readFileSync(path, 'utf8')),
      loader: 'ts',
      pluginData: suffix === '' ? undefined : { part: suffix.slice(1) },
    }));
  },
};

const leaveOutCites = {
  name: 'leave-out-cites',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/]cache[\\/]engines[\\/]\w+\.ts$/ }, ({ path }) => ({
      contents: withoutCites(readFileSync(path, 'utf8')),
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

/** Styles are written to be read: their comments and indents are for who changes them. */
const withoutStyleNotes = (text) =>
  text.replace(/\bcss`[^`]*`/g, (style) =>
    style
      .replace(/\/\*[^]*?\*\//g, '')
      .replace(/\s*\n\s*/g, '\n')
      .replace(/ \{/g, '{')
      .replace(/;\n\}/g, '}')
      .replace(/([a-z-]+): /g, '$1:'),
  );

const leaveOutStyleNotes = {
  name: 'leave-out-style-notes',
  setup(build) {
    build.onLoad({ filter: /[\\/]webview[\\/].*\.ts$/ }, ({ path }) => ({
      contents: withoutStyleNotes(readFileSync(path, 'utf8')),
      loader: 'ts',
    }));
  },
};

/** Views, and parts of views, that load when they are first shown. */
const LATE = /[\\/]webview[\\/]views[\\/](?:overview|architecture[\\/]drawing|compare|whatIf|heads|steps)\.ts$/;

/**
 * The first view is one file, which packs smaller than several: esbuild cuts it by what each later view shares with it, unless all of
 * them need all of it. They do, since they load into it. Asked before `leaveOutStyleNotes`: the first that answers for a file is heard.
 */
const oneFirstView = {
  name: 'one-first-view',
  setup(build) {
    const entry = resolve(build.initialOptions.absWorkingDir ?? process.cwd(), ENTRY.replace(/\.ts$/, ''));
    build.onLoad({ filter: LATE }, ({ path }) => ({
      contents: `${withoutStyleNotes(readFileSync(path, 'utf8'))}\nimport '${relative(dirname(path), entry).replaceAll('\\', '/')}';`,
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
  plugins: [facetsApart, leaveOutCites, packDefaults, oneFirstView, leaveOutStyleNotes],
};

/** Options of the page of a weight file. */
const weightPage = { ...page, entryPoints: [WEIGHTS_ENTRY], plugins: [leaveOutStyleNotes] };

module.exports = {
  page,
  weightPage,
  weightPagePlugins: [leaveOutStyleNotes, listPreloads],
  pagePlugins: [facetsApart, leaveOutCites, packDefaults, oneFirstView, leaveOutStyleNotes, listPreloads],
  preloadsOf,
};
