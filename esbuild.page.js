// How the panel's page is built: esbuild.js for the editor, test/webview for its pictures and its budget.
const { readFileSync } = require('node:fs');
const { deflateRawSync } = require('node:zlib');

/** Tables of the sources travel compressed; the browser itself unpacks them, before the module that needs them runs. */
const compressTables = {
  name: 'compress-tables',
  setup(build) {
    build.onLoad({ filter: /[\\/]src[\\/](config[\\/]classDefaults|serving[\\/]hardware)\.json$/ }, ({ path }) => {
      const bytes = deflateRawSync(JSON.stringify(JSON.parse(readFileSync(path, 'utf8'))), { level: 9 });
      return {
        contents: `const bytes = Uint8Array.from(atob('${bytes.toString('base64')}'), (character) => character.charCodeAt(0));
          const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
          export default JSON.parse(await new Response(stream).text());`,
        loader: 'js',
      };
    });
  },
};

/** Templates keep their line ends (white space between elements counts) but not their indentation; sheets keep neither. */
const shrinkTemplates = {
  name: 'shrink-templates',
  setup(build) {
    build.onLoad({ filter: /[\\/]webview[\\/].*\.ts$/ }, ({ path }) => ({ contents: shrunk(readFileSync(path, 'utf8')), loader: 'ts' }));
  },
};

function shrunk(source) {
  return source
    .replace(/\bcss`[^`]*`/g, (sheet) =>
      // A line stays a line, so that positions in the source map hold.
      sheet.replace(/\/\*[^*]*\*\//g, '').replace(/[ \t]+/g, ' ').replace(/ ?([{};,]) ?/g, '$1').replace(/\n /g, '\n').replace(/;\}/g, '}'),
    )
    .replace(/\n[ \t]+/g, '\n');
}

/** Options of the page; the caller adds where it goes. */
const page = {
  entryPoints: ['webview/main.ts'],
  bundle: true,
  // Views are chunks that load when they are first shown.
  splitting: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  mainFields: ['module', 'main'],
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none',
};
const pagePlugins = [compressTables, shrinkTemplates];

module.exports = { page, pagePlugins };
