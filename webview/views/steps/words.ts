/** Words as vectors: seeded by the word itself, so that a word has the same one everywhere. */

import { type Grid, seededGrid, transpose } from './grid';
import { type WalkSettings, wordOf, wordsOf } from './settings';
import { elementAt } from '../../../src/model/elementAt';

export interface Words {
  readonly prompt: readonly string[];
  readonly fresh: string;
  /** Prompt and new token. */
  readonly all: readonly string[];
  /** Words that can come next. */
  readonly vocabulary: readonly string[];
  /** [tokens + 1, hidden] */
  readonly embedded: Grid;
  /** [hidden, vocabulary]: the embeddings again, as columns. */
  readonly unembedding: Grid;
}

const OTHER_WORDS = ['and', 'warm', 'too', '.'];

export function wordsFor(settings: WalkSettings): Words {
  const prompt = wordsOf(settings.prompt);
  const fresh = wordOf(settings.newToken);
  const all = [...prompt, fresh];
  const vocabulary = [...new Set([...all, ...OTHER_WORDS])];
  const hidden = settings.sizes.heads * settings.sizes.headDim;
  /** The vectors of words, a row each. */
  const vectorsOf = (words: readonly string[]): Grid => ({
    rows: words.length,
    columns: hidden,
    values: Float64Array.from(words.flatMap((word) => [...seededGrid(`word ${word}`, 1, hidden, 1).values])),
  });
  return {
    prompt,
    fresh,
    all,
    vocabulary,
    embedded: vectorsOf(all),
    unembedding: transpose(vectorsOf(vocabulary)),
  };
}

/** The word with the largest logit. */
export function likeliest(vocabulary: readonly string[], logits: Grid): string {
  return elementAt(vocabulary, logits.values.indexOf(Math.max(...logits.values)));
}

/** Weights that keep the size of what goes through them. */
export function weightGrid(name: string, rows: number, columns: number): Grid {
  return seededGrid(name, rows, columns, Math.sqrt(3 / rows));
}
