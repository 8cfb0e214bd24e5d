// Runs TypeScript of the checkout in this process: bundled in memory by esbuild.
import esbuild from 'esbuild';

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
  });
  const [bundle] = outputFiles;
  if (!bundle) throw new Error('esbuild made nothing');
  return import(`data:text/javascript;base64,${Buffer.from(bundle.contents).toString('base64')}`);
}
