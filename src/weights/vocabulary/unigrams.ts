/**
 * Unigrams: the pieces whose scores add up to most (llama.cpp v0.5.0 src/llama-vocab.cpp `llm_tokenizer_ugm_session`). In bytes, as there:
 * the beginning of a user's own token is kept as it is, even where it ends within a character, and the rest of that is replaced.
 */

import { elementAt } from '../../model/elementAt';
import { bytesOf } from './bytes';
import { ByteTrie } from './byteTrie';
import type { PieceTokenizer } from './pieceTokenizer';
import { noText, NORMAL, UNUSED, USER_DEFINED, type Vocabulary } from './vocabulary';

const LARGEST_FLOAT = 3.4028234663852886e38;
/** An unknown character costs so much more than the worst token. */
const UNKNOWN_PENALTY = 10;
const SPACE = 32;
const ESCAPED_SPACE = Uint8Array.of(0xe2, 0x96, 0x81);
const REPLACEMENT = Uint8Array.of(0xef, 0xbf, 0xbd);

/** Bytes of a character by the first of them (`unicode_len_utf8`). */
const lengthOf = (byte: number): number => (byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

interface Part {
  readonly bytes: Uint8Array;
  readonly consumed: number;
}

class Unigrams implements PieceTokenizer {
  private readonly pieces = new ByteTrie();
  private readonly own = new ByteTrie();
  /** Score of an unknown character. */
  private readonly worst: number;
  private readonly charsMap: CharsMap | null;

  constructor(private readonly vocabulary: Vocabulary) {
    const { tokens, types, scores, charsMap, file } = vocabulary;
    let least = LARGEST_FLOAT;
    tokens.forEach((token, id) => {
      const type = elementAt(types, id);
      const bytes = bytesOf(token);
      if ((type & NORMAL) !== 0) least = Math.min(least, elementAt(scores, id));
      if ((type & (NORMAL | USER_DEFINED | UNUSED)) !== 0) this.pieces.add(bytes, id);
      if ((type & USER_DEFINED) !== 0) this.own.add(bytes, id);
    });
    this.worst = Math.fround(least - UNKNOWN_PENALTY);
    this.charsMap = charsMap.length === 0 ? null : new CharsMap(charsMap, file);
  }

  append(text: string, ids: number[]): void {
    const { types, scores, file } = this.vocabulary;
    const unknown = this.vocabulary.unknown ?? -1;
    const bytes = this.normalized(bytesOf(text));
    const length = bytes.length;
    if (length === 0) return;
    /** The best way to each place: its last token, where that began, the sum of scores. */
    const tokens = new Int32Array(length + 1).fill(unknown);
    const starts = new Int32Array(length + 1);
    const sums = new Float64Array(length + 1).fill(-Number.MAX_VALUE);
    sums[0] = 0;
    const offer = (to: number, id: number, from: number, sum: number): void => {
      if (sum <= (sums[to] as number)) return;
      tokens[to] = id;
      starts[to] = from;
      sums[to] = sum;
    };
    for (let from = 0; from < length; ) {
      const width = Math.min(lengthOf(bytes[from] as number), length - from);
      const sum = sums[from] as number;
      let isWhole = false;
      let to = from;
      for (
        let place = this.pieces.next(0, bytes[to++] as number);
        place !== 0;
        place = to < length ? this.pieces.next(place, bytes[to++] as number) : 0
      ) {
        const id = this.pieces.value(place);
        if (id < 0) continue;
        if (to - from === width) isWhole = true;
        const score = ((types[id] as number) & USER_DEFINED) !== 0 ? 0 : (scores[id] as number);
        offer(to, id, from, sum + score);
      }
      if (!isWhole) offer(from + width, unknown, from, sum + this.worst);
      from += width;
    }
    const found: number[] = [];
    for (let at = length, wasUnknown = false; ; at = starts[at] as number) {
      const id = tokens[at] as number;
      if (!(wasUnknown && id === unknown)) found.push(id);
      wasUnknown = id === unknown;
      if (starts[at] === 0) break;
    }
    if (found.includes(-1)) throw noText(file, 'its vocabulary has no token for unknown characters.');
    for (const id of found.reverse()) ids.push(id);
  }

  private normalized(input: Uint8Array): Uint8Array {
    const { addsSpacePrefix, removesExtraSpaces } = this.vocabulary;
    const output: number[] = [];
    const most = 1_000_000 + 16 * input.length;
    let isPrefixed = false;
    let isInWord = false;
    for (let at = 0; at < input.length; ) {
      const { bytes, consumed } = this.prefixAt(input, at);
      if (output.length + bytes.length > most)
        throw noText(this.vocabulary.file, 'its normalisation table would expand this text many times over.');
      for (const byte of bytes) {
        if (byte === SPACE) {
          isInWord = false;
          if (!removesExtraSpaces) output.push(...ESCAPED_SPACE);
          continue;
        }
        if (!isInWord) {
          isInWord = true;
          if ((addsSpacePrefix && !isPrefixed) || removesExtraSpaces) {
            output.push(...ESCAPED_SPACE);
            isPrefixed = true;
          }
        }
        output.push(byte);
      }
      at += consumed;
    }
    return Uint8Array.from(output);
  }

  private prefixAt(input: Uint8Array, at: number): Part {
    let own = 0;
    for (let place = this.own.next(0, input[at] as number); place !== 0; ) {
      own++;
      place = at + own < input.length ? this.own.next(place, input[at + own] as number) : 0;
    }
    if (own > 0) return { bytes: input.subarray(at, at + own), consumed: own };
    const replaced = this.charsMap?.replacementAt(input, at);
    if (replaced) return replaced;
    // The input is valid: only behind a part of a token a character may be cut.
    const first = input[at] as number;
    if (first >= 0x80 && first < 0xc0) return { bytes: REPLACEMENT, consumed: 1 };
    const width = lengthOf(first);
    return { bytes: input.subarray(at, at + width), consumed: width };
  }
}

/** SentencePiece's table of replaced prefixes: a double array, compressed by XOR, then texts that end with 0. */
class CharsMap {
  private readonly table: DataView;
  private readonly entries: number;
  private readonly texts: Uint8Array;

  constructor(
    bytes: Uint8Array,
    private readonly file: string,
  ) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const size = bytes.length < 4 ? Number.POSITIVE_INFINITY : view.getUint32(0, true);
    if (size + 4 >= bytes.length) throw this.damaged();
    this.table = new DataView(bytes.buffer, bytes.byteOffset + 4, size);
    this.entries = Math.floor(size / 4);
    this.texts = bytes.subarray(4 + size);
  }

  private damaged(): Error {
    return noText(this.file, 'its normalisation table is damaged (tokenizer.ggml.precompiled_charsmap).');
  }

  private node(index: number): number {
    if (index >= this.entries) throw this.damaged();
    return this.table.getUint32(index * 4, true);
  }

  private base(index: number): number {
    const node = this.node(index);
    return ((node >>> 10) << ((node & 0x200) >>> 6)) >>> 0;
  }

  /** The longest prefix that is replaced; null where none is. */
  replacementAt(input: Uint8Array, at: number): Part | null {
    if (this.entries === 0) return null;
    let consumed = 0;
    let text = 0;
    let index = this.base(0);
    for (let next = at; next < input.length; next++) {
      const byte = input[next] as number;
      if (byte === 0) break;
      index = (index ^ byte) >>> 0;
      const node = this.node(index);
      if ((node & 0x800000ff) >>> 0 !== byte) break;
      index = (index ^ this.base(index)) >>> 0;
      if (((node >>> 8) & 1) === 1) {
        consumed = next - at + 1;
        text = this.node(index) & 0x7fffffff;
      }
    }
    if (consumed === 0) return null;
    const end = this.texts.indexOf(0, text);
    if (text >= this.texts.length || end < 0) throw this.damaged();
    return { bytes: this.texts.subarray(text, end), consumed };
  }
}

export function unigrams(vocabulary: Vocabulary): PieceTokenizer {
  return new Unigrams(vocabulary);
}
