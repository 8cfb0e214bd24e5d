// How the extension in a browser is built: one bundle, a worker's globals, no Node.
const { dirname, join } = require('node:path');
const { noUploads } = require('./esbuild.host.js');

/** The caller adds the entry, where it goes, and whether it is minified. */
const web = {
  bundle: true,
  platform: 'browser',
  format: 'cjs',
  target: 'es2022',
  external: ['vscode'],
  // Its package names the build for browsers where esbuild does not look once there is an "exports".
  alias: { '@huggingface/hub': join(dirname(require.resolve('@huggingface/hub')), 'browser', 'index.mjs') },
  plugins: [noUploads],
};

module.exports = { web };
