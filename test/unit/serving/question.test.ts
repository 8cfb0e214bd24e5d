/** Questions about fitting, as people type them. */

import { describe, expect, it } from 'vitest';
import { DEVICES } from '../../../src/serving/hardware';
import { type FitQuestion, parseQuestion } from '../../../src/serving/question';

const MODELS = ['Llama 3.1 405B', 'Llama 3 8B', 'Qwen3 32B', 'gpt-oss 120B'].map((name) => ({ name, value: name }));

type Said = Readonly<Record<string, unknown>>;

/** Without what was not said, the device by its id. */
function said(text: string): Said {
  const found: FitQuestion<string> = parseQuestion(text, { models: MODELS, devices: DEVICES });
  const { device, ...others } = found;
  return Object.fromEntries(
    Object.entries({ ...others, device: device?.id ?? null }).filter(
      ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
    ),
  );
}

describe('a question in one line', () => {
  it.each<[string, Said]>([
    [
      'Llama-3.1-405B, fp8 weights and cache, 8 × H100, 131,072 × 32',
      {
        model: 'Llama 3.1 405B',
        weights: 'fp8',
        kvDtype: 'fp8',
        device: 'h100-sxm',
        devices: 8,
        tokens: 131_072,
        batch: 32,
      },
    ],
    [
      'Qwen3-32B Q8_0 on 2 × RTX 4090, llama.cpp, q8_0 cache, 32,768',
      {
        model: 'Qwen3 32B',
        weights: 'q8_0',
        kvDtype: 'q8_0',
        engine: 'llamacpp',
        device: 'rtx-4090',
        devices: 2,
        tokens: 32_768,
      },
    ],
    [
      'llama 3 8b, 4 x a100 40gb, 32 × 128k tokens',
      { model: 'Llama 3 8B', device: 'a100-40', devices: 4, tokens: 131_072, batch: 32 },
    ],
    [
      'gpt-oss, H200, vllm@0.11, 1M',
      { model: 'gpt-oss 120B', device: 'h200-sxm', devices: 1, engine: 'vllm', release: '0.11', tokens: 1_048_576 },
    ],
    // As every other place takes numbers (model/typedCount.ts).
    ['1.5M × 2', { tokens: 1_572_864, batch: 2 }],
    ["131'072 tokens, 8 users", { tokens: 131_072, batch: 8 }],
    ['1 2 3 tokens', { unknown: ['1 2 3 tokens'] }],
    ['weights int4:32, cache fp8, 64 users', { weights: 'int4:32', kvDtype: 'fp8', batch: 64 }],
    ['Llama 3 8B, fp9 weights, 8 × H9', { model: 'Llama 3 8B', unknown: ['fp9 weights', '8 × H9'] }],
    ['', {}],
  ])('%s', (text, expected) => expect(said(text)).toMatchObject(expected));

  it('says no more than what is there', () => {
    expect(said('Qwen3 32B')).toEqual({ model: 'Qwen3 32B' });
    expect(said('nothing of this')).toEqual({ unknown: ['nothing of this'] });
  });

  it('takes long and strange texts in no time', () => {
    const from = performance.now();
    for (const text of ['x'.repeat(1e6), '1'.repeat(1e6), '1,'.repeat(1e5), ' × '.repeat(1e5), '1 '.repeat(1e5)])
      said(text);
    expect(performance.now() - from).toBeLessThan(2000);
  });
});
