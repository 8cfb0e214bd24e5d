/** Values that are written otherwise than the class declares them: taken as its loader takes them, or not called exact. */

import { expect, it } from 'vitest';
import { planCache } from '../../../src/cache/plan';
import { lintReading } from '../../../src/lint/lint';
import { readModelConfig } from '../../../src/reading/read';
import { depthNote, sampled } from '../depth';
import { scenario } from '../support';
import { describeAll, eachOrSkip } from '../support/cases';
import { referenceConfig, referenceNames } from '../support/reference';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
type Holder = Record<string, Json>;

const configOf = (name: string): Holder =>
  JSON.parse(referenceConfig(name).replace(/-?\bInfinity\b|\bNaN\b/g, '0')) as Holder;

/** The config and the objects in it. */
function holders(config: Holder): Holder[] {
  const nested = Object.values(config).filter(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  );
  return [config, ...(nested as Holder[])];
}

interface Seen {
  readonly exact: boolean;
  readonly bytes: number | null;
  readonly problem: boolean;
}

function seen(config: Holder): Seen | null {
  const reading = readModelConfig(JSON.stringify(config));
  if (!reading) return null;
  const { exact, totalBytes } = planCache(reading.spec, scenario(1, 5_000));
  return {
    exact,
    bytes: totalBytes,
    get problem() {
      return lintReading(reading).some(({ severity }) => severity !== 'information');
    },
  };
}

/** Sets a key, looks, and puts back what was there. */
function withValue(config: Holder, holder: Holder, key: string, value: Json): Seen | null {
  const before = holder[key] ?? null;
  holder[key] = value;
  const result = seen(config);
  holder[key] = before;
  return result;
}

/** As Python takes them where a condition is asked. */
const TRUTH: readonly (readonly [Json, boolean])[] = [
  [null, false],
  [0, false],
  ['', false],
  [[], false],
  [1, true],
  ['false', true],
];
/** Keys that hold a number or nothing. */
const NUMBERS = ['sliding_window'];

describeAll(`conditions that are no booleans${depthNote}`, () => {
  eachOrSkip(sampled(referenceNames()), 'no configs', (name) => {
    it(name, () => {
      const config = configOf(name);
      const wrong: string[] = [];
      for (const holder of holders(config)) {
        for (const [key, value] of Object.entries(holder)) {
          if ((typeof value !== 'boolean' && value !== null) || NUMBERS.includes(key)) continue;
          const [on, off] = [withValue(config, holder, key, true), withValue(config, holder, key, false)];
          if (!on || !off || on.bytes === off.bytes) continue;
          for (const [written, truth] of TRUTH) {
            const got = withValue(config, holder, key, written);
            const want = truth ? on : off;
            if (got?.exact && got.bytes !== want.bytes)
              wrong.push(`${key} ${JSON.stringify(written)}: ${got.bytes ?? ''} for ${want.bytes ?? ''}`);
          }
        }
      }
      expect(wrong).toEqual([]);
    });
  });
});

describeAll(`numbers that no layer can have${depthNote}`, () => {
  eachOrSkip(sampled(referenceNames()), 'no configs', (name) => {
    it(name, () => {
      const config = configOf(name);
      const wrong: string[] = [];
      for (const holder of holders(config)) {
        for (const [key, value] of Object.entries(holder)) {
          if (typeof value !== 'number') continue;
          for (const written of [0, -1, -0.5, 0.3, 1e12]) {
            const got = withValue(config, holder, key, written);
            const sound = got?.bytes == null || (Number.isSafeInteger(got.bytes) && got.bytes >= 0);
            if (!sound) wrong.push(`${key} ${written}: ${String(got?.bytes)}`);
          }
        }
      }
      expect(wrong).toEqual([]);
    });
  });

  it('are a problem: a factor that makes the state of an xLSTM negative', () => {
    const text = JSON.stringify({
      model_type: 'xlstm',
      embedding_dim: 64,
      num_blocks: 2,
      num_heads: 2,
      qk_dim_factor: -0.5,
      v_dim_factor: 1,
      vocab_size: 100,
    });
    const reading = readModelConfig(text);
    expect(reading?.spec.exact).toBe(false);
    expect(reading?.problems.map(({ message }) => message)).toEqual([
      'qk_dim_factor must be a number above 0, but is -0.5.',
    ]);
  });
});

/** What a key of one type can't be. Null is left out: for most keys it means that nothing is said. */
function otherTypes(value: Json): readonly Json[] {
  if (typeof value === 'number') return ['x', { a: 1 }, [-1], false];
  if (typeof value === 'string') return [8, ['x'], {}, true];
  if (Array.isArray(value)) return ['x', 8, { a: 1 }];
  return typeof value === 'object' && value !== null ? ['x', 8, []] : [];
}

/** Values that change the cache where a key counts. */
function others(value: Json): readonly Json[] {
  if (typeof value === 'number') return [value * 2, value + 1];
  if (Array.isArray(value)) return [value.slice(0, -1), [...(value as Json[])].reverse()];
  return typeof value === 'string' ? ['float32', 'x'] : [{}];
}

