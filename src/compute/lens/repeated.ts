/** A random sequence that comes twice: what heads do with it they do not know from training (Olsson et al. 2022, arXiv 2209.11895). */

import { uniformAt } from '../../insight/lens/sampling';
import { RpcError } from '../../shared/rpcError';
import type { TextTokenizer } from '../../weights/textTokenizer';
import type { HeadModel } from '../heads/headModel';

export interface RepeatedAsk {
  /** Tokens of one copy. */
  readonly length: number;
  readonly seed: number;
  /** Texts before the first copy, and between the two: a small model repeats only what looks like its lists. */
  readonly before?: string;
  readonly between?: string;
}

export interface RepeatedSequence {
  readonly ids: readonly number[];
  /** Where each copy begins. */
  readonly copies: readonly [number, number];
  /** Of one copy. */
  readonly length: number;
}

/** Draws for one token: some vocabularies are mostly of bytes and signs. */
const MOST_DRAWS = 4000;
/** Words with the space before them; where a vocabulary has too few of these, anything with a letter. */
const KINDS = [/^ \p{L}{2,}$/u, /\p{L}/u];

/**
 * No token comes twice in a copy. With a tokenizer the tokens are words, behind the token with which the model's own texts begin. Without, all
 * ids are drawn from, and a random one goes first.
 * @throws RpcError `invalidInput` where the vocabulary is too small, or a text is given and there is no tokenizer.
 */
export async function repeatedSequence(
  model: HeadModel,
  { length, seed, before = '', between = '' }: RepeatedAsk,
): Promise<RepeatedSequence> {
  const tokenizer = await model.tokenizer().catch(() => null);
  if (tokenizer === null && before + between !== '')
    throw new RpcError('invalidInput', 'texts around the copies need a tokenizer, and there is none');
  const [spare = 0, ...copy] = drawn(model.model.plan.vocabularySize, length + 1, seed, tokenizer);
  const start = tokenizer?.encode(before) ?? [];
  const first = start.length > 0 ? start : [spare];
  const middle = between === '' ? [] : (tokenizer?.encode(between, false) ?? []);
  return {
    ids: [...first, ...copy, ...middle, ...copy],
    copies: [first.length, first.length + length + middle.length],
    length,
  };
}

function drawn(vocabulary: number, count: number, seed: number, tokenizer: TextTokenizer | null): readonly number[] {
  for (const kind of KINDS) {
    const tried = new Set<number>();
    const chosen: number[] = [];
    for (let draw = 0; chosen.length < count && draw < MOST_DRAWS + 50 * count && tried.size < vocabulary; draw++) {
      const id = Math.floor(uniformAt(seed, draw) * vocabulary);
      if (tried.has(id)) continue;
      tried.add(id);
      const fits =
        tokenizer === null ||
        (tokenizer.knows(id) && kind.test(tokenizer.piece(id)) && tokenizer.decode([id], false) !== '');
      if (fits) chosen.push(id);
    }
    if (chosen.length === count) return chosen;
  }
  throw new RpcError('invalidInput', `the vocabulary has no ${count} words to draw from: give a shorter length`);
}
