/** What drafters cache, and which type a class stands for where the file names none. */

import { describe, expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { typeByArchitecture } from '../../../src/families/architectures';
import { readModelConfig } from '../../../src/reading/read';
import type { ModelSpec } from '../../../src/model/spec';
import { scenario } from '../support';

const LLAMA = {
  model_type: 'llama',
  hidden_size: 64,
  num_hidden_layers: 1,
  num_attention_heads: 4,
  num_key_value_heads: 2,
};
const DEEPSEEK = {
  model_type: 'deepseek_v3',
  hidden_size: 64,
  num_hidden_layers: 61,
  num_attention_heads: 4,
  kv_lora_rank: 16,
  qk_rope_head_dim: 8,
  qk_nope_head_dim: 16,
  v_head_dim: 16,
};

function specOf(config: object): ModelSpec {
  const reading = readModelConfig(JSON.stringify(config));
  if (!reading) throw new Error('not a config');
  return reading.spec;
}

const bytes = (spec: ModelSpec): number | null => planCache(spec, scenario(1, 10)).cacheBytes;

describe('drafters', () => {
  it.each(['LlamaForCausalLMEagle3', 'EagleLlamaForCausalLM', 'Eagle3LlamaForCausalLM', 'DFlashDraftModel'])(
    '%s keeps K and V of its own layers, and says so',
    (architecture) => {
      const spec = specOf({ ...LLAMA, architectures: [architecture] });
      // 10 tokens × 2 heads × (16 + 16) × 2 B.
      expect([spec.exact, bytes(spec)]).toEqual([true, 1_280]);
      expect(spec.notes.map(({ text }) => text)).toContain(
        `${architecture}: a drafter: keeps K and V of its own layers, in addition to the model that it drafts for`,
      );
    },
  );

  it.each([
    ['DeepseekV3ForCausalLMNextN', 1],
    ['DeepSeekMTPModel', 2],
  ])('%s has the %i prediction layers of a file, not its 61 layers', (architecture, count) => {
    const spec = specOf({ ...DEEPSEEK, architectures: [architecture], num_nextn_predict_layers: count });
    expect([spec.exact, spec.layers.length, bytes(spec)]).toEqual([true, count, count * 10 * 24 * 2]);
  });

  it('EAGLE files count their own layers; a vision model of that name is no drafter', () => {
    const eagle = specOf({ ...DEEPSEEK, architectures: ['EagleDeepSeekMTPModel'], num_hidden_layers: 1 });
    expect([eagle.exact, eagle.layers.length]).toEqual([true, 1]);
    const vision = specOf({ ...LLAMA, architectures: ['Eagle2_5_VLForConditionalGeneration'] });
    expect(vision.notes.filter(({ text }) => text.includes('drafter'))).toEqual([]);
  });

  it('an MTP layer of a hybrid is its full attention', () => {
    const spec = specOf({
      ...LLAMA,
      model_type: 'qwen3_next',
      architectures: ['Qwen3NextMTP'],
      head_dim: 16,
      num_hidden_layers: 4,
      linear_num_key_heads: 2,
      linear_num_value_heads: 4,
      linear_key_head_dim: 8,
      linear_value_head_dim: 8,
      linear_conv_kernel_dim: 4,
    });
    expect([spec.exact, spec.layers.map(({ attention }) => attention.kind)]).toEqual([true, ['full']]);
  });

  it("Gemma 4's reads the target's cache, MiMo 2's has a window", () => {
    const gemma = specOf({ ...LLAMA, model_type: 'gemma4_text', architectures: ['Gemma4MTPModel'], head_dim: 16 });
    expect([gemma.exact, bytes(gemma)]).toEqual([true, 0]);
    const mimo = specOf({
      ...LLAMA,
      model_type: 'mimo_v2_flash',
      architectures: ['MiMoV2MTP'],
      num_hidden_layers: 2,
      hybrid_layer_pattern: [0, 1],
      head_dim: 16,
      v_head_dim: 8,
      swa_num_attention_heads: 4,
      swa_num_key_value_heads: 1,
      swa_head_dim: 16,
      swa_v_head_dim: 8,
      sliding_window: 4,
    });
    expect([mimo.exact, mimo.layers.map(({ attention }) => attention.kind), bytes(mimo)]).toEqual([
      true,
      ['sliding'],
      4 * (16 + 8) * 2,
    ]);
  });

  it('where layers differ, the prediction layer is named as not known', () => {
    const spec = specOf({
      ...LLAMA,
      model_type: 'gemma3_text',
      architectures: ['Gemma3MTP'],
      head_dim: 16,
      num_hidden_layers: 12,
      sliding_window: 8,
    });
    expect([spec.exact, bytes(spec)]).toEqual([false, null]);
  });

  it.each(['medusa', 'mlp_speculator'])('%s has no attention: nothing is kept', (type) => {
    const spec = specOf({ model_type: type, hidden_size: 64, num_hidden_layers: 1 });
    expect([spec.exact, bytes(spec)]).toEqual([true, 0]);
  });
});

describe('the class of a model', () => {
  it.each([
    ['LlamaForCausalLM', 'llama'],
    ['Qwen3_5MoeForCausalLM', 'qwen3_5_moe_text'],
    ['Ernie4_5_MoeForCausalLM', 'ernie4_5_moe'],
    ['GPT2LMHeadModel', 'gpt2'],
    ['ChatGLMModel', 'chatglm'],
    ['Glm4MoeForCausalLMNextN', 'glm4_moe'],
    ['Eagle3DeepseekV2ForCausalLM', 'deepseek_v2'],
    ['RWForCausalLM', 'falcon'],
    ['HunYuanDenseV1ForCausalLM', 'hunyuan_v1_dense'],
    ['NoSuchModelForCausalLM', null],
    [null, null],
  ])('%s is read as %s where the file names no type', (architecture, type) => {
    expect(typeByArchitecture(architecture, '')).toBe(type);
  });

  it('decides against a type of another lineage only where engines load it so', () => {
    expect(typeByArchitecture('Grok1ForCausalLM', 'llama')).toBe('grok-1');
    expect(typeByArchitecture('LlamaForCausalLM', 'qwen2')).toBeNull();
  });
});
