/** Text ↔ token ids with the vocabulary of a GGUF file, as llama.cpp does it (v0.5.0 src/llama-vocab.cpp). */

import { elementAt } from '../model/elementAt';
import type { GgufMetadata } from './gguf';
import type { TextTokenizer } from './textTokenizer';
import { Beyond, checkText, checkTokens, cutting, stoppedAfter, textMs, writing } from './tokenizerBounds';
import { bytePairs } from './vocabulary/bytePairs';
import { byteOfToken } from './vocabulary/bytes';
import type { PieceTokenizer } from './vocabulary/pieceTokenizer';
import { plamoPieces } from './vocabulary/plamoPieces';
import { rwkvTokens } from './vocabulary/rwkvTokens';
import { sentencePieces } from './vocabulary/sentencePieces';
import { SpecialTokens } from './vocabulary/specialTokens';
import { bytesOfToken } from './vocabulary/tokenBytes';
import { unigrams } from './vocabulary/unigrams';
import { CONTROL, noText, readVocabulary, UNKNOWN, type Vocabulary } from './vocabulary/vocabulary';
import { wordPieces } from './vocabulary/wordPieces';

const TOKENIZERS: Readonly<Record<Vocabulary['kind'], (vocabulary: Vocabulary) => PieceTokenizer>> = {
  sentencePiece: sentencePieces,
  bytePairs,
  wordPiece: wordPieces,
  unigram: unigrams,
  rwkv: rwkvTokens,
  plamo: plamoPieces,
};

/** What `encode` does with special tokens; both are on for a prompt. */
export interface EncodeOptions {
  /** Puts those around the text that the model expects (`add_special` of `llama_tokenize`). */
  readonly add?: boolean;
  /** Takes those that are written in the text for what they are, not for text (`parse_special`). */
  readonly parse?: boolean;
}

export class GgufTokenizer implements TextTokenizer {
  /** Made at the first text: labels of ids need neither. */
  private parts: { readonly pieces: PieceTokenizer; readonly specials: SpecialTokens } | undefined;

  constructor(private readonly vocabulary: Vocabulary) {}

  encode(text: string, special: boolean | EncodeOptions = true): number[] {
    const { add = true, parse = true } = typeof special === 'boolean' ? { add: special } : special;
    return this.bounded(textMs(text.length), cutting(text.length), () => {
      checkText(text.length);
      return this.cut(text, add, parse);
    });
  }

  private cut(text: string, add: boolean, parse: boolean): number[] {
    const { vocabulary } = this;
    const { pieces, specials } = (this.parts ??= this.make());
    const ids = add ? this.named(vocabulary.before) : [];
    let first = true;
    for (const fragment of specials.partition(wellFormed(text), parse)) {
      if (typeof fragment === 'number') ids.push(fragment);
      else pieces.append(fragment, ids, first);
      first = typeof fragment === 'number';
    }
    return add ? [...ids, ...this.named(vocabulary.after)] : ids;
  }

  decode(ids: readonly number[], special = false): string {
    const { marks, addsSpacePrefix, kind } = this.vocabulary;
    const shown = special
      ? ids
      : ids.filter((id) => this.knows(id) && (elementAt(marks, id) & (CONTROL | UNKNOWN)) === 0);
    const characters = this.charactersOf(shown);
    const text = this.bounded(textMs(characters), writing(ids.length), () => {
      checkTokens(characters);
      return decoded(shown.map((id) => bytesOfToken(this.vocabulary, id)));
    });
    return kind === 'sentencePiece' && addsSpacePrefix && text.startsWith(' ') ? text.slice(1) : text;
  }

  piece(id: number): string {
    const token = this.vocabulary.tokens[id];
    if (token === undefined) return `#${id}`;
    const byte = byteOfToken(token);
    return byte !== null ? String.fromCharCode(byte) : decoded([bytesOfToken(this.vocabulary, id)]) || token;
  }

  pieces(ids: readonly number[]): string[] {
    const characters = this.charactersOf(ids);
    return this.bounded(textMs(characters), writing(ids.length), () => {
      checkTokens(characters);
      return ids.map((id) => this.piece(id));
    });
  }

  knows(id: number): boolean {
    return this.vocabulary.tokens[id] !== undefined;
  }

  private charactersOf(ids: readonly number[]): number {
    return ids.reduce((sum, id) => sum + (this.vocabulary.tokens[id]?.length ?? 0), 0);
  }

  /** A vocabulary may hold what makes our own work long: tokens that begin alike, a special one for each word. */
  private bounded<T>(limitMs: number, doing: string, work: () => T): T {
    try {
      return stoppedAfter(limitMs, doing, work);
    } catch (error) {
      if (error instanceof Beyond)
        throw noText(this.vocabulary.file, `its tokenizer cannot be used (${error.message}).`);
      throw error;
    }
  }

  private make(): { readonly pieces: PieceTokenizer; readonly specials: SpecialTokens } {
    const { vocabulary } = this;
    try {
      return { pieces: TOKENIZERS[vocabulary.kind](vocabulary), specials: new SpecialTokens(vocabulary) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw noText(vocabulary.file, `its vocabulary is too large (${error.message}).`);
    }
  }

  /** Tokens around a text: llama.cpp ends where the file asks for one that it does not name. */
  private named(ids: readonly (number | null)[]): number[] {
    return ids.map((id) => {
      if (id !== null) return id;
      throw noText(
        this.vocabulary.file,
        'this tokenizer adds a token before or after each text, but the file does not name that token (bos_token_id, eos_token_id, seperator_token_id of tokenizer.ggml).',
      );
    });
  }
}

function decoded(parts: readonly Uint8Array[]): string {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}

/** Halves of surrogate pairs have no UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

/**
 * The tokenizer in a GGUF file; null where it has no vocabulary: token ids only.
 * @throws WeightsError for a vocabulary that llama.cpp v0.5.0 does not load.
 */
export function tokenizerOfGguf(file: string, metadata: GgufMetadata): GgufTokenizer | null {
  const vocabulary = readVocabulary(file, metadata);
  return vocabulary && new GgufTokenizer(vocabulary);
}
