import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import type { ModelSpec } from '../../../src/model/spec';
import { changeBetween, changeText } from '../../../src/present/change';
import { scenario } from '../support';

const LLAMA = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 4096,
  num_hidden_layers: 32,
  num_attention_heads: 32,
  num_key_value_heads: 8,
  torch_dtype: 'bfloat16',
};

function spec(changes: object): ModelSpec {
  const reading = readModelConfig(JSON.stringify({ ...LLAMA, ...changes }));
  if (!reading) throw new Error('not a config');
  return reading.spec;
}

describe('the change that a diff shows', () => {
  const at = scenario(1, 32_768);

  it('tells bytes per token and the ratio', () => {
    expect(changeText(changeBetween(spec({}), spec({ num_key_value_heads: 2 }), at))).toBe(
      '131,072 → 32,768 B/token, ÷4',
    );
    expect(changeText(changeBetween(spec({}), spec({ num_key_value_heads: 16 }), at))).toBe(
      '131,072 → 262,144 B/token, ×2',
    );
  });

  it('tells the variant where it changed', () => {
    expect(changeText(changeBetween(spec({ num_key_value_heads: 32 }), spec({ num_key_value_heads: 1 }), at))).toBe(
      'MHA → MQA, 524,288 → 16,384 B/token, ÷32',
    );
  });

  it('tells the total where only that changed', () => {
    const mistral = { model_type: 'mistral', architectures: ['MistralForCausalLM'] };
    const text = changeText(
      changeBetween(spec({ ...mistral, sliding_window: 8192 }), spec({ ...mistral, sliding_window: 4096 }), at),
    );
    expect(text).toBe('1 GiB (1.07 GB) → 512 MiB (536.9 MB), ÷2');
  });

  it('says that nothing changed, and marks guesses', () => {
    expect(changeText(changeBetween(spec({}), spec({ vocab_size: 5 }), at))).toBe('the cache is the same');
    expect(changeText(changeBetween(spec({}), spec({ kv_lora_rank: 512 }), at))).toMatch(/^≈ /);
  });
});
