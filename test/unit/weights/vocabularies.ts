/**
 * Small vocabularies, written as GGUF files: one for each way that llama.cpp splits text (`tokenizer.ggml.pre`) and for each of its kinds.
 * Their tokens are made so that a piece cut elsewhere, joined in another order or normalised otherwise has other ids.
 */

import { byteCharacters, byteToken } from '../../../src/weights/vocabulary/bytes';
import { SPLITS } from '../../../src/weights/vocabulary/splits';
import { gguf, type GgufEntry, ggufValue, write } from './files';
import { TEXTS } from './vocabularyTexts';

const { u32, text, texts, f32s, i32s, flag, u8s } = ggufValue;

export interface SmallVocabulary {
  readonly name: string;
  readonly metadata: () => Readonly<Record<string, GgufEntry>>;
}

/** Numbers that look random and are the same on every run. */
function mixed(seed: number): number {
  let value = (seed + 0x9e3779b9) | 0;
  value = Math.imul(value ^ (value >>> 16), 0x21f0aaad);
  value = Math.imul(value ^ (value >>> 15), 0x735a2d97);
  return ((value ^ (value >>> 15)) >>> 0) / 2 ** 32;
}

const CONTROL = 3;
const USER_DEFINED = 4;
/** Tokens that are written in the texts, with their types. The last are known by name. */
const SPECIALS: readonly (readonly [token: string, type: number])[] = [
  ['<unk>', 2],
  ['<s>', CONTROL],
  ['</s>', CONTROL],
  ['<own>', USER_DEFINED],
  ['<ownother>', USER_DEFINED],
  ['<mask>', CONTROL],
  ['<unused>', 5],
  ['<|im_start|>', USER_DEFINED],
  ['<|im_end|>', 1],
  ['<|endoftext|>', 1],
  ['[CLS]', CONTROL],
  ['[SEP]', CONTROL],
  ['[MASK]', CONTROL],
  ['[UNK]', 2],
  ['[PAD]', 1],
  // Cut at the NUL.
  ['nul\0cut', CONTROL],
];

interface Tokens {
  readonly tokens: readonly string[];
  readonly types: readonly number[];
}

/** Special tokens first, then those given. */
function withSpecials(tokens: readonly string[], types: (token: string) => number = () => 1): Tokens {
  const known = new Set(SPECIALS.map(([token]) => token));
  const others = [...new Set(tokens)].filter(
    (token) => token !== '' && token !== 'nul' && !token.includes('\0') && !known.has(token),
  );
  return {
    tokens: [...known, ...others],
    types: [...SPECIALS.map(([, type]) => type), ...others.map(types)],
  };
}

const listed = ({ tokens, types }: Tokens): Record<string, GgufEntry> => ({
  'tokenizer.ggml.tokens': texts(tokens),
  'tokenizer.ggml.token_type': i32s(types),
});

type Metadata = Readonly<Record<string, GgufEntry>>;

/** Writes a vocabulary as a GGUF file; its path. */
export function writeVocabulary(folder: string, { name, metadata }: SmallVocabulary): string {
  const whole = { 'general.architecture': text('llama'), 'general.name': text('small'), ...metadata() };
  return write(folder, `${name.replaceAll(' ', '-')}.gguf`, gguf(whole, {}));
}

/** Made at the first call. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

interface Pairs {
  readonly tokens: readonly string[];
  readonly merges: readonly string[];
}

/**
 * Merges that join across every border that a split may draw: neighbours in whole texts, then neighbours of what those join, ranked at
 * random. `wholes` are tokens that no merge makes.
 */
function pairsOf(alphabet: readonly string[], corpus: readonly string[], wholes: readonly string[]): Pairs {
  const merges: string[] = [];
  const ranks = new Map<string, number>();
  let lines = corpus.map((line) => [...line]);
  for (let round = 0; round < 3; round++) {
    const found = new Set<string>();
    for (const line of lines)
      line.forEach((symbol, index) => {
        const next = line[index + 1];
        if (next !== undefined && !symbol.includes(' ') && !next.includes(' ') && symbol.length + next.length < 9)
          found.add(`${symbol} ${next}`);
      });
    const fresh = [...found].filter(
      (pair) => !ranks.has(pair) && mixed(pair.length * 7919 + ranks.size + hash(pair)) < 0.6,
    );
    fresh.sort((a, b) => mixed(hash(a)) - mixed(hash(b)));
    for (const pair of fresh) ranks.set(pair, merges.push(pair) - 1);
    lines = lines.map((line) => joinedOnce(line, ranks));
  }
  const made = merges.map((merge) => merge.replace(' ', ''));
  return { tokens: [...alphabet, ...made, ...wholes], merges };
}

