/** PLaMo 2: the pieces whose scores add up to most, found from the end (llama.cpp v0.5.0 `llm_tokenizer_plamo2`). */

import { elementAt } from '../../model/elementAt';
import { byteOfToken, bytesOf } from './bytes';
import { ByteTrie } from './byteTrie';
import type { PieceTokenizer } from './pieceTokenizer';
import { BYTE, noText, type Vocabulary } from './vocabulary';

/** Scores are counted in ten-thousandths. */
const SCALE = 1e4;
/** A character in bytes. */
const UNKNOWN_SCORE = -10_000_000;
/** Pieces with this score or a lower one are not used. */
const INVALID_SCORE = -20_000_000;

class PlamoPieces implements PieceTokenizer {
  private readonly trie = new ByteTrie();
  private readonly scores: Int32Array;
  /** Token of each byte. */
  private readonly bytes = new Int32Array(256);

  constructor({ tokens, types, scores, file }: Vocabulary) {
    this.scores = new Int32Array(tokens.length).fill(INVALID_SCORE);
    tokens.forEach((token, id) => {
      if ((elementAt(types, id) & BYTE) !== 0) {
        const byte = byteOfToken(token);
        if (byte !== null) this.bytes[byte] = id;
        return;
      }
      const score = elementAt(scores, id);
      if (Number.isFinite(score)) this.scores[id] = Math.sign(score) * Math.round(Math.abs(score) * SCALE);
      this.trie.add(bytesOf(token), id);
    });
    if (this.bytes.includes(0)) throw noText(file, 'its vocabulary does not have a token for each byte.');
  }

  append(given: string, ids: number[]): void {
    const text = given.startsWith('\ufeff') ? given.slice(1) : given;
    const characters = [...text].map(bytesOf);
    const count = characters.length;
    const costs = new Float64Array(count + 1);
    /** The piece taken at each character, −1 for its bytes, and where it ends. */
    const pieces = new Int32Array(count);
    const ends = new Int32Array(count);
    for (let from = count - 1; from >= 0; from--) {
      costs[from] = 2 ** 60;
      const offer = (to: number, id: number, score: number): void => {
        const cost = (costs[to] as number) - score;
        if (cost >= (costs[from] as number)) return;
        costs[from] = cost;
        pieces[from] = id;
        ends[from] = to;
      };
      const matches = this.matchesAt(characters, from);
      let isOver = false;
      // The longest first: it is kept where another costs as much.
      for (let last = matches.length - 1; last >= 0 && !isOver; last--) {
        const { id, to } = elementAt(matches, last);
        const score = elementAt(this.scores, id);
        if (score > INVALID_SCORE) offer(to, id, score);
        isOver = score === UNKNOWN_SCORE;
      }
      if (!isOver) offer(from + 1, -1, UNKNOWN_SCORE);
    }
    for (let at = 0; at < count; at = ends[at] as number) {
      const id = pieces[at] as number;
      if (id >= 0) ids.push(id);
      else for (const byte of characters[at] as Uint8Array) ids.push(this.bytes[byte] as number);
    }
  }

  private matchesAt(characters: readonly Uint8Array[], from: number): readonly { id: number; to: number }[] {
    const matches: { id: number; to: number }[] = [];
    let place = 0;
    for (let to = from; to < characters.length; to++) {
      for (const byte of characters[to] as Uint8Array) {
        place = this.trie.next(place, byte);
        if (place === 0) return matches;
      }
      const id = this.trie.value(place);
      if (id >= 0) matches.push({ id, to: to + 1 });
    }
    return matches;
  }
}

export function plamoPieces(vocabulary: Vocabulary): PieceTokenizer {
  return new PlamoPieces(vocabulary);
}
