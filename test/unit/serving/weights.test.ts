import { describe, expect, it } from 'vitest';
import { ConfigDocument } from '../../../src/config/document';
import { readModelConfig } from '../../../src/reading/read';
import { countParameters } from '../../../src/serving/parameters/count';
import { estimatedWeightBytes, storedWeightBytes, type WeightOptions } from '../../../src/serving/weights';
import { referenceConfig } from '../support/reference';

const BASE = {
  model_type: 'llama',
  torch_dtype: 'bfloat16',
  hidden_size: 1024,
  intermediate_size: 2048,
  num_hidden_layers: 4,
  num_attention_heads: 8,
  vocab_size: 1000,
  tie_word_embeddings: false,
};

function estimate(
  config: object,
  options: WeightOptions = {},
): { readonly bytes: number | null; readonly linear: number; readonly rest: number; readonly attention: number } {
  const reading = readModelConfig(JSON.stringify(config));
  const count = reading && countParameters(reading);
  if (!reading || !count) throw new Error('not counted');
  const linear = count.attention + count.mlp + count.experts;
  const bytes = estimatedWeightBytes(reading, count, options)?.bytes ?? null;
  return { bytes, linear, rest: count.total - linear, attention: count.attention };
}

it.each([99, -4, 0, 'x'])('of %s bits are a quantisation that is not known', (bits) => {
  const of = (value: unknown): number | null =>
    estimate({ ...BASE, quantization_config: { quant_method: 'gptq', bits: value, group_size: 128 } }).bytes;
  expect(of(bits)).toBeNull();
  expect(of(4)).toBeGreaterThan(0);
  expect(of(undefined)).toBe(of(4));
});

describe('weights from headers', () => {
  it('are summed, experts apart', () => {
    const weights = storedWeightBytes([
      { name: 'model.embed_tokens.weight', bytes: 100 },
      { name: 'model.layers.0.mlp.experts.3.up_proj.weight', bytes: 10 },
      { name: 'model.layers.0.mlp.experts.gate_up_proj_blocks', bytes: 20 },
      { name: 'blk.0.ffn_up_exps.weight', bytes: 30 },
      { name: 'model.layers.0.mlp.shared_experts.up_proj.weight', bytes: 7 },
    ]);
    expect(weights).toMatchObject({ bytes: 167, expertBytes: 60, exact: true });
  });
});

describe('weights from parameters', () => {
  it('take the type of the config', () => {
    const { bytes, linear, rest } = estimate(BASE);
    expect(bytes).toBe(2 * (linear + rest));
    expect(estimate({ ...BASE, torch_dtype: 'float32' }).bytes).toBe(4 * (linear + rest));
  });

  it.each([
    ['fp8 in blocks', { quant_method: 'fp8', weight_block_size: [128, 128] }, 8 + 32 / 16384],
    ['fp8', { quant_method: 'fp8' }, 8],
    ['awq', { quant_method: 'awq', bits: 4, group_size: 128 }, 4 + 20 / 128],
    ['gptq', { quant_method: 'gptq', bits: 8, group_size: 32 }, 8 + 24 / 32],
    ['bitsandbytes 4', { quant_method: 'bitsandbytes', load_in_4bit: true }, 4.5],
    [
      'bitsandbytes 4, doubly',
      { quant_method: 'bitsandbytes', load_in_4bit: true, bnb_4bit_use_double_quant: true },
      4 + 1 / 8 + 1 / 512,
    ],
    ['bitsandbytes 8', { quant_method: 'bitsandbytes', load_in_8bit: true }, 8],
    [
      'compressed-tensors',
      {
        quant_method: 'compressed-tensors',
        config_groups: { group_0: { weights: { num_bits: 4, type: 'int', group_size: 32 } } },
      },
      4.5,
    ],
    ['nvfp4', { quant_method: 'modelopt', quant_algo: 'NVFP4' }, 4.5],
  ])('%s', (_name, quantization_config, bits) => {
    const { bytes, linear, rest } = estimate({ ...BASE, quantization_config });
    expect(bytes).toBe(Math.round((linear * bits) / 8) + 2 * rest);
  });

  it('know nothing of a method that is not listed', () => {
    expect(estimate({ ...BASE, quantization_config: { quant_method: 'aqlm' } }).bytes).toBeNull();
  });

  it('keep what a list of exceptions names', () => {
    const group = { weights: { num_bits: 4, type: 'int', group_size: 32 } };
    const config = {
      ...BASE,
      quantization_config: {
        quant_method: 'compressed-tensors',
        config_groups: { group_0: group },
        ignore: ['lm_head', 're:.*self_attn.*'],
      },
    };
    const { bytes, linear, rest, attention } = estimate(config);
    expect(bytes).toBe(((linear - attention) * 4.5) / 8 + 2 * (rest + attention));
  });

  it('take a quantisation from beside the config', () => {
    const quantFile = ConfigDocument.parse(
      JSON.stringify({ producer: { name: 'modelopt' }, quantization: { quant_algo: 'NVFP4' } }),
    );
    const { bytes, linear, rest } = estimate(BASE, { quantFile });
    expect(bytes).toBe(Math.round((linear * 4.5) / 8) + 2 * rest);
  });
});

describe('weights of published checkpoints', () => {
  // Bytes of all safetensors files, as the Hub lists them; without what is not counted (multi-token prediction).
  it.each([
    ['gpt-oss-20b', 13.76e9, 0.005],
    ['deepseek-r1', 688.6e9 - 14e9, 0.005],
    ['llama-3.1-8b', 16.06e9, 0.001],
  ])('%s is %d bytes', (name, published, tolerance) => {
    const bytes = estimate(JSON.parse(referenceConfig(name)) as object).bytes ?? 0;
    expect(Math.abs(bytes / published - 1)).toBeLessThan(tolerance);
  });
});
