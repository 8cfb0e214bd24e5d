// How the extension host's files are built. esbuild can share code between files only where they are ES modules, and a VS Code
// extension is CommonJS: so it bundles into memory first, and then turns each file into CommonJS. Dynamic imports become requires
// that run when they are reached.
const { dirname, join, parse, relative, resolve } = require('node:path');
const esbuild = require('esbuild');

const ENTRY = 'src/extension.ts';

/**
 * The parts that load late (dynamic imports) load after the entry, always. Written as an import, everything that the entry needs is
 * needed by every part: esbuild puts it into one file, the core, and not into one for each set of parts that happen to need it.
 */
const oneCore = {
  name: 'one-core',
  setup(build) {
    const { absWorkingDir = process.cwd() } = build.initialOptions;
    build.onResolve({ filter: /^\./ }, async ({ path, kind, resolveDir }) => {
      if (kind !== 'dynamic-import') return undefined;
      const part = await build.resolve(path, { kind: 'import-statement', resolveDir });
      return part.errors.length > 0 ? part : { path: part.path, namespace: 'part' };
    });
    build.onLoad({ filter: /./, namespace: 'part' }, ({ path }) => ({
      contents: `import ${JSON.stringify(resolve(absWorkingDir, ENTRY))}; export * from ${JSON.stringify(path)};`,
      resolveDir: absWorkingDir,
    }));
  },
};

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

/** Writes each of the bundled files as CommonJS, under a name that says what it is. */
const asCommonJs = {
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
      const names = namesOf(metafile);
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
};

/**
 * The entry keeps its name, parts have the name of their source, the core is called core, and other files say which parts share
 * them: chunk-4QWBLNJ2.js -> host/shared-explorer-palette.js.
 */
function namesOf({ outputs }) {
  const entries = Object.entries(outputs).filter(([, { entryPoint }]) => entryPoint);
  const [entry] = entries.find(([, { entryPoint }]) => entryPoint === ENTRY);
  const inHost = (name) => `${dirname(entry)}/host/${name}.js`;
  const names = new Map(
    entries.map(([path, { entryPoint }]) => [path, entryPoint === ENTRY ? path : inHost(parse(entryPoint).name)]),
  );
  for (const path of Object.keys(outputs).filter((each) => !names.has(each))) {
    const sharers = entries.filter(([part]) => staticallyReached(part, outputs).has(path));
    const isCore = sharers.some(([, { entryPoint }]) => entryPoint === ENTRY);
    const parts = sharers.map(([, { entryPoint }]) => parse(entryPoint).name).sort();
    names.set(path, inHost(isCore ? 'core' : `shared-${parts.join('-')}`));
  }
  if (new Set(names.values()).size < names.size)
    throw new Error(`Two of the host's files have one name: ${[...names.values()].sort().join(', ')}`);
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

/** Options of the host's files; the caller adds where they go and whether they are minified. */
const host = {
  entryPoints: { extension: ENTRY },
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['vscode'],
  mainFields: ['module', 'main'],
  legalComments: 'none',
  metafile: true,
  // The plugin writes.
  write: false,
};

module.exports = { host, hostPlugins: [noUploads, oneCore, asCommonJs], noUploads };
