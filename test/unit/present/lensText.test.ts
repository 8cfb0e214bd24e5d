import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { readModelConfig } from '../../../src/reading/read';
import { lensDesignText, lensScenarioText } from '../../../src/present/lensText';
import { sampleConfig, scenario } from '../support';

function plan(text: string, change: Parameters<typeof scenario>[2] = {}): ReturnType<typeof planCache> {
  const reading = readModelConfig(text);
  if (!reading) throw new Error('not a model config');
  return planCache(reading.spec, scenario(1, 32_768, change));
}

const state = JSON.stringify({
  model_type: 'mamba',
  num_hidden_layers: 2,
  hidden_size: 64,
  state_size: 16,
  conv_kernel: 4,
  expand: 2,
});

describe('lens', () => {
  it('says design and bytes per token', () => {
    expect(lensDesignText(plan(sampleConfig('llama-3-8b')))).toBe('GQA · 128 KiB/token');
    expect(lensDesignText(plan(sampleConfig('deepseek-v3')))).toBe('MLA · 68.63 KiB/token');
  });

  it('marks a guess, and says where nothing is cached per token', () => {
    expect(
      lensDesignText(plan(sampleConfig('llama-3-8b').replace('"llama"', '"lama"').replace('LlamaForCausalLM', 'X'))),
    ).toContain('≈ 128 KiB/token');
    expect(lensDesignText(plan(state))).toMatch(/no cache per token · state [\d.]+ KiB/);
  });

  it('says the total at the scenario, its rule, and what fits', () => {
    const llama = sampleConfig('llama-3-8b');
    expect(lensScenarioText(plan(llama), null)).toBe('4 GiB at 1 × 32,768 tokens · bf16');
    const fit = {
      deviceName: 'H100',
      devices: 1,
      weightsFit: true,
      sequences: { kind: 'count', value: 14 },
      atMost: { kind: 'count', value: 14 },
    } as const;
    expect(lensScenarioText(plan(llama, { engine: 'vllm' }), fit)).toBe(
      '4 GiB at 1 × 32,768 tokens · bf16 · vLLM · 14 sequences fit on H100',
    );
  });

  it.each([
    [{ kind: 'none' }, true, 'no sequence fits on 2 × X'],
    [{ kind: 'unbounded' }, true, 'any number of sequences fits on 2 × X'],
    [{ kind: 'count', value: 1 }, true, '1 sequence fits on 2 × X'],
    [{ kind: 'none' }, false, 'weights do not fit on 2 × X'],
  ] as const)('says %o', (sequences, weightsFit, text) => {
    const line = lensScenarioText(plan(sampleConfig('llama-3-8b')), {
      deviceName: 'X',
      devices: 2,
      weightsFit,
      sequences,
      atMost: sequences,
    });
    expect(line.split(' · ').at(-1)).toBe(text);
  });

  it('says from how many to how many sequences fit, where that is not certain', () => {
    const line = lensScenarioText(plan(sampleConfig('llama-3-8b')), {
      deviceName: 'X',
      devices: 1,
      weightsFit: true,
      sequences: { kind: 'none' },
      atMost: { kind: 'count', value: 3 },
    });
    expect(line.split(' · ').at(-1)).toBe('at most 3 sequences fit on X');
  });
});
