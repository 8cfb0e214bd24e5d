// How the files of the extension host and of the command line are built. esbuild can share code between files only where they are ES
// modules, and a VS Code extension is CommonJS (which also starts faster): so it bundles into memory first, and then turns each file into
// CommonJS. Dynamic imports become requires that run when they are reached.
const { dirname, join, parse, posix, relative, resolve } = require('node:path');
const esbuild = require('esbuild');

/**
 * The parts that load late (dynamic imports) load after the entry, always. Written as an import, everything that the entry needs is
 * needed by every part: esbuild puts it into one file, the core, and not into one for each set of parts that happen to need it.
 */
const oneCore = (entry) => ({
  name: 'one-core',
  setup(build) {
    const { absWorkingDir = process.cwd() } = build.initialOptions;
    build.onResolve({ filter: /^\./ }, async ({ path, kind, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const part = await build.resolve(path, { kind: 'import-statement', resolveDir });
      return part.errors.length > 0 ? part : { path: part.path, namespace: 'part' };
    });
    build.onLoad({ filter: /./, namespace: 'part' }, ({ path }) => ({
      contents: `import ${JSON.stringify(resolve(absWorkingDir, entry))}; export * from ${JSON.stringify(path)};`,
      resolveDir: absWorkingDir,
    }));
  },
});

/** What `@huggingface/hub` loads for uploads, which are never made: left out, so that it is no file of ours. */
const noUploads = {
  name: 'no-uploads',
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ path, kind, resolveDir }) =>
      kind === 'dynamic-import' && /[\\/]@huggingface[\\/]hub[\\/]/.test(resolveDir)
        ? { path, external: true }
        : undefined,
    );
  },
};

/** What commander loads to start commands that are programs of their own, of which there are none: a tenth of the start of a command. */
const noSubcommandPrograms = {
  name: 'no-subcommand-programs',
  setup(build) {
    build.onResolve({ filter: /^node:child_process$/ }, ({ path, resolveDir }) =>
      /[\\/]commander[\\/]/.test(resolveDir) ? { path, namespace: 'no-programs' } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'no-programs' }, () => ({ contents: 'module.exports = {};' }));
  },
};

/** Writes each of the bundled files as CommonJS, under a name that says what it is. */
const asCommonJs = (entry, folder) => ({
  name: 'as-commonjs',
  setup(build) {
    const options = build.initialOptions;
    const { absWorkingDir = process.cwd(), outdir, minify, sourcemap, sourcesContent, target } = options;
    const absolute = (path) => resolve(absWorkingDir, path);
    // The maps of the first pass reach the second inside its files.
    if (sourcemap) options.sourcemap = 'inline';

    build.onEnd(async ({ errors, metafile, outputFiles }) => {
      if (errors.length > 0) return;
      const texts = new Map(outputFiles.map(({ path, text }) => [path, text]));
      const names = namesOf(metafile, entry, folder);
      const newPaths = new Map([...names].map(([path, name]) => [absolute(path), absolute(name)]));
      const bundledFiles = {
        name: 'bundled-files',
        setup(second) {
          second.onResolve({ filter: /./ }, ({ path, kind, importer }) => {
            if (kind === 'entry-point') return { path };
            const target = newPaths.get(resolve(dirname(importer), path));
            if (target === undefined) return { path, external: true };
            const address = relative(dirname(newPaths.get(importer)), target).replaceAll('\\', '/');
            return { path: address.startsWith('.') ? address : `./${address}`, external: true };
          });
          second.onLoad({ filter: /./ }, ({ path }) => ({ contents: texts.get(path), loader: 'js' }));
        },
      };
      const written = await esbuild.build({
        entryPoints: [...newPaths].map(([path, newPath]) => ({
          in: path,
          out: withoutExtension(absolute(outdir), newPath),
        })),
        outdir,
        absWorkingDir,
        minify,
        sourcemap,
        sourcesContent,
        target,
        bundle: true,
        platform: 'node',
        format: 'cjs',
        // An import() goes past VS Code's own require, which knows the module vscode.
        supported: { 'dynamic-import': false },
        // Its inputs are in memory, where the first pass would have written them.
        allowOverwrite: true,
        legalComments: 'none',
        logLevel: 'silent',
        metafile: true,
        plugins: [bundledFiles],
      });
      // What is in the files as they are now.
      metafile.outputs = Object.fromEntries(
        [...names].map(([path, name]) => {
          const { imports, ...output } = metafile.outputs[path];
          const newImports = imports.map((each) => ({ ...each, path: names.get(each.path) ?? each.path }));
          return [name, { ...output, imports: newImports, bytes: written.metafile.outputs[name].bytes }];
        }),
      );
    });
  },
});

/**
 * The entry keeps its name, parts have the name of their source, the core is called core, and other files say which parts share
 * them: chunk-4QWBLNJ2.js -> host/shared-explorer-palette.js.
 */
function namesOf({ outputs }, entrySource, folder) {
  const entries = Object.entries(outputs).filter(([, { entryPoint }]) => entryPoint);
  const [entry] = entries.find(([, { entryPoint }]) => entryPoint === entrySource);
  const beside = (name) => posix.join(dirname(entry), folder, `${name}.js`);
  const names = new Map(
    entries.map(([path, { entryPoint }]) => [path, entryPoint === entrySource ? path : beside(parse(entryPoint).name)]),
  );
  for (const path of Object.keys(outputs).filter((each) => !names.has(each))) {
    const sharers = entries.filter(([part]) => staticallyReached(part, outputs).has(path));
    const isCore = sharers.some(([, { entryPoint }]) => entryPoint === entrySource);
    const parts = sharers.map(([, { entryPoint }]) => parse(entryPoint).name).sort();
    // Of every file, also of parts that are packages: esbuild's own helpers.
    const isHelpers = Object.keys(outputs[path].inputs).length === 0;
    names.set(path, beside(isHelpers ? 'helpers' : isCore ? 'core' : `shared-${parts.join('-')}`));
  }
  if (new Set(names.values()).size < names.size)
    throw new Error(`Two files have one name: ${[...names.values()].sort().join(', ')}`);
  return names;
}

function staticallyReached(path, outputs, reached = new Set()) {
  if (reached.has(path)) return reached;
  reached.add(path);
  for (const { path: next, kind, external } of outputs[path].imports)
    if (!external && kind === 'import-statement') staticallyReached(next, outputs, reached);
  return reached;
}

function withoutExtension(folder, path) {
  const { dir, name } = parse(relative(folder, path));
  return join(dir, name);
}

/** Options of files that share code; the caller adds where they go and whether they are minified. */
const split = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  mainFields: ['module', 'main'],
  legalComments: 'none',
  metafile: true,
  // The plugin writes.
  write: false,
};

/** An entry, and the folder for its parts: beside it, or `.` where it lies. */
const plugins = (entry, folder) => [noUploads, noSubcommandPrograms, oneCore(entry), asCommonJs(entry, folder)];

const HOST = 'src/extension.ts';
const host = { ...split, entryPoints: { extension: HOST }, external: ['vscode'] };
const CLI = 'src/cli/main.ts';
const cli = { ...split, entryPoints: { main: CLI } };

module.exports = { host, hostPlugins: plugins(HOST, 'host'), cli, cliPlugins: plugins(CLI, '.'), noUploads };
