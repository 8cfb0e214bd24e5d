import { describe, expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { keyOffers, valueOffers } from '../../../src/reading/offers';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { keyDetail, valueDetail } from '../../../src/present/completionText';
import { sampleConfig, scenario } from '../support';

function read(text: string): Reading {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not a model config');
  return reading;
}

const keys = (text: string, path: readonly string[] = []): string[] =>
  keyOffers(read(text), path).map(({ key }) => key);
const llama = sampleConfig('llama-3-8b');

describe('keys on offer', () => {
  it('are what the family uses, without what stands there', () => {
    const offered = keys(llama.replace(/\s*"num_key_value_heads": 8,/, ''));
    expect(offered).toContain('num_key_value_heads');
    expect(offered).toContain('head_dim');
    for (const key of ['num_hidden_layers', 'kv_lora_rank', 'n_head', 'mamba_d_state', 'torch_dtype'])
      expect(offered).not.toContain(key);
  });

  it('are those of the latent for DeepSeek-V3', () => {
    const offered = keys(sampleConfig('deepseek-v3').replace(/\s*"(kv_lora_rank|qk_rope_head_dim)": \d+,/g, ''));
    expect(offered).toContain('kv_lora_rank');
    expect(offered).toContain('qk_rope_head_dim');
  });

  it('are the spellings that the family has', () => {
    const offered = keys(sampleConfig('gpt2').replace(/\s*"n_layer": \d+,/, ''));
    expect(offered).toContain('n_layer');
    for (const key of ['num_hidden_layers', 'num_attention_heads', 'hidden_size', 'max_position_embeddings'])
      expect(offered).not.toContain(key);
    expect(keys(sampleConfig('deepseek-v3').replace(/\s*"num_key_value_heads": \d+,/, ''))).not.toContain('head_dim');
  });

  it('name the class default', () => {
    const offer = keyOffers(read('{"model_type": "mistral", "architectures": ["X"], "num_hidden_layers": 2}'), []).find(
      ({ key }) => key === 'num_key_value_heads',
    );
    expect(keyDetail('num_key_value_heads', offer?.classDefault)).toBe('default 8');
  });

  it('belong into the language model’s object, and nowhere else', () => {
    const nested = `{"model_type": "llava", "architectures": ["X"], "vision_config": {"hidden_size": 3}, "text_config": {"model_type": "llama", "num_hidden_layers": 2}}`;
    expect(keys(nested, ['text_config'])).toContain('num_attention_heads');
    expect(keys(nested, ['vision_config'])).toEqual([]);
    expect(keys(nested)).toEqual(['dtype']);
  });

  it('look at the text as it is now', () => {
    const now = ConfigDocument.parse('{"model_type": "llama", "num_hidden_layers": 2, "head_dim": 4, "');
    expect(
      keyOffers(read('{"model_type": "llama", "num_hidden_layers": 2}'), [], now).map(({ key }) => key),
    ).not.toContain('head_dim');
  });
});

describe('values on offer', () => {
  it('are the divisors of the query heads, with what each costs', () => {
    const reading = read(llama);
    expect(valueOffers(reading, ['num_key_value_heads'])).toEqual([1, 2, 4, 8, 16, 32]);
    const detail = (value: number): string => valueDetail(reading, ['num_key_value_heads'], value, scenario(1, 32_768));
    expect(detail(4)).toBe('GQA, groups of 8 · 64 KiB/token');
    expect(detail(1)).toBe('MQA · 16 KiB/token');
    expect(detail(32)).toBe('MHA · 512 KiB/token');
  });

  it('are words for element types and kinds of layers', () => {
    const reading = read(llama);
    expect(valueOffers(reading, ['torch_dtype'])).toContain('bfloat16');
    expect(valueDetail(reading, ['torch_dtype'], 'float32', scenario(1, 1))).toBe('256 KiB/token');
    expect(valueOffers(reading, ['layer_types', 3])).toContain('sliding_attention');
    expect(valueOffers(reading, ['layer_types'])).toEqual([]);
  });

  it('are none where any number is as good as another', () => {
    for (const key of ['hidden_size', 'rope_theta', 'architectures', 'toString', '__proto__'])
      expect(valueOffers(read(llama), [key])).toEqual([]);
  });
});
