/** Texts become the tokens that llama.cpp's own library makes of them, in every kind of vocabulary and for every split that it knows. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openGguf } from '../../../src/weights/gguf';
import { tokenizerOfGguf } from '../../../src/weights/ggufTokenizer';
import { cutText, SPLITS } from '../../../src/weights/vocabulary/splits';
import { bytesOfToken } from '../../../src/weights/vocabulary/tokenBytes';
import { readVocabulary } from '../../../src/weights/vocabulary/vocabulary';
import { WeightsError } from '../../../src/weights/weightsError';
import { depthNote, sampled, thorough } from '../depth';
import { tally } from '../support/accuracy';
import { describeAll, eachOrSkip } from '../support/cases';
import { Libllama, LIBLLAMA_TIMEOUT_MS, noLibllama } from '../support/libllama';
import { compareTokens } from '../support/libllamaTokens';
import { ggufValue, temporaryFolder } from './files';
import { SMALL_VOCABULARIES, type SmallVocabulary, writeVocabulary } from './vocabularies';
import { randomTexts, TEXTS } from './vocabularyTexts';

const texts = [...TEXTS, ...randomTexts(200)];
const folder = temporaryFolder();

/** llama.cpp's own vocabularies (`models/ggml-vocab-*.gguf` of its repository), or any GGUF files. */
const published = process.env['HEADLIGHT_VOCABULARIES'] ?? '';
const publishedFiles = published === '' ? [] : readdirSync(published).filter((name) => name.endsWith('.gguf'));

const named = (name: string): SmallVocabulary => {
  const found = SMALL_VOCABULARIES.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no vocabulary ${name}`);
  return found;
};

describeAll('the vocabularies of this test', () => {
  it('show a border that one split draws and another does not', { timeout: LIBLLAMA_TIMEOUT_MS }, async () => {
    // Ids for the texts under one split, cut as by another, must be others: else the comparisons below would see nothing.
    const kinds = new Map<string, string>();
    for (const [name, split] of SPLITS) {
      const cuts = split.cuts();
      const pieces = JSON.stringify(TEXTS.map((text) => cutText(text, cuts)));
      if (split.byteLevel && !kinds.has(pieces)) kinds.set(pieces, name);
    }
    const ids = new Set<string>();
    for (const name of kinds.values()) {
      const store = await openGguf(writeVocabulary(folder, named(`pre ${name}`)));
      await store.close();
      const tokenizer = tokenizerOfGguf(store.path, store.metadata);
      ids.add(JSON.stringify(TEXTS.map((text) => tokenizer?.encode(text, { add: false, parse: false }))));
    }
    expect(kinds.size).toBeGreaterThan(20);
    expect(ids.size).toBe(kinds.size);
  });
});

describeAll(`tokens as libllama tells them${depthNote}`, () => {
  if (noLibllama !== null) {
    it.skip(noLibllama, () => undefined);
    return;
  }
  const vocabularies = sampled(SMALL_VOCABULARIES, 4);
  const counted = tally(
    {
      id: 'libllama-tokens',
      part: 'text',
      what:
        'Vocabularies, one for each way to split text and for each kind: token ids of ' +
        `${texts.length} texts, with special tokens and without, all of which must be the same`,
      against: 'llama.cpp v0.5.0 (2026-09-28), executed',
      unit: 'GGUF file',
      off: 'none',
    },
    SMALL_VOCABULARIES.length,
  );
  let library: Libllama;
  beforeAll(async () => {
    library = await Libllama.start();
  }, LIBLLAMA_TIMEOUT_MS);
  afterAll(() => {
    library.close();
  });

  it.each(vocabularies.map((one) => [one.name, one] as const))(
    '%s',
    { timeout: LIBLLAMA_TIMEOUT_MS },
    async (_, one) => {
      const result = await compareTokens(library, [writeVocabulary(folder, one)], texts);
      expect(result.differences).toEqual([]);
      counted.add({ compared: 1, equal: 1 });
    },
  );

  it.each(['pre qwen2', 'pre gemma4', 'hybriddna', 'sentencepiece', 'wordpiece', 'unigram', 'rwkv', 'plamo2'])(
    'every token of %s stands for the bytes that it stands for there',
    async (name) => {
      const path = writeVocabulary(folder, named(name));
      const store = await openGguf(path);
      await store.close();
      const vocabulary = readVocabulary(path, store.metadata);
      const model = await library.open(path, { vocabularyOnly: true });
      if (vocabulary === null || 'refused' in model) throw new Error('there is no vocabulary');
      const ids = [...vocabulary.tokens.keys()];
      const pieces = await library.pieces(model, ids);
      await library.closeModel(model);
      const written = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
      // A character that no byte is written as: there "[UNK_BYTE_0x0a…]", here itself.
      const isOdd = (id: number): boolean =>
        vocabulary.kind === 'bytePairs' && /^\n+$/.test(vocabulary.tokens[id] ?? '');
      const different = ids
        .filter((id) => !isOdd(id))
        .filter((id) => written(bytesOfToken(vocabulary, id)) !== written(pieces[id]));
      expect(different.map((id) => [vocabulary.tokens[id], written(pieces[id])])).toEqual([]);
    },
  );

  eachOrSkip(publishedFiles, 'published vocabularies (not here: HEADLIGHT_VOCABULARIES names their folder)', (name) => {
    it(`published: ${name}`, { timeout: LIBLLAMA_TIMEOUT_MS }, async () => {
      const random = thorough ? randomTexts(2000) : [];
      const { differences } = await compareTokens(library, [join(published, name)], [...texts, ...random]);
      expect(differences).toEqual([]);
    });
  });

  it.each([
    ['a split that it does not know', { 'tokenizer.ggml.pre': ggufValue.text('unheard-of') }, /unheard-of/],
    ['a kind that it does not know', { 'tokenizer.ggml.model': ggufValue.text('runes') }, /runes/],
    ['too few types', { 'tokenizer.ggml.token_type': ggufValue.i32s([1]) }, /token_type has 1/],
    ['too few scores', { 'tokenizer.ggml.scores': ggufValue.f32s([1]) }, /scores has 1/],
    ['a text twice', { 'tokenizer.ggml.tokens': ggufValue.texts(['a', 'a']) }, /the same text \(a\)/],
  ])('it loads no file with %s, and here its text is refused', async (_, change, said) => {
    const { metadata } = named('pre qwen2');
    const path = writeVocabulary(folder, { name: 'refused', metadata: () => ({ ...metadata(), ...change }) });
    const theirs = await library.open(path, { vocabularyOnly: true }).catch((error: unknown) => ({
      refused: String(error),
    }));
    expect('refused' in theirs).toBe(true);
    const store = await openGguf(path);
    await store.close();
    expect(() => tokenizerOfGguf(path, store.metadata)).toThrow(said);
    expect(() => tokenizerOfGguf(path, store.metadata)).toThrow(WeightsError);
  });
});
