/** SentencePiece with scores: of all neighbours those are joined first whose piece has the best (llama.cpp v0.5.0 `llm_tokenizer_spm_session`). */

import { bytesOf, byteToken } from './bytes';
import { joinNeighbours } from './joinNeighbours';
import type { PieceTokenizer } from './pieceTokenizer';
import { noText, type Vocabulary } from './vocabulary';

class SentencePieces implements PieceTokenizer {
  constructor(private readonly vocabulary: Vocabulary) {}

  append(text: string, ids: number[], first: boolean): void {
    const { vocabulary } = this;
    const escaped = `${vocabulary.addsSpacePrefix && first ? ' ' : ''}${text}`.replaceAll(' ', '▁');
    const ends: number[] = [];
    let end = 0;
    for (const character of escaped) ends.push((end += character.length));
    const cost = (from: number, _middle: number, to: number): number | null => {
      const id = vocabulary.ids.get(escaped.slice(from, to));
      return id === undefined ? null : -(vocabulary.scores[id] as number);
    };
    let from = 0;
    for (const to of joinNeighbours(ends, cost)) {
      const piece = escaped.slice(from, to);
      const id = vocabulary.ids.get(piece);
      if (id === undefined) for (const byte of bytesOf(piece)) ids.push(this.tokenOf(byte));
      else ids.push(id);
      from = to;
    }
  }

  private tokenOf(byte: number): number {
    const { ids, file } = this.vocabulary;
    const id = ids.get(byteToken(byte)) ?? (byte < 128 ? ids.get(String.fromCharCode(byte)) : undefined);
    if (id === undefined)
      throw noText(
        file,
        `its vocabulary has no token for this text, nor for its byte ${byteToken(byte)}; llama.cpp refuses such text.`,
      );
    return id;
  }
}

export function sentencePieces(vocabulary: Vocabulary): PieceTokenizer {
  return new SentencePieces(vocabulary);
}
