/** What a program caches is what the formula says: bytes of the present tensors against `layerCacheBytes`. */

import { describe, expect, it } from 'vitest';
import { buildAttentionProgram } from '../../../src/attention/onnx/buildAttention';
import type { AttentionLayerSpec } from '../../../src/attention/spec/layerSpec';
import { layerWeights } from '../../../src/attention/spec/weightNames';
import { layerCacheBytes } from '../../../src/cache/layerBytes';
import { LAYERS } from './support/layers';
import { randomWeights, seeded } from './support/random';
import { randomHidden, runLayer, runSteps } from './support/runLayer';
import type { Results } from './support/session';

const KINDS = [
  'mha',
  'gqa 3',
  'mqa',
  'odd dims, values narrower',
  'sliding',
  'chunked',
  'latent',
  'latent, q compressed',
];

function measured(spec: AttentionLayerSpec, results: Results): number {
  const { cache } = buildAttentionProgram(spec, { mode: 'prefill' });
  return cache.reduce((sum, { present }) => sum + (results.get(present ?? '')?.data.byteLength ?? NaN), 0);
}

describe('measured cache bytes equal the formula', () => {
  for (const name of KINDS) {
    it(name, async () => {
      const spec = LAYERS[name];
      if (!spec) throw new Error('No such layer.');
      const weights = randomWeights(layerWeights(spec), seeded(21));
      for (const [batch, tokens] of [
        [1, 1],
        [2, 3],
        [1, 9],
        [3, 4],
      ] as const) {
        const expected = batch * layerCacheBytes(spec.attention, 'f32', tokens);
        const hidden = randomHidden(spec, batch, tokens, seeded(tokens));
        const { results } = await runLayer(spec, weights, hidden, 0, new Map(), { mode: 'prefill' });
        expect(measured(spec, results), `prefill of ${tokens}`).toBe(expected);
        if (batch > 1) continue;
        const { cache } = await runSteps(spec, weights, hidden);
        const bytes = [...cache.values()].reduce((sum, tensor) => sum + tensor.data.byteLength, 0);
        expect(bytes, `${tokens} steps`).toBe(expected);
      }
    });
  }
});
