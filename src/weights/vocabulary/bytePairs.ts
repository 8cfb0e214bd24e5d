/** Byte pairs: pieces of a text, each joined by rank (llama.cpp v0.5.0 src/llama-vocab.cpp `llm_tokenizer_bpe_session`). */

import { byteCharacters, bytesOf, byteToken } from './bytes';
import { categoryOf, lowerCase, SPACE } from './characters';
import { joinNeighbours } from './joinNeighbours';
import type { PieceTokenizer } from './pieceTokenizer';
import { cutText } from './splits';
import { noText, type Vocabulary } from './vocabulary';

/** Words whose ids are remembered. */
const REMEMBERED = 20_000;
/** Longer ones hardly come again. */
const LONGEST_REMEMBERED = 64;

class BytePairs implements PieceTokenizer {
  private readonly cuts;
  /** By `left right`: no side has a space. The first of equals counts. */
  private readonly ranks = new Map<string, number>();
  private readonly seen = new Map<string, readonly number[]>();

  constructor(private readonly vocabulary: Vocabulary) {
    const { merges, split } = vocabulary;
    this.cuts = split.cuts();
    for (let rank = merges.length - 1; rank >= 0; rank--) this.ranks.set(merges[rank] as string, rank);
  }

  append(text: string, ids: number[]): void {
    const { split } = this.vocabulary;
    const escaped = split.escapesSpaces ? text.replaceAll(' ', '▁') : text;
    for (const word of cutText(escaped, this.cuts)) {
      let found = this.seen.get(word);
      if (found === undefined) {
        found = this.idsOf(split.byteLevel ? byteCharacters(word) : word);
        if (word.length <= LONGEST_REMEMBERED && this.seen.size < REMEMBERED) this.seen.set(word, found);
      }
      for (const id of found) ids.push(id);
    }
  }

  private idsOf(word: string): readonly number[] {
    const { ids, split, file } = this.vocabulary;
    const whole = split.wholeWords || (split.wholeNewlines && /^\n+$/.test(word)) ? ids.get(word) : undefined;
    if (whole !== undefined) return [whole];
    const ends: number[] = [];
    let end = 0;
    for (const character of word) ends.push((end += character.length));
    // llama.cpp stops there: its merges are looked up by sides without spaces.
    if (ends.length > 1 && word.includes(' '))
      throw noText(
        file,
        'tokenizer.ggml.pre is “whitespace”, which is allowed only if tokenizer.ggml.model is “whitespace”, too.',
      );
    const found: number[] = [];
    let from = 0;
    for (const to of joinNeighbours(
      ends,
      (start, middle, stop) => this.ranks.get(`${word.slice(start, middle)} ${word.slice(middle, stop)}`) ?? null,
    )) {
      const symbol = word.slice(from, to);
      const id = ids.get(symbol);
      if (id === undefined) found.push(...this.bytesAsTokens(symbol));
      else found.push(id);
      from = to;
    }
    return found;
  }

  /** A symbol that is no token: each byte that is one; the others leave nothing. */
  private bytesAsTokens(symbol: string): readonly number[] {
    const { ids, split } = this.vocabulary;
    return [...bytesOf(symbol)].flatMap((byte) => {
      // In GPT-2's characters a single byte is a text only below 128.
      if (split.byteLevel && byte > 127) return [];
      return ids.get(split.byteLevel ? String.fromCharCode(byte) : byteToken(byte)) ?? [];
    });
  }
}

/** Words between white space, which is dropped (`llm_tokenizer_whitespace_session`). */
class BetweenSpaces implements PieceTokenizer {
  private readonly pairs: BytePairs;

  constructor(private readonly vocabulary: Vocabulary) {
    this.pairs = new BytePairs(vocabulary);
  }

  append(text: string, ids: number[]): void {
    let word = '';
    const end = (): void => {
      if (word !== '') this.pairs.append(word, ids);
      word = '';
    };
    for (const character of text) {
      const point = character.codePointAt(0) ?? 0;
      if (categoryOf(point) === SPACE) end();
      else word += this.vocabulary.lowercase ? String.fromCodePoint(lowerCase(point)) : character;
    }
    end();
  }
}

/** Behind a k-mer's text in the vocabulary, so that it is no word. */
const KMER_MARK = '\ue000';
const KMER_LENGTH = 6;

/** DNA between tags in groups of six bases, everything else in byte pairs (`llm_tokenizer_hybriddna_session`). */
class HybridDna implements PieceTokenizer {
  private readonly pairs: BytePairs;

  constructor(private readonly vocabulary: Vocabulary) {
    this.pairs = new BytePairs(vocabulary);
  }

  append(text: string, ids: number[]): void {
    const [open, close, other] = ['<dna>', '</dna>', '<oov>'].map((tag) => this.vocabulary.ids.get(tag));
    if (open === undefined || close === undefined || other === undefined) {
      this.pairs.append(text, ids);
      return;
    }
    let rest = text;
    while (rest !== '') {
      const start = rest.indexOf('<dna>');
      this.pairs.append(start < 0 ? rest : rest.slice(0, start), ids);
      if (start < 0) return;
      ids.push(open);
      const inner = rest.slice(start + 5);
      const end = inner.indexOf('</dna>');
      this.appendBases(end < 0 ? inner : inner.slice(0, end), other, ids);
      if (end < 0) return;
      ids.push(close);
      rest = inner.slice(end + 6);
    }
  }

  private appendBases(text: string, other: number, ids: number[]): void {
    // Counted in bytes; one that is no base makes its group unknown.
    const bases = Buffer.from(bytesOf(text))
      .toString('latin1')
      .replace(/[a-z]/g, (base) => base.toUpperCase());
    for (let at = 0; at < bases.length; at += KMER_LENGTH) {
      const group = bases.slice(at, at + KMER_LENGTH).padEnd(KMER_LENGTH, 'A');
      ids.push(this.vocabulary.ids.get(group + KMER_MARK) ?? other);
    }
  }
}

export function bytePairs(vocabulary: Vocabulary): PieceTokenizer {
  if (vocabulary.model === 'whitespace') return new BetweenSpaces(vocabulary);
  if (vocabulary.model === 'hybriddna') return new HybridDna(vocabulary);
  return new BytePairs(vocabulary);
}
