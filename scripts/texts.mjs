// Prints every text that a person can see, with file and line: `npm run texts -- [--plain] [PART OF A PATH]…`.
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { loadTypeScript } from './loadTypeScript.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { textsOfCheckout } = await loadTypeScript(`export * from './scripts/textList';`, root);
const plain = process.argv.includes('--plain');
const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));

/** @type {readonly import('./textList').PlacedText[]} */
const texts = textsOfCheckout(ts, root, parts);
if (plain) console.log([...new Set(texts.map(({ text }) => text))].join('\n'));
else console.log(texts.map(({ place, text }) => `${place}: ${text}`).join('\n'));
console.error(`${texts.length} texts`);
