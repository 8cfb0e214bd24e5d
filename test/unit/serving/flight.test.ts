// What a step reads, writes and computes: the whole is the roofline's, and it grows as caches grow.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { layerGroups } from '../../../src/cache/groups';
import { planCache } from '../../../src/cache/plan';
import type { ModelSpec } from '../../../src/model/spec';
import type { Scenario } from '../../../src/model/scenario';
import { UNSHARDED } from '../../../src/model/scenario';
import { readModelConfig, type Reading } from '../../../src/reading/read';
import { type Anatomy, anatomyOf } from '../../../src/serving/anatomy/anatomy';
import { type Flight, flightOf, flightRequest, type Step } from '../../../src/serving/anatomy/flight';
import { cacheReadBytes, prefillAttentionFlops, prefillLayerFlops } from '../../../src/serving/attentionWork';
import type { Device } from '../../../src/serving/device';
import { fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { someOf } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';

function read(name: string): Reading {
  const reading = readModelConfig(referenceConfig(name));
  if (!reading) throw new Error(name);
  return reading;
}

function h100(): Device {
  const device = deviceOf('h100-sxm');
  if (!device) throw new Error('no device');
  return device;
}

const scenarioAt = (batch: number, tokens: number, changes: Partial<Scenario> = {}): Scenario => ({
  engine: 'intrinsic',
  sharding: UNSHARDED,
  kvDtype: 'bf16',
  workload: { batch, tokens },
  ...changes,
});

const anatomies = new Map<string, { readonly reading: Reading; readonly anatomy: Anatomy }>();

function modelOf(name: string): { readonly reading: Reading; readonly anatomy: Anatomy } {
  const known = anatomies.get(name);
  if (known) return known;
  const reading = read(name);
  const made = { reading, anatomy: anatomyOf(reading, 'bf16', 1) };
  anatomies.set(name, made);
  return made;
}

function flight(name: string, step: Step, batch: number, tokens: number, changes: Partial<Scenario> = {}): Flight {
  const { reading, anatomy } = modelOf(name);
  return flightOf(
    anatomy,
    flightRequest(reading, scenarioAt(batch, tokens, changes), step, h100(), null, anatomy.count),
  );
}

const some = fc.constantFrom(...referenceNames());
const contexts = fc.integer({ min: 1, max: 300_000 });
const batches = fc.integer({ min: 1, max: 512 });

/** Cross attention keeps the source; an entry of a compressed layer stands for several tokens. */
const isPlain = ({ layers }: ModelSpec): boolean =>
  layers.every(({ attention }) => !['cross', 'compressed'].includes(attention.kind));

describe('a decode step', () => {
  it.each(someOf(referenceNames()))('%s: reads and computes what the roofline says, and takes its time', (name) => {
    for (const [batch, tokens, tp] of [
      [1, 8192, 1],
      [48, 131_072, 2],
    ] as const) {
      const changes = { sharding: { ...UNSHARDED, tp } };
      const { whole, time, tooLarge } = flight(name, 'decode', batch, tokens, changes);
      const { reading } = modelOf(name);
      const scenario = scenarioAt(batch, tokens, changes);
      const report = fitModel({ reading, device: h100(), scenario, weights: null });
      const roofline = report?.decode;
      if (!roofline) {
        expect(time).toBeNull();
        continue;
      }
      expect(whole.weightBytesRead).toBe(roofline.weightBytesRead);
      expect((whole.cacheBytesRead ?? 0) + (whole.stateBytesRead ?? 0) + (whole.stateBytesWritten ?? 0)).toBe(
        roofline.cacheBytesRead,
      );
      expect(whole.flops).toBe(roofline.flops);
      expect(tooLarge).toBe(report.weights.bytes > h100().memoryBytes * tp);
      // What does not load takes no time.
      if (tooLarge) expect(time).toBeNull();
      else expect(time?.timeS).toBeCloseTo(roofline.timeS, 12);
      if (!tooLarge) expect(time?.limitedBy).toBe(roofline.limitedBy);
    }
  });

  it.each(someOf(referenceNames()))('%s: writes one token for each sequence', (name) => {
    const { reading } = modelOf(name);
    const plan = planCache(reading.spec, scenarioAt(1, 1));
    if (!plan.known || !isPlain(reading.spec)) return;
    // A pool of tokens has one index key: on average.
    const pooled = layerGroups(reading.spec).some(
      ({ attention }) => 'indexer' in attention && (attention.indexer?.pool ?? 1) > 1,
    );
    const written = flight(name, 'decode', 3, 50_000).whole.cacheBytesWritten;
    if (pooled) expect(written).toBeGreaterThanOrEqual(3 * plan.bytesPerToken);
    else expect(written).toBe(3 * plan.bytesPerToken);
  });

  it('reads no less of the cache after one more token, and twice as much for twice the sequences', () => {
    fc.assert(
      fc.property(some, contexts, batches, (name, tokens, batch) => {
        const at = (sequences: number, context: number): Flight['whole'] =>
          flight(name, 'decode', sequences, context).whole;
        const [now, next, twice] = [at(batch, tokens), at(batch, tokens + 1), at(2 * batch, tokens)];
        expect(next.cacheBytesRead ?? 0).toBeGreaterThanOrEqual(now.cacheBytesRead ?? 0);
        expect(next.stateBytesRead).toBe(now.stateBytesRead);
        expect(next.stateBytesWritten).toBe(now.stateBytesWritten);
        expect(twice.cacheBytesRead).toBe(now.cacheBytesRead === null ? null : 2 * now.cacheBytesRead);
        expect(twice.cacheBytesWritten).toBe(now.cacheBytesWritten === null ? null : 2 * now.cacheBytesWritten);
        // Weights are read once for all sequences; more of them reach more experts.
        const [one, two] = [now.weightBytesRead, twice.weightBytesRead];
        if (one !== null && two !== null) {
          expect(two).toBeGreaterThanOrEqual(one);
          expect(two).toBeLessThan(2 * one);
        }
      }),
    );
  });

  it('reads a full window and no more', () => {
    const { whole: at, growth: full } = flight('gpt-oss-20b', 'decode', 1, 128);
    const { whole: later, growth } = flight('gpt-oss-20b', 'decode', 1, 1128);
    // 12 layers of full attention, each 8 × 64 K and V in bf16.
    expect((later.cacheBytesRead ?? 0) - (at.cacheBytesRead ?? 0)).toBe(1000 * 12 * 2 * 8 * 64 * 2);
    const [window] = growth;
    expect(window).toMatchObject({ layers: 12, windowTokens: 128, windowIsFull: true, nextBytes: 0 });
    expect(window?.cacheBytes).toBe(full[0]?.cacheBytes);
  });

  it('names what is not understood, and knows no sums then', () => {
    const layers = ['full_attention', 'mystery', 'full_attention'];
    const config = { hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2, head_dim: 16 };
    const reading = readModelConfig(
      JSON.stringify({ ...config, model_type: 'qwen3', num_hidden_layers: 3, layer_types: layers, vocab_size: 100 }),
    );
    if (!reading) throw new Error('not read');
    const anatomy = anatomyOf(reading, 'bf16', 100);
    const found = flightOf(anatomy, flightRequest(reading, scenarioAt(1, 100), 'decode', h100(), null, anatomy.count));
    expect(found.unknownLayers).toEqual([1]);
    expect(found.time).toBeNull();
    expect(Object.values(found.whole)).toEqual(Object.values(found.whole).map(() => null));
    const unknown = anatomy.kinds.find(({ attention }) => attention.kind === 'unknown');
    if (!unknown) throw new Error('all are understood');
    expect(Object.values(found.workOf({ dense: null, experts: [], attends: unknown, keeps: unknown }))).toEqual(
      Object.values(found.whole),
    );
    // Each of the two others: 2 heads of 16, K and V, in two bytes.
    expect(found.growth).toMatchObject([{ layers: 2, cacheBytes: 2 * 2 * 2 * 16 * 2 * 100 }, { cacheBytes: null }]);
    expect(found.notes.join(' ')).toMatch(/not known/);
  });
});

describe('prefill', () => {
  it.each(someOf(referenceNames()))(
    '%s: writes what is then held, and its layers compute what the whole does',
    (name) => {
      const { reading, anatomy } = modelOf(name);
      for (const tokens of [1, 100, 5000]) {
        const { whole } = flight(name, 'prefill', 2, tokens);
        const plan = planCache(reading.spec, scenarioAt(2, tokens));
        if (!plan.known) {
          expect(whole.cacheBytesWritten).toBeNull();
          continue;
        }
        expect([whole.cacheBytesWritten, whole.stateBytesWritten]).toEqual([plan.cacheBytes, plan.stateBytes]);
        expect([whole.cacheBytesRead, whole.stateBytesRead]).toEqual([0, 0]);
        expect(
          anatomy.kinds.reduce(
            (sum, kind) => sum + kind.indexes.length * prefillLayerFlops(reading.spec, kind, tokens),
            0,
          ),
        ).toBe(prefillAttentionFlops(reading.spec, tokens));
      }
    },
  );

  it('of one token computes what a decode step does at the first token, but for latents', () => {
    const { reading } = modelOf('llama-3-8b');
    expect(flight('llama-3-8b', 'prefill', 4, 1).whole.flops).toBe(flight('llama-3-8b', 'decode', 4, 1).whole.flops);
    expect(cacheReadBytes(reading.spec, 'bf16', 1)).toBe(flight('llama-3-8b', 'decode', 1, 1).whole.cacheBytesRead);
  });

  it('of Llama 3 8B: two operations per parameter and token, the head for the last one, attention over half the square', () => {
    const tokens = 8192;
    const layers = 6_979_588_096;
    const attention = 32 * 4 * 32 * 128 * ((tokens * (tokens + 1)) / 2);
    const { whole, time } = flight('llama-3-8b', 'prefill', 1, tokens);
    expect(whole.flops).toBe(2 * tokens * layers + 2 * 128_256 * 4096 + attention);
    expect(time?.limitedBy).toBe('compute');
    expect(time?.timeS).toBeCloseTo((whole.flops ?? 0) / 989.4e12, 5);
  });

  it('is not known where an encoder runs first', () => {
    expect(flight('t5-small', 'prefill', 1, 100).whole.flops).toBeNull();
    expect(flight('t5-small', 'prefill', 1, 100).notes.join()).toContain('encoder');
    expect(flight('t5-small', 'decode', 1, 100).whole.flops).not.toBeNull();
  });
});
