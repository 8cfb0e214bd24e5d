/** A random sequence that comes twice: what heads do with it they do not know from training (Olsson et al. 2022, arXiv 2209.11895). */

import { uniformAt } from '../../insight/lens/sampling';
import { RpcError } from '../../shared/rpcError';
import type { HeadModel } from '../heads/headModel';

export interface RepeatedSequence {
  /** A first token, and twice the same random ones. */
  readonly ids: readonly number[];
  /** Tokens before the first copy. */
  readonly before: number;
  /** Of one copy. */
  readonly length: number;
}

/** Draws for one token: some vocabularies are mostly of bytes and signs. */
const MOST_DRAWS = 2000;
/** A word, with the space before it or without. */
const WORD = /^[ ▁Ġ]?\p{L}+$/u;

/**
 * With a tokenizer the tokens are words, and no token comes twice in a copy; the first one is that with which the model's own texts begin.
 * Without, all ids are drawn from, and the first is one of them.
 */
export async function repeatedSequence(model: HeadModel, length: number, seed: number): Promise<RepeatedSequence> {
  const { vocabularySize } = model.model.plan;
  const tokenizer = await model.tokenizer().catch(() => null);
  const fits = (id: number): boolean =>
    tokenizer === null || (tokenizer.knows(id) && WORD.test(tokenizer.decode([id], false)));
  const chosen = new Set<number>();
  for (let draw = 0; chosen.size < length + 1; draw++) {
    if (draw > MOST_DRAWS + 50 * length)
      throw new RpcError('invalidInput', `the vocabulary has fewer than ${length} words to draw from: give a shorter length`);
    const id = Math.floor(uniformAt(seed, draw) * vocabularySize);
    if (fits(id)) chosen.add(id);
  }
  const [spare = 0, ...copy] = chosen;
  const start = tokenizer?.encode('').slice(0, 1) ?? [];
  const first = start.length > 0 ? start : [spare];
  return { ids: [...first, ...copy, ...copy], before: first.length, length };
}
