// The registers of families: src/families/register/*.ts, made from what the files of src/families export.
// A facet is an export of its own name there; a register imports one facet alone, so that a bundle takes what it asks for.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Facet -> the type of its entries, the module of that type, and what an entry is found by. */
const FACETS = {
  layers: { type: 'LayersFacet', from: '../facets', keys: 'modelTypes' },
  blocks: { type: 'BlocksFacet', from: '../facets', keys: 'modelTypes' },
  names: { type: 'NamesFacet', from: '../facets', keys: 'modelTypes' },
  counts: { type: 'CountsFacet', from: '../counted/facet', keys: 'modelTypes' },
  gguf: { type: 'GgufFacet', from: '../kit/gguf', keys: 'architecture' },
};

/** Files of the folder that are no families. */
const HOUSE = ['facets.ts', 'readLayers.ts', 'blocksOf.ts', 'composites.ts', 'tying.ts', 'classDefaults.ts'];

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
 * @returns {Map<string, string>} path relative to the root -> text
 */
export function familyRegisters(root) {
  const texts = familyFiles(root).map((name) => ({
    name,
    text: readFileSync(join(root, 'src', 'families', `${name}.ts`), 'utf8'),
  }));
  const made = new Map();
  for (const [facet, { type, from, keys }] of Object.entries(FACETS)) {
    const found = texts
      .filter(({ text }) => new RegExp(`^export const ${facet} = `, 'm').test(text))
      .map(({ name }) => name);
    const lines = [
      '// Made by `npm run generate` from the files of src/families: do not edit.',
      '',
      ...found.map((name) => `import { ${facet} as ${name} } from '../${name}';`),
      `import type { ${type} } from '${from}';`,
      "import { register } from './register';",
      '',
      `export const ${facet}Register = register<${type}>(`,
      `  () => [${found.join(', ')}],`,
      `  ({ ${keys} }) => ${keys === 'modelTypes' ? keys : `[${keys}]`},`,
      ');',
      '',
    ];
    made.set(`src/families/register/${facet}.ts`, lines.join('\n'));
  }
  return made;
}
