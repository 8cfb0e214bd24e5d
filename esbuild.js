// Builds everything in dist/. One entry per runtime. --production minifies, --watch rebuilds, --only=NAME builds one.
const { mkdirSync, rmSync, writeFileSync } = require('node:fs');
const esbuild = require('esbuild');
const { cli, cliPlugins, host, hostPlugins } = require('./esbuild.host.js');
const { page, pagePlugins, weightPage, weightPagePlugins } = require('./esbuild.page.js');
const { web } = require('./esbuild.web.js');

const production = process.argv.includes('--production');
const watch = process.argv.includes('--watch');
const only = process.argv.find((arg) => arg.startsWith('--only='))?.slice('--only='.length);

/** Prints what editors' problem matchers look for; some esbuild messages have no location. */
const problemMatcher = {
  name: 'problem-matcher',
  setup(build) {
    build.onStart(() => {
      if (watch) console.log('[watch] build started');
    });
    build.onEnd((result) => {
      for (const { text, location } of result.errors) {
        console.error(`✘ [ERROR] ${text}`);
        if (location) console.error(`    ${location.file}:${location.line}:${location.column}:`);
      }
      if (watch) console.log('[watch] build finished');
    });
  },
};

const shared = {
  bundle: true,
  minify: production,
  sourcemap: production ? false : 'linked',
  sourcesContent: false,
  // 'module' first: CommonJS entries of some libraries lose side effects when tree-shaken.
  mainFields: ['module', 'main'],
  logOverride: { 'import-is-undefined': 'error' },
  logLevel: 'silent',
  legalComments: 'none',
  plugins: [problemMatcher],
};
const node = { ...shared, platform: 'node', format: 'cjs', target: 'node20', external: ['vscode'] };

/** Tensor libraries bring native files: they stay packages, found in the node_modules beside dist/. */
const TENSOR_LIBRARIES = ['onnxruntime-node', 'onnxruntime-web', '@tensorflow/*'];

/** name -> build options. */
const builds = {
  // The extension host's: an entry, a core, and parts that load when they are first needed; see esbuild.host.js.
  host: { ...shared, ...host, outdir: 'dist', plugins: [...hostPlugins, ...shared.plugins] },
  // The extension in a browser: one bundle, a worker's globals.
  web: {
    ...shared,
    ...web,
    entryPoints: ['src/extension.web.ts'],
    outfile: 'dist/web/extension.js',
    minify: true,
    plugins: [...web.plugins, ...shared.plugins],
  },
  // The panel's page; see esbuild.page.js.
  webview: { ...shared, ...page, outdir: 'dist/webview', plugins: [...shared.plugins, ...pagePlugins] },
  // The page of a weight file.
  weightPage: {
    ...shared,
    ...weightPage,
    outdir: 'dist/weightPage',
    plugins: [...shared.plugins, ...weightPagePlugins],
  },
  compute: { ...node, entryPoints: ['src/compute/process.ts'], outfile: 'dist/compute.js', external: TENSOR_LIBRARIES },
  // The command line's: the first file, which keeps the others compiled, and a part for what each command needs; see esbuild.host.js.
  cliStart: {
    ...node,
    entryPoints: ['src/cli/start.ts'],
    outfile: 'dist/cli.js',
    banner: { js: '#!/usr/bin/env node' },
    minify: true,
  },
  cli: {
    ...shared,
    ...cli,
    outdir: 'dist/cli',
    external: TENSOR_LIBRARIES,
    plugins: [...cliPlugins, ...shared.plugins],
  },
};

async function main() {
  if (only && !builds[only]) throw new Error(`--only=${only}: choose one of ${Object.keys(builds).join(', ')}`);
  const names = only ? [only] : Object.keys(builds);
  if (!watch && !only) rmSync('dist', { recursive: true, force: true });
  mkdirSync('dist', { recursive: true });
  const meta = {};
  await Promise.all(
    names.map(async (name) => {
      const context = await esbuild.context({ ...builds[name], metafile: true });
      if (watch) return context.watch();
      const result = await context.rebuild();
      meta[name] = result.metafile.outputs;
      await context.dispose();
    }),
  );
  // Else Node reads the manifest of the extension, which is long, to know what kind of modules these are.
  writeFileSync('dist/package.json', '{"type":"commonjs"}\n');
  if (!watch) writeFileSync('dist/meta.json', JSON.stringify(meta));
}

main().catch((error) => {
  // Errors of the sources are printed above.
  if (!error.errors) console.error(error);
  process.exit(1);
});
