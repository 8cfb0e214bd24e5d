// `npm test -- --family NAME`: which unit tests walk model types, and which types they know.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './places.mjs';

const UNIT = join(ROOT, 'test', 'unit');
const FIXTURES = join(ROOT, 'test', 'fixtures');

/** @param {string} path */
const json = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * The model types that a config names, at any depth.
 * @param {unknown} config
 * @returns {string[]}
 */
function typesIn(config) {
  if (config === null || typeof config !== 'object') return [];
  const own = 'model_type' in config && typeof config.model_type === 'string' ? [config.model_type] : [];
  return [...own, ...Object.values(config).flatMap(typesIn)];
}

/** The model types that fixtures have cases of, sorted. */
export function knownFamilies() {
  const configs = ['configs', 'golden'].flatMap((kind) => {
    const folder = join(FIXTURES, 'reference', kind);
    return readdirSync(folder).flatMap((name) => typesIn(json(join(folder, name, 'config.json'))));
  });
  const executed = [join(FIXTURES, 'corpus.json'), join(UNIT, 'serving', 'parameters.json')].flatMap((path) =>
    Object.keys(json(path)),
  );
  return [...new Set([...configs, ...executed])].sort();
}

/**
 * Why there is nothing to run for a family, in a sentence; null where there is.
 * @param {string} name
 */
export function unknownFamily(name) {
  const known = knownFamilies();
  if (known.includes(name)) return null;
  const like = known.filter((type) => type.includes(name) || name.includes(type)).slice(0, 8);
  const hint = like.length > 0 ? `; there is ${like.join(', ')}` : '';
  return `--family ${name}: no fixture has a case of this model type${hint}. A new one begins in test/fixtures/corpus.json.`;
}

/** The unit tests that walk model types (those that take their cases from test/unit/support/cases.ts by type), from the checkout. */
export function familyTests() {
  return readdirSync(UNIT, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts'))
    .filter((path) => /\b(?:casesOf|testsByConfig)\(/.test(readFileSync(join(UNIT, path), 'utf8')))
    .map((path) => join('test', 'unit', path));
}