function hash(word: string): number {
  return [...word].reduce((sum, character) => (Math.imul(sum, 31) + (character.codePointAt(0) ?? 0)) | 0, 7);
}

function joinedOnce(line: readonly string[], ranks: ReadonlyMap<string, number>): string[] {
  const joined: string[] = [];
  for (let index = 0; index < line.length; index++) {
    const [symbol = '', next = ''] = line.slice(index, index + 2);
    if (ranks.has(`${symbol} ${next}`)) {
      joined.push(symbol + next);
      index++;
    } else joined.push(symbol);
  }
  return joined;
}

/** Not all bytes: what a missing one leaves is compared, too. */
const byteLevel = once((): Tokens & Pairs => {
  const alphabet = Array.from({ length: 256 }, (_, byte) => byteOf(byte)).filter(
    (_, byte) => byte !== 0x7f && byte !== 0xf4,
  );
  const wholes = ['hello', 'Ġhello', 'World', '123', '12345', 'Ċ', 'ĊĊ', '\n', '\n\n'];
  const pairs = pairsOf(alphabet, TEXTS.map(byteCharacters), wholes);
  // One result of a merge is no token: it falls into its bytes.
  const gone = pairs.merges.find((merge) => /^[a-z] [a-z]$/.test(merge))?.replace(' ', '');
  return { ...withSpecials(pairs.tokens.filter((token) => token !== gone)), merges: pairs.merges };
});

/** The character for a byte: found in a text of all characters that have it alone or as their second byte. */
function byteOf(byte: number): string {
  const printed = (byte > 32 && byte < 127) || (byte > 160 && byte !== 173);
  if (printed) return String.fromCharCode(byte);
  const before = Array.from({ length: byte }, (_, other) => other).filter(
    (other) => !((other > 32 && other < 127) || (other > 160 && other !== 173)),
  );
  return String.fromCharCode(256 + before.length);
}

const isByteToken = (token: string): number => (/^<0x[0-9A-F]{2}>$/.test(token) ? 6 : 1);

const BYTES = Array.from({ length: 256 }, (_, byte) => byteToken(byte));

const raw = once((): Tokens & Pairs => {
  const corpus = TEXTS.map((line) => line.replaceAll(' ', '▁'));
  const alphabet = [...new Set(corpus.join(''))].filter(
    (character) => mixed(hash(character)) < 0.9 && character !== '\n',
  );
  const pairs = pairsOf(alphabet, corpus, [...BYTES, '\n', '\n\n', '\n\n\n', 'hello']);
  return { ...withSpecials(pairs.tokens, isByteToken), merges: pairs.merges };
});

const bytePairs = (name: string, more: Metadata, from = byteLevel): SmallVocabulary => ({
  name,
  metadata: () => ({
    'tokenizer.ggml.model': text('gpt2'),
    ...listed(from()),
    'tokenizer.ggml.merges': texts(from().merges),
    'tokenizer.ggml.bos_token_id': u32(1),
    'tokenizer.ggml.eos_token_id': u32(2),
    ...more,
  }),
});

const pre = (name: string): Metadata => ({ 'tokenizer.ggml.pre': text(name) });

/** Splits whose tokens are not written in characters for bytes. */
const RAW_SPLITS = ['gemma4', 'granite-embed-multi-311m', 'sarvam-moe', 'whitespace'];

/** Pieces of all lengths out of the texts. */
function piecesOf(lines: readonly string[], longest = 6): readonly string[] {
  const pieces = new Set<string>();
  for (const line of lines) {
    const characters = [...line];
    characters.forEach((character, index) => {
      if (mixed(hash(character)) < 0.9) pieces.add(character);
      const length = 2 + Math.floor(mixed(index * 131 + hash(line)) * (longest - 1));
      pieces.add(characters.slice(index, index + length).join(''));
      pieces.add(characters.slice(index, index + 2).join(''));
    });
  }
  return [...pieces];
}

/** A few scores are equal: then the left one comes first. */
const scoresOf = (tokens: readonly string[]): readonly number[] =>
  tokens.map((token, id) => (id % 5 === 0 ? -3 : Math.fround(-10 * mixed(hash(token) + id))));

const spm = once(() =>
  withSpecials([...BYTES, ...piecesOf(TEXTS.map((line) => line.replaceAll(' ', '▁')))], isByteToken),
);

const sentencePieces = (name: string, more: Metadata = {}): SmallVocabulary => ({
  name,
  metadata: () => ({
    'tokenizer.ggml.model': text('llama'),
    ...listed(spm()),
    'tokenizer.ggml.scores': f32s(scoresOf(spm().tokens)),
    ...more,
  }),
});

