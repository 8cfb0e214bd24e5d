/** Measured = formula: the cache tensors that a run leaves have the bytes that the plan says, exactly. */

import { afterAll, describe, expect, it } from 'vitest';
import { layerCacheBytes } from '../../../src/cache/layerBytes';
import { createEngine } from '../../../src/compute/engines/createEngine';
import { type LayerRun, runLayer } from '../../../src/compute/runLayer';
import { LAYERS } from '../attention/support/layers';

const engine = createEngine('onnxruntime-cpu', { threads: 1 });
const watch = { signal: new AbortController().signal, progress: () => undefined };
afterAll(() => engine.dispose());

/** Short of the windows and chunks of 3 and 4, at them, and beyond; odd; one token; with and without decode. */
const RUNS: readonly Pick<LayerRun, 'batch' | 'tokens' | 'steps'>[] = [
  { batch: 1, tokens: 1, steps: 0 },
  { batch: 1, tokens: 1, steps: 2 },
  { batch: 2, tokens: 4, steps: 0 },
  { batch: 3, tokens: 7, steps: 4 },
];

describe.each(Object.entries(LAYERS))('%s', (_name, layer) => {
  it('caches what the intrinsic rule says', async () => {
    for (const run of RUNS) {
      const { cacheBytes } = await runLayer(engine, { layer, seed: 1, captures: [], form: null, ...run }, watch);
      expect({ ...run, cacheBytes }).toEqual({ ...run, cacheBytes: run.batch * layerCacheBytes(layer.attention, 'f32', run.tokens + run.steps) });
    }
  });
});
