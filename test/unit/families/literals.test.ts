/** What a family is stands in src/families alone: no other code asks for a model type by name. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { blocksRegister, countsRegister, layersRegister } from '../../../src/families/register';

const TYPES = new Set([...layersRegister.keys(), ...blocksRegister.keys(), ...countsRegister.keys()]);
/** Model types that are words of the vocabulary, too: flavours of states, kinds of files, a module format, a flag of the command line. */
const WORDS = new Set(['mamba', 'mamba2', 'rwkv', 'params', 'git', 'clip', 'esm', 'opt']);

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    // The words of the second are the names of tokenizers in GGUF files.
    const named = [join('src', 'families'), join('src', 'weights', 'vocabulary')];
    if (entry.isDirectory()) return named.includes(path) ? [] : sources(path);
    return /\.(ts|mjs)$/.test(entry.name) ? [path] : [];
  });
}

/** String literals of a text that are a model type as a whole, with their lines. Comments are no code. */
function literals(text: string): readonly string[] {
  const code = text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ' '))
    .replace(/(^|\s)\/\/.*$/gm, '$1');
  return code
    .split('\n')
    .flatMap((line, index) =>
      [...line.matchAll(/(['"`])((?:\\.|(?!\1).)*)\1/g)]
        .filter(([, , word]) => word !== undefined && TYPES.has(word) && !WORDS.has(word))
        .map(([, , word]) => `${index + 1}: ${word ?? ''}`),
    );
}

describe('a model type as a literal', () => {
  it('is found where there is one', () => {
    expect(literals("if (type === 'olmo2') return;\nconst a = 'x'; // 'llama'")).toEqual(['1: olmo2']);
  });

  it.each(['src', 'webview', 'tools'])('stands nowhere in %s but in src/families', (folder) => {
    const found = sources(folder).flatMap((path) =>
      literals(readFileSync(path, 'utf8')).map((place) => `${path}:${place}`),
    );
    expect(found).toEqual([]);
  });
});
