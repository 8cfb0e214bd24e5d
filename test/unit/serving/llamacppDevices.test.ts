/** What fits on several devices under llama.cpp, where each has layers of its own, and weights of a type that is chosen. */

import { describe, expect, it } from 'vitest';
import type { EngineOptions, Scenario } from '../../../src/model/scenario';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { type FitReport, fitModel } from '../../../src/serving/fit';
import { deviceOf } from '../../../src/serving/hardware';
import { countParameters } from '../../../src/serving/parameters/count';
import { placementOf } from '../../../src/serving/placement';
import { assumedWeights } from '../../../src/serving/weightFormats';
import { storedWeightBytes } from '../../../src/serving/weights';
import { preset } from '../support/presets';
import { scenario } from '../support';

const GIB = 2 ** 30;

function reading(text: string): Reading {
  const found = readModelConfig(text);
  if (!found) throw new Error('no config');
  return found;
}

const QWEN3_32B = reading(
  JSON.stringify({
    model_type: 'qwen3',
    hidden_size: 5120,
    intermediate_size: 25600,
    num_hidden_layers: 64,
    num_attention_heads: 64,
    num_key_value_heads: 8,
    head_dim: 128,
    vocab_size: 151936,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  }),
);

function fit(model: Reading, gpu: string, changes: Partial<Scenario>, tokens = 32_768, batch = 1): FitReport {
  const device = deviceOf(gpu);
  const report =
    device && fitModel({ reading: model, device, weights: null, scenario: scenario(batch, tokens, changes) });
  if (!report) throw new Error('no report');
  return report;
}

function qwen(devices: number, options: EngineOptions = {}): FitReport {
  const sharding = { tp: devices, pp: 1, dcp: 1, dpAttention: false };
  return fit(QWEN3_32B, 'rtx-4090', { engine: 'llamacpp', weights: 'q8_0', kvDtype: 'q8_0', sharding, options });
}

describe('Qwen3-32B in Q8_0 on two RTX 4090 with llama.cpp and a cache in q8_0', () => {
  const report = qwen(2);

  it('fits, by the device with 33 of the 64 layers', () => {
    expect(report.layers).toEqual({ own: 33, all: 64, head: false });
    // K and V of 8 heads of 128 in blocks of 34 bytes for 32 elements.
    const perLayer = 2 * 8 * 128 * (34 / 32) * 32_768;
    expect(report.cacheBytes).toBe(33 * perLayer);
    expect(report.verdict).toBe('fits');
  });

  it('has the weights of those layers and neither embedding nor output', () => {
    const layer = 5120 * 128 * (64 + 8 + 8 + 64) + 3 * 5120 * 25_600;
    // Norms of a layer stay float32.
    const bytes = 33 * (layer * (34 / 32) + 4 * (2 * 5120 + 2 * 128));
    const weights = report.parts.find(({ part }) => part === 'weights')?.bytes;
    expect(weights?.low).toBeCloseTo(bytes * 0.985, -3);
    expect(weights?.high).toBeCloseTo(bytes * 1.03, -3);
  });

  it('has its longest context where that device is full, to the cell', () => {
    const { low } = report;
    if (low.longestContext.kind !== 'count') throw new Error('no longest context');
    const perToken = 33 * 2 * 8 * 128 * (34 / 32);
    expect(low.longestContext.value).toBe(Math.floor(low.cacheBudgetBytes / perToken / 256) * 256);
  });

  it('does not fit on one, nor with split-mode none on two', () => {
    expect(qwen(1).verdict).toBe('doesNotFit');
    const none = qwen(2, { 'split-mode': 'none' });
    expect([none.verdict, none.devices]).toEqual(['doesNotFit', 1]);
  });

  it('shares matrices evenly with row, and the cache by layers all the same', () => {
    const row = qwen(2, { 'split-mode': 'row' });
    expect(row.cacheBytes).toBe(report.cacheBytes);
    const placement = placementOf(QWEN3_32B, row.weights);
    const split = placement && placement.layers.reduce((sum, bytes) => sum + bytes, placement.head);
    expect(row.parts.find(({ part }) => part === 'weights')?.bytes.low).toBeCloseTo(((split ?? 0) / 2) * 0.985, 0);
  });
});

describe('the last device', () => {
  it('decides where its output is more than the layer that it lacks', () => {
    // A small model with a large vocabulary: 2 layers on the first of two, none but the output on the second.
    const model = reading(
      JSON.stringify({
        model_type: 'llama',
        num_hidden_layers: 2,
        hidden_size: 1024,
        intermediate_size: 1024,
        num_attention_heads: 8,
        num_key_value_heads: 1,
        vocab_size: 250_000,
        torch_dtype: 'float16',
      }),
    );
    const sharding = { tp: 2, pp: 1, dcp: 1, dpAttention: false };
    const report = fit(model, 'rtx-4090', { engine: 'llamacpp', sharding }, 1024);
    expect(report.layers).toEqual({ own: 0, all: 2, head: true });
    // The longest context is still that of the device which has the cache.
    expect(report.high.longestContext.kind).toBe('count');
  });
});