const wpm = once(() =>
  withSpecials([
    ...TEXTS.flatMap((line) => line.split(/[\s\p{P}]+/u)).flatMap((word) => [
      `▁${word}`,
      `▁${word.toLowerCase()}`,
      `▁${word.slice(0, 2).toLowerCase()}`,
      word.slice(2).toLowerCase(),
      ...word.toLowerCase().normalize('NFD'),
    ]),
    ...[...new Set(TEXTS.join(''))]
      .filter((character) => mixed(hash(character)) < 0.8)
      .map((character) => `▁${character}`),
  ]),
);

const wordPieces = (name: string, more: Metadata = {}): SmallVocabulary => ({
  name,
  metadata: () => ({
    'tokenizer.ggml.model': text('bert'),
    ...listed(wpm()),
    'tokenizer.ggml.bos_token_id': u32(10),
    'tokenizer.ggml.seperator_token_id': u32(11),
    'tokenizer.ggml.unknown_token_id': u32(13),
    ...more,
  }),
});

/** SentencePiece's table of replaced prefixes: a double array, as its readers walk it, then the texts. */
function charsMap(replaced: Readonly<Record<string, string>>): readonly number[] {
  interface Node {
    readonly next: Map<number, Node>;
    value: number | null;
  }
  const root: Node = { next: new Map(), value: null };
  const replacements: number[] = [];
  const encoder = new TextEncoder();
  for (const [from, to] of Object.entries(replaced)) {
    let node = root;
    for (const byte of encoder.encode(from)) {
      const next = node.next.get(byte) ?? { next: new Map<number, Node>(), value: null };
      node.next.set(byte, next);
      node = next;
    }
    node.value = replacements.length;
    replacements.push(...encoder.encode(to), 0);
  }
  const units: (number | undefined)[] = [0];
  const place = (node: Node, at: number, label: number): void => {
    const labels = [...node.next.keys(), ...(node.value === null ? [] : [0])];
    // Bases differ in the upper bits: blocks of 256 cannot meet.
    let base = 256;
    while (labels.some((byte) => units[base ^ byte] !== undefined)) base += 256;
    const offset = base ^ at;
    if (offset >= 1 << 21) throw new Error('too many prefixes');
    units[at] = (offset << 10) | (node.value === null ? 0 : 0x100) | label;
    for (const byte of labels) units[base ^ byte] = 0;
    if (node.value !== null) units[base] = (node.value | 0x80000000) >>> 0;
    for (const [byte, next] of node.next) place(next, base ^ byte, byte);
  };
  place(root, 0, 0);
  // Reading goes on at any byte behind the last node.
  const table = Uint32Array.from(
    { length: (Math.ceil(units.length / 256) + 1) * 256 },
    (_, index) => units[index] ?? 0x80000000,
  );
  return [...new Uint8Array(Uint32Array.of(table.byteLength).buffer), ...new Uint8Array(table.buffer), ...replacements];
}

const REPLACED = {
  ...Object.fromEntries(['\t', '\n', '\r', '\u00a0', '\u3000', '\u2003'].map((space) => [space, ' '])),
  ...{ ﬁ: 'fi', '²': '2', '⅞': '7⁄8', 'e\u0301': 'é', 'a\u0308': 'ä', Ａ: 'A', '\u200b': '', '\u00ad': '', '…': '...' },
};

const ugm = once(() =>
  withSpecials(piecesOf(TEXTS.map((line) => line.replaceAll(' ', '▁'))), (token) =>
    mixed(hash(token)) < 0.02 && token.length > 2 ? USER_DEFINED : mixed(hash(token)) > 0.98 ? 5 : 1,
  ),
);

const unigrams = (name: string, more: Metadata = {}): SmallVocabulary => ({
  name,
  metadata: () => ({
    'tokenizer.ggml.model': text('t5'),
    ...listed(ugm()),
    'tokenizer.ggml.scores': f32s(scoresOf(ugm().tokens)),
    'tokenizer.ggml.eos_token_id': u32(2),
    'tokenizer.ggml.bos_token_id': u32(1),
    'tokenizer.ggml.unknown_token_id': u32(0),
    ...more,
  }),
});

