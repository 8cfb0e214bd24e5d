import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { familyStatus } from '../../../src/present/familyText';
import { inert } from '../../../src/present/inert';
import { hintsOf } from '../../../src/present/hintText';
import { sampleConfig, sampleNames, scenario } from '../support';

function hints(text: string): Record<string, string> {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not a model config');
  return Object.fromEntries(
    hintsOf(planCache(reading.spec, scenario(1, 32_768)), reading).map((hint) => [hint.key, hint.text]),
  );
}

const config = (changes: object): string =>
  JSON.stringify({
    model_type: 'gemma3_text',
    num_hidden_layers: 6,
    num_attention_heads: 8,
    num_key_value_heads: 2,
    head_dim: 64,
    hidden_size: 512,
    sliding_window: 1024,
    torch_dtype: 'bfloat16',
    ...changes,
  });

describe('hints', () => {
  it('stand beside the values of Llama 3', () => {
    expect(hints(sampleConfig('llama-3-8b'))).toEqual({
      model_type: '→ 128 KiB of cache per token',
      num_key_value_heads: '→ 8 groups of 4',
      hidden_size: '→ head dim 128',
      max_position_embeddings: '→ 1 GiB of cache',
      torch_dtype: '→ 2 B each',
    });
  });

  it('tell the latent of DeepSeek-V3', () => {
    expect(hints(sampleConfig('deepseek-v3'))).toMatchObject({
      kv_lora_rank: '→ 576 per token with RoPE key',
      model_type: '→ 68.63 KiB of cache per token',
    });
    expect(hints(sampleConfig('deepseek-v3'))).not.toHaveProperty('num_key_value_heads');
  });

  it('tell MHA at the query heads where no key gives the KV heads', () => {
    expect(hints(sampleConfig('gpt2'))).toMatchObject({ n_head: '→ MHA' });
  });

  it('tell kinds of layers, and what a window bounds', () => {
    const list = [
      'sliding_attention',
      'sliding_attention',
      'full_attention',
      'sliding_attention',
      'sliding_attention',
      'full_attention',
    ];
    expect(hints(config({ layer_types: list }))).toMatchObject({
      layer_types: '4 sliding, 2 full',
      sliding_window: '→ at most 2 MiB',
      num_key_value_heads: '→ 2 groups of 4',
    });
  });

  it('say it when groups do not come out even', () => {
    expect(hints(config({ num_key_value_heads: 3 }))).toMatchObject({ num_key_value_heads: 'does not divide 8' });
    expect(hints(config({ num_key_value_heads: 1 }))).toMatchObject({ num_key_value_heads: '→ MQA' });
  });

  it('name nested keys by their path, and are short', () => {
    const nested = `{"model_type": "llava", "architectures": ["X"], "text_config": ${sampleConfig('llama-3-8b')}}`;
    expect(hints(nested)).toMatchObject({ 'text_config.num_key_value_heads': '→ 8 groups of 4' });
    for (const name of sampleNames())
      for (const text of Object.values(hints(sampleConfig(name)))) expect(text.length).toBeLessThan(32);
  });
});

describe('family status', () => {
  const status = (text: string): ReturnType<typeof familyStatus> => {
    const reading = readModelConfig(text);
    if (!reading) throw new Error('not a model config');
    return familyStatus(planCache(reading.spec, scenario(1, 1)));
  };

  it('is exact for a known family', () => {
    expect(status(sampleConfig('llama-3-8b'))).toEqual({
      text: 'llama · exact',
      detail: 'GQA, read by the rules of llama',
      exact: true,
    });
  });

  it('says what was guessed', () => {
    const guessed = status(config({ model_type: 'nobody_knows' }));
    expect(guessed).toMatchObject({ text: 'nobody_knows · not exact', exact: false });
    expect(guessed.detail).toContain('is not known');
  });

  it('makes no links and no icons of names in the file', () => {
    const evil = status(
      config({ model_type: '[x](command:workbench.action.quit) $(alert)', kv_sharing: '[y](command:z)' }),
    );
    expect(inert(evil.text)).toContain('[x] (command:');
    for (const text of [evil.text, evil.detail].map(inert)) expect(text).not.toMatch(/\]\(|\$\(/);
  });
});