describe('where weights lie', () => {
  it('is read off the names of tensors, and is all of them', () => {
    const tensors = [
      { name: 'token_embd.weight', bytes: 100 },
      { name: 'blk.0.attn_q.weight', bytes: 10 },
      { name: 'blk.1.ffn_down_exps.weight', bytes: 20 },
      { name: 'output_norm.weight', bytes: 1 },
      { name: 'v.blk.vision.7.weight', bytes: 5 },
    ];
    const tied = storedWeightBytes(tensors);
    expect(tied.placement).toEqual({ layers: [10, 20], embedding: 100, head: 106 });
    const own = storedWeightBytes([...tensors, { name: 'output.weight', bytes: 90 }]);
    expect(own.placement).toEqual({ layers: [10, 20], embedding: 100, head: 96 });
    expect(storedWeightBytes([{ name: 'x', bytes: 1 }]).placement).toBeUndefined();
  });

  it('adds up for weights of any format, dense first layers of a mixture apart', () => {
    const model = reading(preset('deepseek-v3'));
    for (const format of ['fp8', 'q4_k_m'] as const) {
      const weights = assumedWeights(model, format);
      const placement = weights && placementOf(model, weights);
      if (!placement) throw new Error('no placement');
      const { layers, embedding, head } = placement;
      const sum = layers.reduce((total, bytes) => total + bytes, embedding + head);
      expect(Math.abs(sum / weights.bytes - 1), format).toBeLessThan(1e-6);
      // 3 dense layers before 58 with 256 experts.
      expect((layers[0] ?? 0) * 10, format).toBeLessThan(layers[3] ?? 0);
    }
  });
});

describe('weights of a chosen type', () => {
  const LLAMA_405B = reading(
    JSON.stringify({
      model_type: 'llama',
      hidden_size: 16384,
      intermediate_size: 53248,
      num_hidden_layers: 126,
      num_attention_heads: 128,
      num_key_value_heads: 8,
      vocab_size: 128256,
      tie_word_embeddings: false,
      torch_dtype: 'bfloat16',
    }),
  );
  const sharding = { tp: 8, pp: 1, dcp: 1, dpAttention: false };
  const asked = (weights?: Scenario['weights']): FitReport =>
    fit(
      LLAMA_405B,
      'h100-sxm',
      { engine: 'vllm', kvDtype: 'fp8', sharding, ...(weights ? { weights } : {}) },
      131_072,
      32,
    );

  it('answers whether Llama-3.1-405B in fp8 holds 32 × 131,072 tokens on 8 × H100', () => {
    const report = asked('fp8');
    // Embedding and head in bf16, all else a byte each; norms are small.
    const count = countParameters(LLAMA_405B);
    if (!count) throw new Error('no count');
    const wide = 2 * 128_256 * 16_384;
    const bytes = count.total - wide + 2 * wide + (2 * 126 + 1) * 16_384;
    expect(report.weights.bytes).toBe(bytes);
    expect((bytes / 8 / GIB).toFixed(2)).toBe('47.74');
    expect(report.cacheBytes).toBe(126 * GIB);
    expect(report.verdict).toBe('doesNotFit');
    const { low, high } = report;
    expect([low.concurrentSequences, high.concurrentSequences]).toEqual([
      { kind: 'count', value: Math.floor(low.cacheBudgetBytes / ((126 * GIB) / 32)) },
      { kind: 'count', value: Math.floor(high.cacheBudgetBytes / ((126 * GIB) / 32)) },
    ]);
  });

  it('stands beside what the file says, and is gone where nothing is chosen', () => {
    expect(asked('fp8').weights.chosen).toEqual({ format: 'fp8', fileSays: 'bfloat16' });
    expect(asked().weights.chosen).toBeUndefined();
    expect(asked().weights.bytes).toBeGreaterThan(asked('fp8').weights.bytes * 1.9);
  });

  it('comes before weights of files', () => {
    const device = deviceOf('h100-sxm');
    if (!device) throw new Error('no device');
    const stored = { bytes: 1e9, expertBytes: 0, exact: true, rule: 'stored' };
    const at = (weights?: Scenario['weights']): number | undefined =>
      fitModel({
        reading: LLAMA_405B,
        device,
        weights: stored,
        scenario: scenario(1, 1024, { ...(weights ? { weights } : {}) }),
      })?.weights.bytes;
    expect(at()).toBe(1e9);
    expect(at('int4:32')).toBeGreaterThan(at('int4') ?? Infinity);
  });
});
