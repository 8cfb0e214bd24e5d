import { describe, expect, it } from 'vitest';
import { designText } from '../../../src/present/words';
import { readModelConfig } from '../../../src/reading/read';

describe('the design in one line', () => {
  it.each([
    [1, /· 1 layer$/],
    [2, /· 2 layers$/],
  ])('counts %i', (layers, text) => {
    const config = { model_type: 'llama', hidden_size: 64, num_hidden_layers: layers, num_attention_heads: 4 };
    const reading = readModelConfig(JSON.stringify(config));
    expect(reading && designText(reading.spec)).toMatch(text);
  });
});
