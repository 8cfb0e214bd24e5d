/** Tokenizers that strangers write to keep whoever reads them busy: each ends in words, and takes little memory. */

import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../../src/cli/run';
import { HeadsService } from '../../../src/compute/heads/service';
import { folderTokenizer } from '../../../src/weights/folderTokenizer';
import type { GgufMetadata } from '../../../src/weights/gguf';
import { tokenizerOfGguf } from '../../../src/weights/ggufTokenizer';
import { OutOfTime, withinTime } from '../../../src/weights/timeLimit';
import { someOf } from '../support/cases';
import { WeightsError } from '../../../src/weights/weightsError';

const SAMPLE = resolve(import.meta.dirname, '../../../media/samples/gqa');
/** The longest limit for a short text is 5 s; here others run beside it. */
const TIMEOUT_MS = 60_000;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'headlight-tokenizers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Parts = Readonly<Record<string, unknown>>;

function description(parts: Parts): Parts {
  return {
    version: '1.0',
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: 'BPE', vocab: { a: 0, b: 1, x: 2 }, merges: [], unk_token: 'x' },
    ...parts,
  };
}

/** A folder with the tokenizer; a whole model where `model` is true. */
function written(name: string, parts: Parts, model = false): string {
  const at = mkdtempSync(join(folder, `${name.replace(/\W/g, '')}-`));
  if (model) cpSync(SAMPLE, at, { recursive: true });
  writeFileSync(join(at, 'tokenizer.json'), JSON.stringify(description(parts)));
  return at;
}

const regex = (text: string): Parts => ({ Regex: text });
const replace = (pattern: Parts, content: string): Parts => ({ type: 'Replace', pattern, content });
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
const template = (single: readonly unknown[]): Parts => ({
  type: 'TemplateProcessing',
  single,
  pair: [],
  special_tokens: {},
});
const COPY = { Sequence: { id: 'A', type_id: 0 } };
const unigram = (vocab: readonly unknown[]): Parts => ({ type: 'Unigram', unk_id: 0, vocab });

const BACKTRACKING = '^(?:a+)+$';
const BACKTRACKED = `${'a'.repeat(60)}!`;
const LONG = 'a'.repeat(100_000);

