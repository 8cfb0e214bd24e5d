/** WordPiece: words by white space and signs, each of the longest tokens from its start (llama.cpp v0.5.0 `llm_tokenizer_wpm_session`). */

import { categoryOf, CONTROL, lowerCase, MARK, PUNCTUATION, SPACE, SYMBOL, withoutAccents } from './characters';
import type { PieceTokenizer } from './pieceTokenizer';
import { noText, type Vocabulary } from './vocabulary';

class WordPieces implements PieceTokenizer {
  /** Longest token, in units of a text. */
  private readonly longest: number;

  constructor(private readonly vocabulary: Vocabulary) {
    this.longest = vocabulary.tokens.reduce((most, token) => Math.max(most, token.length), 0);
  }

  append(text: string, ids: number[]): void {
    const { unknown, file } = this.vocabulary;
    for (const word of this.words(text)) {
      const found = this.idsOf(`▁${word}`);
      if (found !== null) {
        for (const id of found) ids.push(id);
        continue;
      }
      if (unknown === null) throw noText(file, 'its vocabulary has no token for unknown words.');
      ids.push(unknown);
    }
  }

  /** Null for a word that the tokens do not make up. */
  private idsOf(word: string): readonly number[] | null {
    const found: number[] = [];
    for (let from = 0; from < word.length; ) {
      let to = Math.min(word.length, from + this.longest);
      let id = this.vocabulary.ids.get(word.slice(from, to));
      while (id === undefined && --to > from) id = this.vocabulary.ids.get(word.slice(from, to));
      if (id === undefined) return null;
      found.push(id);
      from = to;
    }
    return found;
  }

  private words(text: string): readonly string[] {
    const { lowercase, stripsAccents } = this.vocabulary;
    const words: string[] = [];
    let word = '';
    const end = (): void => {
      if (word !== '') words.push(word);
      word = '';
    };
    for (const character of text) {
      const given = character.codePointAt(0) ?? 0;
      const point = stripsAccents ? withoutAccents(given) : given;
      const category = categoryOf(point);
      if (category === SPACE) end();
      if (category === SPACE || category === CONTROL || point === 0xfffd) continue;
      if (stripsAccents && category === MARK) continue;
      const written = String.fromCodePoint(lowercase ? lowerCase(point) : point);
      if (category === PUNCTUATION || (point < 0x7f && category === SYMBOL) || isIdeograph(point)) {
        end();
        words.push(written);
      } else {
        word += written;
      }
    }
    end();
    return words;
  }
}

/** A word of its own. Extension E begins later than in Unicode, as in the tokenizers that llama.cpp follows (`is_chinese_char`). */
function isIdeograph(point: number): boolean {
  return (
    (point >= 0x4e00 && point <= 0x9fff) ||
    (point >= 0x3400 && point <= 0x4dbf) ||
    (point >= 0x20000 && point <= 0x2a6df) ||
    (point >= 0x2a700 && point <= 0x2b81f) ||
    (point >= 0x2b920 && point <= 0x2ceaf) ||
    (point >= 0xf900 && point <= 0xfaff) ||
    (point >= 0x2f800 && point <= 0x2fa1f)
  );
}

export function wordPieces(vocabulary: Vocabulary): PieceTokenizer {
  return new WordPieces(vocabulary);
}
