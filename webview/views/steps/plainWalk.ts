/** Plain attention, without and with a cache: what is computed again for a new token, and what is stored instead. */

import { type Grid, largestDifference, rowsOf } from './grid';
import { type PlainRun, plainWeights, runCached, runPlain, under } from './plainRun';
import type { WalkSettings } from './settings';
import {
  differenceText,
  type How,
  matrix,
  operation,
  type Operation,
  step,
  type Step,
  type Walk,
  type WalkMatrix,
  WEIGHT,
} from './walk';
import { wordsFor } from './words';

export function plainWalk(settings: WalkSettings): Walk {
  const { sizes } = settings;
  const words = wordsFor(settings);
  const own = plainWeights(sizes)[settings.head];
  if (!own) throw new Error('There is no such head.');
  const { all, fresh } = words;
  const tokens = words.prompt.length;
  const next = tokens + 1;
  const whole = runPlain(words.embedded, own, sizes.headDim);
  const before = runPlain(rowsOf(words.embedded, 0, tokens), own, sizes.headDim);
  const cached = runCached(words.embedded, before, own, sizes.headDim);
  const of = sizes.heads === 1 ? '' : ` of head ${settings.head + 1}`;
  const byToken = { rowNames: all };
  const attention = { rowNames: all, columnNames: all, causal: 0 };
  const side = (band: 'left' | 'right', run: Record<keyof PlainRun, Grid>): WalkMatrix[] => {
    const suffix = band === 'left' ? '' : 'a';
    const keeps = band === 'right';
    return [
      matrix(`q${suffix}`, band, 0, 'Q', `queries${of}`, run.query, byToken),
      matrix(`k${suffix}`, band, 0, 'K', `keys${of}`, run.key, { ...byToken, cached: keeps }),
      matrix(`v${suffix}`, band, 0, 'V', `values${of}`, run.value, { ...byToken, cached: keeps }),
      matrix(`s${suffix}`, band, 1, 'S', 'scores, a row for each query', run.scores, attention),
      matrix(`p${suffix}`, band, 1, 'P', 'attention weights', run.weights, attention),
      matrix(`z${suffix}`, band, 1, 'Z', 'context vectors', run.context, byToken),
    ];
  };
  const matrices: WalkMatrix[] = [
    matrix('x', 'shared', 0, 'X', 'the tokens, a row each', words.embedded, byToken),
    matrix('wq', 'shared', 1, 'W_Q', 'makes queries', own.query, WEIGHT),
    matrix('wk', 'shared', 1, 'W_K', 'makes keys', own.key, WEIGHT),
    matrix('wv', 'shared', 1, 'W_V', 'makes values', own.value, WEIGHT),
    ...side('left', whole),
    // The prompt's rows are those of the prompt, the last row is what the cache gave.
    ...side('right', {
      query: under(before.query, cached.query),
      key: cached.key,
      value: cached.value,
      scores: under(before.scores, cached.scores),
      weights: under(before.weights, cached.weights),
      context: under(before.context, cached.context),
    }),
  ];
  const prompt: readonly [number, number] = [0, tokens];
  const every: readonly [number, number] = [0, next];
  const added: readonly [number, number] = [tokens, next];
  type Made = readonly [how: How, result: string, left: string, right?: string];
  /** The same on both sides, over the rows that each needs. */
  const both = (left: readonly [number, number], right: readonly [number, number], ...made: Made[]): Operation[] =>
    (['', 'a'] as const).flatMap((suffix) =>
      made.map(([how, ...ids]) => {
        const [result = '', ...operands] = ids.map((id) => id && (id.length > 1 || id === 'x' ? id : id + suffix));
        return operation(how, result, suffix === '' ? left : right, operands[0], operands[1], { root: sizes.headDim });
      }),
    );
  const queries: Made = ['product', 'q', 'x', 'wq'];
  const kept: Made[] = [
    ['product', 'k', 'x', 'wk'],
    ['product', 'v', 'x', 'wv'],
  ];
  const scores: Made = ['transposed', 's', 'q', 'k'];
  const softmax: Made = ['softmax', 'p', 's'];
  const context: Made = ['product', 'z', 'p', 'v'];
  const difference = largestDifference(rowsOf(whole.context, tokens, next), cached.context);
  const steps: Step[] = [
    step(
      'tokens',
      'Tokens',
      `“${words.prompt.join(' ')}” becomes X: each of its ${tokens} tokens is a row of ${words.embedded.columns} numbers.`,
      operation('lookup', 'x', prompt),
    ),
    step(
      'queries',
      'Queries',
      'One weight matrix makes a query from every token: what it looks for.',
      ...both(prompt, prompt, queries),
    ),
    step(
      'keys',
      'Keys and values',
      'Two more make a key and a value from every token; the right side keeps them for later tokens.',
      ...both(prompt, prompt, ...kept),
    ),
    step(
      'scores',
      'Scores',
      'Every query meets every key that is not later than itself.',
      ...both(prompt, prompt, scores),
    ),
    step(
      'weights',
      'Scale, mask, softmax',
      `Divided by √${sizes.headDim} and masked, each row of scores becomes weights that add up to 1.`,
      ...both(prompt, prompt, softmax),
    ),
    step(
      'context',
      'Context vectors',
      'Weights times values; only the last row decides which word comes next.',
      ...both(prompt, prompt, context),
    ),
    step('newToken', 'A new token', `“${fresh}” arrives: X gains one row.`, operation('lookup', 'x', added)),
    step(
      'newQueries',
      'All queries recomputed, or one new',
      `Without a cache all ${next} queries are recomputed; with one, only that of “${fresh}”: earlier queries are never needed again.`,
      ...both(every, added, queries),
    ),
    step(
      'newKeys',
      'All keys and values recomputed, or one new',
      `Without a cache all ${next} keys and values are recomputed; with one, only those of “${fresh}”, which are appended.`,
      ...both(every, added, ...kept),
    ),
    step(
      'newScores',
      'All scores recomputed, or one new row',
      'Without a cache the whole triangle is recomputed; with one, a single row of it.',
      ...both(every, added, scores),
    ),
    step(
      'newWeights',
      'Whole softmax recomputed, or one new row',
      'The rows above have not changed, because the mask keeps an earlier token from seeing a later one.',
      ...both(every, added, softmax),
    ),
    step(
      'newContext',
      'The same last row',
      `The last row is the same on both sides up to rounding: the largest difference is ${differenceText(difference)}.`,
      ...both(every, added, context),
    ),
    step(
      'kept',
      'What is computed, what is kept',
      'Without a cache, the work for a token grows with the square of the context; with one, in proportion to it.',
    ),
  ];
  return {
    matrices,
    steps,
    measured: [{ what: 'last context vector', difference, from: 'newContext' }],
    sides: { left: 'Without a cache', right: 'With a cache' },
  };
}