/** What each is, its text, and what is said. */
const HOSTILE: readonly (readonly [name: string, parts: Parts, text: string, says: RegExp])[] = [
  [
    'an expression that backtracks, where a text is split',
    { pre_tokenizer: { type: 'Split', pattern: regex(BACKTRACKING), behavior: 'Isolated', invert: false } },
    BACKTRACKED,
    /stopped after 5 s, while it cuts 61 characters into tokens/,
  ],
  [
    'one where a text is normalized',
    { normalizer: { type: 'Sequence', normalizers: [replace(regex(BACKTRACKING), 'b')] } },
    BACKTRACKED,
    /stopped after 5 s/,
  ],
  [
    'one that its own tokens set off',
    {
      normalizer: replace(regex(BACKTRACKING), 'b'),
      added_tokens: [{ id: 9, content: BACKTRACKED, special: false, normalized: true }],
    },
    'a',
    /stopped after 5 s, while it was being opened/,
  ],
  [
    'steps that multiply a text',
    { normalizer: { type: 'Sequence', normalizers: times(12, replace(regex('a'), 'a'.repeat(50))) } },
    'aaaa',
    /would expand this text many times over/,
  ],
  [
    'something put between all characters, again and again',
    { normalizer: { type: 'Sequence', normalizers: times(100, replace(regex('(?:)'), 'ab')) } },
    'abc',
    /would expand this text many times over/,
  ],
  [
    'one long replacement in a long text',
    { pre_tokenizer: replace(regex('a'), 'b'.repeat(1_000_000)) },
    LONG,
    /would expand this text many times over/,
  ],
  [
    'all that is before, in place of each character',
    { normalizer: { type: 'Sequence', normalizers: times(40, replace(regex('.'), '$`$&$&')) } },
    LONG,
    /would expand this text many times over/,
  ],
  [
    'bytes of bytes of bytes',
    {
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: times(40, { type: 'ByteLevel', add_prefix_space: false, use_regex: false }),
      },
    },
    'é',
    /more than 4 steps ByteLevel/,
  ],
  [
    'spaces of spaces',
    {
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: times(2, { type: 'Metaspace', replacement: '▁', str_rep: ' '.repeat(9_000) }),
      },
    },
    ' ',
    /more than 4 characters of str_rep/,
  ],
  ['pieces of no length', { pre_tokenizer: { type: 'FixedLength', length: 0 } }, 'abc', /cuts text into empty pieces/],
  [
    'groups upon groups',
    { pre_tokenizer: { type: 'Split', pattern: regex('()'.repeat(4_000)), behavior: 'Removed', invert: false } },
    LONG,
    /more than 32 groups of a pattern/,
  ],
  [
    'a pattern without end',
    { normalizer: replace(regex('a'.repeat(5_000_000)), 'b') },
    'abc',
    /more than 10,000 characters of a pattern/,
  ],
  [
    'a template of a million pieces',
    { post_processor: template(times(1_000_000, COPY)) },
    'abc',
    /items of a template/,
  ],
  [
    'templates of templates',
    { post_processor: { type: 'Sequence', processors: times(40, template([COPY, COPY])) } },
    'abc',
    /more than 16 copies of each text/,
  ],
  [
    'a million steps',
    { normalizer: { type: 'Sequence', normalizers: times(1_000_000, { type: 'Lowercase' }) } },
    'abc',
    /more than 256 steps/,
  ],
  [
    'added tokens of many megabytes',
    {
      added_tokens: Array.from({ length: 40 }, (_, id) => ({
        id,
        content: String.fromCharCode(0x4e00 + id).repeat(99_999),
      })),
    },
    'abc',
    /characters of added tokens/,
  ],
  [
    'long tokens of unigrams',
    { model: unigram(Array.from({ length: 40 }, (_, id) => [String.fromCharCode(0x4e00 + id).repeat(99_999), -1])) },
    'abc',
    /characters of tokens/,
  ],
  [
    'tokens that fit everywhere',
    { model: unigram([['?', -9], ...Array.from({ length: 300 }, (_, i) => ['a'.repeat(i + 1), -1])]) },
    LONG,
    // Counted, or a slow machine was sooner.
    /tokenised in too many ways \(more than 4,000,000\)|stopped after 7 s/,
  ],
  ['a step that is a text', { normalizer: 'Lowercase' }, 'a', /a step that is not an object/],
  ['a step without a kind', { decoder: { pattern: {} } }, 'a', /a step without a type/],
  // The library wrote "undefined" before each text.
  [
    'nothing that is put before a text',
    { normalizer: { type: 'Prepend', content: 5 } },
    'a',
    /prepend .*is not a string/,
  ],
  [
    'a pattern that is none',
    { normalizer: { type: 'Replace', pattern: {}, content: 'a' } },
    'a',
    /pattern .*is not a string/,
  ],
  ['added tokens that are a text', { added_tokens: 'abc' }, 'a', /added_tokens are not a list/],
  ['an added token without a text', { added_tokens: [{ id: 1, content: null }] }, 'a', /an added token has no text/],
  ['no model', { model: null }, 'a', /has no model/],
  ['a vocabulary that is a number', { model: { type: 'BPE', vocab: 8, merges: [] } }, 'a', /no vocabulary/],
  ['a merge of one token', { model: { type: 'BPE', vocab: { a: 0 }, merges: [['a']] } }, 'a', /not a pair of tokens/],
  ['an entry without a score', { model: unigram([['a'], ['b', -1]]) }, 'a', /no text or no score/],
  ['a token whose id is none', { model: { type: 'BPE', vocab: { a: 'b' }, merges: [] } }, 'a', /has no id for/],
];

async function outcome(at: string, text: string): Promise<unknown> {
  try {
    return (await folderTokenizer(at))?.encode(text);
  } catch (error) {
    return error;
  }
}

