// Prints every text that a person can see, with file and line: `npm run texts -- [--plain] [PART OF A PATH]…`.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { loadTypeScript } from './loadTypeScript.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { textsOfCode, textsOfJson } = await loadTypeScript(`export * from './scripts/textList';`, root);
const plain = process.argv.includes('--plain');
const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

/** @param {string} folder @param {string} ending */
const filesOf = (folder, ending) =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort();

const files = [
  'package.json',
  'package.nls.json',
  ...filesOf('media/schema', '.json'),
  ...filesOf('src', '.ts'),
  ...filesOf('webview', '.ts'),
].filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
const texts = files.flatMap((file) => {
  const text = readFileSync(join(root, file), 'utf8');
  return file.endsWith('.json') ? textsOfJson(file, text) : textsOfCode(ts, file, text);
});
if (plain) console.log([...new Set(texts.map(({ text }) => text))].join('\n'));
else console.log(texts.map(({ place, text }) => `${place}: ${text}`).join('\n'));
console.error(`${texts.length} texts`);
