/** Multi-head latent attention, step by step: expanded (K and V of every head) beside absorbed (the latent alone). */

import { largestDifference, product } from './grid';
import { latentWeights, runLatent, summed } from './latentRun';
import type { WalkSettings } from './settings';
import {
  differenceText,
  matrix,
  type Measured,
  operation,
  step,
  type Step,
  type Walk,
  type WalkMatrix,
  WEIGHT,
} from './walk';
import { likeliest, wordsFor } from './words';

export function latentWalk(settings: WalkSettings): Walk {
  const { sizes } = settings;
  const words = wordsFor(settings);
  const weights = latentWeights(sizes);
  const run = runLatent(words.embedded, weights, sizes);
  const head = run.heads[settings.head];
  const own = weights.heads[settings.head];
  if (!head || !own) throw new Error('There is no such head.');
  const { expanded, absorbed } = head;
  const outputs = { left: summed(run, (one) => one.expanded.output), right: summed(run, (one) => one.absorbed.output) };
  const logits = { left: product(outputs.left, words.unembedding), right: product(outputs.right, words.unembedding) };
  const rotaryOutputs = [
    summed(run, (one) => one.expanded.rotaryOutput),
    summed(run, (one) => one.absorbed.rotaryOutput),
  ] as const;

  const tokens = words.prompt.length;
  const next = tokens + 1;
  const { all, fresh, vocabulary } = words;
  const of = settings.sizes.heads === 1 ? '' : ` of head ${settings.head + 1}`;
  const byToken = { rowNames: all };
  const ofNew = { rowNames: [fresh] };
  const matrices: WalkMatrix[] = [
    matrix('x', 'shared', 0, 'X', 'the tokens, a row each', words.embedded, byToken),
    matrix('wdkv', 'shared', 0, 'W_DKV', 'compresses a token', weights.down, WEIGHT),
    matrix('c', 'shared', 0, 'C_KV', 'latents, a row for each token', run.latent, { ...byToken, cached: true }),
    matrix('e', 'shared', 0, 'E', 'embeddings of words that can come next', words.unembedding, {
      ...WEIGHT,
      columnNames: vocabulary,
    }),
    matrix('wuk', 'left', 0, 'W_UK', 'expands latents to keys', own.upKey, WEIGHT),
    matrix('k', 'left', 0, 'K', `keys${of}`, expanded.key, { ...byToken, cached: true }),
    matrix('wuv', 'left', 0, 'W_UV', 'expands latents to values', own.upValue, WEIGHT),
    matrix('v', 'left', 0, 'V', `values${of}`, expanded.value, { ...byToken, cached: true }),
    matrix('wq', 'left', 1, 'W_Q', 'makes queries', own.query, WEIGHT),
    matrix('q', 'left', 1, 'Q', `queries${of}`, expanded.query, byToken),
    matrix('s', 'left', 1, 'S', 'scores, a row for each query', expanded.scores, {
      ...byToken,
      columnNames: all,
      causal: 0,
    }),
    matrix('w', 'left', 2, 'w', 'attention weights', expanded.weights, { ...ofNew, columnNames: all }),
    matrix('z', 'left', 2, 'z', 'context vector', expanded.context, ofNew),
    matrix('wo', 'left', 2, 'W_O', 'output projection', own.output, WEIGHT),
    matrix('o', 'left', 3, 'o', 'output, all heads added', outputs.left, ofNew),
    matrix('l', 'left', 3, 'logits', 'the larger, the more likely the word', logits.left, {
      ...ofNew,
      columnNames: vocabulary,
    }),
    matrix('a', 'right', 0, 'A', 'W_Q · W_UKᵀ, computed once', absorbed.queryWeight),
    matrix('b', 'right', 0, 'B', 'W_UV · W_O, computed once', absorbed.outputWeight),
    matrix('qa', 'right', 1, 'Q_A', 'absorbed queries, as wide as a latent', absorbed.query, byToken),
    matrix('sa', 'right', 1, 'S', 'scores, a row for each query', absorbed.scores, {
      ...byToken,
      columnNames: all,
      causal: 0,
    }),
    matrix('wa', 'right', 2, 'w', 'attention weights', absorbed.weights, { ...ofNew, columnNames: all }),
    matrix('u', 'right', 2, 'u', 'weighted sum of latents', absorbed.context, ofNew),
    matrix('oa', 'right', 3, 'o', 'output, all heads added', outputs.right, ofNew),
    matrix('la', 'right', 3, 'logits', 'the larger, the more likely the word', logits.right, {
      ...ofNew,
      columnNames: vocabulary,
    }),
  ];
  const rope = sizes.rope > 0;
  if (rope) {
    matrices.push(
      matrix('wkr', 'shared', 1, 'W_KR', 'makes rotary keys', weights.rotaryKey, WEIGHT),
      matrix('kr', 'shared', 1, 'K_R', 'rotary keys, one for all heads', run.rotaryKey, { ...byToken, cached: true }),
      matrix('wqr', 'shared', 1, 'W_QR', 'makes rotary queries', own.rotaryQuery, WEIGHT),
      matrix('qr', 'shared', 1, 'q_R', 'rotary query', head.rotaryQuery, ofNew),
      matrix('sr', 'left', 4, 's_R', 'scores with the rotary part', expanded.rotaryScores, {
        ...ofNew,
        columnNames: all,
      }),
      matrix('wr', 'left', 4, 'w_R', 'attention weights with position', expanded.rotaryWeights, {
        ...ofNew,
        columnNames: all,
      }),
      matrix('sra', 'right', 4, 's_R', 'scores with the rotary part', absorbed.rotaryScores, {
        ...ofNew,
        columnNames: all,
      }),
      matrix('wra', 'right', 4, 'w_R', 'attention weights with position', absorbed.rotaryWeights, {
        ...ofNew,
        columnNames: all,
      }),
    );
  }

  const prompt: readonly [number, number] = [0, tokens];
  const added: readonly [number, number] = [tokens, next];
  const one: readonly [number, number] = [0, 1];
  const sameScores = largestDifference(expanded.scores, absorbed.scores);
  const steps: Step[] = [
    step(
      'tokens',
      'Tokens',
      `“${words.prompt.join(' ')}” becomes X: each of its ${tokens} tokens is a row of ${words.embedded.columns} numbers.`,
      operation('lookup', 'x', prompt),
    ),
    step(
      'latent',
      'The latent',
      `Each token is compressed to ${sizes.latent} numbers, its latent: nothing else of K and V is stored.`,
      operation('product', 'c', prompt, 'x', 'wdkv'),
    ),
    step(
      'keys',
      'Keys from latents',
      'When the latents are expanded, every head makes its own keys from the shared ones.',
      operation('product', 'k', prompt, 'c', 'wuk'),
    ),
    step(
      'values',
      'Values from latents',
      'Values come from the same latents, through another weight matrix of the head.',
      operation('product', 'v', prompt, 'c', 'wuv'),
    ),
    step(
      'queries',
      'Queries',
      'Queries are made from the tokens themselves, as in any attention.',
      operation('product', 'q', prompt, 'x', 'wq'),
    ),
    step(
      'scores',
      'Scores',
      'Every query meets every key that is not later than itself.',
      operation('transposed', 's', prompt, 'q', 'k'),
    ),
    step(
      'absorbQuery',
      'Absorb the key weight',
      'Q · Kᵀ is X · W_Q · W_UKᵀ · C_KVᵀ: the two weights in the middle become one, before any token arrives.',
      operation('transposed', 'a', [0, absorbed.queryWeight.rows], 'wq', 'wuk'),
    ),
    step(
      'absorbedQueries',
      'Absorbed queries',
      'Through A, queries arrive in the space of the latents: no key has to be expanded for them.',
      operation('product', 'qa', prompt, 'x', 'a'),
    ),
    step(
      'absorbedScores',
      'The same scores',
      `Absorbed queries meet the latents themselves, and give the same scores up to rounding: the largest difference is ${differenceText(sameScores)}.`,
      operation('transposed', 'sa', prompt, 'qa', 'c'),
    ),
    step(
      'absorbOutput',
      'Absorb the value weight',
      'W_UV and the output projection become one weight in the same way, so values need not be expanded either.',
      operation('product', 'b', [0, absorbed.outputWeight.rows], 'wuv', 'wo'),
    ),
    step(
      'newToken',
      'A new token',
      `“${fresh}” arrives: X gains one row, and only that row has to be computed.`,
      operation('lookup', 'x', added),
    ),
    step(
      'newQuery',
      'Its query',
      `“${fresh}” gets a query on the left, and on the right an absorbed one: x · W_Q · W_UKᵀ.`,
      operation('product', 'q', added, 'x', 'wq'),
      operation('product', 'qa', added, 'x', 'a'),
    ),
    step(
      'newLatent',
      'Its latent',
      `Its latent row is appended to C_KV: the absorbed cache grows by ${sizes.latent} numbers, for all heads together.`,
      operation('product', 'c', added, 'x', 'wdkv'),
    ),
    step(
      'newKeys',
      'Its key and value',
      `On the left a key and a value are appended in each of ${sizes.heads} heads: ${2 * sizes.heads * sizes.headDim} numbers; on the right nothing happens.`,
      operation('product', 'k', added, 'c', 'wuk'),
      operation('product', 'v', added, 'c', 'wuv'),
    ),
    step(
      'newScores',
      'Its scores',
      `The query of “${fresh}” meets all ${next} keys on the left, all ${next} latents on the right.`,
      operation('transposed', 's', added, 'q', 'k'),
      operation('transposed', 'sa', added, 'qa', 'c'),
    ),
    step(
      'softmax',
      'Scale, mask, softmax',
      `Divided by √${sizes.headDim}, the scores become weights that add up to 1; the mask hides nothing from the newest token.`,
      operation('softmax', 'w', one, 's', undefined, { leftFrom: tokens, root: sizes.headDim }),
      operation('softmax', 'wa', one, 'sa', undefined, { leftFrom: tokens, root: sizes.headDim }),
    ),
    step(
      'context',
      'Context vector',
      'The left sums values; the right sums latents, so its result is still a latent.',
      operation('product', 'z', one, 'w', 'v'),
      operation('product', 'u', one, 'wa', 'c'),
    ),
    step(
      'output',
      'Output',
      `The output projection adds the heads up; on the right B expands and projects in one step, and the largest difference of the outputs is ${differenceText(largestDifference(outputs.left, outputs.right))}.`,
      operation('heads', 'o', one, 'z', 'wo'),
      operation('heads', 'oa', one, 'u', 'b'),
    ),
    step(
      'logits',
      'Logits',
      `Compared with the words' embeddings, “${likeliest(vocabulary, logits.left)}” scores highest (a real model has MLPs and more layers in between).`,
      operation('product', 'l', one, 'o', 'e'),
      operation('product', 'la', one, 'oa', 'e'),
    ),
    ...(rope
      ? [
          step(
            'ropeKey',
            'Decoupled RoPE: one small key',
            `A rotation by position cannot be absorbed, so each token also keeps a rotary key of ${sizes.rope} numbers, one for all heads.`,
            operation('rotated', 'kr', [0, next], 'x', 'wkr'),
          ),
          step(
            'ropeQuery',
            'Its rotary query',
            `“${fresh}” gets a rotary query, rotated by its own position.`,
            operation('rotated', 'qr', one, 'x', 'wqr', { leftFrom: tokens }),
          ),
          step(
            'ropeScores',
            'Scores with position',
            'The rotary scores are added on both sides: position enters without touching the latent.',
            operation('added', 'sr', one, 'qr', 'kr', { base: 's', baseFrom: tokens }),
            operation('added', 'sra', one, 'qr', 'kr', { base: 'sa', baseFrom: tokens }),
          ),
          step(
            'ropeWeights',
            'Weights with position',
            `Divided by √${sizes.headDim + sizes.rope} (the rotary dimensions count, too), the scores become weights that take position into account; everything after that is as before.`,
            operation('softmax', 'wr', one, 'sr', undefined, { root: sizes.headDim + sizes.rope }),
            operation('softmax', 'wra', one, 'sra', undefined, { root: sizes.headDim + sizes.rope }),
          ),
        ]
      : []),
    step(
      'kept',
      'What is kept',
      `The same result from two caches: K and V of each of ${sizes.heads} heads, or one latent${rope ? ' and one rotary key' : ''} for all of them.`,
    ),
  ];
  const measured: Measured[] = [
    { what: 'scores', difference: sameScores, from: 'absorbedScores' },
    { what: 'output', difference: largestDifference(outputs.left, outputs.right), from: 'output' },
    { what: 'logits', difference: largestDifference(logits.left, logits.right), from: 'logits' },
    ...(rope
      ? [{ what: 'output with position', difference: largestDifference(...rotaryOutputs), from: 'ropeWeights' }]
      : []),
  ];
  return { matrices, steps, measured, sides: { left: 'Expanded', right: 'Absorbed' } };
}
