// The registers of families: src/families/register.ts, made from what the files of src/families export.
// A facet is an export of its own name there; a bundler takes of each file the facets that are asked for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Facet -> the type of its entries, and what an entry is found by. */
const FACETS = {
  layers: { type: 'LayersFacet', keys: 'facet.modelTypes' },
  blocks: { type: 'BlocksFacet', keys: 'facet.modelTypes' },
  names: { type: 'NamesFacet', keys: 'facet.modelTypes' },
  counts: { type: 'CountsFacet', keys: 'facet.modelTypes' },
  arrangements: { type: 'ArrangementsFacet', keys: 'facet.modelTypes' },
  gguf: { type: 'GgufFacet', keys: '[facet.architecture]' },
};

/** Files of the folder that are no families. */
const HOUSE = [
  'facets.ts',
  'readLayers.ts',
  'blocksOf.ts',
  'composites.ts',
  'architectures.ts',
  'tying.ts',
  'writtenForms.ts',
  'classDefaults.ts',
  'register.ts',
];

/**
 * @param {string} root  of the checkout
 * @returns {string[]} names of the files that describe families
 */
export function familyFiles(root) {
  const names = readdirSync(join(root, 'src', 'families')).filter(
    (name) => name.endsWith('.ts') && !HOUSE.includes(name),
  );
  return names.map((name) => name.slice(0, -'.ts'.length)).sort();
}

/**
 * @param {string} root  of the checkout
 * @returns {{ path: string; text: string }} relative to the root; the text is not formatted: a line a family and facet would be hundreds
 */
export function familyRegisters(root) {
  const files = familyFiles(root).map((name) => ({
    name,
    text: readFileSync(join(root, 'src', 'families', `${name}.ts`), 'utf8'),
  }));
  const registers = Object.entries(FACETS).map(([facet, { type, keys }]) => {
    const found = files.filter(({ text }) => new RegExp(`^export const ${facet} = `, 'm').test(text));
    const list = wrapped(found.map(({ name }) => `${name}.${facet}`));
    return `export const ${facet}Register = /* @__PURE__ */ register<${type}>(
  () => [
${list}
  ],
  (facet) => ${keys},
);`;
  });
  const text = [
    '// Made by `npm run generate` from the files of this folder: do not edit.',
    '',
    ...files.map(({ name }) => `import * as ${name} from './${name}';`),
    "import type { ArrangementsFacet, BlocksFacet, CountsFacet, GgufFacet, LayersFacet, NamesFacet } from './facets';",
    "import { register } from './kit/makeRegister';",
    '',
    registers.join('\n\n'),
    '',
  ].join('\n');
  return { path: 'src/families/register.ts', text };
}

/** @param {readonly string[]} items */
function wrapped(items) {
  const lines = [''];
  for (const item of items) {
    const last = lines[lines.length - 1] ?? '';
    if (last.length + item.length > 110) lines.push(`${item}, `);
    else lines[lines.length - 1] = `${last}${item}, `;
  }
  return lines.map((line) => `    ${line.trimEnd()}`).join('\n');
}
