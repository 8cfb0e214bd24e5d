/** vLLM's defaults and refusals. Sources stand per test; more numbers in vllmExecuted.test.ts. */

import { describe, expect, it } from 'vitest';
import { type CachePlan, planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { type Scenario, UNSHARDED } from '../../../src/model/scenario';
import { scenario } from '../support';
import { referenceConfig } from '../support/reference';

function plan(config: object | string, tokens: number, over: Partial<Scenario> = {}): CachePlan {
  const reading = readModelConfig(typeof config === 'string' ? config : JSON.stringify(config));
  if (!reading) throw new Error('not a config');
  return planCache(reading.spec, scenario(1, tokens, { engine: 'vllm', ...over }));
}

const GPT_OSS = {
  model_type: 'gpt_oss',
  num_hidden_layers: 36,
  num_attention_heads: 64,
  num_key_value_heads: 8,
  head_dim: 64,
  hidden_size: 2880,
  sliding_window: 128,
  torch_dtype: 'bfloat16',
};

describe('defaults by release', () => {
  it('gemma-3-1b reserves twice the tokens in flight since July 2026', () => {
    const gemma = referenceConfig('gemma-3-1b');
    expect(plan(gemma, 32_768, { release: '0.11' }).reservedBytes).toBe(348_520_448);
    expect(plan(gemma, 32_768, { release: '2026-08' }).reservedBytes).toBe(549_847_040);
    expect(plan(gemma, 32_768).reservedBytes).toBe(549_847_040);
  });

  it('gpt-oss-120b with 1,024 tokens a step: 4.54 GiB needed (printed, vllm issue 27508)', () => {
    const options = { 'max-num-batched-tokens': 1_024, 'async-scheduling': false };
    expect(plan(GPT_OSS, 131_072, { options }).reservedBytes).toBe(4_874_895_360);
  });

  it('nemotron-3-nano keeps one state a sequence, two with the prefix cache, one more a draft token', () => {
    const nemotron = referenceConfig('nemotron-3-nano-30b-a3b');
    const at = (options: Scenario['options']): number =>
      plan(nemotron, 32_768, options ? { options } : {}).reservedBytes;
    expect(at({ 'enable-prefix-caching': false })).toBe(257_556_480);
    expect(at({})).toBe(309_067_776);
    expect(at({ 'num-speculative-tokens': 1 })).toBeGreaterThan(at({}));
  });
});

describe('set-ups that vLLM refuses', () => {
  const heads = (queryHeads: number, kvHeads: number): object => ({
    model_type: 'qwen2',
    num_hidden_layers: 2,
    num_attention_heads: queryHeads,
    num_key_value_heads: kvHeads,
    hidden_size: queryHeads * 128,
    torch_dtype: 'bfloat16',
  });
  const deepseek = referenceConfig('deepseek-v2-lite');

  it.each([
    ['28 query heads on 8 ranks', heads(28, 4), { sharding: { ...UNSHARDED, tp: 8 } }, '28 query heads'],
    ['6 KV heads on 4 ranks', heads(24, 6), { sharding: { ...UNSHARDED, tp: 4 } }, '6 KV heads'],
    [
      'context parallelism without spare ranks',
      heads(32, 8),
      { sharding: { ...UNSHARDED, tp: 8, dcp: 2 } },
      'decode context',
    ],
    ['context parallelism with windows', GPT_OSS, { sharding: { ...UNSHARDED, tp: 16, dcp: 2 } }, 'with windows'],
    ['a latent cache in int8', deepseek, { kvDtype: 'int8_per_token_head' as const }, 'latent cache'],
    ['a latent cache in nvfp4', deepseek, { kvDtype: 'nvfp4' as const }, 'latent cache'],
    [
      'compressed entries in bf16',
      referenceConfig('deepseek-v4-flash'),
      { kvDtype: 'bf16' as const },
      '--kv-cache-dtype fp8',
    ],
  ])('%s', (_name, config, over, reason) => {
    const refused = plan(config, 4_096, over);
    expect(refused.refused).toContain(reason);
    expect(refused.exact).toBe(false);
    expect(refused.notes.map(({ text }) => text)).toContain(`vLLM refuses ${refused.refused ?? ''}`);
  });

  it.each([
    ['28 query heads on 4 ranks', heads(28, 4), { sharding: { ...UNSHARDED, tp: 4 } }],
    ['a context striped over copied heads', heads(32, 4), { sharding: { ...UNSHARDED, tp: 8, dcp: 2 } }],
    ['a latent cache striped over all ranks', deepseek, { sharding: { ...UNSHARDED, tp: 8, dcp: 8 } }],
  ])('not: %s', (_name, config, over) => {
    expect(plan(config, 4_096, over).refused).toBeNull();
  });
});

describe('stages of a pipeline', () => {
  it('cut the groups of the whole model: a block has the most layers that a group has in the stage', () => {
    const gemma = referenceConfig('gemma-3-1b');
    const whole = plan(gemma, 32_768);
    const half = plan(gemma, 32_768, { sharding: { ...UNSHARDED, pp: 2 } });
    // Groups of 4 layers, 7 in all; each stage has at most 2 of the 4 in each.
    expect(half.reservedBytes * 2).toBe(whole.reservedBytes);
  });
});