function rwkv(): Metadata {
  const hex = (byte: number): string => `\\x${byte.toString(16).padStart(2, '0')}`;
  const escaped = (piece: string): string =>
    piece.replaceAll('\\', '\\\\').replaceAll('\t', '\\t').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  const bytes = Array.from({ length: 256 }, (_, byte) =>
    byte >= 32 && byte < 127 && byte !== 92 ? String.fromCharCode(byte) : hex(byte),
  );
  const tokens = [
    '<s>',
    ...bytes,
    ...piecesOf(TEXTS)
      .filter((piece) => piece.length > 1 && !piece.includes('\0'))
      .map(escaped),
  ];
  const unique = [...new Set(tokens)];
  return {
    'tokenizer.ggml.model': text('rwkv'),
    ...listed({ tokens: unique, types: unique.map((_, id) => (id === 0 ? CONTROL : 1)) }),
  };
}

function plamo(): Metadata {
  const given = withSpecials([...BYTES, ...piecesOf(TEXTS)], isByteToken);
  return {
    'tokenizer.ggml.model': text('plamo2'),
    ...listed(given),
    'tokenizer.ggml.scores': f32s(scoresOf(given.tokens)),
  };
}

const withDna = once((): Tokens & Pairs => {
  const groups = ['ACGTAC', 'GTACAA', 'ACGTNN', 'AAAAAA'].map((group) => `${group}\ue000`);
  const { tokens, types, merges } = byteLevel();
  return {
    tokens: [...tokens, '<dna>', '</dna>', '<oov>', ...groups],
    types: [...types, 1, 1, 1, ...groups.map(() => 1)],
    merges,
  };
});

const tokenizer = (key: string, value: GgufEntry): Metadata => ({ [`tokenizer.ggml.${key}`]: value });

/** One for each split, kind and switch. */
export const SMALL_VOCABULARIES: readonly SmallVocabulary[] = [
  ...[...SPLITS.keys()].filter((name) => !RAW_SPLITS.includes(name)).map((name) => bytePairs(`pre ${name}`, pre(name))),
  bytePairs('no pre', {}),
  bytePairs('bos asked for', { ...pre('qwen2'), ...tokenizer('add_bos_token', flag(true)) }),
  bytePairs('bos not wanted', { ...pre('llama-bpe'), ...tokenizer('add_bos_token', flag(false)) }),
  bytePairs('bos out of the vocabulary', { ...pre('llama-bpe'), ...tokenizer('bos_token_id', u32(1e6)) }),
  bytePairs('eos asked for', { ...pre('tekken'), ...tokenizer('add_eos_token', flag(true)) }),
  ...['gemma4', 'granite-embed-multi-311m', 'sarvam-moe'].map((name) => bytePairs(`pre ${name}`, pre(name), raw)),
  bytePairs('gemma4 without bos', { ...pre('gemma4'), ...tokenizer('add_bos_token', flag(false)) }, raw),
  bytePairs('model gemma4', tokenizer('model', text('gemma4')), raw),
  bytePairs('model whitespace', { ...tokenizer('model', text('whitespace')), ...pre('whitespace') }, raw),
  bytePairs('model whitespace in small letters', {
    ...tokenizer('model', text('whitespace')),
    ...pre('whitespace'),
    ...tokenizer('normalizer.lowercase', flag(true)),
  }),
  bytePairs('hybriddna', { ...tokenizer('model', text('hybriddna')), ...pre('gpt-2') }, withDna),
  sentencePieces('sentencepiece'),
  sentencePieces('sentencepiece without a space before', tokenizer('add_space_prefix', flag(false))),
  sentencePieces('sentencepiece with an end', {
    ...tokenizer('add_eos_token', flag(true)),
    ...tokenizer('add_bos_token', flag(false)),
  }),
  sentencePieces('sentencepiece of phi-3', { 'general.name': text('Phi-3 mini') }),
  wordPieces('wordpiece'),
  wordPieces('wordpiece with capitals', tokenizer('normalizer.lowercase', flag(false))),
  wordPieces('wordpiece with accents', tokenizer('normalizer.strip_accents', flag(false))),
  unigrams('unigram'),
  unigrams('unigram with a space before', tokenizer('add_space_prefix', flag(true))),
  unigrams('unigram as T5', {
    ...tokenizer('add_space_prefix', flag(true)),
    ...tokenizer('remove_extra_whitespaces', flag(true)),
    ...tokenizer('precompiled_charsmap', u8s(charsMap(REPLACED))),
  }),
  unigrams('unigram of nomic-bert-moe', {
    'general.architecture': text('nomic-bert-moe'),
    ...tokenizer('add_bos_token', flag(true)),
    ...tokenizer('precompiled_charsmap', u8s(charsMap(REPLACED))),
  }),
  { name: 'rwkv', metadata: rwkv },
  { name: 'plamo2', metadata: plamo },
];