describe('hostile tokenizers', () => {
  it.each(HOSTILE)(
    'end in words: %s',
    async (name, parts, text, says) => {
      const at = written(name, parts);
      const before = process.memoryUsage().rss;
      const error = await outcome(at, text);
      expect(error).toBeInstanceOf(WeightsError);
      if (!(error instanceof WeightsError)) return;
      expect(error.message).toMatch(says);
      expect(error.message).toMatch(/tokenizer\.json/);
      expect(error.fix).toBe('Give token ids instead of text.');
      // Parsing what is large on the disk is most of it.
      expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(1_500);
    },
    TIMEOUT_MS,
  );

  it(
    'do not write for ever either, nor are they tried again',
    async () => {
      const decoder = { type: 'Sequence', decoders: [{ type: 'Fuse' }, replace(regex(BACKTRACKING), 'b')] };
      const tokenizer = await folderTokenizer(written('decoder', { decoder }));
      const ids = [...times(60, 0), 1];
      expect(() => tokenizer?.decode(ids)).toThrow(/stopped after 5 s, while it writes 61 tokens as text/);
      // What is said is what ended then.
      expect(() => tokenizer?.pieces([0])).toThrow(/stopped after 5 s, while it writes 61 tokens as text/);
      expect(() => tokenizer?.encode('a')).toThrow(/stopped after 5 s, while it writes 61 tokens as text/);
    },
    TIMEOUT_MS,
  );

  it('do not write a long token for each of many ids', async () => {
    const model = { type: 'BPE', vocab: { ['a'.repeat(1_000_000)]: 0 }, merges: [] };
    const tokenizer = await folderTokenizer(written('long', { model }));
    expect(() => tokenizer?.decode(times(100_000, 0))).toThrow(/stand for more than 4,000,000 characters/);
  });

  it(
    'end the command line with 1 and a sentence, and a call of the compute process with an error that has a code',
    async () => {
      const pattern = regex(BACKTRACKING);
      const pretokenizer = { type: 'Split', pattern, behavior: 'Isolated', invert: false };
      const at = written('model', { pre_tokenizer: pretokenizer }, true);
      const err: string[] = [];
      const args = ['heads', at, '--layer', '0', '--prompt', BACKTRACKED];
      expect(await runCli(args, { out: () => undefined, err: (text) => err.push(text) })).toBe(1);
      expect(err.join('\n')).toMatch(
        /^[^\n]*tokenizer\.json: its tokenizer cannot be used \(it was stopped[^\n]*ids[^\n]*$/,
      );

      const service = new HeadsService(() => {
        throw new Error('no engine is needed');
      }, 2 ** 30);
      const context = { signal: new AbortController().signal, progress: () => undefined };
      const call = service.answers()['heads/tokens']({ path: at, text: BACKTRACKED }, context);
      await expect(call).rejects.toMatchObject({ code: 'invalidInput', message: expect.stringMatching(/was stopped/) });
    },
    TIMEOUT_MS,
  );
});

describe('work within a time', () => {
  it('gives what it gives, or its own error, and is ended where it does not end', () => {
    expect(withinTime(1_000, () => 7)).toBe(7);
    expect(() =>
      withinTime(1_000, () => {
        throw new TypeError('own');
      }),
    ).toThrow(TypeError);
    expect(() =>
      withinTime(50, () => {
        for (;;);
      }),
    ).toThrow(OutOfTime);
    expect(withinTime(1_000, () => withinTime(1_000, () => 1) + 1)).toBe(2);
  });
});

describe('honest tokenizers', () => {
  it('take a replacement for what it is, `$` included', async () => {
    const vocab = { $: 0, '&': 1 };
    const at = written('dollar', {
      normalizer: replace({ String: 'b' }, '$&'),
      model: { type: 'BPE', vocab, merges: [] },
    });
    expect((await folderTokenizer(at))?.encode('b')).toEqual([0, 1]);
  });

  it(
    'of 128,000 tokens open and encode a long prompt',
    async () => {
      const words = Array.from({ length: 128_000 }, (_, id) => `w${id.toString(36)}`);
      const pretokenizer = { type: 'WhitespaceSplit' };
      const model = {
        type: 'WordPiece',
        unk_token: words[0],
        continuing_subword_prefix: '##',
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
      };
      const tokenizer = await folderTokenizer(written('honest', { pre_tokenizer: pretokenizer, model }));
      const prompt = times(2, words).flat().slice(0, 131_072);
      expect(tokenizer?.encode(prompt.join(' '))).toHaveLength(131_072);
    },
    TIMEOUT_MS,
  );
});

/** A table that puts a text in place of each `a`: one node for the root, one for `a`, one for its value. */
function charsMap(replacement: string): number[] {
  const table = new Uint32Array(256);
  // The root leads to itself; `a` to node 0x61 ^ 1, whose value is at the start of the texts.
  table[0] = 1 << 10;
  table[1 ^ 0x61] = 0x61 | (1 << 8) | (2 << 10);
  table[1 ^ 0x61 ^ 2] = 0x80000000;
  const bytes = [...new Uint8Array(table.buffer)];
  return [0, 4, 0, 0, ...bytes, ...Buffer.from(replacement), 0];
}

const BASE = { 'tokenizer.ggml.model': 'gpt2', 'tokenizer.ggml.pre': 'gpt-2', 'tokenizer.ggml.merges': ['a b'] };
const nested = (count: number): string[] => Array.from({ length: count }, (_, i) => 'a'.repeat(i + 1));
const scored = (model: string, tokens: readonly string[]): GgufMetadata => ({
  'tokenizer.ggml.model': model,
  'tokenizer.ggml.tokens': ['<unk>', ...tokens],
  'tokenizer.ggml.scores': [0, ...tokens.map(() => -1)],
  'tokenizer.ggml.token_type': [2, ...tokens.map(() => 1)],
  'tokenizer.ggml.unknown_token_id': 0,
});

const GGUF: readonly (readonly [name: string, metadata: GgufMetadata, text: string])[] = [
  ['unigrams that fit everywhere', scored('t5', nested(2_000)), LONG],
  ['pieces that fit everywhere', scored('llama', ['▁', ...nested(2_000)]), LONG],
  [
    'a special token for each word',
    {
      ...BASE,
      'tokenizer.ggml.tokens': ['a', 'b', ...Array.from({ length: 100_000 }, (_, id) => `a${id}`)],
      'tokenizer.ggml.token_type': [1, 1, ...times(100_000, 3)],
    },
    'a99999'.repeat(20_000),
  ],
  [
    'a table that multiplies a text',
    { ...scored('t5', ['b']), 'tokenizer.ggml.precompiled_charsmap': charsMap('b'.repeat(50_000)) },
    LONG,
  ],
  ['words that are no tokens', { ...scored('bert', nested(2_000)), 'tokenizer.ggml.unknown_token_id': 0 }, `${LONG}!`],
  ['bytes of RWKV', scored('rwkv', nested(2_000)), LONG],
];

describe('hostile vocabularies of GGUF files', () => {
  it.each(someOf(GGUF))(
    'give tokens or end in words: %s',
    (_, metadata, text) => {
      const before = process.memoryUsage().rss;
      try {
        expect(tokenizerOfGguf('test.gguf', metadata)?.encode(text).length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(WeightsError);
        expect(String(error)).toMatch(/test\.gguf: .*(?:stopped after \d s|many times over)/);
      }
      expect((process.memoryUsage().rss - before) / 2 ** 20).toBeLessThan(1_000);
    },
    TIMEOUT_MS,
  );

  it('do not write a long token for each of many ids', () => {
    const tokens = ['a'.repeat(1_000_000), 'b'];
    const tokenizer = tokenizerOfGguf('test.gguf', { ...BASE, 'tokenizer.ggml.tokens': tokens });
    expect(() => tokenizer?.decode(times(100_000, 0))).toThrow(/stand for more than 4,000,000 characters/);
    expect(() => tokenizer?.pieces(times(100_000, 0))).toThrow(/stand for more than 4,000,000 characters/);
    expect(() => tokenizer?.encode('a'.repeat(4_000_001))).toThrow(/text has more than 4,000,000 characters/);
  });
});
