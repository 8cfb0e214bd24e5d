import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../../../src/weights/gguf';
import { ggufTokenizer } from '../../../src/weights/ggufTokenizer';
import { folderTokenizer, TextTokenizer, tokenizerOfGguf } from '../../../src/weights/tokenizer';
import { besideFile, itWith } from '../support/reference';

const SAMPLES = resolve(__dirname, '../../../media/samples');
const FIXTURES = resolve(__dirname, '../../fixtures/samples');

describe('tokenizers of folders', () => {
  for (const name of ['mha', 'gqa', 'mqa', 'mla']) {
    it(`encodes and decodes with the tokenizer of the ${name} sample as Hugging Face's library did`, async () => {
      const tokenizer = await folderTokenizer(join(SAMPLES, name));
      const fixture = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as {
        text: string;
        input_ids: number[][];
      };
      expect(tokenizer?.encode(fixture.text)).toEqual(fixture.input_ids[0]);
      expect(tokenizer?.decode(fixture.input_ids[0] ?? [])).toBe(fixture.text);
    });
  }

  it('has none where there is no tokenizer.json', async () => {
    expect(await folderTokenizer(__dirname)).toBeNull();
  });

  it('survives any text', async () => {
    const tokenizer = await folderTokenizer(join(SAMPLES, 'gqa'));
    const text = 'Größe 漢字 🙂\n\ttwo  spaces';
    expect(tokenizer?.decode(tokenizer.encode(text))).toBe(text);
  });
});

const story = besideFile('models/stories260K.gguf');
describe('vocabularies of GGUF files', () => {
  itWith(story, 'encodes as the reference does (SPM)', async (path) => {
    const store = await openGguf(path);
    const tokenizer = tokenizerOfGguf(store.path, store.metadata);
    await store.close();
    const ids = [1, 403, 407, 261, 378, 432, 383, 286, 261, 376, 298, 315];
    expect(tokenizer?.encode('Once upon a time, there was a').slice(0, ids.length)).toEqual(
      ids.slice(0, tokenizer?.encode('Once upon a time, there was a').length),
    );
    expect(tokenizer?.decode(ids)).toMatch(/^Once upon a time, there was/);
    const text = 'Lily’s ball — 42 €\n';
    expect(tokenizer?.decode(tokenizer.encode(text))).toBe(text);
    expect(tokenizer?.piece(403)).toBe(' Once');
  });

  it('encodes byte-level BPE by merges, with special tokens kept whole', () => {
    const made = ggufTokenizer({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'llama-bpe',
      'tokenizer.ggml.tokens': ['a', 'b', 'c', 'Ġ', 'ab', 'Ġab', '<|end|>'],
      'tokenizer.ggml.token_type': [1, 1, 1, 1, 1, 1, 3],
      'tokenizer.ggml.merges': ['a b', 'Ġ ab'],
      'tokenizer.ggml.bos_token_id': 6,
      'tokenizer.ggml.add_bos_token': true,
    });
    const tokenizer = TextTokenizer.from('test', made?.description ?? {}, made?.settings ?? {});
    expect(tokenizer.encode('abc ab<|end|>')).toEqual([6, 4, 2, 5, 6]);
    expect(tokenizer.decode([4, 2, 5])).toBe('abc ab');
  });

  it.each([
    ['llama-bpe', undefined, true],
    ['tekken', undefined, true],
    ['llama-bpe', false, false],
    ['qwen2', undefined, false],
    ['qwen2', true, true],
    ['gpt-2', undefined, false],
  ])('of %s with add_bos_token %s: a text begins with that token: %s, as in llama.cpp', (pre, add, begins) => {
    const made = ggufTokenizer({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': pre,
      'tokenizer.ggml.tokens': ['a', 'b', '<s>'],
      'tokenizer.ggml.token_type': [1, 1, 3],
      'tokenizer.ggml.merges': ['a b'],
      'tokenizer.ggml.bos_token_id': 2,
      ...(add === undefined ? {} : { 'tokenizer.ggml.add_bos_token': add }),
    });
    const tokenizer = TextTokenizer.from('test', made?.description ?? {}, made?.settings ?? {});
    expect(tokenizer.encode('a')).toEqual(begins ? [2, 0] : [0]);
  });

  it('splits as Tekken does: before a capital letter, and digits one by one', () => {
    const made = ggufTokenizer({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'tekken',
      'tokenizer.ggml.tokens': ['a', 'B', '1', '2', 'aB', '12', 'Ba'],
      'tokenizer.ggml.token_type': [1, 1, 1, 1, 1, 1, 1],
      'tokenizer.ggml.merges': ['a B', '1 2', 'B a'],
    });
    const tokenizer = TextTokenizer.from('test', made?.description ?? {}, made?.settings ?? {});
    expect(tokenizer.encode('aBa12')).toEqual([0, 6, 2, 3]);
  });

  it('has none where the split is not known', () => {
    expect(
      ggufTokenizer({
        'tokenizer.ggml.model': 'gpt2',
        'tokenizer.ggml.pre': 'unheard-of',
        'tokenizer.ggml.tokens': ['a'],
        'tokenizer.ggml.merges': ['a a'],
      }),
    ).toBeNull();
    expect(ggufTokenizer({ 'tokenizer.ggml.model': 'bert', 'tokenizer.ggml.tokens': ['a'] })).toBeNull();
    expect(ggufTokenizer({})).toBeNull();
  });
});
