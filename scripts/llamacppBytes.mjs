// Compares the bytes of our rule for llama.cpp with those that libllama allocates. Exit 1 on any difference.
// usage: node scripts/llamacppBytes.mjs [WORDS of architectures] [--json]
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import esbuild from 'esbuild';
import { libllamaMissing } from '../test/harness/libllama.mjs';
import { ROOT } from '../test/harness/places.mjs';

const missing = libllamaMissing();
if (missing !== null) {
  console.error(missing);
  process.exit(2);
}
const built = await esbuild.build({
  stdin: {
    contents: `export * from './test/oracle/llamacppBytes'; export { MODELS } from './test/oracle/llamacppModels';`,
    resolveDir: ROOT,
    loader: 'ts',
  },
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'node',
  mainFields: ['module', 'main'],
  plugins: [
    {
      // The harness knows where it is.
      name: 'harness',
      setup: ({ onResolve }) =>
        onResolve({ filter: /harness\/.*\.mjs$/ }, ({ path, resolveDir }) => ({
          path: pathToFileURL(join(resolveDir, path)).href,
          external: true,
        })),
    },
  ],
});
const { compareWithLibllama, MODELS } = await import(
  `data:text/javascript;base64,${Buffer.from(built.outputFiles[0]?.text ?? '').toString('base64')}`
);

const words = process.argv.slice(2).filter((word) => !word.startsWith('--'));
/** @param {{ architecture: string }} model */
const wanted = ({ architecture }) => words.length === 0 || words.some((word) => architecture.includes(word));
const result = await compareWithLibllama(MODELS.filter(wanted));
if (process.argv.includes('--json')) console.log(JSON.stringify(result));
else {
  for (const [model, why] of result.notLoaded) console.log(`not loaded: ${model}: ${why}`);
  for (const { model, context, ours, theirs } of result.differences)
    console.log(`${model}, ${context}: ours ${JSON.stringify(ours)}, theirs ${JSON.stringify(theirs)}`);
  console.log(
    `${result.architectures.length} architectures, ${result.models} models: ${result.equal} contexts equal, ${result.refused} refused by both, ` +
      `${result.differences.length} different (${result.differenceBytes} B)`,
  );
}
process.exit(result.differences.length > 0 ? 1 : 0);
