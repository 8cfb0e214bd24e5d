/** Whole blocks on onnxruntime's CPU against the float64 reference: prefill, then a step with its cache. */

import { describe, expect, it } from 'vitest';
import { buildBlockPrograms } from '../../../src/attention/onnx/buildBlock';
import { referenceBlock } from '../../oracle/block';
import { blockWeights, feedForwardWeights, type WeightMap } from '../../../src/attention/spec/weightNames';
import { BLOCKS } from './support/blocks';
import { expectClose } from './support/compare';
import { randomWeights, seeded } from './support/random';
import { pastFeeds, randomHidden, roundedCache } from './support/runLayer';
import { runBlock } from './support/runBlock';
import { floats } from './support/session';

const TOLERANCE = 1e-5;

describe('block programs agree with the float64 reference', () => {
  let seed = 300;
  for (const [name, spec] of Object.entries(BLOCKS)) {
    it(name, async () => {
      const weights = randomWeights(blockWeights(spec), seeded(++seed));
      const { feedForward, layer } = spec;
      const base = ++seed * 100;
      const expertWeights = (expert: number): WeightMap =>
        feedForward.kind === 'moe'
          ? randomWeights(feedForwardWeights(feedForward.expert, layer.hiddenSize), seeded(base + expert))
          : new Map();
      const [first, second] = [randomHidden(layer, 2, 5, seeded(++seed)), randomHidden(layer, 2, 2, seeded(++seed))];
      const expected = referenceBlock(spec, weights, first, null, { expertWeights });
      const before = await runBlock(spec, weights, expertWeights, floats(first.shape, first.data), new Map(), 0, {
        mode: 'prefill',
      });
      expectClose('prefill', before.hidden, expected.hidden, TOLERANCE);

      const cache = roundedCache(expected.cache);
      const next = referenceBlock(spec, weights, second, cache, { expertWeights });
      const step = await runBlock(
        spec,
        weights,
        expertWeights,
        floats(second.shape, second.data),
        pastFeeds(cache),
        5,
        {
          mode: 'decode',
          captures: [
            'attentionInput',
            'feedForwardInput',
            'output',
            ...(feedForward.kind === 'moe' ? (['routerLogits'] as const) : []),
          ],
        },
      );
      expectClose('step', step.hidden, next.hidden, TOLERANCE);
      for (const capture of ['attentionInput', 'feedForwardInput', 'output', 'routerLogits'] as const) {
        if (next.captures[capture]) expectClose(capture, step.results.get(capture), next.captures[capture], TOLERANCE);
      }
    });
  }

  it('a mixture computes the experts that are hit, each once', async () => {
    const spec = BLOCKS['weights on the input'];
    if (!spec) throw new Error('No such block.');
    const weights = randomWeights(blockWeights(spec), seeded(1));
    const asked: number[] = [];
    const mlp = spec.feedForward;
    if (mlp.kind !== 'moe') throw new Error('Not a mixture.');
    const hidden = randomHidden(spec.layer, 1, 3, seeded(2));
    await runBlock(
      spec,
      weights,
      (expert) => {
        asked.push(expert);
        return randomWeights(feedForwardWeights(mlp.expert, spec.layer.hiddenSize), seeded(expert));
      },
      floats(hidden.shape, hidden.data),
      new Map(),
      0,
      { mode: 'prefill' },
    );
    expect(asked.length).toBeLessThanOrEqual(3);
    expect(new Set(asked).size).toBe(asked.length);
  });

  it('a block names the weights that its graphs take', () => {
    for (const [name, spec] of Object.entries(BLOCKS)) {
      const { main, tail } = buildBlockPrograms(spec, { mode: 'prefill' });
      const taken = new Set([...main.weightInputs, ...(tail?.weightInputs ?? [])].map((info) => info.name));
      const listed = blockWeights(spec)
        .map((info) => info.name)
        .filter((weight) => weight !== 'router.correction');
      expect({ name, taken: [...taken].sort() }).toEqual({ name, taken: [...listed].sort() });
    }
  });
});
