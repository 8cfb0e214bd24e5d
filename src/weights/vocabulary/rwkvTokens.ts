/** RWKV's vocabulary: the longest token, again and again (llama.cpp v0.5.0 `llm_tokenizer_rwkv_session`). */

import { elementAt } from '../../model/elementAt';
import { bytesOf } from './bytes';
import { ByteTrie } from './byteTrie';
import type { PieceTokenizer } from './pieceTokenizer';
import { noText, type Vocabulary } from './vocabulary';

const BACKSLASH = 92;
const ESCAPES: ReadonlyMap<number, number> = new Map([
  [116, 9],
  [110, 10],
  [114, 13],
]);

/** Bytes of a token, which the file has with escapes: `\t`, `\n`, `\r`, `\x0a`, `\\` (`llama_unescape_rwkv_token`). */
export function unescaped(token: string): Uint8Array {
  const given = bytesOf(token);
  const bytes: number[] = [];
  for (let at = 0; at < given.length; at++) {
    const byte = given[at] as number;
    if (byte !== BACKSLASH) {
      bytes.push(byte);
      continue;
    }
    const escape = given[++at];
    if (escape === undefined) break;
    if (escape === 120) {
      if (at + 2 < given.length)
        bytes.push((digit(given[at + 1] as number) * 16 + digit(given[at + 2] as number)) & 255);
      at += 2;
    } else {
      bytes.push(ESCAPES.get(escape) ?? escape);
    }
  }
  return Uint8Array.from(bytes);
}

const digit = (byte: number): number => (byte >= 97 ? byte - 87 : byte - 48);

class RwkvTokens implements PieceTokenizer {
  private readonly trie = new ByteTrie();

  constructor(private readonly vocabulary: Vocabulary) {
    vocabulary.tokens.forEach((token, id) => this.trie.add(unescaped(token), id));
  }

  append(text: string, ids: number[]): void {
    const { unknown, file } = this.vocabulary;
    const bytes = bytesOf(text);
    for (let at = 0; at < bytes.length; ) {
      const byte = elementAt(bytes, at);
      let place = this.trie.next(0, byte);
      if (place === 0) {
        if (unknown === null) throw noText(file, `its vocabulary has no token for the byte ${byte}.`);
        ids.push(unknown);
        at++;
        continue;
      }
      let best = -1;
      let behind = at;
      for (let next = at + 1; place !== 0; ) {
        const id = this.trie.value(place);
        if (id >= 0) {
          best = id;
          behind = next;
        }
        place = next < bytes.length ? this.trie.next(place, bytes[next++] as number) : 0;
      }
      // llama.cpp never ends there.
      if (best < 0)
        throw noText(
          file,
          `its vocabulary has no token for the byte ${byte} alone, only longer tokens that contain it.`,
        );
      ids.push(best);
      at = behind;
    }
  }
}

export function rwkvTokens(vocabulary: Vocabulary): PieceTokenizer {
  return new RwkvTokens(vocabulary);
}
