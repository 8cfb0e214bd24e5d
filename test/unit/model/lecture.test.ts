import { describe, expect, it } from 'vitest';
import { knownPlan as planCache } from '../support/plans';
import { readModelConfig } from '../../../src/reading/read';
import { formatSize, formatBytes } from '../../../src/model/units';
import { sampleConfig, scenario } from '../support';

/** The worked numbers of the lectures, with the conventions that make them come out. */
function bytes(config: object, tokens: number): number {
  const reading = readModelConfig(JSON.stringify(config));
  return reading ? planCache(reading.spec, scenario(1, tokens)).totalBytes : Number.NaN;
}

describe("the lectures' table", () => {
  const gpt3 = (kvHeads: number): object => ({
    model_type: 'llama',
    num_hidden_layers: 96,
    num_attention_heads: 96,
    num_key_value_heads: kvHeads,
    hidden_size: 12_288,
    torch_dtype: 'float16',
  });

  it.each([
    [96, '4.5 GiB'],
    [8, '384 MiB'],
    [1, '48 MiB'],
  ])('GPT-3 with %i KV heads at 1,024 tokens: %s', (kvHeads, expected) => {
    expect(formatSize(bytes(gpt3(kvHeads), 1_024))).toBe(expected);
  });

  it('GPT-3 at its own context of 2,048: 9 GiB', () => {
    expect(formatSize(bytes(gpt3(96), 2_048))).toBe('9 GiB');
  });

  it('DeepSeek-V3: 70,272 B a token as MLA, 3,997,696 as MHA with heads of 128, 56.9 times as much', () => {
    const mla = bytes(JSON.parse(sampleConfig('deepseek-v3')) as object, 1);
    const mha = bytes(
      {
        model_type: 'llama',
        num_hidden_layers: 61,
        num_attention_heads: 128,
        head_dim: 128,
        hidden_size: 7_168,
        torch_dtype: 'bfloat16',
      },
      1,
    );
    expect(mla).toBe(70_272);
    expect(mha).toBe(3_997_696);
    expect((mha / mla).toFixed(1)).toBe('56.9');
  });

  it('DeepSeek-V3 at 100,000 tokens in decimal GB: 400, 25, 3.1 and 7.0', () => {
    const heads = (kvHeads: number): object => ({
      model_type: 'llama',
      num_hidden_layers: 61,
      num_attention_heads: 128,
      num_key_value_heads: kvHeads,
      head_dim: 128,
      hidden_size: 7_168,
      torch_dtype: 'bfloat16',
    });
    expect(formatBytes(bytes(heads(128), 100_000))).toContain('(399.8 GB)');
    expect(formatBytes(bytes(heads(8), 100_000))).toContain('(24.99 GB)');
    expect(formatBytes(bytes(heads(1), 100_000))).toContain('(3.12 GB)');
    expect(formatBytes(bytes(JSON.parse(sampleConfig('deepseek-v3')) as object, 100_000))).toContain('(7.03 GB)');
  });
});