describeAll(`values of another type than the key's${depthNote}`, () => {
  eachOrSkip(sampled(referenceNames()), 'no configs', (name) => {
    it(`${name}: are a problem, or nothing depends on them`, () => {
      const config = configOf(name);
      const before = seen(config);
      const silent: string[] = [];
      for (const holder of holders(config)) {
        for (const [key, value] of Object.entries(holder)) {
          const counts = others(value).some((other) => withValue(config, holder, key, other)?.bytes !== before?.bytes);
          if (!counts || key === 'architectures') continue;
          for (const written of otherTypes(value)) {
            const got = withValue(config, holder, key, written);
            if (got?.exact && !got.problem) silent.push(`${key} ${JSON.stringify(written)}: ${String(got.bytes)}`);
          }
        }
      }
      expect(silent).toEqual([]);
    });
  });

  const LLAMA = {
    model_type: 'llama',
    num_hidden_layers: 2,
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
  };
  const MLA = {
    model_type: 'deepseek_v3',
    num_hidden_layers: 2,
    hidden_size: 64,
    num_attention_heads: 4,
    kv_lora_rank: 16,
    q_lora_rank: 24,
    qk_rope_head_dim: 8,
    qk_nope_head_dim: 8,
    v_head_dim: 8,
    num_experts_per_tok: 2,
    topk_group: 1,
  };
  const MAMBA = {
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    mamba_n_heads: 8,
    mamba_d_head: 16,
    mamba_n_groups: 1,
    mamba_d_state: 16,
    mamba_d_conv: 4,
    num_hidden_layers: 4,
  };
  it.each<readonly [why: string, config: Holder]>([
    ['a width that the cache does not depend on', { ...LLAMA, hidden_size: 'x' }],
    ['a type of the model that is not a string', { ...LLAMA, architectures: ['LlamaForCausalLM'], model_type: [8] }],
    ['a language model that is no object', { ...LLAMA, text_config: 'x' }],
    ['an element type that is not a string', { ...LLAMA, torch_dtype: 32 }],
    ['a quantisation that is no object', { ...LLAMA, quantization_config: 'fp8' }],
    ['layers by words', { ...MAMBA, model_type: 'bamba', attn_layer_indices: ['x'] }],
    ['layers below zero', { ...MAMBA, model_type: 'bamba', attn_layer_indices: [-1] }],
    [
      'a type of the state that nobody knows',
      { ...MAMBA, model_type: 'bamba', mamba_ssm_dtype: 'x', attn_layer_indices: [] },
    ],
    ['a head of no width', { model_type: 't5', d_model: 64, num_layers: 2, num_heads: 4, d_kv: 0 }],
    ['a vocabulary of no size', { ...LLAMA, vocab_size: 0 }],
    ['a vocabulary by a word', { ...LLAMA, vocab_size: 'x' }],
    ['a context of less than nothing', { ...LLAMA, max_position_embeddings: -1 }],
    ['a name of a class that is no list', { ...LLAMA, architectures: 'LlamaForCausalLM' }],
    ['a switch of the class that no cache depends on', { ...LLAMA, tie_word_embeddings: 'x' }],
    ['an activation that is no word', { ...LLAMA, hidden_act: 5 }],
    ['a number of the class in quotes', { ...LLAMA, rms_norm_eps: '1e-6' }],
    ['fewer experts than none', { ...LLAMA, model_type: 'mixtral', num_local_experts: -2 }],
    [
      'more active experts than experts',
      { ...LLAMA, model_type: 'mixtral', num_local_experts: 8, num_experts_per_tok: 9 },
    ],
    ['groups that do not divide the experts', { ...MLA, n_routed_experts: 8, n_group: 3 }],
    ['more groups chosen than there are', { ...MLA, n_routed_experts: 8, n_group: 2, topk_group: 3 }],
    ['a list for another number of layers', { ...LLAMA, num_key_value_heads: [2] }],
    ['an empty list that nothing depends on', { ...MLA, num_key_value_heads: [] }],
  ])('%s', (_, config) => {
    const got = seen(config);
    expect([got?.exact, got?.problem]).toEqual([false, true]);
  });

  it('as they are written in models that run, they are none', () => {
    const told = [LLAMA, MLA, { ...MLA, n_routed_experts: 8, n_group: 2 }, { ...LLAMA, max_position_embeddings: 1e9 }];
    expect(told.map((config) => seen(config)?.exact)).toEqual([true, true, true, true]);
    // A dense relative of a mixture: one expert, or none, whatever the others say.
    expect(seen({ ...LLAMA, model_type: 'mixtral', num_local_experts: 1, num_experts_per_tok: 2 })?.exact).toBe(true);
  });

  it.each<readonly [why: string, config: Holder]>([
    ['a hidden size that the heads do not divide, where the class refuses it', { ...LLAMA, num_attention_heads: 6 }],
    [
      'value heads that no whole number of them shares a key head',
      {
        ...LLAMA,
        model_type: 'qwen3_next',
        linear_num_key_heads: 4,
        linear_num_value_heads: 6,
        linear_key_head_dim: 8,
        linear_value_head_dim: 8,
        linear_conv_kernel_dim: 4,
      },
    ],
    [
      'twice the layers that are not twice the layers',
      { ...MLA, model_type: 'longcat_flash', num_layers: 2, num_hidden_layers: 2 },
    ],
  ])('%s', (_, config) => {
    expect(seen(config)?.exact).toBe(false);
  });

  it.each<readonly [why: string, config: Holder]>([
    ['a RoPE base of nothing', { ...LLAMA, rope_theta: 0 }],
    ['a RoPE base by a word', { ...LLAMA, rope_parameters: { rope_type: 'default', rope_theta: 'x' } }],
    ['a quantisation that nobody has', { ...LLAMA, quantization_config: { quant_method: 'zzz' } }],
  ])('%s is a problem, and no doubt of the cache', (_, config) => {
    expect([seen(config)?.exact, seen(config)?.problem]).toEqual([true, true]);
  });

  it('a Gemma whose class nobody knows is not taken for an encoder', () => {
    const text = { ...LLAMA, model_type: 'gemma3_text', use_bidirectional_attention: true, sliding_window: 16 };
    expect(seen({ ...text, architectures: ['x'] })?.bytes).not.toBe(0);
    expect(seen({ ...text, architectures: ['Gemma3TextModel'] })?.bytes).toBe(0);
  });

  it.each([
    ['8.0', true],
    ['8e0', true],
    ['8', false],
  ])('a number of heads that is written as %s', (text, problem) => {
    const config = JSON.stringify({ ...LLAMA, num_attention_heads: 8, num_key_value_heads: 0 });
    const reading = readModelConfig(config.replace('"num_key_value_heads":0', `"num_key_value_heads":${text}`));
    const said = reading ? lintReading(reading).map(({ message }) => message) : [];
    expect(said.some((message) => message.includes('Python reads as a float'))).toBe(problem);
    expect(reading?.problems.filter(({ rule }) => rule === 'wrong-value')).toHaveLength(problem ? 1 : 0);
  });

  it('a window of no size is said to be taken for none', () => {
    const problems = (window: Json): boolean =>
      seen({ ...LLAMA, model_type: 'mistral', sliding_window: window })?.problem ?? false;
    expect([0, -1, false, null].map(problems)).toEqual([true, true, true, false]);
  });
});

