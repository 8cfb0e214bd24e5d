// Compares the bytes of our rule for llama.cpp with those that libllama allocates. Exit 1 on any difference.
// usage: node scripts/llamacppBytes.mjs [WORDS of architectures] [--json]
import { libllamaMissing } from '../test/harness/libllama.mjs';
import { ROOT } from '../test/harness/places.mjs';
import { loadTypeScript } from './loadTypeScript.mjs';

const missing = libllamaMissing();
if (missing !== null) {
  console.error(missing);
  process.exit(2);
}
const { compareWithLibllama, MODELS } = await loadTypeScript(
  `export { compareWithLibllama } from './test/oracle/llamacppBytes'; export { MODELS } from './test/oracle/llamacppModels';`,
  ROOT,
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
    `${result.architectures.length} architectures, ${result.models.length} models: ${result.equal} contexts equal, ${result.refused} refused by both, ` +
      `${result.differences.length} different (${result.differenceBytes} B)`,
  );
}
process.exit(result.differences.length > 0 ? 1 : 0);
