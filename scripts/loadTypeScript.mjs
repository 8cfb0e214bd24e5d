// Runs TypeScript of the checkout in this process: bundled in memory by esbuild.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import esbuild from 'esbuild';

/** @type {import('esbuild').Plugin} The harness stays outside of the bundle: it knows where it is. */
const harness = {
  name: 'harness',
  setup({ onResolve }) {
    onResolve({ filter: /harness\/.*\.mjs$/ }, ({ path, resolveDir }) => ({
      path: pathToFileURL(join(resolveDir, path)).href,
      external: true,
    }));
  },
};

/**
 * @param {string} code  an entry; paths in it are relative to the root
 * @param {string} root  of the checkout
 * @returns {Promise<any>} what it exports
 */
export async function loadTypeScript(code, root) {
  const { outputFiles } = await esbuild.build({
    stdin: { contents: code, resolveDir: root, loader: 'ts' },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    logLevel: 'error',
    plugins: [harness],
  });
  const [bundle] = outputFiles;
  if (!bundle) throw new Error('esbuild made nothing');
  return import(`data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`);
}
