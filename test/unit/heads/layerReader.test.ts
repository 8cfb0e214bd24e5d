import { setTimeout as wait } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { layerWeights } from '../../../src/attention/spec/weightNames';
import { LayerReader } from '../../../src/compute/heads/layerReader';
import { openModel } from '../../../src/weights/openModel';
import type { WeightStore } from '../../../src/weights/weightStore';
import { SAMPLES } from './support/models';

it('a read that is given up while the one before it is still under way is no failure that nobody hears', async () => {
  const model = await openModel(SAMPLES[1] ?? '');
  const { plan, store } = model;
  const unheard: unknown[] = [];
  const hear = (reason: unknown): void => void unheard.push(reason);
  process.on('unhandledRejection', hear);
  try {
    const controller = new AbortController();
    let reads = 0;
    const slow: WeightStore = {
      format: store.format,
      path: store.path,
      totalBytes: store.totalBytes,
      names: () => store.names(),
      has: (name) => store.has(name),
      info: (name) => store.info(name),
      span: (name, rows) => store.span(name, rows),
      readSpan: (name, span, options) => store.readSpan(name, span, options),
      metadata: store.metadata,
      close: () => store.close(),
      read: async (name, options) => {
        options?.signal?.throwIfAborted();
        // The second is under way when the third is begun, after the end.
        if (++reads === 1) controller.abort(new Error('given up'));
        else await wait(20);
        return store.read(name);
      },
    };
    const spec = plan.layers[0]?.block.layer;
    const reader = new LayerReader(slow, plan);
    await expect(reader.read(0, spec ? layerWeights(spec) : [], controller.signal)).rejects.toThrow('given up');
    await wait(0);
    expect(unheard).toEqual([]);
  } finally {
    process.off('unhandledRejection', hear);
    await model.close();
  }
});
