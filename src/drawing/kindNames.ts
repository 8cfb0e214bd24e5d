/** Kinds of layers by the names that a figure has for them: to say which ones are opened. */

import type { LayerKind } from '../serving/anatomy/anatomy';
import { kindLetter, kindName } from './figure';

/** A kind under the letter and the name that a figure has for it. */
export interface NamedKind {
  readonly letter: string;
  readonly title: string;
  /** "full", "latent", "recurrent": what its layers do, in a word. */
  readonly words: readonly string[];
}

export function namedKinds(kinds: readonly LayerKind[]): readonly NamedKind[] {
  return kinds.map((kind, place) => ({
    letter: kindLetter(place),
    title: kindName(kind, kinds),
    words: [kind.attention.kind, ...(kind.state ? [kind.state.flavour] : [])],
  }));
}

/** Places of the kinds that a name fits: its letter, a word, or the title or its beginning; none where it fits nothing. */
export function kindsCalled(name: string, kinds: readonly NamedKind[]): readonly number[] {
  const asked = name.trim().toLowerCase();
  if (asked === '') return [];
  return kinds.flatMap(({ letter, title, words }, place) => {
    const full = title.toLowerCase();
    return letter.toLowerCase() === asked || words.includes(asked) || full === asked || full.startsWith(`${asked},`)
      ? [place]
      : [];
  });
}
