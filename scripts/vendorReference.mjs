// Makes test/fixtures/reference from the reference beside the checkout: what the unit tests need on a machine without it.
// usage: node scripts/vendorReference.mjs [FOLDER]   (else HEADLIGHT_REFERENCE, else ../shared/reference)
//
// Configs and weights are copied as they are; of expected.json what tests compare and the provenance is kept, one model a line;
// golden.json, which is digits of seven places, is packed with brotli (a third of its size).
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { ROOT } from '../test/harness/places.mjs';

const source = resolve(
  process.argv[2] ?? process.env['HEADLIGHT_REFERENCE'] ?? join(ROOT, '..', 'shared', 'reference'),
);
const target = join(ROOT, 'test', 'fixtures', 'reference');
/** One golden model a lineage (the files of families that share a shape), chosen for what it exercises. */
const GOLDEN = ['bloom', 'deepseek-v2', 'gemma2', 'gpt2', 'llama', 'opt', 'phi3', 'qwen3'];
/** Of each model in expected.json. */
const KEPT = [
  'model_type',
  'variant',
  'num_layers',
  'smax',
  'bytes',
  'state_bytes',
  'params_transformers_text',
  'params_transformers',
  'published_params',
  'provenance',
];

if (!existsSync(join(source, 'expected.json'))) throw new Error(`There is no reference at ${source}`);
for (const part of ['configs', 'golden', 'engines', 'expected.json', 'ablated.json'])
  rmSync(join(target, part), { recursive: true, force: true });
mkdirSync(join(target, 'golden'), { recursive: true });
for (const name of readdirSync(join(source, 'configs')).sort()) {
  mkdirSync(join(target, 'configs', name), { recursive: true });
  writeFileSync(
    join(target, 'configs', name, 'config.json'),
    readFileSync(join(source, 'configs', name, 'config.json')),
  );
}

/** @type {Record<string, Record<string, unknown>>} */
const expected = JSON.parse(readFileSync(join(source, 'expected.json'), 'utf8'));
const lines = Object.entries(expected).map(([name, entry]) => {
  const kept = Object.fromEntries(KEPT.filter((key) => key in entry).map((key) => [key, entry[key]]));
  return `${JSON.stringify(name)}: ${JSON.stringify(kept)}`;
});
writeFileSync(join(target, 'expected.json'), `{\n${lines.join(',\n')}\n}\n`);

for (const name of GOLDEN) {
  const [from, to] = [join(source, 'golden', name), join(target, 'golden', name)];
  cpSync(from, to, { recursive: true, filter: (path) => !path.endsWith('golden.json') });
  const text = readFileSync(join(from, 'golden.json'));
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: text.length };
  writeFileSync(join(to, 'golden.json.br'), brotliCompressSync(text, { params }));
}
/** @type {Record<string, readonly unknown[]>} */
const executed = JSON.parse(readFileSync(join(source, 'engines', 'vllm-executed.json'), 'utf8'));
mkdirSync(join(target, 'engines'), { recursive: true });
const rows = Object.entries(executed).map(([name, list]) => `${JSON.stringify(name)}: ${JSON.stringify(list)}`);
writeFileSync(join(target, 'engines', 'vllm-executed.json'), `{\n${rows.join(',\n')}\n}\n`);

/** @type {Record<string, unknown>} */
const ablated = JSON.parse(readFileSync(join(source, 'ablated.json'), 'utf8'));
const cut = GOLDEN.filter((name) => name in ablated).map(
  (name) => `${JSON.stringify(name)}: ${JSON.stringify(ablated[name])}`,
);
writeFileSync(join(target, 'ablated.json'), `{\n${cut.join(',\n')}\n}\n`);

console.log(`${lines.length} models, ${GOLDEN.length} golden folders in ${target}`);
