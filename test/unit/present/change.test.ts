import { describe, expect, it } from 'vitest';
import { readModelConfig } from '../../../src/reading/read';
import type { ModelSpec } from '../../../src/model/spec';
import { ConfigDocument } from '../../../src/config/document';
import { changeBetween, changeBrief, changedKeys, changeText } from '../../../src/present/change';
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

  it('leads with the total at the scenario and its ratio', () => {
    expect(changeText(changeBetween(spec({}), spec({ num_key_value_heads: 2 }), at))).toBe(
      '4 GiB (4.29 GB) → 1 GiB (1.07 GB), ÷ 4, at 1 × 32,768 tokens; 131,072 → 32,768 B/token',
    );
    expect(changeText(changeBetween(spec({}), spec({ num_key_value_heads: 16 }), at))).toBe(
      '4 GiB (4.29 GB) → 8 GiB (8.59 GB), × 2, at 1 × 32,768 tokens; 131,072 → 262,144 B/token',
    );
  });

  it('tells the variant where it changed', () => {
    expect(changeText(changeBetween(spec({ num_key_value_heads: 32 }), spec({ num_key_value_heads: 1 }), at))).toBe(
      'MHA → MQA, 16 GiB (17.18 GB) → 512 MiB (536.9 MB), ÷ 32, at 1 × 32,768 tokens; 524,288 → 16,384 B/token',
    );
  });

  it('tells the total where only that changed', () => {
    const mistral = { model_type: 'mistral', architectures: ['MistralForCausalLM'] };
    const text = changeText(
      changeBetween(spec({ ...mistral, sliding_window: 8192 }), spec({ ...mistral, sliding_window: 4096 }), at),
    );
    expect(text).toBe('1 GiB (1.07 GB) → 512 MiB (536.9 MB), ÷ 2, at 1 × 32,768 tokens');
  });

  it('with windows tells what the total does, and growth as what it is', () => {
    const gemma = (changes: object): ModelSpec =>
      spec({
        model_type: 'gemma3_text',
        architectures: ['Gemma3ForCausalLM'],
        head_dim: 128,
        sliding_window: 1024,
        sliding_window_pattern: 4,
        ...changes,
      });
    const change = changeBetween(
      gemma({}),
      gemma({ num_key_value_heads: 2, sliding_window_pattern: 2 }),
      scenario(1, 100_000),
    );
    // 24 windows of 1,024 and 8 full layers with 8 KV heads; then 16 and 16 with 2: ÷ 4 of what a token takes, ÷ 2.2 of the whole.
    const before = 4_096 * (24 * 1_024 + 8 * 100_000);
    const after = 1_024 * (16 * 1_024 + 16 * 100_000);
    expect([change.before.totalBytes, change.after.totalBytes]).toEqual([before, after]);
    expect(changeText(change)).toBe(
      '3.15 GiB (3.38 GB) → 1.54 GiB (1.66 GB), ÷ 2.04, at 1 × 100,000 tokens; 131,072 → 32,768 B/token at short context',
    );
    expect(changeBrief(change)).toBe('→ 1.54 GiB of cache, ÷ 2.04');
  });

  it('of several devices tells what all of them hold', () => {
    const eight = scenario(1, 32_768, { engine: 'vllm', sharding: { tp: 8, pp: 1, dcp: 1, dpAttention: false } });
    expect(changeText(changeBetween(spec({}), spec({ num_key_value_heads: 32 }), eight))).toContain(
      '4 GiB (4.29 GB) → 16 GiB (17.18 GB), × 4, in total at 1 × 32,768 tokens',
    );
  });

  it('finds the keys that were changed or added', () => {
    const text = (changes: object): ConfigDocument => ConfigDocument.parse(JSON.stringify({ ...LLAMA, ...changes }));
    expect(changedKeys(text({}), text({ num_key_value_heads: 2, head_dim: 64 }), [])).toEqual([
      'num_key_value_heads',
      'head_dim',
    ]);
    expect(changedKeys(text({ text_config: { a: 1 } }), text({ text_config: { a: 2 } }), ['text_config'])).toEqual([
      'text_config.a',
    ]);
    expect(changedKeys(text({}), text({}), [])).toEqual([]);
  });

  it('says that nothing changed, and marks guesses', () => {
    expect(changeText(changeBetween(spec({}), spec({ vocab_size: 5 }), at))).toBe('the cache is the same');
    expect(changeText(changeBetween(spec({}), spec({ kv_lora_rank: 512 }), at))).toMatch(/^≈ /);
  });
});
