// One CommonJS file of all integration tests, for the extension host. Found by their names: a test that exists runs.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './places.mjs';

const FOLDER = join(ROOT, 'test', 'integration');
/** In the checkout, so that `mocha` is found in its node_modules. */
const BUNDLE = join(ROOT, 'out', 'integration.js');

async function bundle() {
  const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .sort();
  const entries = files.map((file) => {
    const [name, path] = [file, join(FOLDER, file)].map((text) => JSON.stringify(text.replaceAll('\\', '/')));
    return `[${name}, () => require(${path})]`;
  });
  await build({
    stdin: {
      contents: `import { runTests } from './hostRunner';\nexport const run = () => runTests([${entries.join(', ')}]);\n`,
      resolveDir: join(ROOT, 'test', 'harness'),
    },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    outfile: BUNDLE,
    external: ['vscode', 'mocha'],
    mainFields: ['module', 'main'],
    sourcemap: 'inline',
    logLevel: 'silent',
  });
  return BUNDLE;
}

/** @type {Promise<string> | undefined} */
let bundled;

/** Returns the bundle's path; built once per process. */
export function bundleIntegrationTests() {
  bundled ??= bundle();
  return bundled;
}
