/** vLLM's defaults and refusals. Sources stand per test; more numbers in vllmExecuted.test.ts. */

import { describe, expect, it } from 'vitest';
import type { KnownPlan as CachePlan } from '../../../src/cache/plan';
import { knownPlan as planCache } from '../support/plans';
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

  // Gemma-3-1b: 22 layers with windows of 512, 4 full; pages of 16 × 1 × 256 × 2 × 2 = 16,384 B. Windows reserve
  // ⌈min(511 + in flight, 32,768) ÷ 16⌉ + 1 pages, full layers 2,048. Groups of 4: 6 of windows, 1 full, a block of 65,536 B.
  it.each([
    ['2025-10', '0.11', 6 * (544 + 1) + 2_048],
    ['2026-05', '2026-04', 6 * (544 + 1) + 2_048],
    ['2026-07', '2026-07', 6 * (1_056 + 1) + 2_048],
    ['2026-08', '2026-08', 6 * (1_056 + 1) + 2_048],
    // 2 × 16,384 and a window are more than there are tokens.
    ['2026-11', '2026-09', 6 * (2_048 + 1) + 2_048],
  ])('gemma-3-1b in %s is read by %s', (month, release, blocks) => {
    const found = plan(referenceConfig('gemma-3-1b'), 32_768, { release: month });
    expect([found.setup.release.id, found.reservedBytes]).toEqual([release, blocks * 65_536]);
  });

  it('DeepSeek-V2-Lite has pages of 64 tokens until the backend chooses them in March 2026', () => {
    // 27 layers of 576 × 2 B; 16 tokens a page since.
    const at = (release: string): number => plan(referenceConfig('deepseek-v2-lite'), 1, { release }).reservedBytes;
    expect([at('2026-02'), at('2026-03')]).toEqual([27 * 1_152 * 64, 27 * 1_152 * 16]);
  });

  it('groups are padded within a quarter since November 2025, within a half since March 2026', () => {
    // 9 full layers and 10, 12 or 14 with windows; pages of 16 × 2 × 8 × 64 × 2 = 32,768 B; one token: 1 and 2 pages.
    const config = (sliding: number): object => ({
      ...GPT_OSS,
      num_hidden_layers: 9 + sliding,
      layer_types: Array.from({ length: 9 + sliding }, (_, index) =>
        index < 9 ? 'full_attention' : 'sliding_attention',
      ),
    });
    const blocks = (sliding: number, release: string): number =>
      plan(config(sliding), 1, { release }).reservedBytes / 32_768;
    const small = (groups: number): number => 9 * (1 + 2 * groups);
    expect([blocks(10, '2025-10'), blocks(10, '2025-11')]).toEqual([small(2), 10 * 3]);
    expect([blocks(12, '2026-02'), blocks(12, '2026-03')]).toEqual([small(2), 12 * 3]);
    expect(blocks(14, '2026-03')).toBe(small(2));
  });

  it('hybrids keep states for prefixes since August 2026; asked for it before, the number is not exact', () => {
    const nemotron = referenceConfig('nemotron-3-nano-30b-a3b');
    const at = (release: string, options: Scenario['options'] = {}): CachePlan =>
      plan(nemotron, 32_768, { release, options });
    expect(at('2026-07').reservedBytes).toBe(257_556_480);
    expect(at('2026-08').reservedBytes).toBe(309_067_776);
    expect([at('2026-07').exact, at('2026-07', { 'enable-prefix-caching': true }).exact]).toEqual([true, false]);
  });

  it('DeepSeek-V4 is refused before April 2026', () => {
    const at = (release: string): CachePlan =>
      plan(referenceConfig('deepseek-v4-flash'), 4_096, { release, kvDtype: 'fp8' });
    expect(at('2026-03').refused).toContain('before April 2026');
    expect([at('2026-05').refused, at('2026-05').exact]).toEqual([null, false]);
    expect(at('2026-06').exact).toBe(true);
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
    // Three steps are in flight with the newer model runner, two with the older: config/vllm.py max_concurrent_batches.
    expect([whole.exact, half.exact]).toEqual([true, false]);
    expect(plan(gemma, 32_768, { sharding: { ...UNSHARDED, pp: 2 }, release: '2026-06' }).exact).toBe(true);
  });
});
