/** SGLang and TensorRT-LLM: which layers keep what. Numbers: SGLang 0.5.16 (sizing executed, or printed where named); TensorRT-LLM derived from its code. */

import { describe, expect, it } from 'vitest';
import type { KnownPlan as CachePlan } from '../../../src/cache/plan';
import { knownPlan as planCache } from '../support/plans';
import { readModelConfig } from '../../../src/reading/read';
import { type Scenario, UNSHARDED } from '../../../src/model/scenario';
import { scenario } from '../support';
import { referenceConfig } from '../support/reference';

function plan(config: object | string, tokens: number, over: Partial<Scenario>): CachePlan {
  const reading = readModelConfig(typeof config === 'string' ? config : JSON.stringify(config));
  if (!reading) throw new Error('not a config');
  return planCache(reading.spec, scenario(1, tokens, over));
}

const sglang = (name: string, tokens: number, over: Partial<Scenario> = {}): CachePlan =>
  plan(referenceConfig(name), tokens, { engine: 'sglang', ...over });
const trtllm = (name: string, tokens: number, over: Partial<Scenario> = {}): CachePlan =>
  plan(referenceConfig(name), tokens, { engine: 'trtllm', ...over });

describe('SGLang', () => {
  it.each([
    ['gemma-3-1b', 872_415_232],
    ['mistral-7b-v0.1', 4_294_967_296],
  ])('%s keeps every token in every layer: no window pool', (name, bytes) => {
    const { cacheBytes, reservedBytes, reasons } = sglang(name, 32_768);
    expect([cacheBytes, reservedBytes]).toEqual([bytes, bytes]);
    expect(reasons.map(({ text }) => text)).toContain(
      'SGLang has no window pool for this model: every layer keeps every token',
    );
  });

  it('gemma-3n-e4b has a buffer in 35 layers, also where caches are shared', () => {
    expect(sglang('gemma-3n-e4b', 32_768).cacheBytes).toBe(2_348_810_240);
  });

  // gpt-oss-120b: 36 layers of 2 × 8 × 64 × 2 = 2,048 B a token; half with a window of 128. Its class stands in the list of window
  // pools since 2026-01-18 (e499258e9); the pool's size was mended on 2026-02-01 (d396650bd).
  it.each([
    ['2025-12', 36 * 8_192, true],
    ['2026-01', 18 * 8_192 + 18 * 128, false],
    ['2026-02', 18 * 8_192 + 18 * 128, true],
    ['2026-11', 18 * 8_192 + 18 * 128, true],
  ])('gpt-oss in %s keeps %i rows', (release, rows, exact) => {
    const config = {
      model_type: 'gpt_oss',
      num_hidden_layers: 36,
      num_attention_heads: 64,
      num_key_value_heads: 8,
      head_dim: 64,
      hidden_size: 2_880,
      sliding_window: 128,
      torch_dtype: 'bfloat16',
    };
    const found = plan(config, 8_192, { engine: 'sglang', release });
    expect([found.cacheBytes, found.exact]).toEqual([rows * 2_048, exact]);
  });

  it('state slots before the release that was read are not called exact', () => {
    const at = (release: string): boolean => sglang('nemotron-3-nano-30b-a3b', 4_096, { release }).exact;
    expect([at('2026-03'), at('0.5.16')]).toEqual([false, true]);
  });

  it('a config with is_hybrid_swa has a window pool', () => {
    const config = { ...(JSON.parse(referenceConfig('mistral-7b-v0.1')) as object), is_hybrid_swa: true };
    const { cacheBytes } = plan(config, 32_768, { engine: 'sglang' });
    expect(cacheBytes).toBe(536_870_912);
  });

  it('MiMo-V2-Flash, 375,360 full tokens on 4 ranks: 13.96 GiB of windows (printed, SGLang PR 18039)', () => {
    const config = {
      model_type: 'mimo_v2_flash',
      num_hidden_layers: 48,
      hidden_size: 4096,
      num_attention_heads: 64,
      num_key_value_heads: 4,
      head_dim: 192,
      v_head_dim: 128,
      sliding_window: 128,
      swa_num_attention_heads: 64,
      swa_num_key_value_heads: 8,
      swa_head_dim: 192,
      swa_v_head_dim: 128,
      hybrid_layer_pattern: Array.from({ length: 48 }, (_, index) => (index === 0 || index % 6 === 5 ? 0 : 1)),
      torch_dtype: 'bfloat16',
    };
    const options = { 'swa-full-tokens-ratio': 0.8, 'page-size': 64 };
    const sharding = { ...UNSHARDED, tp: 4 };
    const { reservedBytes } = plan(config, 375_360, { engine: 'sglang', options, sharding });
    expect(Math.abs(reservedBytes / 17_152_450_560 - 1)).toBeLessThan(0.01);
  });

  it.each([
    ['falcon-h1-0.5b', 28_698_624],
    ['granite-4.0-h-micro', 76_437_504],
  ])('%s keeps states in float32', (name, bytes) => {
    expect(sglang(name, 1).stateBytes).toBe(bytes);
  });

  it('keeps five slots a request, three for others, one without the radix cache', () => {
    const slots = (name: string, options: Scenario['options'] = {}): number => {
      const { reservedBytes, cacheBytes, stateBytes } = sglang(name, 1, { options });
      return (reservedBytes - cacheBytes) / stateBytes;
    };
    expect(slots('falcon-h1-0.5b')).toBe(5);
    expect(slots('qwen3.5-27b')).toBe(5);
    expect(slots('jamba-v0.1')).toBe(3);
    expect(slots('falcon-h1-0.5b', { 'disable-radix-cache': true })).toBe(1);
  });

  it('DeepSeek-V4-Flash: 7,705.45 bytes a full token and 10,485,760 a slot', () => {
    const at = (tokens: number): number => sglang('deepseek-v4-flash', tokens).reservedBytes;
    const [near, far] = [at(128_000), at(256_000)];
    expect((far - near) / 128_000).toBeCloseTo(7_705.45, 2);
    expect(Math.abs(near - 128_000 * 7_705.45 - 10_485_760)).toBeLessThan(20_000);
  });
});

describe('TensorRT-LLM', () => {
  it('keeps every token in every layer unless max_attention_window is set', () => {
    expect(trtllm('gemma-3-1b', 32_768).cacheBytes).toBe(872_415_232);
    expect(trtllm('mistral-7b-v0.1', 32_768).cacheBytes).toBe(4_294_967_296);
    const windowed = trtllm('mistral-7b-v0.1', 32_768, { options: { 'max-attention-window': [4_096] } });
    expect(windowed.cacheBytes).toBe((4_096 + 32) * 131_072);
  });

  it('takes a list of windows over and over along the layers', () => {
    const options = { 'max-attention-window': [512, 512, 512, 512, 512, 32_768] };
    // 22 layers of 544 tokens, 4 of 32,768; 1,024 bytes a token.
    expect(trtllm('gemma-3-1b', 32_768, { options }).cacheBytes).toBe((22 * 544 + 4 * 32_768) * 1_024);
  });

  it.each([
    [4_096, 112_807_936],
    [131_072, 903_741_440],
  ])('DeepSeek-V4-Flash in bf16 at %i tokens', (tokens, bytes) => {
    expect(trtllm('deepseek-v4-flash', tokens, { kvDtype: 'bf16' }).cacheBytes).toBe(bytes);
  });
});
