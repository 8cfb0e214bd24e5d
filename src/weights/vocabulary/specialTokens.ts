/** Special tokens written in a text, cut out before anything else (llama.cpp v0.5.0 src/llama-vocab.cpp `tokenizer_st_partition`). */

import { elementAt } from '../../model/elementAt';
import { bytesOf } from './bytes';
import { CONTROL, STRIPS_LEFT, STRIPS_RIGHT, UNKNOWN, USER_DEFINED, type Vocabulary } from './vocabulary';

/** A part of a text: a special token's id, or what lies between. */
export type Fragment = number | string;

interface Special {
  readonly id: number;
  readonly text: string;
  readonly marks: number;
}

/** The C locale's `isspace`. */
const isBlank = (unit: number): boolean => unit === 32 || (unit >= 9 && unit <= 13);

export class SpecialTokens {
  /** The longest first. */
  private readonly specials: readonly Special[];

  constructor({ tokens, marks }: Vocabulary) {
    const special = CONTROL | USER_DEFINED | UNKNOWN;
    this.specials = tokens
      .flatMap((text, id) =>
        (elementAt(marks, id) & special) === 0 ? [] : [{ id, text, marks: elementAt(marks, id) }],
      )
      .map((token) => ({ token, bytes: bytesOf(token.text).length }))
      .sort((a, b) => b.bytes - a.bytes)
      .map(({ token }) => token);
  }

  /** Cuts a text. Without `parsed` only the user's own tokens are special: control tokens are text. */
  partition(text: string, parsed: boolean): readonly Fragment[] {
    if (text === '') return [];
    let fragments: readonly Fragment[] = [text];
    for (const special of this.specials) {
      if (!parsed && (special.marks & (CONTROL | UNKNOWN)) !== 0) continue;
      if (!text.includes(special.text)) continue;
      fragments = fragments.flatMap((part) => (typeof part === 'string' ? cutOut(part, special) : [part]));
    }
    return fragments;
  }
}

function cutOut(text: string, { id, text: token, marks }: Special): readonly Fragment[] {
  const parts: Fragment[] = [];
  let from = 0;
  for (let at = text.indexOf(token); at >= 0; at = text.indexOf(token, from)) {
    let end = at;
    if ((marks & STRIPS_LEFT) !== 0) while (end > from && isBlank(text.charCodeAt(end - 1))) end--;
    if (end > from) parts.push(text.slice(from, end));
    parts.push(id);
    from = at + token.length;
    if ((marks & STRIPS_RIGHT) !== 0) while (from < text.length && isBlank(text.charCodeAt(from))) from++;
  }
  if (from < text.length) parts.push(text.slice(from));
  return parts;
}
