import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openGguf } from '../../../src/weights/gguf';
import { folderTokenizer } from '../../../src/weights/folderTokenizer';
import { type GgufTokenizer, tokenizerOfGguf } from '../../../src/weights/ggufTokenizer';
import type { GgufMetadata } from '../../../src/weights/gguf';
import { cutText, SPLITS } from '../../../src/weights/vocabulary/splits';
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

  it('encodes words, other text and other scripts as that library did, and loses nothing', async () => {
    const encodings = JSON.parse(readFileSync(join(FIXTURES, 'encodings.json'), 'utf8')) as readonly {
      readonly text: string;
      readonly ids: readonly number[];
    }[];
    const tokenizer = await folderTokenizer(join(SAMPLES, 'mha'));
    expect(encodings.map(({ text }) => tokenizer?.encode(text))).toEqual(encodings.map(({ ids }) => ids));
    expect(encodings.map(({ ids }) => tokenizer?.decode(ids))).toEqual(encodings.map(({ text }) => text));
    expect(encodings.length).toBeGreaterThan(3);
  });

  it('of the samples has a token for each word of the lecture’s prompts', async () => {
    const tokenizer = await folderTokenizer(join(SAMPLES, 'mha'));
    const pieces = (text: string): string[] => tokenizer?.pieces(tokenizer.encode(text, false)) ?? [];
    expect(pieces('The American flag is red, white, and')).toEqual([
      'The',
      ' American',
      ' flag',
      ' is',
      ' red',
      ',',
      ' white',
      ',',
      ' and',
    ]);
    expect(pieces('The next day is bright')).toEqual(['The', ' next', ' day', ' is', ' bright']);
    expect(pieces('Say: Bem Mirola.').join('')).toBe('Say: Bem Mirola.');
    expect(pieces('Say: Bem Mirola.').length).toBeGreaterThan(6);
  });

  it('has none where there is no tokenizer.json', async () => {
    expect(await folderTokenizer(__dirname)).toBeNull();
  });

  it('survives any text', async () => {
    const tokenizer = await folderTokenizer(join(SAMPLES, 'gqa'));
    const text = 'Größe 漢字 🙂\n\ttwo  spaces';
    expect(tokenizer?.decode(tokenizer.encode(text))).toBe(text);
  });
});

