import { describe, expect, it } from 'vitest';
import { type Reading, readModelConfig } from '../../../src/reading/read';
import { countParameters } from '../../../src/serving/parameters/count';
import { WEIGHT_FORMATS, weightFormatOf } from '../../../src/model/weightFormat';
import { assumedWeights } from '../../../src/serving/weightFormats';
import sizes from '../../fixtures/ggufSizes.json';
import startups from '../../fixtures/startups.json';
import { someOf } from '../support/cases';

const MODELS: Readonly<Record<string, unknown>> = { ...startups.models, ...sizes.models };

function reading(model: string): Reading {
  const found = readModelConfig(JSON.stringify(MODELS[model]));
  if (!found) throw new Error(`${model} is no config`);
  return found;
}

describe('weights in an assumed format', () => {
  it.each(someOf(sizes.sizes))('$model as $format takes what the published file does', ({ model, format, bytes }) => {
    const known = weightFormatOf(format);
    const assumed = known && assumedWeights(reading(model), known);
    if (!assumed) throw new Error('no format');
    // The file has a tokenizer beside the weights, some sizes are printed to three digits, and an importance matrix changes some tensors.
    expect(Math.abs(assumed.bytes - bytes) / bytes).toBeLessThan(0.0065);
    expect(assumed.rule).toContain("llama-quantize's choice for each tensor");
  });

  it('are counted in every format, in the order of their bits', () => {
    const bytes = (format: string): number => {
      const known = weightFormatOf(format);
      return (known && assumedWeights(reading('llama-3-8b'), known)?.bytes) ?? Number.NaN;
    };
    for (const format of WEIGHT_FORMATS) expect(bytes(format), format).toBeGreaterThan(3e9);
    for (const order of [
      ['int4', 'awq', 'mxfp4', 'nvfp4', 'int8', 'fp8', 'fp8_block', 'bf16', 'fp32'],
      ['q2_k', 'q3_k_s', 'q3_k_m', 'q3_k_l', 'q4_k_s', 'q4_k_m', 'q5_k_m', 'q6_k', 'q8_0'],
    ])
      for (const [index, format] of order.entries())
        if (index > 0) expect(bytes(format), format).toBeGreaterThanOrEqual(bytes(order[index - 1] ?? ''));
  });

  it('leave embedding, head, norms and routers wide, and say so', () => {
    const model = reading('qwen3-30b-a3b');
    const count = countParameters(model);
    const [fp8, bf16] = [assumedWeights(model, 'fp8_block'), assumedWeights(model, 'bf16')];
    if (!count || !fp8 || !bf16) throw new Error('no count');
    expect(bf16.bytes).toBe(2 * count.total);
    const linear = count.attention + count.mlp + count.experts;
    expect(fp8.bytes).toBe(Math.round((linear * (8 + 32 / 16_384)) / 8) + 2 * (count.total - linear));
    expect(fp8.rule).toContain('embedding, head, norms and routers');
    expect(fp8.expertBytes).toBe(Math.round((count.experts * (8 + 32 / 16_384)) / 8));
  });

  it('say where the mixture is not known tensor by tensor', () => {
    const model = readModelConfig(
      '{"model_type":"mamba2","hidden_size":2048,"num_hidden_layers":4,"state_size":128,"num_heads":64,"head_dim":64,"expand":2,"n_groups":1,"vocab_size":50288}',
    );
    const assumed = model && assumedWeights(model, 'q4_k_m');
    expect(assumed === null || assumed.rule.includes('Headlight does not know the blocks of this family')).toBe(true);
  });

  it('are null without a count, and no format is made of an unknown name', () => {
    const unknown = readModelConfig(
      '{"model_type":"nobody","hidden_size":64,"num_hidden_layers":2,"num_attention_heads":4}',
    );
    expect(unknown && assumedWeights(unknown, 'fp8')).toBeNull();
    expect(weightFormatOf('Q4-K-M')).toBe('q4_k_m');
    expect(weightFormatOf('q4_k_x')).toBeNull();
  });
});
