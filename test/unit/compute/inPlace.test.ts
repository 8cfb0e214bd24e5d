/** A run of a layer on an engine that writes its cache in place: the numbers of one that does not, and a step that moves no cache. */

import { describe, expect, it } from 'vitest';
import type { Tensor } from '../../../src/attention/onnx/graph';
import { type AttentionLayerSpec, keyLimit } from '../../../src/attention/spec/layerSpec';
import { createEngine } from '../../../src/compute/engines/createEngine';
import type { Engine } from '../../../src/compute/engines/engine';
import { type LayerOutcome, type LayerRun, runLayer } from '../../../src/compute/runLayer';
import { tensorBytes } from '../../../src/shared/transfer';
import { relativeError } from '../golden';
import { LAYERS } from '../attention/support/layers';

/** The processor as if it were a device with a memory of its own: what it holds goes neither in nor out, and the rest is counted. */
function holding(): Engine {
  const inner = createEngine('onnxruntime-cpu', { threads: 1 });
  const bytes = (tensors: Iterable<Tensor>): number =>
    [...tensors].reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
  return {
    id: 'onnxruntime-webgpu',
    writesInPlace: true,
    describe: () => inner.describe(),
    load: async (graph, { inPlace = new Map(), ...options }) => {
      const program = await inner.load(graph, options);
      const held = new Map([...inPlace].map(([name, { tensor }]) => [name, tensor] as const));
      let movedBytes = 0;
      return {
        wholeOnDevice: true,
        get movedBytes() {
          return movedBytes;
        },
        run: async (inputs, outputs) => {
          const written = [...inPlace].map(([name, { output }]) => [name, output] as const);
          const results = await program.run(new Map([...inputs, ...held]), [
            ...outputs,
            ...written.map(([, output]) => output),
          ]);
          for (const [name, output] of written) {
            held.set(name, results.get(output) as Tensor);
            results.delete(output);
          }
          movedBytes = bytes(inputs.values()) + bytes(results.values());
          return results;
        },
        read: (input) => Promise.resolve(held.get(input) as Tensor),
        dispose: () => program.dispose(),
      };
    },
    probe: () => inner.probe(),
    dispose: () => inner.dispose(),
  };
}

const watch = { signal: new AbortController().signal, progress: () => undefined };
const run = (engine: Engine, layer: AttentionLayerSpec, more: Partial<LayerRun> = {}): Promise<LayerOutcome> =>
  runLayer(engine, { layer, seed: 3, batch: 2, tokens: 6, steps: 5, captures: ['output'], form: null, ...more }, watch);

const named = (name: string): AttentionLayerSpec => LAYERS[name] as AttentionLayerSpec;
const [DEVICE, PROCESSOR] = [holding(), createEngine('onnxruntime-cpu', { threads: 1 })];
const windowed = (window: number): AttentionLayerSpec => {
  const { attention, ...layer } = named('sliding');
  return { ...layer, attention: { ...attention, kind: 'sliding', window } as AttentionLayerSpec['attention'] };
};

describe('a cache that stays on the device', () => {
  it.each([
    ['gqa 2', named('gqa 2')],
    ['chunked', named('chunked')],
    ['sinks', named('sinks')],
    ['a window of 1', windowed(1)],
    ['a window of all tokens', windowed(11)],
    ['a window of more than all tokens', windowed(50)],
  ])('holds what a plan says, and gives the same numbers: %s', async (_, layer) => {
    const [held, moved] = [await run(DEVICE, layer), await run(PROCESSOR, layer)];
    expect(
      relativeError(held.captures['output']?.data as Float32Array, moved.captures['output']?.data as Float32Array),
    ).toBeLessThan(1e-6);
    expect(held.cacheBytes).toBe(moved.cacheBytes);
    expect(held.cacheBytes).toBe(held.planned.bytes);
    expect(moved.movedBytes).toBeNull();
  });

  it('moves in a step what depends on its token, and four bytes a slot for the mask', async () => {
    const bytes = async (window: number): Promise<number> =>
      (await run(DEVICE, windowed(window), { batch: 1, tokens: 80, steps: 2 })).movedBytes ?? Number.NaN;
    const [narrow, wide] = [await bytes(16), await bytes(64)];
    expect(wide - narrow).toBe(4 * (64 - 16));
    // K and V of 64 tokens, 2 heads of 8: what went to the device and back in every step before.
    expect(wide).toBeLessThan((2 * 64 * 2 * 8 * 4) / 10);
  });

  it('is none where someone looks inside a window, or counts as transformers does: keys come in their order', async () => {
    const layer = named('sliding');
    expect(keyLimit(layer.attention)).toBe(4);
    const inside = { captures: ['weights', 'output'] } as const;
    const [held, moved] = [await run(DEVICE, layer, inside), await run(PROCESSOR, layer, inside)];
    expect(held.captures['weights']).toEqual(moved.captures['weights']);
    const rule = await run(DEVICE, layer, { rule: 'transformers' });
    expect(rule.cacheBytes).toBe(rule.planned.bytes);
    expect(rule.cacheBytes).toBe((held.cacheBytes * 3) / 4);
  });
});