function made(metadata: GgufMetadata): GgufTokenizer {
  const tokenizer = tokenizerOfGguf('test', metadata);
  if (tokenizer === null) throw new Error('no tokenizer');
  return tokenizer;
}

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
    const tokenizer = made({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'llama-bpe',
      'tokenizer.ggml.tokens': ['a', 'b', 'c', 'Ġ', 'ab', 'Ġab', '<|end|>'],
      'tokenizer.ggml.token_type': [1, 1, 1, 1, 1, 1, 3],
      'tokenizer.ggml.merges': ['a b', 'Ġ ab'],
      'tokenizer.ggml.bos_token_id': 6,
      'tokenizer.ggml.add_bos_token': true,
    });
    expect(tokenizer.encode('abc ab<|end|>')).toEqual([6, 4, 2, 5, 6]);
    expect(tokenizer.encode('abc', false)).toEqual([4, 2]);
    expect(tokenizer.encode('ab<|end|>', { parse: false })).toEqual([6, 4]);
    expect(tokenizer.decode([6, 4, 2, 5])).toBe('abc ab');
    expect(tokenizer.decode([6, 4], true)).toBe('<|end|>ab');
    expect(tokenizer.piece(5)).toBe(' ab');
    expect(tokenizer.piece(7)).toBe('#7');
    expect([tokenizer.knows(6), tokenizer.knows(7)]).toEqual([true, false]);
  });

  it.each([
    ['llama-bpe', undefined, true],
    ['tekken', undefined, true],
    ['gemma4', undefined, true],
    ['gemma4', false, true],
    ['llama-bpe', false, false],
    ['qwen2', undefined, false],
    ['qwen2', true, true],
    ['gpt-2', undefined, false],
  ])('of %s with add_bos_token %s: a text begins with that token: %s, as in llama.cpp', (pre, add, begins) => {
    const tokenizer = made({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': pre,
      'tokenizer.ggml.tokens': ['a', 'b', '<s>'],
      'tokenizer.ggml.token_type': [1, 1, 3],
      'tokenizer.ggml.merges': ['a b'],
      'tokenizer.ggml.bos_token_id': 2,
      ...(add === undefined ? {} : { 'tokenizer.ggml.add_bos_token': add }),
    });
    expect(tokenizer.encode('a')).toEqual(begins ? [2, 0] : [0]);
  });

  it('splits as Tekken does: before a capital letter, and digits one by one', () => {
    const tokenizer = made({
      'tokenizer.ggml.model': 'gpt2',
      'tokenizer.ggml.pre': 'tekken',
      'tokenizer.ggml.tokens': ['a', 'B', '1', '2', 'aB', '12', 'Ba'],
      'tokenizer.ggml.merges': ['a B', '1 2', 'B a'],
      'tokenizer.ggml.add_bos_token': false,
    });
    expect(tokenizer.encode('aBa12')).toEqual([0, 6, 2, 3]);
  });

  it('joins pieces of SentencePiece by their scores, and writes bytes where there is no piece', () => {
    const tokenizer = made({
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.tokens': ['<unk>', '<s>', '</s>', '<0xC3>', '<0xA4>', '▁', 'a', 'b', '▁a', 'ab'],
      'tokenizer.ggml.token_type': [2, 3, 3, 6, 6, 1, 1, 1, 1, 1],
      'tokenizer.ggml.scores': [0, 0, 0, 0, 0, -1, -1, -1, -3, -2],
    });
    expect(tokenizer.encode('abä</s>a')).toEqual([1, 5, 9, 3, 4, 2, 8]);
    expect(tokenizer.decode([1, 5, 9, 3, 4, 2, 8])).toBe('abä a');
    expect(tokenizer.piece(3)).toBe('Ã');
    expect(() => tokenizer.encode('é')).toThrow(/no token for this text, nor for its byte <0xA9>/);
  });

  it('tells white space with a special token where the model does', () => {
    const tokenizer = made({
      'general.name': 'Phi-3 mini',
      'tokenizer.ggml.model': 'llama',
      'tokenizer.ggml.tokens': ['<unk>', '<s>', '</s>', '<|user|>', '▁', 'a', '<own>'],
      'tokenizer.ggml.token_type': [2, 3, 3, 3, 1, 1, 4],
    });
    expect(tokenizer.encode('<|user|> \n a<s> a', { add: false })).toEqual([3, 4, 5, 1, 4, 4, 5]);
  });

  it('has none where the file has no vocabulary', () => {
    expect(tokenizerOfGguf('test', {})).toBeNull();
    expect(tokenizerOfGguf('test', { 'tokenizer.ggml.model': 'none' })).toBeNull();
  });

  const VALID = {
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': ['a', 'b'],
    'tokenizer.ggml.merges': ['a b'],
  };
  it.each([
    ['a split', { ...VALID, 'tokenizer.ggml.pre': 'unheard-of' }, /split as “unheard-of” .* does not know/],
    ['a kind', { ...VALID, 'tokenizer.ggml.model': 'runes' }, /of the kind “runes”/],
    ['no merges', { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.tokens': ['a'] }, /no tokenizer.ggml.merges/],
    ['no tokens', { ...VALID, 'tokenizer.ggml.tokens': [] }, /has no tokens/],
    ['a text twice', { ...VALID, 'tokenizer.ggml.tokens': ['a', 'b', 'a'] }, /the same text \(a\)/],
    ['too few types', { ...VALID, 'tokenizer.ggml.token_type': [1] }, /token_type has 1 entries for 2 tokens/],
  ])('refuses what llama.cpp does not load: %s', (_, metadata, said) => {
    const refused = (): unknown => tokenizerOfGguf('test', metadata);
    expect(refused).toThrow(said);
    expect(refused).toThrow(expect.objectContaining({ fix: 'Give token ids (--ids 1,2,3) instead of text.' }));
  });

  it.each([
    ['a first token without a name', { ...VALID, 'tokenizer.ggml.add_bos_token': true }, /does not name that token/],
    [
      'white space in another kind',
      { ...VALID, 'tokenizer.ggml.pre': 'whitespace' },
      /tokenizer\.ggml\.pre is “whitespace”/,
    ],
    [
      'a damaged table of characters',
      {
        'tokenizer.ggml.model': 't5',
        'tokenizer.ggml.tokens': ['a'],
        'tokenizer.ggml.precompiled_charsmap': [255, 255, 0, 0, 1],
      },
      /precompiled_charsmap/,
    ],
    [
      'words without a token for unknown ones',
      {
        'tokenizer.ggml.model': 'bert',
        'tokenizer.ggml.tokens': ['a', 'b'],
        'tokenizer.ggml.bos_token_id': 0,
        'tokenizer.ggml.seperator_token_id': 1,
      },
      /no token for unknown words/,
    ],
  ])('refuses a text at which llama.cpp ends: %s', (_, metadata, said) => {
    expect(() => made(metadata).encode('x  y')).toThrow(said);
  });
});

describe('texts of 16 KB', () => {
  const KB16 = 16_384;
  it.each([...SPLITS.keys()])('are cut in bounded time, however they are made: %s', (name) => {
    const cuts = SPLITS.get(name)?.cuts() ?? [];
    const runs = [
      ' ',
      ' \n',
      '\t\n ',
      'a',
      'Aa',
      'é',
      '漢',
      '1',
      '1٣',
      '!',
      "'",
      '<',
      'a ',
      '\u0301',
      '🦙',
      '\u3000',
      'IMGIMG',
    ];
    for (const run of runs) {
      const text = `x${run.repeat(Math.ceil(KB16 / run.length))}x`;
      const start = performance.now();
      expect(cutText(text, cuts).join('')).toBe(text);
      // Some take a millisecond; one that tried each place anew would take a second.
      expect(performance.now() - start, run).toBeLessThan(500);
    }
  });
});