describeAll('conditions mean the same to problems as to layers', () => {
  const HUNYUAN = {
    model_type: 'hunyuan',
    num_hidden_layers: 4,
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
  };
  const GEMMA = {
    num_hidden_layers: 6,
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    sliding_window: 512,
  };
  const QWEN = {
    model_type: 'qwen2',
    num_hidden_layers: 4,
    hidden_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    sliding_window: 128,
    max_window_layers: 0,
  };
  const rules = (config: Holder): string[] => {
    const reading = readModelConfig(JSON.stringify(config));
    return reading ? lintReading(reading).map(({ rule }) => rule) : [];
  };
  const windows = (config: Holder): (number | null)[] =>
    (readModelConfig(JSON.stringify(config))?.spec.layers ?? []).map(({ attention }) =>
      attention.kind === 'sliding' ? attention.window : null,
    );

  it('a sharing that counts is not said to be off, and one that is off is', () => {
    expect(rules({ ...HUNYUAN, use_cla: 1, cla_share_factor: 2 })).not.toContain('cla-off');
    for (const off of [0, null, '', false])
      expect(rules({ ...HUNYUAN, use_cla: off, cla_share_factor: 2 })).toContain('cla-off');
  });

  it('a window that counts is not said to be off, and one that is off is', () => {
    expect(windows({ ...QWEN, use_sliding_window: 1 })).toEqual([128, 128, 128, 128]);
    expect(rules({ ...QWEN, use_sliding_window: 1 })).not.toContain('window-off');
    for (const off of [0, null, '', false]) {
      expect(windows({ ...QWEN, use_sliding_window: off })).toEqual([null, null, null, null]);
      expect(rules({ ...QWEN, use_sliding_window: off })).toContain('window-off');
    }
  });

  it('half a window: of Gemma 3 with what is true, of Gemma 4 with "all" alone', () => {
    const gemma3 = (use: Json): (number | null)[] =>
      windows({ ...GEMMA, model_type: 'gemma3_text', use_bidirectional_attention: use });
    expect(gemma3(1)).toEqual(gemma3(true));
    expect(gemma3(true)[0]).toBe(257);
    expect(gemma3(0)[0]).toBe(512);
    const gemma4 = (use: Json): (number | null)[] =>
      windows({ ...GEMMA, model_type: 'gemma4_text', use_bidirectional_attention: use });
    expect(gemma4('all')[0]).toBe(257);
    expect(gemma4('vision')[0]).toBe(512);
  });
});
