// Writes what is made from the files of src/families: the registers, and the support matrix of docs/families.md.
// With --check it writes nothing, and fails where something is not as it would be made.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { matrixOf } from './familyMatrix.mjs';
import { familyRegisters } from './familyRegisters.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes('--check');

/** @type {string[]} */
const stale = [];

/**
 * @param {string} path  relative to the checkout
 * @param {string} text
 */
function keep(path, text) {
  const file = join(ROOT, path);
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return;
  stale.push(path);
  if (!check) writeFileSync(file, text);
}

/**
 * Replaces what stands between two marks of a document.
 * @param {string} path
 * @param {string} name  of the marks
 * @param {string} content
 */
function keepPart(path, name, content) {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const [begin, end] = [`<!-- ${name}: made by npm run generate -->`, `<!-- end of ${name} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`${path} has no place for ${name}`);
  keep(path, `${text.slice(0, from + begin.length)}\n\n${content}\n\n${text.slice(to)}`);
}

const register = familyRegisters(ROOT);
keep(register.path, register.text);

const corpus = JSON.parse(readFileSync(join(ROOT, 'test', 'fixtures', 'corpus.json'), 'utf8'));
const samples = Object.fromEntries(Object.entries(corpus).map(([type, { base }]) => [type, base]));
keepPart('docs/families.md', 'support matrix', await matrixOf(ROOT, samples));

if (check && stale.length > 0) {
  console.error(`Not as the code says; run npm run generate:\n${stale.join('\n')}`);
  process.exit(1);
}
if (!check) console.log(stale.length > 0 ? `Written: ${stale.join(', ')}` : 'Everything is as the code says.');
