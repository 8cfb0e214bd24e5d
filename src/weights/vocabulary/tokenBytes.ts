/** What a token stands for (llama.cpp v0.5.0 src/llama-vocab.cpp `token_to_piece`). */

import { elementAt } from '../../model/elementAt';
import { byteOfToken, bytesOf, bytesOfCharacters } from './bytes';
import { unescaped } from './rwkvTokens';
import { BYTE, CONTROL, NORMAL, UNKNOWN, USER_DEFINED, type Vocabulary } from './vocabulary';

/** Bytes of a token's text; none where it is no token, or one that is not shown. */
export function bytesOfToken({ tokens, marks, kind, model, split }: Vocabulary, id: number): Uint8Array {
  const token = tokens[id];
  if (token === undefined) return new Uint8Array();
  const mark = elementAt(marks, id);
  if (kind === 'rwkv') return unescaped(token);
  if (kind === 'plamo') return (mark & BYTE) === 0 ? bytesOf(token) : byteOf(token);
  if ((mark & (CONTROL | UNKNOWN | USER_DEFINED)) !== 0) return bytesOf(token);
  if ((mark & BYTE) !== 0) return byteOf(token);
  if ((mark & NORMAL) === 0) return new Uint8Array();
  if (kind !== 'bytePairs' || split.escapesSpaces) return bytesOf(token.replaceAll('▁', ' '));
  return bytesOfCharacters(model === 'hybriddna' ? token.replace(/\ue000$/, '') : token);
}

function byteOf(token: string): Uint8Array {
  const byte = byteOfToken(token);
  return byte === null ? new Uint8Array() : Uint8Array.of(byte);
}
